import Concurrency
package import EngineInterface
import LocalStore
package import Model
import Synchronization

/// What managers and nodes tell each other of events.
extension EventLog: EventExchange {
    /// How many logs one node may have: it begins another one when its file is lost. For one more the one is forgotten that told something longest ago.
    private static let mostLogs = 4
    /// How far back somebody is told who knows nothing yet, in seconds.
    private static let firstLook: Int64 = 3600

    package func recent(_ type: String, since: Timestamp) async -> [EngineEvent] {
        let reader = follow(
            EventFollower.Request(since: since, until: .now, audiences: Set(LoggedEvent.Audience.allCases)) {
                $0.event.type == type
            })
        var events: [EngineEvent] = []
        while let entry = await reader.next() { events.append(entry.event) }
        return events
    }

    package func ownEvents(after number: Int64, limit: Int) async throws -> [NumberedEvent] {
        let since = number == 0 ? Timestamp.now.advanced(bySeconds: -Self.firstLook) : nil
        var position = number
        while true {
            try Task.checkCancellation()
            let page = await ownPage(after: position, since: since, limit: limit)
            let found = page.entries.filter { $0.id.origin == id && SharedEvents.contains($0.event) }
                .filter { entry in since.map { entry.event.time >= $0 } ?? true }
            if !found.isEmpty {
                return found.map { NumberedEvent(sequence: $0.id.sequence, event: $0.event) }
            }
            if page.reached > position {
                position = page.reached
            } else {
                try await shared.wait { [position] in $0 > position ? true : nil }
            }
        }
    }

    /// The next events after a place, and how far they reach.
    private func ownPage(after position: Int64, since: Timestamp?, limit: Int) async -> (
        entries: [LoggedEvent], reached: Int64
    ) {
        let (recent, floor, last) = state.withLock { state in
            (state.events(after: position, limit: limit).map { Array($0) }, state.floor, state.last)
        }
        if let recent { return (recent, recent.last?.position ?? max(position, min(last, shared.value))) }
        guard store != nil else { return ([], floor) }
        var selection = EventStore.Selection(after: position, to: floor, limit: limit)
        // Those that Docker's clients are not told of among them: alerts, and what was done from the dashboard.
        selection.origin = id
        selection.since = since
        let entries = await read(selection)
        return (entries, entries.count < limit ? floor : entries.last?.position ?? floor)
    }

    package func known(of log: String, at nodeID: String) -> Int64 {
        // A manager's own node has nothing to tell it.
        if log == id { return .max }
        return state.withLock { $0.streams[log].flatMap { $0.node == nodeID ? $0.sequence : nil } ?? 0 }
    }

    package func take(
        _ events: [NumberedEvent], through number: Int64, of log: String, at node: EventNode,
        isMember: @Sendable (String) -> Bool = { _ in true }
    ) async throws -> Int64 {
        let (told, last, sequence) = try state.withLock { state in
            var stream = try state.stream(log, of: node.id, own: id, most: Self.mostLogs, isMember)
            var told: [EventFollower] = []
            for entry in events where entry.sequence > stream.sequence {
                told += state.append(
                    entry.event, id: EventID(origin: log, sequence: entry.sequence), node: node, log: id,
                    saved: reached)
                stream.sequence = entry.sequence
            }
            stream.sequence = max(stream.sequence, number)
            stream.position = state.last
            state.streams[log] = stream
            state.unsavedStreams.insert(log)
            return (told, state.last, stream.sequence)
        }
        tell(told)
        if store != nil { try await saved.wait { $0 >= last ? true : nil } }
        return sequence
    }
}

extension EventLog.State {
    /// What is known of another node's log, which is its own from then on.
    fileprivate mutating func stream(
        _ log: String, of nodeID: String, own: String, most: Int, _ isMember: (String) -> Bool
    ) throws -> EventStore.EventStream {
        guard log != own else { throw EventExchangeError.foreignLog }
        if let known = streams[log] {
            if known.node == nodeID { return known }
            // A node that was removed and has joined anew has another id, and the log that it had.
            guard !isMember(known.node) else { throw EventExchangeError.foreignLog }
            return EventStore.EventStream(log: log, node: nodeID, sequence: known.sequence)
        }
        let others = streams.values.filter { $0.node == nodeID }
        if others.count >= most, let oldest = others.min(by: { $0.position < $1.position }) {
            streams[oldest.log] = nil
            unsavedStreams.remove(oldest.log)
        }
        return EventStore.EventStream(log: log, node: nodeID, sequence: 0)
    }
}
