package import Foundation

/// The envelope of a value that is kept or sent: `{"kind": …, "value": …, "version": …}`, in the spelling of the coder.
///
/// What was written before there were envelopes is the value alone, in the form of version 1, and is read as such. Reading takes one pass:
/// only a form of an earlier version costs more.
package struct Record<Value: VersionedRecord>: Codable, Sendable {
    package var value: Value

    private enum Field: String, CodingKey { case kind, value, version }

    package init(_ value: Value) { self.value = value }

    /// - Throws: ``RecordError`` for a form that is not read here; `DecodingError` for what is damaged.
    package init(from decoder: any Decoder) throws {
        guard let fields = Self.fields(of: decoder) else {
            value = try Self.earlier(1, decoder) ?? Value(from: decoder)
            return
        }
        let kind = try fields.decode(String.self, forKey: .kind)
        guard kind == Value.recordKind else { throw RecordError.otherKind(kind, expected: Value.recordKind) }
        let version = try fields.decode(Int.self, forKey: .version)
        if version == Value.recordVersion {
            value = try fields.decode(Value.self, forKey: .value)
        } else if let earlier = try Self.earlier(version, fields.superDecoder(forKey: .value)) {
            value = earlier
        } else {
            throw RecordError.unknownVersion(kind: kind, version: version)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Field.self)
        try fields.encode(Value.recordKind, forKey: .kind)
        try fields.encode(value, forKey: .value)
        try fields.encode(Value.recordVersion, forKey: .version)
    }

    /// `nil` for what has no envelope.
    private static func fields(of decoder: any Decoder) -> KeyedDecodingContainer<Field>? {
        // What is no object, as a list, is no envelope.
        guard let fields = try? decoder.container(keyedBy: Field.self),
            fields.contains(.kind), fields.contains(.value), fields.contains(.version)
        else { return nil }
        return fields
    }

    /// - Returns: `nil` for the form of now.
    /// - Throws: ``RecordError``.
    private static func earlier(_ version: Int, _ decoder: @autoclosure () throws -> any Decoder) throws -> Value? {
        if version == Value.recordVersion { return nil }
        let kind = Value.recordKind
        guard version < Value.recordVersion else {
            throw RecordError.newer(kind: kind, version: version, readable: Value.recordVersion)
        }
        guard let read = Value.earlierForms[version] else {
            throw RecordError.unknownVersion(kind: kind, version: version)
        }
        return try read(decoder())
    }
}

/// A record among others that is given up by itself when it cannot be read, so that the others are not.
package enum Readable<Value: VersionedRecord>: Decodable, Sendable {
    case value(Value)
    /// Its id, empty when that cannot be read either, and why.
    case unread(id: String, reason: String)

    private struct Named: Decodable {
        struct Value: Decodable { var id: String? }
        var value: Value?
        var id: String?
    }

    package init(from decoder: any Decoder) throws {
        do { self = .value(try Record<Value>(from: decoder).value) } catch {
            // Of one that is damaged the id may be, too.
            let named = try? Named(from: decoder)
            self = .unread(id: named?.value?.id ?? named?.id ?? "", reason: "\(error)")
        }
    }
}

extension WireJSON {
    /// Encodes a value that is kept or sent, in its envelope. Equal values give equal bytes.
    package static func encode<Value: VersionedRecord>(record value: Value) throws -> Data {
        try encode(Record(value))
    }

    /// Decodes a value that was kept or sent, by this version or an earlier one.
    /// - Throws: ``RecordError`` for a form that is not read here; `DecodingError` for what is damaged.
    package static func decode<Value: VersionedRecord>(record type: Value.Type, from data: Data) throws -> Value {
        try decode(Record<Value>.self, from: data).value
    }

    /// The same from a store's bytes.
    package static func decode<Value: VersionedRecord>(record type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try decode(record: type, from: Data(bytes))
    }
}
