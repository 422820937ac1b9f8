package import Model
package import StateStore
import Synchronization

/// The latest state, for one reader that sleeps until there is a newer one.
package final class StateMailbox: Sendable {
    private struct Board {
        var state = SwarmState()
        var isNew = false
        /// The reader, while it sleeps. A stream of its own each time: one whose reader was cancelled never wakes anybody again.
        var sleeper: AsyncStream<Void>.Continuation?
    }

    /// Seconds.
    private static let longestSleep = 3600.0

    private let board = Mutex(Board())

    package init() {}

    /// Takes a change of the store in and wakes the reader.
    package func take(_ update: StoreUpdate) {
        let sleeper = board.withLock { board in
            board.state.take(update)
            board.isNew = true
            return board.sleeper
        }
        sleeper?.yield()
    }

    /// The state as soon as it is newer than the last one read and not older than `revision`, or at `deadline`.
    package func next(after revision: Int64, notLaterThan deadline: Timestamp?) async throws -> SwarmState {
        while true {
            let (wakes, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            let (state, isNew) = board.withLock { board in
                let isReady = board.isNew && board.state.revision >= revision
                if isReady { board.isNew = false }
                board.sleeper = isReady ? nil : waker
                return (board.state, isReady)
            }
            if isNew { return state }
            if let deadline, deadline <= .now { return state }
            try await sleep(until: deadline, orWokenBy: wakes)
        }
    }

    private func sleep(until deadline: Timestamp?, orWokenBy wakes: AsyncStream<Void>) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in wakes { return } }
            if let deadline {
                // A service's delay may be for centuries: the caller looks at the clock again.
                group.addTask {
                    try await Task.sleep(for: .seconds(min(max(0.01, deadline.timeSince(.now)), Self.longestSleep)))
                }
            }
            try await group.next()
            group.cancelAll()
        }
        try Task.checkCancellation()
    }
}
