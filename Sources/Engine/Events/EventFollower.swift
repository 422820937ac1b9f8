import Concurrency
import EngineInterface
import LocalStore
import Model
import Synchronization

/// One reader of the events.
final class EventFollower: Sendable {
    /// Seconds.
    private static let longestWait = 3600.0
    /// How many events are looked at in one go.
    static let page = 256

    /// What a reader wants.
    struct Request: Sendable {
        var since: Timestamp?
        var until: Timestamp?
        /// Goes on after this place, whatever `since` says.
        var after: Int64?
        var audiences: Set<LoggedEvent.Audience>
        var isMeant: @Sendable (LoggedEvent) -> Bool

        init(
            since: Timestamp? = nil, until: Timestamp? = nil, after: Int64? = nil,
            audiences: Set<LoggedEvent.Audience>, _ isMeant: @escaping @Sendable (LoggedEvent) -> Bool
        ) {
            self.after = after
            self.audiences = audiences
            self.isMeant = isMeant
            self.since = since
            self.until = until
        }
    }

    /// How far a reader has come; only under the log's lock.
    final class Place {
        let follower: EventFollower
        var position: Int64

        init(_ follower: EventFollower, _ position: Int64) {
            self.follower = follower
            self.position = position
        }
    }

    let request: Request
    private let wakeup = AsyncEvent()

    init(_ request: Request) { self.request = request }

    /// Whether an event is one for the reader.
    func isMeant(_ entry: LoggedEvent) -> Bool {
        if let until = request.until, entry.event.time > until { return false }
        if request.after == nil, let since = request.since, entry.event.time < since { return false }
        return request.audiences.contains(entry.audience) && request.isMeant(entry)
    }

    func wake() { wakeup.signal() }

    /// Returns when there may be something new.
    /// - Returns: False when time is up or the reader is cancelled.
    fileprivate func wait() async -> Bool {
        guard let until = request.until else {
            await wakeup.wait()
            return !Task.isCancelled
        }
        let rest = until.timeSince(.now)
        if rest <= 0 { return false }
        // A client may name any moment: what is far away is waited for in parts.
        await wakeup.wait(until: .now + .seconds(min(rest, Self.longestWait)))
        return !Task.isCancelled
    }

    /// A reader's place in a log, given up when nobody reads any more. Read by one task at a time.
    final class Reader: Sendable {
        private let id: UInt64
        private let follower: EventFollower
        let log: EventLog
        /// Found and not read yet, the next one last.
        private let found = Mutex<[LoggedEvent]>([])

        init(id: UInt64, follower: EventFollower, log: EventLog) {
            self.follower = follower
            self.id = id
            self.log = log
        }

        deinit { log.state.withLock { _ = $0.followers.removeValue(forKey: id) } }

        /// The next event, as soon as there is one; `nil` when time is up or the reader is cancelled.
        func next() async -> LoggedEvent? {
            while !Task.isCancelled {
                if let entry = found.withLock({ $0.popLast() }) { return entry }
                switch log.look(of: id) {
                case .events(let entries):
                    let meant = entries.filter(follower.isMeant).reversed()
                    found.withLock { $0 = Array(meant) }
                case .file(let position, let floor): await readFile(after: position, to: floor)
                case .nothing: if await !follower.wait() { return nil }
                }
            }
            return nil
        }

        private func readFile(after position: Int64, to floor: Int64) async {
            var selection = EventStore.Selection(after: position, to: floor, limit: EventFollower.page)
            if follower.request.after == nil { selection.since = follower.request.since }
            selection.audiences = follower.request.audiences
            let entries = await log.read(selection)
            let reached = entries.count < EventFollower.page ? floor : entries.last?.position ?? floor
            let meant = entries.filter(follower.isMeant).reversed()
            found.withLock { $0 = Array(meant) }
            log.advance(id, to: reached)
        }
    }
}

extension EventLog {
    enum Look {
        case events(ArraySlice<LoggedEvent>)
        /// The next ones, up to a place, are in the file.
        case file(after: Int64, to: Int64)
        case nothing
    }

    /// The next events for a reader, who has read them by that.
    fileprivate func look(of id: UInt64) -> Look {
        state.withLock { state in
            guard let place = state.followers[id] else { return .nothing }
            let position = store == nil ? max(place.position, state.floor) : place.position
            guard let entries = state.events(after: position, limit: EventFollower.page) else {
                return .file(after: position, to: state.floor)
            }
            guard let last = entries.last else { return .nothing }
            place.position = last.position
            return .events(entries)
        }
    }

    fileprivate func advance(_ id: UInt64, to position: Int64) {
        state.withLock { state in
            guard let place = state.followers[id], place.position < position else { return }
            place.position = position
        }
    }
}
