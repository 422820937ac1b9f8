import Concurrency
import Synchronization

/// A clock that stands still until a test moves it on.
package final class ManualClock: Clock {
    /// A time since the clock was made.
    package struct Instant: InstantProtocol {
        let sinceStart: Duration

        package func advanced(by duration: Duration) -> Instant { Instant(sinceStart: sinceStart + duration) }
        package func duration(to other: Instant) -> Duration { other.sinceStart - sinceStart }
        package static func < (left: Instant, right: Instant) -> Bool { left.sinceStart < right.sinceStart }
    }

    private struct Sleeper: Sendable {
        let end: Instant
        let wake = Promise<Void>()
    }

    private struct State {
        var now = Instant(sinceStart: .zero)
        var sleepers: [Sleeper] = []
    }

    private let state = Mutex(State())
    private let sleeperCount = ObservableValue(0)

    package init() {}

    package var now: Instant { state.withLock { $0.now } }
    package var minimumResolution: Duration { .nanoseconds(1) }

    package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let sleeper = Sleeper(end: deadline)
        let isOver = state.withLock { state in
            if deadline <= state.now { return true }
            state.sleepers.append(sleeper)
            return false
        }
        if isOver { return try Task.checkCancellation() }
        sleeperCount.change { $0 += 1 }
        defer {
            state.withLock { state in state.sleepers.removeAll { $0.wake === sleeper.wake } }
            sleeperCount.change { $0 -= 1 }
        }
        try await sleeper.wake.value()
    }

    /// Moves on, and wakes those whose time has come.
    package func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            return state.sleepers.filter { $0.end <= state.now }
        }
        for sleeper in woken { sleeper.wake.succeed(()) }
    }

    /// Returns when so many sleep, or more.
    package func waitForSleepers(_ count: Int) async throws { try await sleeperCount.wait { $0 >= count ? true : nil } }
}
