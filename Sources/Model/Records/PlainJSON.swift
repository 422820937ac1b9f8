package import Foundation

/// Records in the spelling of their types' properties, as a node keeps what is for itself alone.
package enum PlainJSON {
    /// Encodes a value that is kept, in its envelope. Keys are sorted, so equal values give equal bytes.
    package static func encode<Value: VersionedRecord>(record value: Value) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(Record(value))
    }

    /// Decodes a value that was kept, by this version or an earlier one.
    /// - Throws: ``RecordError`` for a form that is not read here; what the value's own decoding throws, `DecodingError` as a rule, for what is
    ///   damaged.
    package static func decode<Value: VersionedRecord>(record type: Value.Type, from data: Data) throws -> Value {
        try JSONDecoder().decode(Record<Value>.self, from: data).value
    }

    /// The same from a file's bytes.
    package static func decode<Value: VersionedRecord>(record type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try decode(record: type, from: Data(bytes))
    }
}
