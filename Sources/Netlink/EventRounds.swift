import Concurrency
import Synchronization

/// Events not yet read, each once, and given in rounds: the first after a quiet time at once, what comes after it together, when the pause since
/// the last round began is over. So however many changes there are, and however fast the reader is, each thing is told once a pause.
///
/// Nothing is asked again and again: the pause is slept through only while an event waits.
final class EventRounds<Time: Clock>: Sendable where Time.Duration == Duration {
    private struct State {
        var waiting: [NetlinkEvent] = []
        /// How many of them, the oldest, are of the round that is being given.
        var inRound = 0
        /// When the next round may begin.
        var next: Time.Instant?
        var isOver = false
    }

    private enum Step {
        case give(NetlinkEvent)
        case rest(until: Time.Instant)
        case waitForChange
        case end
    }

    private let state = Mutex(State())
    private let change = AsyncEvent()
    private let clock: Time
    private let pause: Duration

    /// - Parameter pause: between the beginnings of two rounds at least.
    init(pause: Duration, clock: Time) {
        self.pause = pause
        self.clock = clock
    }

    /// Those of the events that do not wait already will be given after the ones that do.
    func add(_ events: [NetlinkEvent]) {
        let isFirst = state.withLock { state in
            let wasEmpty = state.waiting.isEmpty
            for event in events where !state.waiting.contains(event) { state.waiting.append(event) }
            return wasEmpty && !state.waiting.isEmpty
        }
        // Where others wait, the reader has been told or is about to look.
        if isFirst { change.signal() }
    }

    func finish() {
        state.withLock { $0.isOver = true }
        change.signal()
    }

    /// The oldest; `nil` at the end, and when the task is cancelled.
    func next() async -> NetlinkEvent? {
        while !Task.isCancelled {
            switch step() {
            case .give(let event): return event
            case .end: return nil
            case .waitForChange: await change.wait()
            // Cancelled, it ends above.
            case .rest(let end): try? await clock.sleep(until: end, tolerance: nil)
            }
        }
        return nil
    }

    private func step() -> Step {
        let now = clock.now
        return state.withLock { state in
            if state.waiting.isEmpty { return state.isOver ? .end : .waitForChange }
            if state.inRound == 0 {
                if !state.isOver, let next = state.next, now < next { return .rest(until: next) }
                state.inRound = state.waiting.count
                state.next = now.advanced(by: pause)
            }
            state.inRound -= 1
            return .give(state.waiting.removeFirst())
        }
    }
}
