import EngineInterface
package import Model
import Synchronization

/// The engine's recent events, and whoever follows them.
package final class EventLog: Sendable {
    /// How many past events are remembered.
    static let capacity = 16_384
    /// How far a follower may lag behind before it loses the oldest events it has not read.
    static let followerCapacity = 4096

    private struct State {
        var past: [EngineEvent] = []
        var followers: [UInt64: AsyncStream<EngineEvent>.Continuation] = [:]
        var nextFollower: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// Remembers an event and tells the followers.
    package func publish(_ event: EngineEvent) {
        state.withLock { state in
            state.past.append(event)
            if state.past.count > Self.capacity + Self.capacity / 4 {
                state.past.removeFirst(state.past.count - Self.capacity)
            }
            for follower in state.followers.values { follower.yield(event) }
        }
    }

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
        let (all, continuation) = AsyncStream.makeStream(
            of: EngineEvent.self, bufferingPolicy: .bufferingNewest(Self.capacity + Self.followerCapacity))
        let now = Timestamp.now
        let id = state.withLock { state -> UInt64? in
            if let since {
                for event in state.past where event.time >= since && (until.map { event.time <= $0 } ?? true) {
                    if test(event) { continuation.yield(event) }
                }
            }
            if let until, until <= now {
                continuation.finish()
                return nil
            }
            let id = state.nextFollower
            state.nextFollower += 1
            state.followers[id] = continuation
            return id
        }
        guard let id else { return all }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.followers.removeValue(forKey: id) }
        }
        return Self.selected(from: all, until: until, test)
    }

    private static func selected(
        from all: AsyncStream<EngineEvent>, until: Timestamp?, _ test: @escaping @Sendable (EngineEvent) -> Bool
    ) -> AsyncStream<EngineEvent> {
        let (chosen, continuation) = AsyncStream.makeStream(
            of: EngineEvent.self, bufferingPolicy: .bufferingNewest(followerCapacity))
        // Bridges one stream to another; it ends with the reader, who cancels it.
        let pump = Task {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await event in all where test(event) { continuation.yield(event) }
                }
                if let until {
                    group.addTask {
                        let wait = max(0, until.timeSince(.now))
                        // A cancelled sleep ends the wait as well.
                        try? await Task.sleep(for: .seconds(wait))
                    }
                    await group.next()
                    group.cancelAll()
                }
                await group.waitForAll()
            }
            continuation.finish()
        }
        continuation.onTermination = { _ in pump.cancel() }
        return chosen
    }
}
