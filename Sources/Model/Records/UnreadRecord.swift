/// A record that is there and cannot be read: kept as it is, and left out of everything else.
package struct UnreadRecord: Sendable, Equatable {
    /// As an event names the object's type: `container`, `image`, `network`, `volume`, `node`, `service`, `task`, `daemon`.
    package let type: String
    package let id: String
    package let reason: String

    package init(type: String, id: String, reason: String) {
        self.type = type
        self.id = id
        self.reason = reason
    }

    /// The action of the event that tells of it.
    package static let action = "set-aside"

    /// What `docker events` tells of it.
    /// - Parameter scope: `local` or `swarm`.
    package func event(scope: String) -> EngineEvent {
        EngineEvent(
            type: type, action: Self.action, actorID: id, attributes: ["name": id, "reason": reason], scope: scope)
    }
}
