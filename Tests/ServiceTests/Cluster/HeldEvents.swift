import Concurrency
import Engine
import EngineInterface
import Model
import Synchronization

/// A node's log of events, into which nothing is taken of other nodes' as long as it is held: a manager that reads nothing.
final class HeldEvents: EventExchange {
    let isHeld = ObservableValue(false)
    /// How many messages have come, by the logs that they are of.
    let offered = Mutex<[String: Int]>([:])
    private let own: EventLog

    init(_ own: EventLog) { self.own = own }

    var id: String { own.id }

    func publish(_ event: EngineEvent, id: EventID?) { own.publish(event, id: id) }

    func identify(as node: EventNode?) { own.identify(as: node) }

    func keep(asManager isManager: Bool) { own.keep(asManager: isManager) }

    func recent(_ type: String, since: Timestamp) async -> [EngineEvent] { await own.recent(type, since: since) }

    func ownEvents(after number: Int64, limit: Int) async throws -> [NumberedEvent] {
        try await own.ownEvents(after: number, limit: limit)
    }

    func known(of log: String, at nodeID: String) -> Int64 { own.known(of: log, at: nodeID) }

    func take(
        _ events: [NumberedEvent], through last: Int64, of log: String, at node: EventNode,
        isMember: @Sendable (String) -> Bool
    ) async throws -> Int64 {
        offered.withLock { $0[log, default: 0] += 1 }
        try await isHeld.wait { $0 ? nil : true }
        return try await own.take(events, through: last, of: log, at: node, isMember: isMember)
    }
}
