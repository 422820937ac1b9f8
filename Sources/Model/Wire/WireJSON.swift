package import Foundation

/// JSON in the spelling of the Docker Engine API, in which Apus also stores and sends the objects that users write.
///
/// Swift properties are spelled `networkID`; on the wire they are `NetworkID`. The rule: the first word is capitalised,
/// or written in capitals when it is one of ``WireSpelling/acronyms``; what no rule gives is in ``WireSpelling/irregular``.
/// The keys of dictionaries (labels, options, ports) are data and stay as they are.
package enum WireJSON {
    static let onWire = SpellingMemo(WireSpelling.onWire)
    static let inSwift = SpellingMemo(WireSpelling.inSwift)

    /// Encodes a value in the API's spelling. Keys are sorted, so equal values give equal bytes.
    package static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .custom { onWire.key($0.last?.stringValue ?? "") }
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }

    /// Decodes a value written in the API's spelling.
    /// - Throws: `DecodingError`.
    package static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .custom { inSwift.key($0.last?.stringValue ?? "") }
        return try decoder.decode(type, from: data)
    }

    /// Decodes from a store's or a message's bytes.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try decode(type, from: Data(bytes))
    }

    /// Encodes a value whose keys are already spelled as on the wire: events, progress lines.
    package static func encodeVerbatim(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        return try encoder.encode(value)
    }
}

struct WireKey: CodingKey {
    let stringValue: String
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    var intValue: Int? { nil }
    init?(intValue: Int) { nil }
}
