/// Cuts a stream of JSON values that follow one another, as progress, events and statistics come.
package struct JSONStream {
    static let largestValue = 16 << 20

    private var pending: [UInt8] = []
    private var position = 0
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    package init() {}

    /// - Returns: The values that are whole now. Only objects and arrays are taken for values.
    package mutating func feed(_ bytes: [UInt8]) throws(JSONError) -> [JSON] {
        pending += bytes
        guard pending.count <= Self.largestValue else { throw JSONError(description: "a JSON value without an end") }
        var values: [JSON] = []
        var start = 0
        while position < pending.count {
            let byte = pending[position]
            position += 1
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 {
                    values.append(try JSON(parsing: pending.prefix(position).dropFirst(start)))
                    start = position
                }
            default: break
            }
        }
        pending.removeSubrange(pending.indices.prefix(start))
        position -= start
        return values
    }
}
