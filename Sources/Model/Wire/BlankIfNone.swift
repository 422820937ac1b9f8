package import Addressing

/// An address that a JSON object gives as an empty text where there is none, as Go's types without pointers do. What cannot be read is none, too,
/// so that the object is read all the same; so is what the object leaves out.
@propertyWrapper
package struct BlankIfNone<Value: TextCodable & Equatable & Sendable>: Codable, Sendable, Equatable {
    package var wrappedValue: Value?

    package init() { wrappedValue = nil }
    package init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

    package init(from decoder: any Decoder) throws {
        wrappedValue = Value(try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue?.description ?? "")
    }
}

extension KeyedDecodingContainer {
    /// Lets synthesised decoding take a missing key for no address.
    package func decode<Value>(_ type: BlankIfNone<Value>.Type, forKey key: Key) throws -> BlankIfNone<Value> {
        try decodeIfPresent(type, forKey: key) ?? BlankIfNone()
    }
}
