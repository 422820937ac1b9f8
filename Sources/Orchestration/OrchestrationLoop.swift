package import Logging
import Model
package import StateStore
import Synchronization

/// Plans whenever the store changes or time asks for it, and writes what was planned, as long as it leads.
package struct OrchestrationLoop: Sendable {
    private let store: any StateStore
    private let log: Logger
    private let makeID: @Sendable () -> String

    package init(store: any StateStore, log: Logger, makeID: @escaping @Sendable () -> String) {
        self.log = log
        self.makeID = makeID
        self.store = store
    }

    /// Returns only by throwing: when cancelled, or when the leadership is lost.
    package func run(under fence: LeaderFence) async throws {
        let board = StateBoard()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await store.follow(StoreKey.everything) { update in try board.take(update) }
            }
            group.addTask { try await plan(board, fence) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func plan(_ board: StateBoard, _ fence: LeaderFence) async throws {
        var planner = SwarmPlanner(makeID: makeID)
        var written: Int64 = 0
        var wakeAt: Timestamp?
        while true {
            let state = try await board.next(after: written, notLaterThan: wakeAt)
            try Task.checkCancellation()
            guard !state.isStale, state.cluster != nil else { continue }
            var draft = SwarmDraft(state, now: .now)
            planner.plan(&draft)
            wakeAt = draft.wakeAt
            for transaction in try draft.transactions(under: fence) {
                let outcome = try await store.commit(transaction)
                if fence.isBroken(by: outcome) { throw StateStoreError(.leadershipLost, "write a plan") }
                if let revision = outcome.revision {
                    written = max(written, revision)
                } else {
                    log.debug("a plan was overtaken by another change", metadata: ["revision": "\(state.revision)"])
                }
            }
        }
    }
}

/// The latest state, for one reader that sleeps until there is a newer one.
private final class StateBoard: Sendable {
    private struct Board {
        var state = SwarmState()
        var isNew = false
    }

    private let board = Mutex(Board())
    private let wakes: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation

    init() { (wakes, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1)) }

    func take(_ update: StoreUpdate) throws {
        try board.withLock { board in
            try board.state.take(update)
            board.isNew = true
        }
        waker.yield()
    }

    /// The state as soon as it is newer than the last one read and not older than `revision`, or at `deadline`.
    func next(after revision: Int64, notLaterThan deadline: Timestamp?) async throws -> SwarmState {
        while true {
            let (state, isNew) = board.withLock { board in
                let isReady = board.isNew && board.state.revision >= revision
                if isReady { board.isNew = false }
                return (board.state, isReady)
            }
            if isNew { return state }
            if let deadline, deadline <= .now { return state }
            try await sleep(until: deadline)
        }
    }

    private func sleep(until deadline: Timestamp?) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [wakes] in for await _ in wakes { return } }
            if let deadline {
                group.addTask { try await Task.sleep(for: .seconds(max(0.01, deadline.timeSince(.now)))) }
            }
            try await group.next()
            group.cancelAll()
        }
        try Task.checkCancellation()
    }
}
