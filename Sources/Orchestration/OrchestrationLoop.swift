package import Logging
import Model
package import StateStore

/// Plans whenever the store changes or time asks for it, and writes what was planned, as long as it leads.
package struct OrchestrationLoop: Sendable {
    private let store: any ObjectStore
    private let copy: any SwarmCopy
    private let log: Logger
    private let makeID: @Sendable () -> String

    /// - Parameter copy: What is planned from: of the same store.
    package init(
        store: any ObjectStore, copy: any SwarmCopy, log: Logger, makeID: @escaping @Sendable () -> String
    ) {
        self.copy = copy
        self.log = log
        self.makeID = makeID
        self.store = store
    }

    /// Returns only by throwing: when cancelled, or when the leadership is lost.
    package func run(under fence: LeaderFence) async throws {
        let board = StateMailbox(copy)
        // A copy may lack what the leader before has written: an address would be given twice.
        let begun = try await begin(under: fence)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await board.follow()
                try Task.checkCancellation()
            }
            group.addTask { try await plan(board, fence, after: begun) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// - Returns: The revision at which the copy has all that other leaders have written.
    private func begin(under fence: LeaderFence) async throws -> Int64 {
        let mark = StoreTransaction(
            conditions: [fence.condition],
            puts: [.init(.beginning(of: fence.role), Array(String(fence.revision).utf8))])
        guard let revision = try await store.commit(mark).revision else {
            throw StateStoreError(.leadershipLost, "begin to lead")
        }
        return revision
    }

    private func plan(_ board: StateMailbox, _ fence: LeaderFence, after begun: Int64) async throws {
        var planner = SwarmPlanner(makeID: makeID)
        var written = begun
        var wakeAt: Timestamp?
        var changes = SwarmChanges()
        while true {
            let (state, new) = try await board.next(after: written, notLaterThan: wakeAt)
            changes.formUnion(new)
            try Task.checkCancellation()
            guard !state.isStale, state.cluster != nil else {
                // The planner keeps what is due; until the store tells something there is nothing to plan from.
                wakeAt = nil
                continue
            }
            var draft = SwarmDraft(state, now: .now)
            planner.plan(&draft, changes: changes)
            changes = SwarmChanges()
            wakeAt = draft.wakeAt
            // Services of which something has changed meanwhile: nothing more of them is written, and all of it is planned anew.
            var overtaken: Set<String> = []
            for planned in try draft.transactions(under: fence) {
                written = max(written, try await write(planned, under: fence, leavingOut: &overtaken) ?? 0)
            }
        }
    }

    /// - Returns: The revision of what was written.
    private func write(
        _ planned: PlannedTransaction, under fence: LeaderFence, leavingOut overtaken: inout Set<String>
    ) async throws -> Int64? {
        var planned = planned
        planned.leaveOut(overtaken)
        while !planned.transaction.isEmpty {
            guard let outcome = try await commit(planned.transaction) else { return nil }
            if fence.isBroken(by: outcome) { throw StateStoreError(.leadershipLost, "write a plan") }
            guard case .refused(let failed, _) = outcome else { return outcome.revision }
            let owners = planned.owners(of: failed.map(\.key))
            log.debug("a plan was overtaken by another change", metadata: ["services": "\(owners.count)"])
            if owners.isEmpty { return nil }
            overtaken.formUnion(owners)
            planned.leaveOut(overtaken)
        }
        return nil
    }

    /// - Returns: `nil` for an object that is too large for the store: nothing else may wait for it.
    private func commit(_ transaction: StoreTransaction) async throws -> CommitOutcome? {
        do {
            return try await store.commit(transaction)
        } catch let error as StateStoreError where error.code == .tooLarge {
            let keys = transaction.puts.map(\.key.path).joined(separator: " ")
            log.error("a plan is too large for the store", metadata: ["keys": "\(keys)"])
            return nil
        }
    }
}
