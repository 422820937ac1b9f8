package import Faults

/// The keys with which a user of a terminal leaves a container: `ctrl-p,ctrl-q` unless told otherwise.
package struct DetachKeys: Sendable, Equatable {
    package let sequence: [UInt8]

    package static let standard = DetachKeys(sequence: [16, 17])

    private init(sequence: [UInt8]) { self.sequence = sequence }

    /// - Parameter text: Comma-separated single characters or `ctrl-` with a letter or one of `@[\]^_`.
    /// - Throws: `.invalidInput` with `Unknown character: 'x'`.
    package init(_ text: String) throws(APIError) {
        var sequence: [UInt8] = []
        for key in text.split(separator: ",", omittingEmptySubsequences: false) {
            let bytes = Array(key.utf8)
            if bytes.count == 1 {
                sequence.append(bytes[0])
            } else if key.lowercased().hasPrefix("ctrl-"), bytes.count == 6, let code = Self.control(bytes[5]) {
                sequence.append(code)
            } else {
                throw APIError(.invalidInput, "Invalid detach keys (\(text)) provided: Unknown character: '\(key)'")
            }
        }
        self.sequence = sequence
    }

    private static func control(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 1
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A") + 1
        case UInt8(ascii: "@"): 0
        case UInt8(ascii: "["): 27
        case UInt8(ascii: "\\"): 28
        case UInt8(ascii: "]"): 29
        case UInt8(ascii: "^"): 30
        case UInt8(ascii: "_"): 31
        default: nil
        }
    }
}

/// Looks for the detach keys in a terminal's input.
package struct DetachFilter: Sendable {
    private let keys: [UInt8]
    /// How many of the keys have come and are held back.
    private var matched = 0

    package init(_ keys: DetachKeys) { self.keys = keys.sequence }

    /// - Returns: What to pass on, and whether the user wants to leave; what came after the keys is dropped.
    package mutating func pass(_ input: some Sequence<UInt8>) -> (output: [UInt8], detaches: Bool) {
        guard !keys.isEmpty else { return (Array(input), false) }
        var output: [UInt8] = []
        for byte in input {
            if byte == keys[matched] {
                matched += 1
                if matched == keys.count {
                    matched = 0
                    return (output, true)
                }
                continue
            }
            output += keys.prefix(matched)
            matched = 0
            if byte == keys.first {
                matched = 1
            } else {
                output.append(byte)
            }
        }
        return (output, false)
    }
}
