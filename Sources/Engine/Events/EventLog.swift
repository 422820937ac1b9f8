import Concurrency
import EngineInterface
package import Model
import Synchronization

/// The engine's recent events, and whoever follows them.
package final class EventLog: Sendable {
    /// How many past events are remembered.
    static let capacity = 16_384

    private struct State {
        var past: [EngineEvent] = []
        var followers: [UInt64: EventFollower] = [:]
        var nextFollower: UInt64 = 0
    }

    private let state = Mutex(State())
    /// Rung with every event, for the one who only wants to know that there is work.
    let work = AsyncEvent()

    package init() {}

    /// Remembers an event and tells the followers.
    package func publish(_ event: EngineEvent) {
        let told = state.withLock { state in
            state.past.append(event)
            if state.past.count > Self.capacity + Self.capacity / 4 {
                state.past = Array(state.past.suffix(Self.capacity))
            }
            // Handed over under the lock, so that all read the same order; woken up after it.
            return state.followers.values.filter { $0.take(event) }
        }
        for follower in told { follower.wake() }
        work.signal()
    }

    /// Remembers an event of now, and tells it to those who follow.
    package func publish(
        _ type: String, _ action: String, _ actorID: String, _ attributes: [String: String] = [:],
        scope: String = "local"
    ) {
        publish(EngineEvent(type: type, action: action, actorID: actorID, attributes: attributes, scope: scope))
    }

    package var followerCount: Int { state.withLock { $0.followers.count } }

    /// Remembered events from `since` on (none when `nil`), then new ones, until `until` (for ever when `nil`).
    package func follow(since: Timestamp?, until: Timestamp?, matching test: @escaping @Sendable (EngineEvent) -> Bool)
        -> AsyncStream<EngineEvent>
    {
        let follower = EventFollower(until: until, test)
        let place = state.withLock { state in
            if let since { for event in state.past where event.time >= since { _ = follower.take(event) } }
            let id = state.nextFollower
            state.nextFollower += 1
            state.followers[id] = follower
            return Place(id: id, log: self)
        }
        return AsyncStream(unfolding: {
            // The stream keeps its place in the log, and the log forgets the follower with it.
            _ = place
            return await follower.next()
        })
    }

    /// A follower's place among the others, given up when nobody reads any more.
    private final class Place: Sendable {
        private let id: UInt64
        private let log: EventLog

        init(id: UInt64, log: EventLog) {
            self.id = id
            self.log = log
        }

        deinit { log.state.withLock { _ = $0.followers.removeValue(forKey: id) } }
    }
}
