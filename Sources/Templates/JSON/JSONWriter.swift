extension JSON {
    /// The value in one line.
    ///
    /// - Parameter escapesMarkup: Writes `<`, `>` and `&` as escapes, which is what Docker's command line prints.
    package func compact(escapesMarkup: Bool = false) -> String {
        var text = ""
        write(into: &text, escapesMarkup: escapesMarkup)
        return text
    }

    private func write(into text: inout String, escapesMarkup: Bool) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let digits): text += digits
        case .string(let value): Self.quote(value, into: &text, escapesMarkup: escapesMarkup)
        case .array(let elements):
            text += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { text += "," }
                element.write(into: &text, escapesMarkup: escapesMarkup)
            }
            text += "]"
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += "," }
                Self.quote(member.name, into: &text, escapesMarkup: escapesMarkup)
                text += ":"
                member.value.write(into: &text, escapesMarkup: escapesMarkup)
            }
            text += "}"
        }
    }

    private static func quote(_ value: String, into text: inout String, escapesMarkup: Bool) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "<" where escapesMarkup, ">" where escapesMarkup, "&" where escapesMarkup, "\u{2028}", "\u{2029}":
                text += unit(scalar)
            case let control where control.value < 0x20: text += unit(control)
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }

    private static func unit(_ scalar: UnicodeScalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }

    /// Spreads JSON text over lines of its own without touching what is in them, as `inspect` shows it.
    ///
    /// - Parameter indent: Per level.
    package static func indented(_ bytes: some Sequence<UInt8>, indent: String = "    ") -> String {
        var layout = Layout(indent: Array(indent.utf8))
        for byte in bytes { layout.add(byte) }
        return String(decoding: layout.text, as: UTF8.self)
    }

    private struct Layout {
        let indent: [UInt8]
        var text: [UInt8] = []
        private var depth = 0
        private var isInString = false
        private var isEscaped = false
        /// An opening bracket was the last thing written.
        private var isOpen = false

        init(indent: [UInt8]) { self.indent = indent }

        private mutating func newLine() {
            text.append(UInt8(ascii: "\n"))
            for _ in 0..<depth { text += indent }
        }

        mutating func add(_ byte: UInt8) {
            if isInString {
                text.append(byte)
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                return
            }
            switch byte {
            case 0x20, 0x09, 0x0a, 0x0d: return
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if !isOpen { newLine() }
                isOpen = false
                text.append(byte)
                return
            default: break
            }
            if isOpen {
                newLine()
                isOpen = false
            }
            text.append(byte)
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                isOpen = true
            case UInt8(ascii: ","): newLine()
            case UInt8(ascii: ":"): text.append(0x20)
            case UInt8(ascii: "\""): isInString = true
            default: break
            }
        }
    }
}
