/// A type with a value that stands for "not given", as Go's zero values do in the Engine API.
package protocol ZeroValue {
    /// What "not given" means.
    static var zero: Self { get }
}

extension Bool: ZeroValue { package static var zero: Bool { false } }
extension Int: ZeroValue {}
extension Int64: ZeroValue {}
extension UInt16: ZeroValue {}
extension UInt64: ZeroValue {}
extension Double: ZeroValue {}
extension String: ZeroValue { package static var zero: String { "" } }
extension Array: ZeroValue { package static var zero: [Element] { [] } }
extension Dictionary: ZeroValue { package static var zero: [Key: Value] { [:] } }

/// A property that a JSON object may leave out or give as `null`; it is then the type's zero value.
@propertyWrapper
package struct Zero<Value: ZeroValue & Codable & Sendable>: Codable, Sendable {
    package var wrappedValue: Value

    package init() { wrappedValue = .zero }
    package init(wrappedValue: Value) { self.wrappedValue = wrappedValue }

    package init(from decoder: any Decoder) throws {
        wrappedValue = try decoder.singleValueContainer().decode(Value.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue)
    }
}

extension Zero: Equatable where Value: Equatable {}
extension Zero: Hashable where Value: Hashable {}

/// As ``Zero``; the zero value is left out of the JSON too, as where Go's types say `omitempty`.
@propertyWrapper
package struct OmittedZero<Value: ZeroValue & Codable & Equatable & Sendable>: Codable, Sendable, Equatable {
    package var wrappedValue: Value

    package init() { wrappedValue = .zero }
    package init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
}

extension KeyedEncodingContainer {
    /// Lets synthesised encoding pass over a zero value.
    package mutating func encode<Value>(_ value: OmittedZero<Value>, forKey key: Key) throws {
        if value.wrappedValue != .zero { try encode(value.wrappedValue, forKey: key) }
    }
}

extension KeyedDecodingContainer {
    /// Lets synthesised decoding take a missing key for the zero value.
    package func decode<Value>(_ type: OmittedZero<Value>.Type, forKey key: Key) throws -> OmittedZero<Value> {
        OmittedZero(wrappedValue: try decodeIfPresent(Value.self, forKey: key) ?? .zero)
    }

    /// Lets synthesised decoding take a missing key for the zero value.
    package func decode<Value>(_ type: Zero<Value>.Type, forKey key: Key) throws -> Zero<Value> {
        Zero(wrappedValue: try decodeIfPresent(Value.self, forKey: key) ?? .zero)
    }
}

/// `{}`: the value of a set written as a JSON object, as in `ExposedPorts`.
package struct Empty: Codable, Sendable, Hashable {
    package init() {}
}
