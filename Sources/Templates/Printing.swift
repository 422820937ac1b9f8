import Glibc

/// Go's `fmt`, as far as formats use it.
package enum Printing {
    /// `print`: blanks between operands when neither is a text; `println`: always.
    static func plain(_ values: [JSON], spaced: Bool, _ budget: inout TemplateBudget) throws(TemplateFailure)
        -> String
    {
        var text = ""
        var previous: JSON?
        for value in values {
            if let previous, spaced || (value.string == nil && previous.string == nil) { text += " " }
            let next = TemplateValue.text(value, isNested: true)
            try budget.take(next.utf8.count)
            text += next
            previous = value
        }
        return text
    }

    /// `printf` with `%s %v %d %q %t %x %f %g %c %%`, width, precision and `-`, `0`, `+`.
    static func formatted(_ format: String, _ values: [JSON], _ budget: inout TemplateBudget)
        throws(TemplateFailure) -> String
    {
        var result = ""
        var values = values[...]
        var rest = format[...]
        while let character = rest.popFirst() {
            guard character == "%" else {
                result.append(character)
                continue
            }
            let flags = rest.prefix { "-+ #0".contains($0) }
            rest = rest.dropFirst(flags.count)
            let digits = rest.prefix(while: \.isNumber)
            rest = rest.dropFirst(digits.count)
            var precision: Substring?
            if rest.first == "." {
                rest = rest.dropFirst()
                let digits = rest.prefix(while: \.isNumber)
                rest = rest.dropFirst(digits.count)
                precision = digits
            }
            guard !isTooLarge(digits), !isTooLarge(precision ?? ""), let verb = rest.popFirst() else {
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
            let width = Int(digits) ?? 0
            let places = precision.map { Int($0) ?? 0 }
            // A number is made with all its places, which texts only lose.
            try budget.take(width + (verb == "s" || verb == "v" ? 0 : places ?? 0))
            let text = convert(value, verb, places, isSigned: flags.contains("+"))
            try budget.take(text.utf8.count)
            result += padded(text, width, flags)
        }
        guard !values.isEmpty else { return result }
        result += "%!(EXTRA "
        for (index, value) in values.enumerated() {
            let text = "\(TemplateValue.data(value).typeName)=\(TemplateValue.text(value, isNested: true))"
            try budget.take(text.utf8.count)
            result += index > 0 ? ", " + text : text
        }
        return result + ")"
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
            let written = vsnprintf(&buffer, buffer.count, format, arguments)
            let count = min(Int(clamping: written), buffer.count - 1)
            return String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
