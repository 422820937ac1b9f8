import Concurrency
import Model
import Synchronization

/// The events that one reader has not read yet.
final class EventFollower: Sendable {
    /// How many may wait for the reader; then it loses the oldest.
    static let capacity = EventLog.capacity + 4096
    /// Seconds.
    private static let longestWait = 3600.0

    fileprivate struct State {
        /// The newest last.
        var new: [EngineEvent] = []
        /// Those before, the newest first.
        var old: [EngineEvent] = []
    }

    private let until: Timestamp?
    private let isMeant: @Sendable (EngineEvent) -> Bool
    private let state = Mutex(State())
    private let bell = AsyncEvent()

    init(until: Timestamp?, _ isMeant: @escaping @Sendable (EngineEvent) -> Bool) {
        self.until = until
        self.isMeant = isMeant
    }

    /// Keeps an event if it is one for the reader, who must be woken then.
    func take(_ event: EngineEvent) -> Bool {
        if let until, event.time > until { return false }
        guard isMeant(event) else { return false }
        state.withLock { state in
            if state.new.count + state.old.count >= Self.capacity {
                if state.old.isEmpty { state.turn() }
                _ = state.old.popLast()
            }
            state.new.append(event)
        }
        return true
    }

    func wake() { bell.signal() }

    /// The next event, as soon as there is one; `nil` when time is up or the reader is cancelled.
    func next() async -> EngineEvent? {
        while !Task.isCancelled {
            if let event = state.withLock({ $0.first() }) { return event }
            guard let until else {
                await bell.wait()
                continue
            }
            let rest = until.timeSince(.now)
            if rest <= 0 { return nil }
            // A client may name any moment: what is far away is waited for in parts.
            await bell.wait(until: .now + .seconds(min(rest, Self.longestWait)))
        }
        return nil
    }
}

extension EventFollower.State {
    fileprivate mutating func first() -> EngineEvent? {
        if old.isEmpty { turn() }
        return old.popLast()
    }

    fileprivate mutating func turn() {
        swap(&old, &new)
        old.reverse()
    }
}
