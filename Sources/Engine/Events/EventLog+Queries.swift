import EngineInterface
import Model
import Synchronization

extension EventLog {
    /// What a client asked for, from where it wants to go on.
    func tell(_ query: EventQuery, _ filter: EventFilter) async -> AsyncStream<ToldEvent> {
        var request = EventFollower.Request(since: query.since, until: query.until, audiences: filter.audiences) {
            [weak self] entry in filter.matches(filter.told(entry, by: self?.identity))
        }
        var gap: ToldEvent?
        if let cursor = query.cursor {
            if cursor.log == id {
                request.after = cursor.position
                if await hasLost(after: cursor.position) { gap = Self.gap(at: cursor) }
            } else {
                request.since = cursor.time.advanced(bySeconds: -EventCursor.overlapSeconds)
            }
        }
        let reader = follow(request)
        let first = Mutex(gap)
        let hasOptedIn = query.hasOptedIn
        return AsyncStream(unfolding: { [id] in
            let gap = first.withLock { first in
                defer { first = nil }
                return first
            }
            if let gap { return gap }
            guard let entry = await reader.next() else { return nil }
            let event = filter.told(entry, by: reader.identity)
            guard hasOptedIn else { return ToldEvent(event) }
            return ToldEvent(
                event, id: entry.id, cursor: EventCursor(log: id, position: entry.position, time: event.time))
        })
    }

    /// What is told in the place of events that are not kept any more.
    private static func gap(at cursor: EventCursor) -> ToldEvent {
        ToldEvent(
            EngineEvent(
                type: ToldEvent.gapType, action: ToldEvent.gapAction, actorID: "",
                attributes: ["after": cursor.time.description]),
            cursor: cursor)
    }
}

extension EventFollower.Reader {
    fileprivate var identity: EventNode? { log.identity }
}
