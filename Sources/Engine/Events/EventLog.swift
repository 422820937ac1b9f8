import Concurrency
import EngineInterface
import LinuxSystem
import LocalStore
import Logging
package import Model
import Synchronization

/// The node's events: the recent ones in memory, those before in a file, and whoever follows them.
///
/// A reader has a place in the log and reads on from it, so that one that is slow costs nothing and loses nothing that is still kept.
package final class EventLog: Sendable {
    /// How many past events are in memory.
    static let capacity = 16_384
    /// How many more may wait for the disk; those beyond are not kept.
    fileprivate static let olderUnsaved = capacity

    struct State {
        var recent: [LoggedEvent] = []
        /// The place that everything in memory comes after.
        var floor: Int64 = 0
        var last: Int64 = 0
        var followers: [UInt64: EventFollower.Place] = [:]
        var nextFollower: UInt64 = 0
        /// Of other nodes' logs, by the logs' ids.
        var streams: [String: EventStore.EventStream] = [:]
        /// Those that have changed since they were written.
        var unsavedStreams: Set<String> = []
        /// How many are in the file, about.
        var count = 0
        /// A manager's until it is known what the node is.
        var mostKept = EventLog.keptByManager

        /// How many in memory are too many.
        var bound = EventLog.capacity + EventLog.capacity / 4
        /// How many were too many before the file had them.
        var lost = 0
    }

    let state = Mutex(State())
    /// Read under the lock of the state, by readers' filters.
    private let ownNode = Mutex<EventNode?>(nil)
    /// Up to which place the file has what it is to have; without a file it stays 0.
    let saved = ObservableValue<Int64>(0)
    /// Rung with every event, for the one who only wants to know that there is work.
    let work = AsyncEvent()
    /// Rung with every event, for the one who writes them.
    let unsaved = AsyncEvent()
    /// Counts this node's own events that others are told of.
    let shared = ObservableValue<Int64>(0)
    /// The log's id.
    package let id: String
    let store: EventStore?

    /// A log in memory alone.
    package convenience init() { self.init(id: RandomID.hex(bytes: 8), store: nil) }

    init(id: String, store: EventStore?) {
        self.id = id
        self.store = store
    }

    /// Remembers an event of this node, or of the swarm, and tells the followers.
    /// - Parameter id: For what others know by the same id; `nil` for this node's own.
    package func publish(_ event: EngineEvent, id: EventID? = nil) {
        let (told, last) = state.withLock { state in
            (state.append(event, id: id, node: nil, log: self.id, saved: reached), state.last)
        }
        tell(told)
        if id == nil, SharedEvents.contains(event) { shared.change { $0 = max($0, last) } }
    }

    /// Up to which place events need not be in memory.
    var reached: Int64 { store == nil ? .max : saved.value }

    func tell(_ told: [EventFollower]) {
        for follower in told { follower.wake() }
        if store != nil { unsaved.signal() }
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

    /// How this node is called in its swarm; `nil` while it is in none.
    package func identify(as node: EventNode?) { ownNode.withLock { $0 = node } }

    var identity: EventNode? { ownNode.withLock { $0 } }

    /// Remembered events from `since` on (none when `nil`), then new ones, until `until` (for ever when `nil`).
    package func follow(since: Timestamp?, until: Timestamp?, matching test: @escaping @Sendable (EngineEvent) -> Bool)
        -> AsyncStream<EngineEvent>
    {
        let stream = follow(
            EventFollower.Request(since: since, until: until, audiences: [.everyone]) { test($0.event) })
        return AsyncStream(unfolding: { await stream.next()?.event })
    }

    func follow(_ request: EventFollower.Request) -> EventFollower.Reader {
        let follower = EventFollower(request)
        let id = state.withLock { state in
            let id = state.nextFollower
            state.nextFollower += 1
            state.followers[id] = EventFollower.Place(follower, state.start(request, hasFile: store != nil))
            return id
        }
        return EventFollower.Reader(id: id, follower: follower, log: self)
    }
}

extension EventLog.State {
    /// Puts an event behind the others.
    /// - Returns: Who is to be woken.
    mutating func append(_ event: EngineEvent, id: EventID?, node: EventNode?, log: String, saved: Int64)
        -> [EventFollower]
    {
        let before = last
        last += 1
        let entry = LoggedEvent(
            position: last, id: id ?? EventID(origin: log, sequence: last), node: node, event: event)
        recent.append(entry)
        trim(saved: saved)
        var told: [EventFollower] = []
        for place in followers.values {
            if place.follower.isMeant(entry) {
                told.append(place.follower)
            } else if place.position == before {
                // Whoever has read everything else is past this one, too.
                place.position = last
            }
        }
        return told
    }

    /// Keeps the newest, and those that the file does not have yet as long as there is room.
    private mutating func trim(saved: Int64) {
        guard recent.count > bound else { return }
        var count = EventLog.capacity
        let older = recent.dropLast(count).suffix(EventLog.olderUnsaved)
        if let last = older.last, last.position > saved { count += older.drop { $0.position <= saved }.count }
        let gone = recent.dropLast(count)
        lost += gone.reversed().prefix { $0.position > saved }.count
        floor = max(floor, gone.last?.position ?? 0)
        recent = Array(recent.suffix(count))
        bound = count + EventLog.capacity / 4
    }

    /// The place that a reader begins after.
    func start(_ request: EventFollower.Request, hasFile: Bool) -> Int64 {
        if let position = request.after { return min(position, last) }
        guard let since = request.since else { return last }
        // What is in memory comes after what is in the file.
        guard hasFile, floor > 0 else { return floor }
        return (recent.first?.event.time ?? since) < since ? floor : 0
    }

    /// Events after a place, at most so many; `nil` when some of them are not in memory any more.
    func events(after position: Int64, limit: Int) -> ArraySlice<LoggedEvent>? {
        if position < floor { return nil }
        var (low, high) = (0, recent.count)
        while low < high {
            let middle = (low + high) / 2
            if recent.dropFirst(middle).first.map({ $0.position <= position }) ?? false {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return recent.dropFirst(low).prefix(limit)
    }
}
