import Faults
import Model
package import StateStore

/// Writes objects under their version, so that nobody's change is lost.
package struct ObjectWriter: Sendable {
    /// How often a change is made anew from the present object when another was faster.
    static let attempts = 16

    package let store: any ObjectStore

    package init(store: any ObjectStore) { self.store = store }

    /// As the majority of the store has it now; `nil` when there is none.
    package func get<Object: SwarmObject>(_ type: Object.Type, _ id: String) async throws -> Object? {
        try await store.get(StoreKey(type.storeKind, id: id)).map { try Object(stored: $0) }
    }

    /// Changes an object, from its present state each time that another change comes between.
    ///
    /// - Parameter change: Returns `false` when nothing is to be written.
    /// - Returns: The revision written, or `nil` when nothing was: the object is missing or needs no change.
    package func update<Object: SwarmObject>(
        _ type: Object.Type, _ id: String, _ change: (inout Object) throws -> Bool
    ) async throws -> Int64? {
        for _ in 0..<Self.attempts {
            guard var object = try await get(type, id) else { return nil }
            let read = object.version
            guard try change(&object) else { return nil }
            object.updatedAt = .now
            let outcome = try await store.commit(
                StoreTransaction(
                    conditions: [.modified(object.key, at: Int64(clamping: read.index))],
                    puts: [.init(object.key, try object.storedBytes)]))
            if let revision = outcome.revision { return revision }
        }
        throw ClusterError(.contended, "\(type.storeKind) \(id) changed faster than it could be updated")
    }
}
