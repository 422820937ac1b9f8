import Concurrency
import Synchronization

/// The store's semantics in memory: what tests and simulated clusters run against.
///
/// ``compact(before:)``, ``fail(_:)`` and ``dropLeader(of:)`` bring about what a real store does by itself.
package final class MemoryStore: ObjectStore {
    private struct State {
        /// etcd's first revision is 1, before any write.
        var revision: Int64 = 1
        var compacted: Int64 = 0
        var values: [StoreKey: StoredValue] = [:]
        /// The events of each revision after `compacted`, oldest first.
        var history: [(revision: Int64, events: [StoreEvent])] = []
        var failure: StateStoreError?

        func check() throws {
            if let failure { throw failure }
        }
    }

    private let state = Mutex(State())
    /// Counts whatever a watch has to look at.
    private let changes = ObservableValue<UInt64>(0)

    package init() {}

    package func get(_ key: StoreKey) async throws -> StoredValue? {
        try state.withLock {
            try $0.check()
            return $0.values[key]
        }
    }

    package func list(_ prefix: String) async throws -> StoreListing {
        try state.withLock { state in
            try state.check()
            let found = state.values.values.filter { $0.key.path.hasBytePrefix(prefix) }.sorted { $0.key < $1.key }
            return StoreListing(values: found, revision: state.revision)
        }
    }

    package func commit(_ transaction: StoreTransaction) async throws -> CommitOutcome {
        try transaction.validate()
        defer { wakeAll() }
        return try state.withLock { state in
            try state.check()
            let failed = transaction.conditions.filter { !$0.holds(for: state.values[$0.key]) }
            guard failed.isEmpty else {
                let current = failed.compactMap { state.values[$0.key] }.map { ($0.key, $0) }
                return .refused(failed: failed, current: Dictionary(current) { first, _ in first })
            }
            guard !transaction.isEmpty else { return .committed(revision: state.revision) }
            let next = state.revision + 1
            var events: [StoreEvent] = []
            for put in transaction.puts {
                let created = state.values[put.key]?.createRevision ?? next
                let value = StoredValue(key: put.key, value: put.value, createRevision: created, modifyRevision: next)
                state.values[put.key] = value
                events.append(.put(value))
            }
            for key in transaction.deletes where state.values.removeValue(forKey: key) != nil {
                events.append(.delete(key, revision: next))
            }
            // As in etcd, deleting only what is not there makes no revision.
            guard !events.isEmpty else { return .committed(revision: state.revision) }
            state.revision = next
            state.history.append((next, events))
            return .committed(revision: next)
        }
    }

    package func watch(
        _ prefix: String, after revision: Int64, receive: @escaping @Sendable ([StoreEvent]) async throws -> Void
    )
        async throws
    {
        var cursor = revision
        while true {
            let seen = changes.value
            while let batch = try next(after: cursor) {
                cursor = batch.revision
                let wanted = batch.events.filter { $0.key.path.hasBytePrefix(prefix) }
                if !wanted.isEmpty { try await receive(wanted) }
                try Task.checkCancellation()
            }
            try await changes.wait { $0 == seen ? nil : true }
        }
    }

    private func next(after cursor: Int64) throws -> (revision: Int64, events: [StoreEvent])? {
        try state.withLock { state in
            try state.check()
            guard cursor >= state.compacted else {
                throw StateStoreError(.compacted(firstUsable: state.compacted + 1), "watch after revision \(cursor)")
            }
            // Revisions have no gaps here, so the place in the history follows from the number.
            let place = Int(clamping: cursor - state.compacted)
            guard cursor >= 0, let first = state.history.first?.revision else { return nil }
            let index = max(0, place - Int(clamping: first - state.compacted - 1))
            return index < state.history.count ? state.history[index] : nil
        }
    }

    package func withLeadership(
        of role: String, candidate: [UInt8], lease: Duration,
        _ body: @escaping @Sendable (LeaderFence) async throws -> Void
    ) async throws {
        let key = StoreKey.leader(of: role)
        while true {
            let outcome = try await commit(StoreTransaction(conditions: [.absent(key)], puts: [.init(key, candidate)]))
            switch outcome {
            case .committed(let revision): return try await lead(LeaderFence(role: role, revision: revision), body)
            case .refused(_, let current):
                guard let holder = current[key] else { continue }
                try await waitForEnd(
                    of: LeaderFence(role: role, revision: holder.createRevision), since: holder.modifyRevision)
            }
        }
    }

    private func lead(_ fence: LeaderFence, _ body: @escaping @Sendable (LeaderFence) async throws -> Void) async throws
    {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await body(fence) }
                group.addTask {
                    try await self.waitForEnd(of: fence, since: fence.revision)
                    throw StateStoreError(.leadershipLost, "lead \(fence.role)")
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch {
            resign(fence)
            throw error
        }
        resign(fence)
    }

    private func waitForEnd(of fence: LeaderFence, since revision: Int64) async throws {
        struct Ended: Error {}
        do {
            try await watch(StoreKey.leader(of: fence.role).path, after: revision) { events in
                if events.contains(where: { if case .delete = $0 { true } else { false } }) { throw Ended() }
            }
        } catch is Ended {}
    }

    private func resign(_ fence: LeaderFence) {
        defer { wakeAll() }
        state.withLock { state in
            let key = StoreKey.leader(of: fence.role)
            guard state.values[key]?.createRevision == fence.revision else { return }
            Self.remove(key, from: &state)
        }
    }

    private static func remove(_ key: StoreKey, from state: inout State) {
        guard state.values.removeValue(forKey: key) != nil else { return }
        state.revision += 1
        state.history.append((state.revision, [.delete(key, revision: state.revision)]))
    }

    /// Not under the lock: see CONTRIBUTING.md. A watch that is woken for nothing sleeps on.
    private func wakeAll() {
        changes.change { $0 += 1 }
    }
}

/// What a real store does by itself, and a test needs to bring about.
extension MemoryStore {
    /// Forgets the events before a revision, so that watches from there are refused.
    package func compact(before revision: Int64) {
        state.withLock { state in
            state.compacted = max(state.compacted, min(revision, state.revision) - 1)
            state.history.removeAll { $0.revision <= state.compacted }
        }
    }

    /// Makes every call throw this, running watches too, until `nil` is given.
    package func fail(_ error: StateStoreError?) {
        state.withLock { $0.failure = error }
        wakeAll()
    }

    /// Ends a leader's lease, as if it had given no sign of life.
    package func dropLeader(of role: String) {
        state.withLock { Self.remove(.leader(of: role), from: &$0) }
        wakeAll()
    }

    /// The revision of the last write.
    package var revision: Int64 { state.withLock { $0.revision } }
}

extension String {
    /// Swift's own `hasPrefix` compares characters, a store compares bytes.
    func hasBytePrefix(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }
}
