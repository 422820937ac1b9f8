package import Addressing

/// An address that a JSON object gives as an empty text where there is none, as Go's types without pointers do; an object that
/// leaves it out is read the same.
@propertyWrapper
package struct BlankIfNone: Codable, Sendable, Equatable {
    package var wrappedValue: IPAddress?

    package init() { wrappedValue = nil }
    package init(wrappedValue: IPAddress?) { self.wrappedValue = wrappedValue }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        wrappedValue = try container.decode(String.self).isEmpty ? nil : container.decode(IPAddress.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue?.description ?? "")
    }
}

extension KeyedDecodingContainer {
    /// Lets synthesised decoding take a missing key for no address.
    package func decode(_ type: BlankIfNone.Type, forKey key: Key) throws -> BlankIfNone {
        try decodeIfPresent(type, forKey: key) ?? BlankIfNone()
    }
}
