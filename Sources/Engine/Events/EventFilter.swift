import EngineInterface
import Model

/// The filters of `GET /events`. Source: Engine API 1.50, `SystemEvents`.
struct EventFilter: Sendable {
    static let keys: Set<String> = [
        "config", "container", "daemon", "event", "image", "label", "network", "node", "plugin", "scope", "secret",
        "service", "type", "volume",
    ]

    let filters: Filters
    /// Whether the reader is told of all nodes' events.
    private let ofCluster: Bool

    init(_ filters: Filters) throws {
        try filters.allow(Self.keys)
        self.filters = filters
        ofCluster = filters["scope"].contains(EventQuery.clusterScope)
    }

    /// Whose events the reader is told of: Docker's clients of nothing that Docker does not have.
    var audiences: Set<LoggedEvent.Audience> {
        if ofCluster { return Set(LoggedEvent.Audience.allCases) }
        return filters["type"].contains(where: LoggedEvent.optionalTypes.contains)
            ? [.everyone, .optional] : [.everyone]
    }

    /// An event as the reader is told of it: with the node that it is of, where there are several.
    /// - Parameter identity: This node's.
    func told(_ entry: LoggedEvent, by identity: EventNode?) -> EngineEvent {
        var event = entry.event
        guard ofCluster, event.scope == "local", let node = entry.node ?? identity else { return event }
        event.attributes["node.id"] = node.id
        event.attributes["node.name"] = node.name
        return event
    }

    func matches(_ event: EngineEvent) -> Bool {
        filters.any("type") { $0 == event.type }
            && filters.any("scope") { $0 == event.scope || $0 == EventQuery.clusterScope }
            && filters.any("event") { event.action == $0 || event.action.hasPrefix($0 + ":") }
            && filters.labelsMatch(event.attributes)
            && ["container", "daemon", "network", "node", "service", "volume", "config", "secret"].allSatisfy {
                actorMatches(event, kind: $0)
            }
            && filters.any("image") { requested in
                event.type == "image"
                    ? names(event.actorID, event.attributes["name"], requested)
                    : event.attributes["image"].map { $0 == requested || $0.hasPrefix(requested + ":") } ?? false
            }
    }

    private func actorMatches(_ event: EngineEvent, kind: String) -> Bool {
        filters.any(kind) { requested in
            if event.type == kind { return names(event.actorID, event.attributes["name"], requested) }
            if ofCluster || LoggedEvent.optionalTypes.contains(event.type),
                names(event.attributes["\(kind).id"] ?? "", event.attributes["\(kind).name"], requested)
            {
                return true
            }
            return kind == "container" && event.attributes["container"].map { $0.hasPrefix(requested) } ?? false
        }
    }

    private func names(_ id: String, _ name: String?, _ requested: String) -> Bool {
        id == requested || (requested.count >= 3 && id.hasPrefix(requested)) || name == requested
            || name == requested + ":latest"
    }
}
