/// Reads text as Go's decoder reads JSON, byte by byte, for where a first value ends and for Go's words of what is wrong with it.
///
/// Only asked about text that could not be read: the decoder here says of all faults the same. Source: Go, `encoding/json/scanner.go`.
package struct GoScanner {
    /// What a text is.
    package enum Finding: Sendable, Equatable {
        /// One value, and blanks around it.
        case whole
        /// One value, and after it something else, which begins at this offset.
        case followed(at: Int)
        /// Nothing, or blanks alone.
        case blank
        /// The beginning of a value.
        case cutOff
        /// No JSON, in Go's words.
        case wrong(String)
    }

    /// Deeper is nothing that a request means; Go goes on to 10,000.
    static let deepest = 512

    private enum Step {
        /// Before a value; the first of an array may be missing.
        case value, firstValue
        /// Before the key of an object; the first may be missing.
        case key, firstKey
        /// After a value or a key.
        case after
        case string, escape
        /// So many digits of an escape are still to come.
        case hexadecimal(Int)
        case minus, zero, digits, point, fraction, exponent, exponentSign, exponentDigits
        /// In `true`, `false` or `null`, after so many letters.
        case literal(String, Int)
    }

    /// What a value is of that which it stands in.
    private enum Place { case key, member, element }

    private var step = Step.value
    private var places: [Place] = []
    private var hasBegun = false

    private init() {}

    /// What the text is; looks at each byte once, and keeps no more than how deep it is.
    package static func finding(in bytes: [UInt8]) -> Finding {
        var scanner = GoScanner()
        for (offset, byte) in bytes.enumerated() {
            scanner.endNumber(before: byte)
            if scanner.isDone {
                if !isBlank(byte) { return .followed(at: offset) }
            } else if let words = scanner.take(byte) {
                return .wrong(words)
            }
        }
        scanner.endNumber(before: 32)
        if scanner.isDone { return .whole }
        return scanner.hasBegun ? .cutOff : .blank
    }

    private var isDone: Bool {
        if case .after = step { return places.isEmpty }
        return false
    }

    /// A number ends where something comes that is none of it.
    private mutating func endNumber(before byte: UInt8) {
        let ends: Bool =
            switch step {
            case .zero: !".eE".utf8.contains(byte)
            case .digits: !Self.isDigit(byte) && !".eE".utf8.contains(byte)
            case .fraction: !Self.isDigit(byte) && !"eE".utf8.contains(byte)
            case .exponentDigits: !Self.isDigit(byte)
            default: false
            }
        if ends { step = .after }
    }

    /// Goes on by one byte; the words of what is wrong with it.
    private mutating func take(_ byte: UInt8) -> String? {
        switch step {
        case .value, .firstValue, .key, .firstKey, .after:
            if Self.isBlank(byte) { return nil }
            hasBegun = true
            return takeBetween(byte)
        case .string, .escape, .hexadecimal: return takeText(byte)
        case .literal(let word, let count):
            let expected = word.utf8.dropFirst(count).first ?? 0
            guard byte == expected else {
                return Self.invalid(byte, "in literal \(word) (expecting '\(Unicode.Scalar(expected))')")
            }
            step = count + 1 == word.utf8.count ? .after : .literal(word, count + 1)
            return nil
        case .minus, .zero, .digits, .point, .fraction, .exponent, .exponentSign, .exponentDigits:
            return takeNumber(byte)
        }
    }

    private mutating func takeBetween(_ byte: UInt8) -> String? {
        switch step {
        case .firstValue where byte == UInt8(ascii: "]"), .firstKey where byte == UInt8(ascii: "}"):
            close()
            return nil
        case .firstKey, .key:
            guard byte == UInt8(ascii: "\"") else {
                return Self.invalid(byte, "looking for beginning of object key string")
            }
            step = .string
            return nil
        case .after: return takeAfter(byte)
        default: return takeBeginning(byte)
        }
    }

    private mutating func takeBeginning(_ byte: UInt8) -> String? {
        switch byte {
        case UInt8(ascii: "{"): return open(.key, .firstKey)
        case UInt8(ascii: "["): return open(.element, .firstValue)
        case UInt8(ascii: "\""): step = .string
        case UInt8(ascii: "-"): step = .minus
        case UInt8(ascii: "0"): step = .zero
        case UInt8(ascii: "1")...UInt8(ascii: "9"): step = .digits
        case UInt8(ascii: "t"): step = .literal("true", 1)
        case UInt8(ascii: "f"): step = .literal("false", 1)
        case UInt8(ascii: "n"): step = .literal("null", 1)
        default: return Self.invalid(byte, "looking for beginning of value")
        }
        return nil
    }

    private mutating func open(_ place: Place, _ next: Step) -> String? {
        guard places.count < Self.deepest else { return "exceeded max depth" }
        places.append(place)
        step = next
        return nil
    }

    private mutating func close() {
        _ = places.popLast()
        step = .after
    }

    private mutating func takeAfter(_ byte: UInt8) -> String? {
        switch places.last {
        case nil: return Self.invalid(byte, "after top-level value")
        case .key?:
            guard byte == UInt8(ascii: ":") else { return Self.invalid(byte, "after object key") }
            replace(by: .member, .value)
        case .member?:
            switch byte {
            case UInt8(ascii: ","): replace(by: .key, .key)
            case UInt8(ascii: "}"): close()
            default: return Self.invalid(byte, "after object key:value pair")
            }
        case .element?:
            switch byte {
            case UInt8(ascii: ","): step = .value
            case UInt8(ascii: "]"): close()
            default: return Self.invalid(byte, "after array element")
            }
        }
        return nil
    }

    private mutating func replace(by place: Place, _ next: Step) {
        _ = places.popLast()
        places.append(place)
        step = next
    }

    private mutating func takeText(_ byte: UInt8) -> String? {
        switch step {
        case .escape:
            guard "bfnrt\\/\"u".utf8.contains(byte) else { return Self.invalid(byte, "in string escape code") }
            step = byte == UInt8(ascii: "u") ? .hexadecimal(4) : .string
        case .hexadecimal(let count):
            guard "0123456789abcdefABCDEF".utf8.contains(byte) else {
                return Self.invalid(byte, "in \\u hexadecimal character escape")
            }
            step = count == 1 ? .string : .hexadecimal(count - 1)
        default:
            switch byte {
            case UInt8(ascii: "\""): step = .after
            case UInt8(ascii: "\\"): step = .escape
            case ..<32: return Self.invalid(byte, "in string literal")
            default: break
            }
        }
        return nil
    }

    private mutating func takeNumber(_ byte: UInt8) -> String? {
        switch (step, byte) {
        case (.minus, UInt8(ascii: "0")): step = .zero
        case (.minus, UInt8(ascii: "1")...UInt8(ascii: "9")): step = .digits
        case (.minus, _): return Self.invalid(byte, "in numeric literal")
        case (.zero, UInt8(ascii: ".")), (.digits, UInt8(ascii: ".")): step = .point
        case (.point, _):
            guard Self.isDigit(byte) else { return Self.invalid(byte, "after decimal point in numeric literal") }
            step = .fraction
        case (.exponent, UInt8(ascii: "+")), (.exponent, UInt8(ascii: "-")): step = .exponentSign
        case (.exponent, _), (.exponentSign, _):
            guard Self.isDigit(byte) else { return Self.invalid(byte, "in exponent of numeric literal") }
            step = .exponentDigits
        // What ends a number has ended it before.
        case (_, UInt8(ascii: "e")), (_, UInt8(ascii: "E")): step = .exponent
        default: break
        }
        return nil
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 || byte == 13 }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    static func invalid(_ byte: UInt8, _ place: String) -> String {
        let character =
            switch byte {
            case UInt8(ascii: "'"): "\\'"
            case UInt8(ascii: "\""): "\""
            default: String(GoWords.quoted(String(Unicode.Scalar(byte))).dropFirst().dropLast())
            }
        return "invalid character '\(character)' \(place)"
    }
}
