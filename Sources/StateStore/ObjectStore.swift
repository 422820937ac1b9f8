/// The swarm's replicated store: revisions, compare-and-set, watches and leases over bytes.
///
/// Every write gets the next revision. Calls throw ``StateStoreError``; cancellation passes through as `CancellationError`.
package protocol ObjectStore: Sendable {
    /// What is stored at a key, as the majority has it.
    func get(_ key: StoreKey) async throws -> StoredValue?

    /// All keys that begin with a prefix, as of one revision.
    func list(_ prefix: String) async throws -> StoreListing

    /// The same as far as this end of the store knows, which may be behind; works without quorum.
    func listStale(_ prefix: String) async throws -> StoreListing

    /// Writes everything or nothing.
    ///
    /// - Throws: `.tooLarge` and `.invalidTransaction` before anything is sent; `.outcomeUnknown` when the store did not answer in time.
    func commit(_ transaction: StoreTransaction) async throws -> CommitOutcome

    /// Tells every change of keys that begin with a prefix, from the first after a revision, in order, without gaps.
    ///
    /// Each call of `receive` gets whole revisions (often one, several when catching up), and the next waits until it returns. Runs until
    /// cancelled, until `receive` throws, or until the store cannot go on.
    ///
    /// - Throws: `.compacted` when the revisions wanted are gone: the caller lists again, see ``follow(_:_:)``; `.unavailable` without quorum.
    func watch(
        _ prefix: String, after revision: Int64, receive: @escaping @Sendable ([StoreEvent]) async throws -> Void)
        async throws

    /// Waits until this candidate leads a role, leads while `body` runs, and lets go when `body` ends.
    ///
    /// When the lease is lost `body` is cancelled; its writes are refused from the first moment that another may lead, provided that each
    /// carries the fence.
    ///
    /// - Parameters:
    ///   - role: What is led, as `orchestration`; one leader each.
    ///   - candidate: What ``leader(of:)`` tells others, as the node's id and address.
    ///   - lease: After how long without a sign of life another may lead; at least 2 s.
    /// - Throws: what `body` throws; `.leadershipLost`.
    func withLeadership(
        of role: String, candidate: [UInt8], lease: Duration,
        _ body: @escaping @Sendable (LeaderFence) async throws -> Void) async throws

    /// Who leads a role; `nil` while nobody does.
    func leader(of role: String) async throws -> StoredValue?
}

extension ObjectStore {
    package func listStale(_ prefix: String) async throws -> StoreListing { try await list(prefix) }

    package func leader(of role: String) async throws -> StoredValue? { try await get(.leader(of: role)) }
}

/// What a leader's writes carry, so that those of a former leader are refused.
package struct LeaderFence: Sendable, Hashable {
    /// What is led, as in ``StoreKey/leader(of:)``.
    package let role: String
    /// The revision at which the leader's key was made.
    package let revision: Int64

    package init(role: String, revision: Int64) {
        self.revision = revision
        self.role = role
    }

    /// The condition to add to each transaction.
    package var condition: StoreTransaction.Condition { .created(.leader(of: role), at: revision) }

    /// Whether a refusal means that this leadership is over, and not just that an object has changed.
    package func isBroken(by outcome: CommitOutcome) -> Bool {
        guard case .refused(let failed, _) = outcome else { return false }
        return failed.contains(condition)
    }
}
