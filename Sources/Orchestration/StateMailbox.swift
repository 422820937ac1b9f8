import Concurrency
package import Model
package import StateStore
import Synchronization

/// The latest state, for one reader that sleeps until there is a newer one.
package final class StateMailbox: Sendable {
    private struct Board {
        var state = SwarmState()
        var isNew = false
    }

    /// Seconds.
    private static let longestSleep = 3600.0

    private let board = Mutex(Board())
    private let change = AsyncEvent()

    package init() {}

    /// Takes a change of the store in and wakes the reader.
    package func take(_ update: StoreUpdate) {
        board.withLock { board in
            board.state.take(update)
            board.isNew = true
        }
        change.signal()
    }

    /// The state as soon as it is newer than the last one read and not older than `revision`, or at `deadline`.
    package func next(after revision: Int64, notLaterThan deadline: Timestamp?) async throws -> SwarmState {
        while true {
            let (state, isNew) = board.withLock { board in
                let isReady = board.isNew && board.state.revision >= revision
                if isReady { board.isNew = false }
                return (board.state, isReady)
            }
            if isNew { return state }
            if let deadline, deadline <= .now { return state }
            // A service's delay may be for centuries: the clock is looked at again.
            let pause = deadline.map { Duration.seconds(min(max(0.01, $0.timeSince(.now)), Self.longestSleep)) }
            await change.wait(until: pause.map { .now + $0 })
            try Task.checkCancellation()
        }
    }
}
