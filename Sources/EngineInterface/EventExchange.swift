package import Model

/// An event of a node under its number in the node's log.
package struct NumberedEvent: Sendable, Equatable {
    /// Grows from event to event of one log; may leave numbers out.
    package var sequence: Int64
    package var event: EngineEvent

    package init(sequence: Int64, event: EngineEvent) {
        self.event = event
        self.sequence = sequence
    }
}

/// A node's log of events, as the swarm's part of the node sees it.
package protocol EventExchange: Sendable {
    /// The log's id: numbers count within it.
    var id: String { get }

    /// Remembers an event and tells it to whoever follows.
    /// - Parameter id: For what others know by the same id; `nil` for this node's own.
    func publish(_ event: EngineEvent, id: EventID?)

    /// How this node is called in its swarm; `nil` while it is in none.
    func identify(as node: EventNode?)

    /// Keeps as many events as a manager does, or as a node.
    func keep(asManager isManager: Bool)

    /// Events of a type that are kept, the swarm's and other nodes' among them, in order.
    func recent(_ type: String, since: Timestamp) async -> [EngineEvent]

    /// This node's own events that managers are told of, after a number, as soon as there are any.
    ///
    /// - Parameter number: 0 for those of the last hour: whoever knows none does not need all that is kept.
    /// - Throws: `CancellationError`.
    func ownEvents(after number: Int64, limit: Int) async throws -> [NumberedEvent]

    /// The number of the last event that is known of another node's log; 0 for none, the largest there is for this very log.
    func known(of log: String, at nodeID: String) -> Int64

    /// Takes in what follows in another node's log. What is known is left out.
    ///
    /// - Parameter last: Up to which number the node has told: events that are not taken in have numbers, too.
    /// - Returns: The number of the last event that is kept, once it is.
    /// - Parameter isMember: Whether a node is in the swarm, by its id: the log of one that is no more may be told by the node that it has become.
    /// - Throws: ``EventExchangeError``; `CancellationError`.
    func take(
        _ events: [NumberedEvent], through last: Int64, of log: String, at node: EventNode,
        isMember: @Sendable (String) -> Bool
    ) async throws -> Int64
}

/// Events that are not taken in. Told to nodes.
package enum EventExchangeError: Error {
    /// Another node has a log of that id.
    case foreignLog
}
