/// Which event it is: the same on every node that knows it.
package struct EventID: Hashable, Sendable, CustomStringConvertible {
    /// Whose events are counted: a node's log by its id, or an object of the swarm.
    package let origin: String
    /// Grows from event to event of one origin; may leave numbers out.
    package let sequence: Int64

    package init(origin: String, sequence: Int64) {
        self.origin = origin
        self.sequence = sequence
    }

    package var description: String { "\(origin)/\(sequence)" }
}

/// A node of the swarm, as events name it.
package struct EventNode: Hashable, Sendable {
    package let id: String
    package let name: String

    package init(id: String, name: String) {
        self.id = id
        self.name = name
    }
}

/// An event as a node's log has it.
package struct LoggedEvent: Sendable, Equatable {
    /// Who is told of an event.
    package enum Audience: Int, Sendable, CaseIterable {
        /// Every reader.
        case everyone = 0
        /// Readers that ask for its type, or for the cluster's.
        case optional = 1
        /// Readers that ask for the cluster's.
        case cluster = 2
    }

    /// In this log; grows from event to event, and may leave numbers out.
    package let position: Int64
    package let id: EventID
    /// The node that told it; `nil` for events of this node and of the swarm.
    package let node: EventNode?
    package let event: EngineEvent

    package init(position: Int64, id: EventID, node: EventNode? = nil, event: EngineEvent) {
        self.event = event
        self.id = id
        self.node = node
        self.position = position
    }

    package var audience: Audience {
        if Self.optionalTypes.contains(event.type) { return .optional }
        return node == nil ? .everyone : .cluster
    }

    /// Types that Docker does not know: its clients are told of them when they ask.
    package static let optionalTypes = managerTypes.union(["task"])
    /// Those of them that managers tell each other, as none finds them out by itself: what the leader finds, and what was done at one.
    package static let managerTypes: Set<String> = [alertType, auditType]
    package static let alertType = "alert"
    /// What somebody did from the dashboard, or looked at or did in a container through a manager. Of scope `swarm` where it was asked for, `local` on
    /// the node where it was done.
    package static let auditType = "audit"
}

/// Where a reader of events goes on: after the event that it came with.
package struct EventCursor: Sendable, Equatable, CustomStringConvertible {
    /// The log, by its id.
    package let log: String
    /// Of the event, in that log.
    package let position: Int64
    /// Of the event: where to go on in another node's log.
    package let time: Timestamp

    package init(log: String, position: Int64, time: Timestamp) {
        self.log = log
        self.position = position
        self.time = time
    }

    /// How much earlier a reader goes on in the log of another node, which may have learned of an event sooner.
    package static let overlapSeconds: Int64 = 30

    package var description: String { "\(log).\(position).\(time.clampedNanosecondsSinceEpoch)" }

    /// `nil` for a text that is no cursor.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let log = parts.first, let position = Int64(parts.dropFirst().first ?? ""),
            let time = Int64(parts.last ?? ""), !log.isEmpty, log.utf8.count <= 64, position >= 0,
            log.utf8.allSatisfy({ (48...57).contains($0) || (97...122).contains($0) })
        else { return nil }
        self.init(log: String(log), position: position, time: Timestamp(nanosecondsSinceEpoch: time))
    }
}

/// An event as one client is told of it.
package struct ToldEvent: Sendable, Equatable {
    package var event: EngineEvent
    /// The same for one event wherever it is told; `nil` for readers that have not asked for more than Docker has.
    package var id: EventID?
    /// Where to go on after this event; `nil` for the same.
    package var cursor: EventCursor?

    package init(_ event: EngineEvent, id: EventID? = nil, cursor: EventCursor? = nil) {
        self.cursor = cursor
        self.event = event
        self.id = id
    }

    /// The type and action of what a reader is told in the place of events that are not kept any more.
    package static let gapType = "daemon"
    package static let gapAction = "events-lost"
}
