import Concurrency
import Synchronization

/// Events not yet read, each once, and given in rounds: the first after a quiet time at once, what comes after it together, when the pause since
/// the last round began is over. So however many changes there are, and however fast the reader is, each thing is told once a pause.
///
/// Nothing is asked again and again: the pause is slept through only while an event waits.
final class EventRounds<Time: Clock>: Sendable where Time.Duration == Duration {
    private struct State {
        /// The next round, in the order in which they came.
        private var waiting: [NetlinkEvent] = []
        /// What is left of the round that is being given, the oldest last.
        private var round: [NetlinkEvent] = []
        /// Both together.
        private var known: Set<NetlinkEvent> = []
        /// When the next round may begin.
        var next: Time.Instant?
        var isOver = false

        var isEmpty: Bool { known.isEmpty }
        var isInRound: Bool { !round.isEmpty }

        mutating func add(_ event: NetlinkEvent) { if known.insert(event).inserted { waiting.append(event) } }

        mutating func beginRound() {
            round = waiting.reversed()
            waiting = []
        }

        mutating func takeFromRound() -> NetlinkEvent? {
            let event = round.popLast()
            if let event { known.remove(event) }
            return event
        }
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
            let wasEmpty = state.isEmpty
            for event in events { state.add(event) }
            return wasEmpty && !state.isEmpty
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
            if !state.isInRound, !state.isEmpty {
                if !state.isOver, let next = state.next, now < next { return .rest(until: next) }
                state.beginRound()
                state.next = now.advanced(by: pause)
            }
            return state.takeFromRound().map { .give($0) } ?? (state.isOver ? .end : .waitForChange)
        }
    }
}
