import Addressing

/// What was received over the control socket is no message of this version.
package enum ControlError: Error, Equatable, Sendable {
    /// It ends too early, or goes on after its end.
    case length
    /// A number that means nothing, by the name of what it should have been.
    case value(String)
    /// A frame of more than ``ControlFrame/longest`` bytes.
    case tooLong
}

/// Writes numbers in network order, texts and lists after their length.
struct ControlWriter {
    private(set) var bytes: [UInt8] = []

    mutating func number<Number: FixedWidthInteger>(_ value: Number) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func flag(_ value: Bool) { bytes.append(value ? 1 : 0) }

    mutating func blob(_ value: some Collection<UInt8>) {
        number(UInt32(clamping: value.count))
        bytes.append(contentsOf: value)
    }

    mutating func text(_ value: String) { blob(Array(value.utf8)) }

    mutating func address(_ value: IPAddress) { blob(value.octets) }

    mutating func list<Elements: Collection>(_ values: Elements, _ write: (inout Self, Elements.Element) -> Void) {
        number(UInt32(clamping: values.count))
        for value in values { write(&self, value) }
    }

    mutating func optional<Value>(_ value: Value?, _ write: (inout Self, Value) -> Void) {
        flag(value != nil)
        if let value { write(&self, value) }
    }
}

/// Reads what ``ControlWriter`` has written, or refuses it. What a length says is never reserved before the bytes are there.
struct ControlReader {
    /// Longest text: a path.
    private static let longestText = 4096

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func number<Number: FixedWidthInteger>(_: Number.Type = Number.self) throws(ControlError) -> Number {
        let width = Number.bitWidth / 8
        guard rest.count >= width else { throw .length }
        var value: Number = 0
        for byte in rest.prefix(width) { value = value << 8 | Number(truncatingIfNeeded: byte) }
        rest = rest.dropFirst(width)
        return value
    }

    mutating func flag() throws(ControlError) -> Bool {
        switch try number(UInt8.self) {
        case 0: return false
        case 1: return true
        default: throw .value("flag")
        }
    }

    mutating func blob(most: Int = longestText) throws(ControlError) -> [UInt8] {
        let count = try Int(clamping: number(UInt32.self))
        guard count <= most, rest.count >= count else { throw .length }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func text() throws(ControlError) -> String {
        guard let text = String(validating: try blob(), as: UTF8.self) else { throw .value("text") }
        return text
    }

    mutating func address() throws(ControlError) -> IPAddress {
        guard let address = IPAddress(octets: try blob(most: 16)) else { throw .value("address") }
        return address
    }

    mutating func list<Value>(_ read: (inout Self) throws(ControlError) -> Value) throws(ControlError) -> [Value] {
        let count = try Int(clamping: number(UInt32.self))
        // Every value takes at least a byte.
        guard count <= rest.count else { throw .length }
        var values: [Value] = []
        for _ in 0..<count { values.append(try read(&self)) }
        return values
    }

    mutating func optional<Value>(_ read: (inout Self) throws(ControlError) -> Value) throws(ControlError) -> Value? {
        try flag() ? try read(&self) : nil
    }

    /// One of an enumeration's cases by its number.
    mutating func choice<Choice: RawRepresentable<UInt8>>(_: Choice.Type = Choice.self) throws(ControlError) -> Choice {
        guard let choice = Choice(rawValue: try number()) else { throw .value("\(Choice.self)") }
        return choice
    }
}
