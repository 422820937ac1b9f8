import EngineInterface
import GRPCCore
import Model
import NodeProtocol

/// What a node may tell of what happens to it. Nodes leave out what is longer than a manager keeps; what an honest node never tells is refused.
enum FeedEvents {
    /// Events of one message.
    static let mostEvents = 256
    /// Bytes of one message's events.
    static let batchBytes = 64 << 10
    /// Bytes of one event: a manager has thousands of them in memory.
    static let eventBytes = 4 << 10
    static let mostAttributes = 64
    static let longestName = 255
    static let longestText = 1 << 10
    private static let types: Set<String> = ["container", "daemon", "image", "network", "volume"]

    /// Events as managers take them, as many as fit into one message.
    static func batch(_ events: [NumberedEvent]) -> Wire.EventBatch {
        var batch = Wire.EventBatch()
        var bytes = 0
        for numbered in events.prefix(mostEvents) {
            var numbered = numbered
            numbered.event = cut(numbered.event)
            bytes += size(numbered.event)
            if bytes > batchBytes, !batch.events.isEmpty { break }
            batch.events.append(Wire.NodeEvent(numbered))
        }
        return batch
    }

    /// What a node has told in one message.
    struct Told {
        var events: [NumberedEvent] = []
        /// Of the last event, also where that is not taken in; 0 for none.
        var last: Int64 = 0
    }

    /// Events of a node.
    /// - Parameter isManager: Whether it may tell of alerts, and of what was done from the dashboard. Of another node such events are left
    ///   out: it may have been a manager when they happened, and would tell them again and again if they were refused.
    /// - Throws: `RPCError` with `.invalidArgument`.
    static func events(_ batch: Wire.EventBatch, isManager: Bool = false, now: Timestamp = .now) throws
        -> Told
    {
        guard batch.events.count <= mostEvents else { throw refusal("\(batch.events.count) events in one message") }
        var told = Told()
        for sent in batch.events {
            guard sent.sequence > told.last else { throw refusal("events out of order") }
            told.last = sent.sequence
            let isManagers = LoggedEvent.managerTypes.contains(sent.type)
            guard types.contains(sent.type) || isManagers, isName(sent.action), sent.actorID.utf8.count <= longestText,
                sent.attributes.count <= mostAttributes,
                sent.attributes.allSatisfy({ isName($0.key) && $0.value.utf8.count <= longestText })
            else { throw refusal("what is no event") }
            var numbered = sent.numbered
            guard size(numbered.event) <= eventBytes else { throw refusal("an event that is too long") }
            // A node's clock may be off; nothing has happened later than now.
            numbered.event.time = min(numbered.event.time, now)
            if isManagers { numbered.event.scope = "swarm" }
            if !isManagers || isManager { told.events.append(numbered) }
        }
        return told
    }

    private static func isName(_ text: String) -> Bool { !text.isEmpty && text.utf8.count <= longestName }

    private static func size(_ event: EngineEvent) -> Int {
        event.attributes.reduce(event.action.utf8.count + event.actorID.utf8.count + 64) {
            $0 + $1.key.utf8.count + $1.value.utf8.count
        }
    }

    /// An event without what would be refused. Of many attributes, as a container's labels, the first by name are told.
    private static func cut(_ event: EngineEvent) -> EngineEvent {
        var short = event
        short.action = NodeReports.cut(event.action, longestName)
        short.actorID = NodeReports.cut(event.actorID, longestText)
        var room = eventBytes - size(EngineEvent(type: "", action: short.action, actorID: short.actorID))
        short.attributes = [:]
        for (name, value) in event.attributes.sorted(by: { $0.key < $1.key }) where isName(name) {
            let value = NodeReports.cut(value, longestText)
            room -= name.utf8.count + value.utf8.count
            guard room >= 0, short.attributes.count < mostAttributes else { break }
            short.attributes[name] = value
        }
        return short
    }

    private static func refusal(_ what: String) -> RPCError {
        RPCError(code: .invalidArgument, message: "the node tells \(what)")
    }
}
