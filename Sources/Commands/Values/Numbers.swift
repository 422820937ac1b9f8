import Templates

/// Numbers and switches as Go's `strconv` reads them, with its words for what is wrong.
package enum Numbers {
    /// `nil` for what `strconv.ParseBool` does not take.
    package static func bool(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        default: nil
        }
    }

    static func parseInteger(_ text: String) throws(ValueError) -> Int64 {
        guard let value = GoText.integer(text) else {
            throw ValueError("strconv.ParseInt: parsing \(GoText.quoted(text)): \(reason(text))")
        }
        return value
    }

    /// - Parameter bits: How many the number may have.
    /// - Throws: Go's words for what is wrong.
    package static func parseUnsigned(_ text: String, bits: Int) throws(ValueError) -> UInt64 {
        guard text.first?.isNumber == true, let value = UInt64(text), bits == 64 || value < 1 << UInt64(bits) else {
            throw ValueError("strconv.ParseUint: parsing \(GoText.quoted(text)): \(reason(text))")
        }
        return value
    }

    private static func reason(_ text: String) -> String {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        let isNumber = !digits.isEmpty && digits.allSatisfy { $0.isASCII && $0.isNumber }
        return isNumber && !text.hasPrefix("-") ? "value out of range" : "invalid syntax"
    }
}

/// Amounts of bytes as `64m`, `1.5g`: powers of 1024.
package enum ByteCount {
    /// - Throws: `invalid size: 'x'`.
    package static func parse(_ text: String, allowsUnlimited: Bool = false) throws(ValueError) -> Int64 {
        if allowsUnlimited, text == "-1" { return -1 }
        let failure = ValueError("invalid size: '\(text)'")
        let lowered = text.lowercased()
        let digits = lowered.prefix { $0.isNumber || $0 == "." }
        var unit = lowered[digits.endIndex...].drop { $0 == " " }
        guard !digits.isEmpty, let number = Double(digits), number >= 0 else { throw failure }
        if unit.hasSuffix("ib") { unit = unit.dropLast(2) } else if unit.hasSuffix("b") { unit = unit.dropLast() }
        let powers: [Substring: Int] = ["": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5]
        guard let power = powers[unit] else { throw failure }
        let size = number * Double(1 << (10 * power))
        guard size < 9.2e18 else { throw failure }
        return Int64(size)
    }
}

/// Numbers of CPUs as `1.5`, in billionths.
package enum CPUCount {
    /// - Throws: For what is no decimal number, or has more than nine digits after the point.
    package static func nanoseconds(_ text: String) throws(ValueError) -> Int64 {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let failure = ValueError("failed to parse \(text) as a rational number")
        guard text.contains(where: \.isNumber), let whole = parts[0].isEmpty ? 0 : Int64(parts[0]) else {
            throw failure
        }
        guard parts.count == 2 else { return whole &* 1_000_000_000 }
        let digits = parts[1]
        guard digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { throw failure }
        var fraction: Int64 = 0
        for (index, digit) in digits.enumerated() {
            guard index < 9 else {
                if digit == "0" { continue }
                throw ValueError("value is too precise")
            }
            fraction = fraction * 10 + Int64(digit.wholeNumberValue ?? 0)
        }
        for _ in digits.prefix(9).count..<9 { fraction *= 10 }
        return whole &* 1_000_000_000 + (text.hasPrefix("-") ? -fraction : fraction)
    }
}

/// Durations as Go writes them: `1h30m`, `5s`, `250ms`; in nanoseconds.
package enum GoDuration {
    private static let units: [(String, Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ]

    /// - Throws: `time: missing unit in duration "3"` and its like.
    package static func parse(_ text: String) throws(ValueError) -> Int64 {
        let quoted = GoText.quoted(text)
        var rest = text[...]
        var sign = 1.0
        if let first = rest.first, first == "-" || first == "+" {
            sign = first == "-" ? -1 : 1
            rest = rest.dropFirst()
        }
        if rest == "0" { return 0 }
        guard !rest.isEmpty else { throw ValueError("time: invalid duration \(quoted)") }
        var total = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            guard let value = digits == "." ? nil : Double(digits.hasSuffix(".") ? digits + "0" : digits) else {
                throw ValueError("time: invalid duration \(quoted)")
            }
            rest = rest[digits.endIndex...]
            let unit = rest.prefix { !($0.isASCII && $0.isNumber || $0 == ".") }
            guard !unit.isEmpty else { throw ValueError("time: missing unit in duration \(quoted)") }
            guard let scale = units.first(where: { $0.0 == unit })?.1 else {
                throw ValueError("time: unknown unit \(GoText.quoted(String(unit))) in duration \(quoted)")
            }
            rest = rest[unit.endIndex...]
            total += value * scale
        }
        guard total < 9.2e18 else { throw ValueError("time: invalid duration \(quoted)") }
        return Int64(sign * total.rounded())
    }

    /// As Go prints it: `1h30m0s`, `5s`, `250ms`, `0s`.
    package static func text(_ nanoseconds: Int64) -> String {
        if nanoseconds == 0 { return "0s" }
        let sign = nanoseconds < 0 ? "-" : ""
        let count = nanoseconds.magnitude
        if count < 1_000 { return "\(sign)\(count)ns" }
        if count < 1_000_000 { return sign + decimal(count, 1_000) + "µs" }
        if count < 1_000_000_000 { return sign + decimal(count, 1_000_000) + "ms" }
        let seconds = count / 1_000_000_000
        var text = decimal(seconds % 60 * 1_000_000_000 + count % 1_000_000_000, 1_000_000_000) + "s"
        if seconds >= 60 { text = "\(seconds / 60 % 60)m" + text }
        if seconds >= 3600 { text = "\(seconds / 3600)h" + text }
        return sign + text
    }

    private static func decimal(_ count: UInt64, _ unit: UInt64) -> String {
        let rest = count % unit
        guard rest != 0 else { return "\(count / unit)" }
        var digits = String(String(unit + rest).dropFirst())
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(count / unit).\(digits)"
    }
}
