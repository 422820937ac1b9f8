package import Addressing

/// A list of values that JSON has as texts, without the texts that are none, as from a version that writes others: the object that has
/// the list is read all the same. Whoever asks for the list of somebody who may not say such things finds them in ``unread``. `nil` is left out
/// of the JSON; a missing key and `null` are `nil`.
@propertyWrapper
package struct WithoutUnread<Element: TextCodable & Equatable & Sendable>: Codable, Sendable, Equatable {
    package var wrappedValue: [Element]?
    /// What was left out when the list was read; it is not written again.
    package private(set) var unread: [String] = []

    /// The list with what was left out of it.
    package var projectedValue: Self { self }

    package init() { wrappedValue = nil }
    package init(wrappedValue: [Element]?) { self.wrappedValue = wrappedValue }

    package init(from decoder: any Decoder) throws {
        var elements: [Element] = []
        for text in try decoder.singleValueContainer().decode([String].self) {
            if let element = Element(text) { elements.append(element) } else { unread.append(text) }
        }
        wrappedValue = elements
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue)
    }
}

extension KeyedEncodingContainer {
    /// Lets synthesised encoding pass over what there is none of.
    package mutating func encode<Element>(_ value: WithoutUnread<Element>, forKey key: Key) throws {
        try encodeIfPresent(value.wrappedValue, forKey: key)
    }
}

extension KeyedDecodingContainer {
    /// Lets synthesised decoding take a missing key for none.
    package func decode<Element>(_ type: WithoutUnread<Element>.Type, forKey key: Key) throws -> WithoutUnread<Element>
    {
        try decodeIfPresent(type, forKey: key) ?? WithoutUnread()
    }
}
