import Glibc

/// Go's `fmt`, as far as formats use it.
package enum Printing {
    /// `print`: blanks between operands when neither is a text; `println`: always.
    static func plain(_ values: [JSON], spaced: Bool) -> String {
        var text = ""
        for (index, value) in values.enumerated() {
            if index > 0, spaced || (value.string == nil && values[index - 1].string == nil) { text += " " }
            text += TemplateValue.text(value, isNested: true)
        }
        return text
    }

    /// `printf` with `%s %v %d %q %t %x %f %g %c %%`, width, precision and `-`, `0`, `+`.
    package static func formatted(_ format: String, _ values: [JSON]) -> String {
        var result = ""
        var values = values[...]
        var rest = format[...]
        while let character = rest.popFirst() {
            guard character == "%" else {
                result.append(character)
                continue
            }
            let flags = rest.prefix { "-+ #0".contains($0) }
            rest = rest[flags.endIndex...]
            let width = rest.prefix(while: \.isNumber)
            rest = rest[width.endIndex...]
            var precision: Substring?
            if rest.first == "." {
                rest = rest.dropFirst()
                let digits = rest.prefix(while: \.isNumber)
                rest = rest[digits.endIndex...]
                precision = digits
            }
            guard !isTooLarge(width), !isTooLarge(precision ?? ""), let verb = rest.popFirst() else {
                return result + "%!(NOVERB)"
            }
            if verb == "%" {
                result += "%"
                continue
            }
            guard let value = values.popFirst() else {
                result += "%!\(verb)(MISSING)"
                continue
            }
            let text = convert(value, verb, precision.map { Int($0) ?? 0 }, isSigned: flags.contains("+"))
            result += padded(text, Int(width) ?? 0, flags)
        }
        if !values.isEmpty {
            let extra = values.map { "\(TemplateValue.data($0).typeName)=\(TemplateValue.text($0, isNested: true))" }
            result += "%!(EXTRA \(extra.joined(separator: ", ")))"
        }
        return result
    }

    /// Beyond what Go takes for a width or a precision.
    private static func isTooLarge(_ digits: Substring) -> Bool {
        !digits.isEmpty && (Int(digits) ?? .max) > 1_000_000
    }

    private static func convert(_ value: JSON, _ verb: Character, _ precision: Int?, isSigned: Bool) -> String {
        let plain = TemplateValue.text(value, isNested: true)
        switch verb {
        case "s", "v": return precision.map { String(plain.prefix($0)) } ?? plain
        case "q": return GoText.quoted(plain)
        case "t": return plain
        case "d":
            guard let number = value.integer else { return "%!d(\(TemplateValue.data(value).typeName)=\(plain))" }
            return isSigned && number >= 0 ? "+\(number)" : "\(number)"
        case "x":
            if let number = value.integer { return String(number, radix: 16) }
            return plain.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        case "c": return value.integer.flatMap { UnicodeScalar(UInt32(clamping: $0)) }.map(String.init) ?? plain
        case "f": return number("%.\(precision ?? 6)f", value.double ?? 0, room: precision ?? 0)
        case "g": return number("%.\(precision ?? 17)g", value.double ?? 0, room: precision ?? 0)
        case "e": return number("%.\(precision ?? 6)e", value.double ?? 0, room: precision ?? 0)
        default: return "%!\(verb)(\(TemplateValue.data(value).typeName)=\(plain))"
        }
    }

    private static func padded(_ text: String, _ width: Int, _ flags: Substring) -> String {
        let missing = width - text.count
        guard missing > 0 else { return text }
        if flags.contains("-") { return text + String(repeating: " ", count: missing) }
        guard flags.contains("0") else { return String(repeating: " ", count: missing) + text }
        let sign = text.hasPrefix("-") || text.hasPrefix("+") ? text.prefix(1) : ""
        return String(sign) + String(repeating: "0", count: missing) + text.dropFirst(sign.count)
    }

    /// The C library's conversion of one number.
    /// - Parameter room: For digits after the point, should there be many.
    package static func number(_ format: String, _ value: Double, room: Int = 0) -> String {
        withVaList([value]) { arguments in
            // The largest number has 309 digits before the point.
            var buffer = [CChar](repeating: 0, count: 400 + room)
            let count = min(Int(vsnprintf(&buffer, buffer.count, format, arguments)), buffer.count - 1)
            return String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
