import StateStore

/// The store as a manager uses it for others: what a change of the store's leader interrupts is taken up again, so that no client sees it,
/// and in an outage that lasts calls are refused soon, and not only after the store's own deadline.
struct GatedStore: ObjectStore {
    /// How long a client's call goes on trying. The store's members choose another leader in a second or two, on a busy machine in several.
    static let timeout = Duration.seconds(10)
    /// The same for a node's call, which another manager may answer.
    static let nodeTimeout = Duration.seconds(3)
    /// How long a call waits that comes when the outage has lasted longer than that.
    static let minimum = Duration.seconds(1)

    let base: any ObjectStore
    let model: ReadModel
    /// How long a call goes on trying, from its beginning.
    var timeout = Self.timeout
    /// Before a call is made again that the store has refused or not answered.
    var pause = Duration.milliseconds(100)

    func get(_ key: StoreKey) async throws -> StoredValue? {
        try await patiently("read \(key)") { try await base.get(key) }
    }

    func list(_ prefix: String) async throws -> StoreListing {
        try await patiently("list \(prefix)") { try await base.list(prefix) }
    }

    func listStale(_ prefix: String) async throws -> StoreListing { try await base.listStale(prefix) }

    func commit(_ transaction: StoreTransaction) async throws -> CommitOutcome {
        let end = ContinuousClock.now + timeout
        // Of a try whose outcome the store has not told; `nil` when none has happened.
        var doubt: StateStoreError?
        while true {
            do { try await pass("write", until: end) } catch let error as StateStoreError { throw doubt ?? error }
            do {
                let outcome = try await base.commit(transaction)
                guard doubt != nil, transaction.hasHappened(by: outcome) else { return outcome }
                return .committed(revision: try await revision(of: transaction, in: outcome))
            } catch let error as StateStoreError {
                if error.code == .outcomeUnknown { doubt = error }
                guard error.mayBeRepeated(transaction), ContinuousClock.now < end else { throw doubt ?? error }
                try await Task.sleep(for: pause)
            }
        }
    }

    /// At which revision an earlier try has written what a later one was refused for.
    private func revision(of transaction: StoreTransaction, in outcome: CommitOutcome) async throws -> Int64 {
        if let revision = transaction.revision(in: outcome) { return revision }
        // What was deleted says nothing of when.
        return try await base.commit(StoreTransaction()).revision ?? 0
    }

    func watch(
        _ prefix: String, after revision: Int64, receive: @escaping @Sendable ([StoreEvent]) async throws -> Void
    ) async throws { try await base.watch(prefix, after: revision, receive: receive) }

    func withLeadership(
        of role: String, candidate: [UInt8], lease: Duration,
        _ body: @escaping @Sendable (LeaderFence) async throws -> Void
    ) async throws { try await base.withLeadership(of: role, candidate: candidate, lease: lease, body) }

    private func patiently<Result: Sendable>(
        _ attempting: String, _ call: () async throws -> Result
    ) async throws -> Result {
        let end = ContinuousClock.now + timeout
        while true {
            try await pass(attempting, until: end)
            do { return try await call() } catch let error as StateStoreError
                where error.code == .unavailable && ContinuousClock.now < end
            {
                try await Task.sleep(for: pause)
            }
        }
    }

    /// Waits while the store cannot be reached.
    ///
    /// - Throws: `.unavailable` when the call has no time left, or the outage has lasted as long as any call would wait for its end.
    private func pass(_ attempting: String, until end: ContinuousClock.Instant) async throws {
        guard let since = model.staleSince else { return }
        let now = ContinuousClock.now
        let limit = min(end, max(since + timeout, now + Self.minimum))
        guard await !model.becomesFresh(within: max(limit - now, .zero)) else { return }
        try Task.checkCancellation()
        throw StateStoreError(.unavailable, attempting, detail: "no quorum")
    }
}

extension StateStoreError {
    /// Whether the same write may be made again: it has not happened, or it tells by its conditions whether it has.
    fileprivate func mayBeRepeated(_ transaction: StoreTransaction) -> Bool {
        switch code {
        case .unavailable: true
        case .outcomeUnknown: transaction.happensOnce
        case .compacted, .watcherTooSlow, .tooLarge, .invalidTransaction, .leadershipLost, .full, .sealed, .unexpected:
            false
        }
    }
}
