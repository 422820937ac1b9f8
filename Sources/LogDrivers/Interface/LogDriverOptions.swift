package import EngineInterface
import Templates

/// The `--log-opt`s of one container, and how Docker reads their values.
package struct LogDriverOptions: Sendable, Equatable {
    /// What every driver takes: what is told of the container, and how its log is kept meanwhile.
    package static let common: Set<String> = [
        "tag", "labels", "labels-regex", "env", "env-regex", "mode", "max-buffer-size",
        "cache-disabled", "cache-max-size", "cache-max-file", "cache-compress", "spool-max-size",
    ]

    package var driver: String
    /// By name, as the user gave them.
    package var values: [String: String]

    package init(driver: String, values: [String: String]) {
        self.driver = driver
        self.values = values
    }

    /// The value as it was given; an empty one counts.
    package subscript(name: String) -> String? { values[name] }

    /// The value, if there is one and it is not empty.
    package func text(_ name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// - Parameters:
    ///   - own: The driver's options.
    ///   - without: Those of ``common`` that the driver does not take.
    package func checkNames(_ own: Set<String>, without: Set<String> = []) throws(LogOptionError) {
        for name in values.keys.sorted() where !own.contains(name) {
            if Self.common.contains(name), !without.contains(name) { continue }
            throw driver == "gelf"
                ? .unknownQuoted(name: name, driver: driver) : .unknown(name: name, driver: driver)
        }
    }

    /// `strconv.ParseBool`. An absent or empty value is `usual`.
    /// - Parameter said: Docker's sentence where it is another than Go's own, given Go's.
    package func flag(
        _ name: String, usual: Bool, said: (_ reason: String) -> String = { $0 }
    ) throws(LogOptionError) -> Bool {
        switch text(name) {
        case nil: return usual
        case "1", "t", "T", "true", "True", "TRUE": return true
        case "0", "f", "F", "false", "False", "FALSE": return false
        case let value?:
            throw .invalid(
                name: name, value: value,
                said: said("strconv.ParseBool: parsing \(GoText.quoted(value)): invalid syntax"))
        }
    }

    /// `strconv.Atoi`, or ParseUint with a lower bound of 0. An absent or empty value is `nil`.
    /// - Parameter said: The sentence for what is no number, or out of the range; given Go's reason.
    package func integer(
        _ name: String, in range: ClosedRange<Int> = Int.min...Int.max, function: String = "Atoi",
        said: (_ reason: String) -> String = { $0 }
    ) throws(LogOptionError) -> Int? {
        guard let value = text(name) else { return nil }
        guard let number = Int(value) else {
            let reason = "strconv.\(function): parsing \(GoText.quoted(value)): invalid syntax"
            throw .invalid(name: name, value: value, said: said(reason))
        }
        guard range.contains(number) else {
            let reason = "strconv.\(function): parsing \(GoText.quoted(value)): value out of range"
            throw .invalid(name: name, value: value, said: said(reason))
        }
        return number
    }

    /// `time.ParseDuration`: `1h2m`, `1.5s`, `100ms`. An absent or empty value is `nil`.
    package func duration(
        _ name: String, said: (_ reason: String) -> String = { $0 }
    ) throws(LogOptionError) -> Duration? {
        guard let value = text(name) else { return nil }
        guard let duration = OptionDuration.parse(value) else {
            throw .invalid(name: name, value: value, said: said("time: invalid duration \(GoText.quoted(value))"))
        }
        return duration
    }
}

/// Durations as Go writes them.
package enum OptionDuration {
    private static let units: [String: Double] = [
        "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600,
    ]

    /// `nil` for what is none, and beyond what 64 bits of nanoseconds hold.
    package static func parse(_ text: String) -> Duration? {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if isNegative || rest.first == "+" { rest = rest.dropFirst() }
        if rest == "0" { return .zero }
        guard !rest.isEmpty else { return nil }
        var seconds = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            guard digits.contains(where: \.isNumber), let number = Double(digits) else { return nil }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
            guard let unit = units[String(name)] else { return nil }
            rest = rest.dropFirst(name.count)
            seconds += number * unit
        }
        guard seconds.isFinite, seconds < 9_223_372_036 else { return nil }
        return .seconds(isNegative ? -seconds : seconds)
    }
}
