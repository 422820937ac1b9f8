package import Faults
import Foundation
package import Model

/// The query of a request, with Docker's rules for what its values mean.
package struct Query: Sendable, Equatable {
    /// By names, unescaped, in the order in which a name's values came.
    package let values: [String: [String]]

    package init(_ values: [String: [String]]) { self.values = values }

    /// - Parameter text: What follows the `?`, still escaped.
    package init(parsing text: String) {
        var values: [String: [String]] = [:]
        for pair in text.split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = halves.count == 2 ? Self.unescape(halves[1], plusIsSpace: true) : ""
            values[Self.unescape(halves[0], plusIsSpace: true), default: []].append(value)
        }
        self.values = values
    }

    /// The first value of a name, be it empty; `nil` when the name is missing.
    package subscript(name: String) -> String? { values[name]?.first }

    /// The value, or `nil` when it is missing or empty.
    package func text(_ name: String) -> String? {
        guard let value = self[name], !value.isEmpty else { return nil }
        return value
    }

    /// False for an empty value, `0`, `no`, `false`, `none`, as in Docker; true for any other.
    package func flag(_ name: String, default given: Bool = false) -> Bool {
        guard let value = self[name] else { return given }
        let word = value.trimmingCharacters(in: .whitespaces).lowercased()
        return !["", "0", "no", "false", "none"].contains(word)
    }

    /// A whole number; `nil` when missing or empty.
    /// - Throws: `.invalidInput` with Go's words.
    package func number(_ name: String) throws(APIError) -> Int? {
        guard let value = text(name) else { return nil }
        return try Self.number(value)
    }

    /// As ``number(_:)``, for a value that must be there.
    package func requiredNumber(_ name: String) throws(APIError) -> Int { try Self.number(self[name] ?? "") }

    private static func number(_ text: String) throws(APIError) -> Int {
        guard let number = Int(text) else {
            throw APIError(.invalidInput, GoWords.numberFault("Atoi", text))
        }
        return number
    }

    /// The version of a swarm object that an update was made from.
    /// - Parameter object: As in `invalid service version ''`.
    package func version(of object: String) throws(APIError) -> UInt64 {
        let text = self["version"] ?? ""
        // A sign is none of it.
        guard let version = UInt64(text), text.first?.isNumber == true else {
            let fault = GoWords.numberFault("ParseUint", text, isSigned: false)
            throw APIError(.invalidInput, "invalid \(object) version '\(text)': \(fault)")
        }
        return version
    }

    /// A moment as seconds since 1970 with an optional fraction, or as RFC 3339 text; `nil` when missing, empty or 0.
    package func timestamp(_ name: String) throws(APIError) -> Timestamp? {
        guard let value = text(name), value != "0" else { return nil }
        if let timestamp = Timestamp(value) { return timestamp }
        let halves = value.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = halves.first, let seconds = Int64(whole),
            let nanoseconds = Self.nanoseconds(halves.count == 2 ? halves[1] : "")
        else {
            throw APIError(.invalidInput, GoWords.numberFault("ParseInt", value))
        }
        return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }

    private static func nanoseconds(_ fraction: Substring) -> Int64? {
        guard fraction.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64((fraction + "000000000").prefix(9), radix: 10)
    }

    /// The `filters`: `{"key":["value"]}`, or `{"key":{"value":true}}` as older clients write it; `null` is none.
    /// - Throws: `.invalidInput` when they are neither.
    package func filters(_ name: String = "filters") throws(APIError) -> [String: [String]] {
        guard let text = text(name) else { return [:] }
        let value: JSONValue
        do {
            value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        } catch {
            throw APIError(.invalidInput, GoWords.syntaxError(in: Array(text.utf8)))
        }
        if value == .null { return [:] }
        guard case .object(let keys) = value else { throw APIError(.invalidInput, "invalid filter") }
        var filters: [String: [String]] = [:]
        for (key, requested) in keys {
            switch requested {
            case .null: filters[key] = []
            case .array(let list):
                filters[key] = try list.map { item throws(APIError) in
                    guard case .string(let text) = item else {
                        throw APIError(.invalidInput, "invalid filter '\(key)'")
                    }
                    return text
                }
            case .object(let set): filters[key] = set.keys.sorted()
            case .bool, .number, .string: throw APIError(.invalidInput, "invalid filter '\(key)'")
            }
        }
        return filters
    }

    /// Undoes `%XX`, and `+` for a space in queries; what is no escape stays as it is.
    package static func unescape(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String {
        var bytes: [UInt8] = []
        let source = Array(text.utf8)
        var position = 0
        while position < source.count {
            let byte = source[position]
            position += 1
            if byte == UInt8(ascii: "%"), position + 2 <= source.count,
                let high = source.dropFirst(position).first.flatMap(hexDigit),
                let low = source.dropFirst(position + 1).first.flatMap(hexDigit)
            {
                bytes.append(high << 4 | low)
                position += 2
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
