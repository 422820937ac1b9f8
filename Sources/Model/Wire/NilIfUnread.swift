/// A property that takes what it cannot read for nothing, as from a version that writes it in another way: the object that has it is read all the
/// same. `nil` is left out of the JSON.
@propertyWrapper
package struct NilIfUnread<Value: Codable & Equatable & Sendable>: Codable, Sendable, Equatable {
    package var wrappedValue: Value?

    package init() { wrappedValue = nil }
    package init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }
}

extension KeyedEncodingContainer {
    /// Lets synthesised encoding pass over what there is none of.
    package mutating func encode<Value>(_ value: NilIfUnread<Value>, forKey key: Key) throws {
        try encodeIfPresent(value.wrappedValue, forKey: key)
    }
}

extension KeyedDecodingContainer {
    /// Lets synthesised decoding take a missing key, and what cannot be read, for none.
    package func decode<Value>(_ type: NilIfUnread<Value>.Type, forKey key: Key) throws -> NilIfUnread<Value> {
        // What cannot be read is to be nothing.
        NilIfUnread(wrappedValue: try? decodeIfPresent(Value.self, forKey: key))
    }
}
