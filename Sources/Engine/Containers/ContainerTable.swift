import Concurrency
import Faults
import LocalStore
import Model
import Synchronization

/// The node's containers: looked up in memory, kept in the local store.
///
/// Every change goes to the store before it is answered for; after a crash the store's records are the truth. What is written is the newest
/// record, one write of a container at a time, so that no older one comes to lie over it.
final class ContainerTable: Sendable {
    private struct State {
        var records: [String: ContainerRecord] = [:]
        var idByName: [String: String] = [:]
        /// Names of containers that are being created.
        var reserved: Set<String> = []
    }

    private let state = Mutex(State())
    private let store: LocalStore
    private let writes = KeyedLock<String>()

    init(store: LocalStore) { self.store = store }

    /// Reads the records of an earlier life of the daemon.
    func load() async throws {
        let records = try await store.loadAll(ContainerRecord.self, kind: .containers).map(\.value)
        state.withLock { state in
            for record in records {
                state.records[record.id] = record
                state.idByName[record.name] = record.id
            }
        }
    }

    var all: [ContainerRecord] { state.withLock { Array($0.records.values) } }

    func record(_ id: String) -> ContainerRecord? { state.withLock { $0.records[id] } }

    /// Ids of the containers that have a volume, sorted.
    func users(ofVolume name: String) -> [String] {
        all.filter { $0.mounts.contains { $0.name == name } }.map(\.id).sorted()
    }

    /// Finds a container by id, name or unambiguous prefix of an id.
    /// - Throws: `.notFound` with `No such container: X`.
    func find(_ reference: String) throws -> ContainerRecord {
        let found = state.withLock { state -> [ContainerRecord] in
            if let record = state.records[reference] { return [record] }
            let name = reference.hasPrefix("/") ? String(reference.dropFirst()) : reference
            if let id = state.idByName[name], let record = state.records[id] { return [record] }
            guard !reference.isEmpty else { return [] }
            return state.records.values.filter { $0.id.hasPrefix(reference) }
        }
        if found.count > 1 {
            throw APIError(.invalidInput, "Multiple IDs found with provided prefix: \(reference)")
        }
        guard let record = found.first else { throw APIError(.notFound, "No such container: \(reference)") }
        return record
    }

    /// Keeps a name for a container that is about to be created or renamed.
    /// - Throws: `.conflict` in Docker's words when it is taken.
    func reserve(_ name: String) throws {
        let owner = state.withLock { state -> String? in
            if let owner = state.idByName[name] { return owner }
            return state.reserved.insert(name).inserted ? nil : "a container that is being created"
        }
        if let owner {
            throw APIError(
                .conflict,
                "Conflict. The container name \"/\(name)\" is already in use by container \"\(owner)\". "
                    + "You have to remove (or rename) that container to be able to reuse that name.")
        }
    }

    func release(_ name: String) { _ = state.withLock { $0.reserved.remove(name) } }

    /// Adds a new container under its reserved name.
    func insert(_ record: ContainerRecord) async throws {
        // One that is removed when it ends does not outlive a power cut anyway.
        try await store.save(record, kind: .containers, id: record.id, durably: !record.hostConfig.autoRemove)
        state.withLock { state in
            state.records[record.id] = record
            state.idByName[record.name] = record.id
            state.reserved.remove(record.name)
        }
    }

    /// Changes a record, in memory first and then in the store, and answers the new one.
    /// - Parameter durably: For what the user has decided; what happens to processes need not survive a power cut.
    /// - Throws: `.notFound` when it was removed meanwhile.
    @discardableResult
    func update(
        _ id: String, durably: Bool = false, _ change: (inout ContainerRecord) -> Void
    ) async throws -> ContainerRecord {
        let changed = state.withLock { state -> ContainerRecord? in
            guard var record = state.records[id] else { return nil }
            let oldName = record.name
            change(&record)
            state.records[id] = record
            if record.name != oldName {
                state.idByName[oldName] = nil
                state.idByName[record.name] = id
                state.reserved.remove(record.name)
            }
            return record
        }
        guard let changed else { throw APIError(.notFound, "No such container: \(id)") }
        try await write(id, durably: durably && !changed.hostConfig.autoRemove)
        return changed
    }

    private func write(_ id: String, durably: Bool) async throws {
        try await writes.run(id) {
            guard let newest = record(id) else { return }  // Removed meanwhile.
            try await store.save(newest, kind: .containers, id: id, durably: durably)
        }
    }

    /// Changes a record in view of all the others, so that what it takes is free at that moment, and nothing when `change` throws.
    @discardableResult
    func allot(_ id: String, _ change: (inout ContainerRecord, [ContainerRecord]) throws -> Void) async throws
        -> ContainerRecord
    {
        let changed = try state.withLock { state -> ContainerRecord in
            guard var record = state.records[id] else { throw APIError(.notFound, "No such container: \(id)") }
            try change(&record, state.records.values.filter { $0.id != id })
            state.records[id] = record
            return record
        }
        try await write(id, durably: false)
        return changed
    }

    /// Looks at all records while none changes: what `decide` does is done before anybody is allotted anything more.
    func examine(_ decide: ([ContainerRecord]) -> Void) { state.withLock { decide(Array($0.records.values)) } }

    func remove(_ id: String) async throws {
        let durably = record(id)?.hostConfig.autoRemove != true
        try await writes.run(id) {
            try await store.delete(kind: .containers, id: id, durably: durably)
            state.withLock { state in
                if let record = state.records.removeValue(forKey: id) { state.idByName[record.name] = nil }
            }
        }
    }
}
