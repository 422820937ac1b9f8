/// A JSON value as it came: members keep their order, numbers keep their digits.
///
/// The client shows answers of any engine, with fields it has never heard of, so it does not decode them into types.
package enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    /// The digits as they were written.
    case number(String)
    case string(String)
    case array([JSON])
    case object([Member])

    /// A name of an object and its value.
    package struct Member: Sendable, Equatable {
        package let name: String
        package var value: JSON
        package init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }
}

extension JSON {
    /// A member's value; `.null` when there is none. Setting `.null` removes the member.
    package subscript(name: String) -> JSON {
        get {
            guard case .object(let members) = self else { return .null }
            return members.first { $0.name == name }?.value ?? .null
        }
        set {
            var members: [Member] = []
            if case .object(let old) = self { members = old }
            if let index = members.firstIndex(where: { $0.name == name }) {
                if newValue == .null { members.remove(at: index) } else { members[index].value = newValue }
            } else if newValue != .null {
                members.append(Member(name, newValue))
            }
            self = .object(members)
        }
    }

    /// An element; `.null` when there is none.
    package subscript(index: Int) -> JSON {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return .null }
        return elements[index]
    }

    package var isNull: Bool { self == .null }

    /// The text of a string; empty for everything else.
    package var text: String {
        if case .string(let text) = self { return text }
        return ""
    }

    package var string: String? {
        if case .string(let text) = self { return text }
        return nil
    }

    package var isTrue: Bool { self == .bool(true) }

    /// Of a number, without its fraction; `nil` for everything else, and where it does not fit.
    package var integer: Int64? {
        guard case .number(let digits) = self else { return nil }
        if let value = Int64(digits) { return value }
        return Double(digits).flatMap { Int64(exactly: $0.rounded(.towardZero)) }
    }

    /// An unsigned number in full; 0 for everything else.
    package var unsigned: UInt64 {
        guard case .number(let digits) = self else { return 0 }
        return UInt64(digits) ?? UInt64(clamping: integer ?? 0)
    }

    /// Of a number; `nil` for everything else.
    package var double: Double? {
        guard case .number(let digits) = self else { return nil }
        return Double(digits)
    }

    package var elements: [JSON] {
        if case .array(let elements) = self { return elements }
        return []
    }

    package var members: [Member] {
        if case .object(let members) = self { return members }
        return []
    }

    /// The strings of an array, or the one string.
    package var strings: [String] {
        if case .string(let text) = self { return [text] }
        return elements.compactMap(\.string)
    }

    /// Names and texts of an object whose values are strings.
    package var dictionary: [String: String] {
        Dictionary(members.map { ($0.name, $0.value.text) }) { $1 }
    }

    /// An object of strings, in the order of the names.
    package static func map(_ entries: [String: String]) -> JSON {
        .object(entries.sorted { $0.key < $1.key }.map { Member($0.key, .string($0.value)) })
    }

    /// In the order given.
    package static func strings(_ texts: [String]) -> JSON { .array(texts.map { .string($0) }) }

    /// The same with absent values left out of it.
    package static func fields(_ pairs: KeyValuePairs<String, JSON?>) -> JSON {
        .object(pairs.compactMap { name, value in value.map { Member(name, $0) } })
    }
}

// Not by `nil`: in `isAbsent ? nil : JSON(x)` it would be a null where nothing is meant.
extension JSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral text: String) { self = .string(text) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int64) { self = .number(String(value)) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral pairs: (String, JSON)...) { self = .object(pairs.map { Member($0, $1) }) }

    package init(_ value: some BinaryInteger) { self = .number(String(value)) }
    package init(_ text: String) { self = .string(text) }
    package init(_ value: Bool) { self = .bool(value) }
}
