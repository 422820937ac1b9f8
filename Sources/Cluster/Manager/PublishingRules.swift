import Addressing
import EngineInterface
import Faults
import Model
import Orchestration

/// Where a service's ports are published: what is asked for, filled in from labels and from what they were, and checked.
///
/// A client that does not know of it sends specifications without it. Were it forgotten then, a port that was published on one address would be
/// open to all by an update of something else.
struct PublishingRules {
    let state: SwarmState
    let labels: [String: String]
    /// The service's ports of before.
    let former: [PortConfig]
    /// An update takes the earlier specification, in which what is not said is not.
    let isExact: Bool

    /// - Parameter ports: Each by itself.
    /// - Returns: Those that stand in a row and are the same otherwise as one.
    /// - Throws: ``ServiceError``, ``UnsupportedError``.
    func filled(_ ports: [PortConfig]) throws -> [PortConfig] {
        let saysSomething = labels.keys.contains { $0.hasPrefix(PublishingLabel.all) }
        let rows = try ports.map { try filled($0, hasLabel: saysSomething) }.joined
        for row in rows { try check(row) }
        return rows.map { port in
            var port = port
            if port.publishedOn?.isEmpty == true { port.publishedOn = nil }
            if port.onlyLocal == false { port.onlyLocal = nil }
            if port.affinity?.isEmpty == true { port.affinity = nil }
            return port
        }
    }

    private func filled(_ port: PortConfig, hasLabel: Bool) throws -> PortConfig {
        var port = port
        if hasLabel, let value = try label(of: port) {
            port.take(value)
        } else if !port.saysMore, !isExact {
            if let earlier = former.first(where: { $0.covers(port) }) {
                (port.publishedOn, port.onlyLocal) = (earlier.publishedOn, earlier.onlyLocal)
                port.affinity = earlier.affinity
            } else if let text = state.cluster?.spec.labels[PublishingLabel.all] {
                port.take(try Self.value(text, label: PublishingLabel.all))
                // A node's own port has places alone, and the swarm's label is not about this one.
                if !port.isOnMesh { (port.onlyLocal, port.affinity) = (nil, nil) }
            }
        }
        return port
    }

    private func label(of port: PortConfig) throws -> PublishingLabel.Value? {
        let names = [PublishingLabel.one(port.publishedPort ?? 0, port.protocol ?? "tcp"), PublishingLabel.all]
        guard let name = names.first(where: { labels[$0] != nil }), let text = labels[name] else { return nil }
        return try Self.value(text, label: name)
    }

    private static func value(_ text: String, label name: String) throws -> PublishingLabel.Value {
        if PublishingLabel.Value.asksForProxy(text) {
            throw ServiceError.proxyProtocol(label: name)
        }
        guard let value = PublishingLabel.Value(text) else { throw ServiceError.invalidPublishing(text) }
        return value
    }

    /// Whether services can be published as the swarm's label says: one that cannot be read, or that no node can do, would make each new one fail.
    /// - Throws: ``SwarmSpecError``, ``ServiceError``, ``UnsupportedError``.
    static func check(swarmLabel text: String, in state: SwarmState) throws {
        var port = PortConfig()
        do {
            port.take(try value(text, label: PublishingLabel.all))
            try PublishingRules(state: state, labels: [:], former: [], isExact: true).check(port)
        } catch ServiceError.invalidPublishing {
            throw SwarmSpecError.invalidPublishing(text)
        }
    }

    private func check(_ port: PortConfig) throws {
        let places = port.publishedOn ?? []
        guard places.count <= PortReach.maximumPlaces else { throw ServiceError.invalidPublishing("\(places.count)") }
        for text in places {
            switch PublishPlace(text) {
            case nil: throw ServiceError.invalidPublishing(text)
            case .link: break
            case .addresses(let network):
                if Self.leadsNowhere(network) {
                    throw UnsupportedError.feature("publishing a service's port at the IPv6 address \(text)")
                }
                if !isOfANode(network) { throw ServiceError.foreignAddress(text) }
            }
        }
        guard [nil, "", PortConfig.affinityToSource].contains(port.affinity) else {
            throw ServiceError.invalidPublishing(port.affinity ?? "")
        }
        if !port.isOnMesh, port.onlyLocal == true || port.affinity?.isEmpty == false {
            throw ServiceError.meshOnlyPublishing
        }
    }

    /// Whether a node may have an address there: what none routes, none has. Where one has not told yet, nobody knows.
    private func isOfANode(_ network: IPNetwork) -> Bool {
        // What nodes route of IPv6 they do not tell.
        if network.family == .v6 || network.prefixLength == 0 || network.overlaps(Self.loopback) { return true }
        for node in state.nodes.shared {
            let own = node.value.membership?.dataPathAddress ?? node.value.status.addr
            if let own, network.contains(own) { return true }
            guard let routed = node.value.description?.routedSubnets else { return true }
            if routed.contains(where: { $0.overlaps(network) }) { return true }
        }
        return state.nodes.shared.isEmpty
    }

    /// The kernel takes no packet from or to `::1` at another link, passes on none of link-local addresses, and mapped ones are none (RFC 4291 §2.5).
    private static func leadsNowhere(_ network: IPNetwork) -> Bool {
        guard let first = network.v6?.first, network.prefixLength > 0 else { return false }
        return first.high >> 56 == 0 || first.isLinkLocal || first.isMulticast
    }

    private static let loopback = IPNetwork(address: IPAddress(127, 0, 0, 0), prefixLength: 8)
}
