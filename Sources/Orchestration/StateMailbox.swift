import Concurrency
package import Model
package import StateStore
import Synchronization

/// The latest state, for one reader that sleeps until there is a newer one.
package final class StateMailbox: Sendable {
    private struct Board {
        var state = SwarmState()
        /// Since the last one that was read.
        var changes = SwarmChanges()
        var isNew = false

        mutating func read() -> (SwarmState, SwarmChanges) {
            defer { changes = SwarmChanges() }
            isNew = false
            return (state, changes)
        }
    }

    /// Seconds.
    private static let longestSleep = 3600.0

    private let board = Mutex(Board())
    private let change = AsyncEvent()

    package init() {}

    /// Takes a change of the store in and wakes the reader.
    package func take(_ update: StoreUpdate) {
        board.withLock { board in
            board.changes.formUnion(board.state.take(update))
            board.isNew = true
        }
        change.signal()
    }

    /// The state as soon as it is newer than the last one read, or at `deadline`; and what has changed since the last one read. One that
    /// is older than `revision` is never told, also when the deadline has passed: who has written up to then would write it all again.
    package func next(
        after revision: Int64, notLaterThan deadline: Timestamp?
    ) async throws -> (state: SwarmState, changes: SwarmChanges) {
        while true {
            let isDue = deadline.map { $0 <= .now } ?? false
            let found = board.withLock { board in
                (isDue || board.isNew) && board.state.revision >= revision ? board.read() : nil
            }
            if let found { return found }
            // A service's delay may be for centuries: the clock is looked at again. Once it is over only the store is waited for.
            let pause =
                isDue
                ? nil : deadline.map { Duration.seconds(min(max(0.01, $0.timeSince(.now)), Self.longestSleep)) }
            await change.wait(until: pause.map { .now + $0 })
            try Task.checkCancellation()
        }
    }
}
