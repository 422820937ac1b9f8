/// Text as Go's library writes and reads it.
package enum GoText {
    /// `strconv.Quote`.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{7}": result += "\\a"
            case "\u{8}": result += "\\b"
            case "\u{c}": result += "\\f"
            case "\u{b}": result += "\\v"
            case let scalar where scalar.value < 0x20 || scalar.value == 0x7f:
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + (digits.count == 1 ? "0" : "") + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// One line of comma-separated values, RFC 4180: a field in double quotes may have commas.
    package static func commaSeparated(_ text: String) -> [String] {
        var fields: [String] = []
        var field = ""
        var isQuoted = false
        var rest = text[...]
        while let character = rest.popFirst() {
            switch character {
            case "\"" where isQuoted && rest.first == "\"":
                field.append("\"")
                rest = rest.dropFirst()
            case "\"" where isQuoted: isQuoted = false
            case "\"" where field.isEmpty: isQuoted = true
            case "," where !isQuoted:
                fields.append(field)
                field = ""
            default: field.append(character)
            }
        }
        return fields + [field]
    }

    /// `key=value` at the first `=`; no value without one.
    package static func pair(_ text: String) -> (key: String, value: String?) {
        guard let equals = text.firstIndex(of: "=") else { return (text, nil) }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }

    /// A dictionary of `key=value` items; the last of a key counts, a missing value is empty.
    package static func dictionary(_ items: [String]) -> [String: String] {
        Dictionary(items.map(pair).map { ($0.key, $0.value ?? "") }) { $1 }
    }

    /// Decimal, or hexadecimal after `0x`; `nil` for what is none or does not fit.
    package static func integer(_ text: String) -> Int64? {
        let isNegative = text.hasPrefix("-")
        let digits = isNegative || text.hasPrefix("+") ? text.dropFirst() : text[...]
        guard let first = digits.first, first.isNumber else { return nil }
        if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
            // The sign stands before `0x`, never after it.
            guard digits.dropFirst(2).first?.isHexDigit == true else { return nil }
            return Int64((isNegative ? "-" : "") + digits.dropFirst(2), radix: 16)
        }
        return Int64((isNegative ? "-" : "") + digits, radix: 10)
    }
}
