/// What is wrong with a text that was to be JSON.
package struct JSONError: Error, CustomStringConvertible {
    package let description: String
}

extension JSON {
    /// Reads one value; nothing but white space may follow it. RFC 8259.
    package init(parsing bytes: some Collection<UInt8>) throws(JSONError) {
        var reader = JSONReader(Array(bytes))
        self = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.isAtEnd else { throw reader.failure("more after the value") }
    }
}

struct JSONReader {
    static let deepestNesting = 200

    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    func failure(_ what: String) -> JSONError {
        JSONError(description: "not JSON: \(what) at byte \(position)")
    }

    mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) { position += 1 }
    }

    private mutating func take(_ word: String) -> Bool {
        let wanted = Array(word.utf8)
        guard bytes.dropFirst(position).starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    mutating func value(depth: Int) throws(JSONError) -> JSON {
        guard depth < Self.deepestNesting else { throw failure("nested too deep") }
        skipSpace()
        guard position < bytes.count else { throw failure("the end") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t") where take("true"): return .bool(true)
        case UInt8(ascii: "f") where take("false"): return .bool(false)
        case UInt8(ascii: "n") where take("null"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(number())
        default: throw failure("an unexpected character")
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSON {
        position += 1
        var members: [JSON.Member] = []
        skipSpace()
        if take("}") { return .object([]) }
        while true {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw failure("no name") }
            let name = try string()
            skipSpace()
            guard take(":") else { throw failure("no colon") }
            members.append(JSON.Member(name, try value(depth: depth + 1)))
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw failure("no comma") }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSON {
        position += 1
        var elements: [JSON] = []
        skipSpace()
        if take("]") { return .array([]) }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return .array(elements) }
            guard take(",") else { throw failure("no comma") }
        }
    }

    private mutating func number() -> String {
        let start = position
        let parts = Set("+-.eE0123456789".utf8)
        while position < bytes.count, parts.contains(bytes[position]) { position += 1 }
        return String(decoding: bytes.prefix(position).dropFirst(start), as: UTF8.self)
    }

    private mutating func string() throws(JSONError) -> String {
        position += 1
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text += Array(try escape().utf8)
            default: text.append(byte)
            }
        }
        throw failure("a string without an end")
    }

    private mutating func escape() throws(JSONError) -> String {
        guard position < bytes.count else { throw failure("a string without an end") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(UnicodeScalar(byte))
        case UInt8(ascii: "u"):
            let high = try unit()
            // Characters beyond the first plane come as two units; one without the other is none.
            let afterHigh = position
            if (0xd800..<0xdc00).contains(high), take("\\u") {
                let low = try unit()
                if (0xdc00..<0xe000).contains(low) {
                    let scalar = 0x10000 + (UInt32(clamping: high) - 0xd800) << 10 + (UInt32(clamping: low) - 0xdc00)
                    return String(UnicodeScalar(scalar) ?? "\u{fffd}")
                }
                position = afterHigh
            }
            return String(UnicodeScalar(UInt32(clamping: high)) ?? "\u{fffd}")
        default: throw failure("an unknown escape")
        }
    }

    private mutating func unit() throws(JSONError) -> UInt16 {
        guard position + 4 <= bytes.count,
            let value = UInt16(String(decoding: bytes.dropFirst(position).prefix(4), as: UTF8.self), radix: 16)
        else { throw failure("a bad \\u escape") }
        position += 4
        return value
    }
}
