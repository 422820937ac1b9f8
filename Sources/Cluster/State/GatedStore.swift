import StateStore

/// The store as a manager writes to it: while there is no quorum calls are refused soon, and not only after the store's own deadline.
struct GatedStore: ObjectStore {
    /// How long a call waits for the store to come back, as after etcd was started again.
    static let timeout = Duration.seconds(3)

    let base: any ObjectStore
    let model: ReadModel

    private func pass(_ attempting: String) async throws {
        guard model.isStale, await !model.becomesFresh(within: Self.timeout) else { return }
        try Task.checkCancellation()
        throw StateStoreError(.unavailable, attempting, detail: "no quorum")
    }

    func get(_ key: StoreKey) async throws -> StoredValue? {
        try await pass("read \(key)")
        return try await base.get(key)
    }

    func list(_ prefix: String) async throws -> StoreListing {
        try await pass("list \(prefix)")
        return try await base.list(prefix)
    }

    func listStale(_ prefix: String) async throws -> StoreListing { try await base.listStale(prefix) }

    func commit(_ transaction: StoreTransaction) async throws -> CommitOutcome {
        try await pass("write")
        return try await base.commit(transaction)
    }

    func watch(
        _ prefix: String, after revision: Int64, receive: @escaping @Sendable ([StoreEvent]) async throws -> Void
    ) async throws { try await base.watch(prefix, after: revision, receive: receive) }

    func withLeadership(
        of role: String, candidate: [UInt8], lease: Duration,
        _ body: @escaping @Sendable (LeaderFence) async throws -> Void
    ) async throws { try await base.withLeadership(of: role, candidate: candidate, lease: lease, body) }
}
