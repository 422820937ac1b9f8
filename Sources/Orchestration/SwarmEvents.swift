package import Model

/// What has happened in the swarm between two looks at its objects, as `docker events` on a manager tells it. Pure.
/// Source: moby, `daemon/cluster` and `daemon/events.go`, and events recorded from managers.
package struct SwarmEvents {
    private let before: SwarmState
    private let now: SwarmState
    private let changes: SwarmChanges

    /// - Parameter changes: The objects that may have changed between the two; `nil` to have them found.
    package init(before: SwarmState, now: SwarmState, changes: SwarmChanges? = nil) {
        self.before = before
        self.changes = changes ?? SwarmChanges(from: before, to: now)
        self.now = now
    }

    /// Removals first, then in the order of the objects' changes.
    package var events: [EngineEvent] {
        let changed =
            nodes().map { ($0, 0) } + networks().map { ($0, 1) } + services().map { ($0, 2) }
        return changed.sorted { ($0.0.rank, $0.1, $0.0.event.actorID) < ($1.0.rank, $1.1, $1.0.event.actorID) }.map(
            \.0.event)
    }

    /// Objects that cannot be read, and could or were not there before; all of them at the first look.
    package static func newlyUnread(before: SwarmState?, now: SwarmState) -> [UnreadRecord] {
        let former = before?.unread ?? [:]
        return now.unread.filter { former[$0.key] == nil }.sorted { $0.key < $1.key }.map(\.value)
    }

    private struct Change {
        /// The revision of what has changed; 0 for what is gone.
        var rank: UInt64
        var event: EngineEvent
    }

    private static func change(
        _ type: String, _ action: String, _ id: String, _ attributes: [String: String], rank: UInt64
    ) -> Change {
        Change(
            rank: rank,
            event: EngineEvent(type: type, action: action, actorID: id, attributes: attributes, scope: "swarm"))
    }

    private func nodes() -> [Change] {
        func name(_ node: Node) -> String { node.spec.name ?? node.description?.hostname ?? "" }
        let gone = changes.nodes.filter { now.nodes[$0] == nil }.compactMap { before.nodes[$0] }.map {
            Self.change("node", "remove", $0.id, ["name": name($0)], rank: 0)
        }
        let others = changes.nodes.compactMap { now.nodes[$0] }.compactMap { node -> Change? in
            guard let old = before.nodes[node.id] else {
                return Self.change("node", "create", node.id, ["name": name(node)], rank: node.version.index)
            }
            guard old.version != node.version else { return nil }
            var attributes = ["name": name(node)]
            Self.compare("availability", old.spec.availability.rawValue, node.spec.availability.rawValue, &attributes)
            Self.compare("role", old.spec.role.rawValue, node.spec.role.rawValue, &attributes)
            Self.compare("state", old.status.state.rawValue, node.status.state.rawValue, &attributes)
            if let earlier = old.managerStatus, let status = node.managerStatus {
                Self.compare("leader", "\(earlier.leader == true)", "\(status.leader == true)", &attributes)
                Self.compare("reachability", earlier.reachability, status.reachability, &attributes)
            }
            return Self.change("node", "update", node.id, attributes, rank: node.version.index)
        }
        return gone + others
    }

    private func networks() -> [Change] {
        let gone = changes.networks.filter { now.networks[$0] == nil }.compactMap { before.networks[$0] }.map {
            Self.change("network", "remove", $0.id, ["name": $0.spec.name], rank: 0)
        }
        let others = changes.networks.compactMap { now.networks[$0] }.compactMap { network -> Change? in
            let old = before.networks[network.id]
            guard old?.version != network.version else { return nil }
            return Self.change(
                "network", old == nil ? "create" : "update", network.id, ["name": network.spec.name],
                rank: network.version.index)
        }
        return gone + others
    }

    private func services() -> [Change] {
        // One that the user has removed is gone for him, whatever its tasks still do.
        func present(_ state: SwarmState) -> [String: Service] {
            let found = changes.services.compactMap { state.services[$0] }.filter { $0.pendingDelete != true }
            return Dictionary(found.map { ($0.id, $0) }) { first, _ in first }
        }
        let (before, now) = (present(before), present(now))
        let gone = before.values.filter { now[$0.id] == nil }.map {
            Self.change("service", "remove", $0.id, ["name": $0.spec.name], rank: 0)
        }
        let others = now.values.compactMap { service -> Change? in
            var attributes = ["name": service.spec.name]
            guard let old = before[service.id] else {
                return Self.change("service", "create", service.id, attributes, rank: service.version.index)
            }
            guard old.version != service.version else { return nil }
            Self.compare(
                "image", old.spec.taskTemplate.containerSpec?.image ?? "",
                service.spec.taskTemplate.containerSpec?.image ?? "", &attributes)
            if let earlier = old.spec.mode.replicated?.replicas, let replicas = service.spec.mode.replicated?.replicas {
                Self.compare("replicas", String(earlier), String(replicas), &attributes)
            }
            Self.compare(
                "updatestate", old.updateStatus?.state ?? "", service.updateStatus?.state ?? "", &attributes)
            return Self.change("service", "update", service.id, attributes, rank: service.version.index)
        }
        return gone + others
    }

    private static func compare(
        _ name: String, _ old: String, _ new: String, _ attributes: inout [String: String]
    ) {
        guard old != new else { return }
        attributes[name + ".old"] = old
        attributes[name + ".new"] = new
    }
}
