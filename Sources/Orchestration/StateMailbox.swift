import Concurrency
package import Model
import Synchronization

/// The latest state, for one reader that sleeps until there is a newer one.
package final class StateMailbox: Sendable {
    /// Seconds.
    private static let longestSleep = 3600.0

    private let copy: any SwarmCopy
    /// What was read last.
    private let last = Mutex<SwarmLook?>(nil)
    private let change = AsyncEvent()

    package init(_ copy: any SwarmCopy) { self.copy = copy }

    /// Wakes the reader when there is something new, until cancelled.
    package func follow() async {
        for await _ in copy.changes() { change.signal() }
    }

    /// The state as soon as it is newer than the last one read, or at `deadline`; and what has changed since the last one read. One that
    /// is older than `revision` is never told, also when the deadline has passed: who has written up to then would write it all again.
    package func next(
        after revision: Int64, notLaterThan deadline: Timestamp?
    ) async throws -> (state: SwarmState, changes: SwarmChanges) {
        while true {
            let isDue = deadline.map { $0 <= .now } ?? false
            if let found = read(after: revision, evenSo: isDue) { return (found.state, found.changes) }
            // A service's delay may be for centuries: the clock is looked at again. Once it is over only the store is waited for.
            let pause =
                isDue
                ? nil : deadline.map { Duration.seconds(min(max(0.01, $0.timeSince(.now)), Self.longestSleep)) }
            await change.wait(until: pause.map { .now + $0 })
            try Task.checkCancellation()
        }
    }

    /// - Parameter isWanted: Whether one that is not newer is wanted, too.
    private func read(after revision: Int64, evenSo isWanted: Bool) -> SwarmLook? {
        let former = last.withLock { $0 }
        let look = copy.look(after: former)
        guard isWanted || look.isNewer(than: former), look.state.revision >= revision else { return nil }
        last.withLock { $0 = look }
        return look
    }
}
