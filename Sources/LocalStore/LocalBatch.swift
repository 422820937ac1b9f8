import Foundation
package import Model

/// Writes to the node's own store that happen all together or not at all.
package struct LocalBatch: Sendable {
    enum Change: Sendable {
        case save(LocalKind, id: String, json: Data)
        case delete(LocalKind, id: String)
        case deleteAll(LocalKind)
    }

    private(set) var changes: [Change] = []

    package init() {}

    package var isEmpty: Bool { changes.isEmpty }

    /// - Throws: ``LocalStoreError`` `.unencodable`.
    package mutating func save<Value: VersionedRecord>(
        _ value: Value, kind: LocalKind, id: String
    ) throws(LocalStoreError) {
        changes.append(.save(kind, id: id, json: try LocalJSON.encode(value, "save \(kind.rawValue) \(id)")))
    }

    /// Takes one value away; nothing happens where there is none.
    package mutating func delete(kind: LocalKind, id: String) { changes.append(.delete(kind, id: id)) }

    /// Takes all values of a kind away.
    package mutating func deleteAll(kind: LocalKind) { changes.append(.deleteAll(kind)) }
}

/// Values as they are kept: JSON with the property names of their types, in the envelope of a record.
enum LocalJSON {
    static func encode<Value: VersionedRecord>(
        _ value: Value, _ attempting: String
    ) throws(LocalStoreError) -> Data {
        do { return try PlainJSON.encode(record: value) } catch {
            throw LocalStoreError(.unencodable, attempting, cause: error)
        }
    }

    static func decode<Value: VersionedRecord>(
        _ type: Value.Type, _ data: Data, _ attempting: String
    ) throws(LocalStoreError) -> Value {
        do { return try PlainJSON.decode(record: type, from: data) } catch {
            throw LocalStoreError(.undecodable, attempting, cause: error)
        }
    }
}
