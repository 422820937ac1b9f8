import Addressing
import DataPlane
import Model

/// What the node's networks are made of, by key, and what they are to be: the whole, or the one part that a key names. Pure.
///
/// It is kept and changed in place; indexes tell which parts a change concerns, see ``apply(_:)`` and ``set(_:_:)``.
struct NodeNetworkComposer {
    /// All of the node's containers by id, whether they have joined networks or not.
    private(set) var containers: [String: any NetworkMember] = [:]
    /// By id.
    private(set) var networks: [String: LocalNetwork] = [:]
    /// What managers have told; `nil` on a node that is in no swarm.
    private(set) var facts: NetworkFacts?
    /// This node's id in the swarm.
    var nodeID: String?
    /// MTU of the link that carries VXLAN.
    var underlayMTU: Int
    /// UDP ports after VXLAN's at which what is encrypted arrives.
    var encryptedPorts = 0
    var resolvers: [String: ResolverPorts] = [:]
    /// Containers that have ended and given up their networks, while their records still call them running.
    var left: Set<String> = []
    /// Containers that administer the network which they are in, their own or another's.
    private(set) var administered: Set<String> = []
    /// Who has joined a network, by its id.
    private(set) var joined: [String: Set<String>] = [:]
    /// The least id of those who have, so that what stands for all is always the same.
    private(set) var firstJoined: [String: String] = [:]
    /// The swarm's network for what comes from outside.
    private(set) var ingressID: String?
    /// Which nodes are in the swarm's networks, as facts have it.
    private(set) var endpointNodes = EndpointNodes()
    /// Whether nodes have come into one of them or left it since somebody asked.
    private var haveNodesMoved = false
    /// What the data plane has been told of facts by key.
    var told = ToldFacts()

    init(
        containers: [any NetworkMember] = [], networks: [LocalNetwork] = [], facts: NetworkFacts? = nil,
        nodeID: String? = nil, underlayMTU: Int, resolvers: [String: ResolverPorts] = [:]
    ) {
        self.underlayMTU = underlayMTU
        self.nodeID = nodeID
        self.resolvers = resolvers
        set(networks: networks)
        set(facts: facts)
        set(containers: Dictionary(containers.map { ($0.id, $0) }) { first, _ in first })
    }

    // MARK: The whole

    func compose() -> NodeNetwork {
        let bridges = networks.keys.sorted().compactMap(bridge)
        let overlays = overlayIDs.sorted().compactMap(overlay)
        let parents = networks.keys.sorted().compactMap { networks[$0]?.parentNetwork }
        let sandboxes = containers.keys.sorted().compactMap(sandbox)
        return NodeNetwork(
            underlay: underlay, bridges: bridges, overlays: overlays, parents: parents, ingress: ingress,
            sandboxes: sandboxes)
    }

    // MARK: One part

    /// The parts of these keys as they are to be, and what else these facts change within others.
    mutating func changes(_ keys: Set<NetworkKey>, details: Set<NetworkFact.Key> = []) -> NetworkChanges {
        var changes = NetworkChanges()
        for key in keys {
            let part: NetworkPart? =
                switch key {
                case .underlay: underlay.map { .underlay($0) }
                case .ingress: ingress.map { .ingress($0) }
                case .bridge(let id): bridge(id).map { .bridge($0) }
                case .overlay(let id): overlay(id).map { .overlay($0) }
                case .parent(let id): networks[id]?.parentNetwork.map { .parent($0) }
                case .sandbox(let id): sandbox(id).map { .sandbox($0) }
                }
            if let part { changes.set(part) } else { changes.remove(key) }
        }
        addDetails(of: details, to: &changes)
        return changes
    }

    var ownPeer: SwarmNetworkState.Peer? { nodeID.flatMap { facts?.peers[$0] } }

    private var underlay: Underlay? {
        guard let facts, let own = ownPeer else { return nil }
        let settings = facts.settings ?? NetworkFact.Settings()
        return Underlay(
            address: own.address, mtu: underlayMTU, peers: Set(facts.peers.values.map(\.address)),
            port: settings.dataPathPort, controlPorts: Set(settings.controlPorts), managers: Set(settings.managers),
            encryptedPorts: encryptedPorts)
    }

    private func bridge(_ id: String) -> BridgeNetwork? {
        guard let network = networks[id], network.driver == "bridge", let addresses = network.bridgeAddresses else {
            return nil
        }
        var bridge = BridgeNetwork(
            id: network.id, linkName: network.bridgeName, addresses: addresses, mac: network.bridgeMAC,
            mtu: network.mtu,
            isInternal: network.isInternal, allowsInterContainer: network.allowsTrafficBetweenContainers,
            masquerades: network.masquerades && !network.isInternal,
            isUnprotected4: network.isUnprotected(.v4), isUnprotected6: network.isUnprotected(.v6))
        bridge.routed = network.routedFamilies
        bridge.unaddressed = network.unaddressedFamilies
        bridge.trustedLinks = network.trustedLinks
        bridge.sources = network.sources
        return bridge
    }

    // MARK: What it is made of

    /// Takes all containers in place of those of before.
    mutating func set(containers all: [String: any NetworkMember]) {
        containers = all
        joined = [:]
        for container in all.values {
            for id in Self.networks(of: container) { joined[id, default: []].insert(container.id) }
        }
        firstJoined = joined.compactMapValues { $0.min() }
        administered = SharedNetworks.administered(Array(all.values))
    }

    /// Takes all of the node's own networks in place of those of before.
    mutating func set(networks all: [LocalNetwork]) {
        networks = Dictionary(all.map { ($0.id, $0) }) { first, _ in first }
    }

    /// Takes all facts in place of those of before.
    mutating func set(facts all: NetworkFacts?) {
        facts = all
        told = ToldFacts(all)
        endpointNodes = EndpointNodes(all)
        ingressID = findIngress()
    }

    private func findIngress() -> String? {
        facts?.networks.filter { $0.value.network?.spec.ingress == true }.keys.min()
    }

    private static func networks(of container: any NetworkMember) -> Set<String> {
        Set(container.endpoints.filter(\.isJoined).map(\.networkID))
    }
}

// MARK: Changes

extension NodeNetworkComposer {
    /// Takes changes of facts.
    /// - Returns: Keys of the facts that are different now, and of the parts that they concern as a whole; what they change within others is in
    ///   ``addDetails(of:to:)``.
    mutating func apply(_ sets: [NetworkChangeSet]) -> (facts: Set<NetworkFact.Key>, parts: Set<NetworkKey>) {
        var changed: Set<NetworkFact.Key> = []
        for set in sets { changed.formUnion(take(set)) }
        var parts: Set<NetworkKey> = []
        for key in changed { concern(key, &parts) }
        return (changed, parts)
    }

    /// Takes a change set, and which nodes are in its network then.
    private mutating func take(_ set: NetworkChangeSet) -> Set<NetworkFact.Key> {
        // In place: a copy of the facts costs as much as there are.
        guard case .network(let id) = set.scope else { return facts?.apply(set) ?? [] }
        if set.isSnapshot || set.isEnd {
            let changed = facts?.apply(set) ?? []
            let nodes = (facts?.networks[id]?.endpoints ?? [:]).values.map(\.nodeID)
            if endpointNodes.set(nodes, in: id) { haveNodesMoved = true }
            return changed
        }
        let named = (set.upserts.compactMap(\.key) + set.removals).compactMap { key -> IPAddress? in
            guard case .endpoint(let network, let address) = key, network == id else { return nil }
            return address
        }
        let before = Set(named).map { ($0, facts?.networks[id]?.endpoints[$0]?.nodeID) }
        let changed = facts?.apply(set) ?? []
        for (address, node) in before {
            let now = facts?.networks[id]?.endpoints[address]?.nodeID
            if endpointNodes.move(from: node, to: now, in: id) { haveNodesMoved = true }
        }
        return changed
    }

    /// Whether nodes have come into one of the swarm's networks or left it since this was asked last.
    mutating func takeMoves() -> Bool {
        defer { haveNodesMoved = false }
        return haveNodesMoved
    }

    private mutating func concern(_ key: NetworkFact.Key, _ parts: inout Set<NetworkKey>) {
        switch key {
        case .settings: parts.insert(.underlay)
        case .peer(let id):
            // Others are details.
            guard id == nodeID else { return }
            parts.formUnion([.underlay, .ingress])
            for id in ingressOverlays { parts.insert(.overlay(id)) }
        case .network(let id):
            parts.insert(.overlay(id))
            for member in joined[id] ?? [] { parts.insert(.sandbox(member)) }
            let ingress = findIngress()
            if ingress != ingressID || ingress == id {
                parts.insert(.ingress)
                for id in [ingress, ingressID].compactMap({ $0 }) { parts.insert(.overlay(id)) }
                ingressID = ingress
            }
        case .subnets, .port, .meshBackend, .endpoint, .service, .backend: break
        }
    }

    /// Takes a container as it is now; `nil` when it is there no more.
    /// - Returns: Keys of the parts concerned.
    mutating func set(_ id: String, _ container: (any NetworkMember)?) -> Set<NetworkKey> {
        var parts: Set<NetworkKey> = [.sandbox(id)]
        let old = containers[id]
        let (before, after) = (old.map(Self.networks) ?? [], container.map(Self.networks) ?? [])
        let concerned = before.union(after).map { (network: $0, place: place(onOverlay: $0)) }
        containers[id] = container
        for network in before.subtracting(after) {
            joined[network]?.remove(id)
            if joined[network]?.isEmpty == true {
                joined[network] = nil
                parts.insert(.overlay(network))
            }
            if firstJoined[network] == id { firstJoined[network] = joined[network]?.min() }
        }
        for network in after.subtracting(before) {
            if joined[network, default: []].insert(id).inserted, joined[network]?.count == 1 {
                parts.insert(.overlay(network))
            }
            firstJoined[network] = firstJoined[network].map { min($0, id) } ?? id
        }
        // Another stands for all, and knows the network otherwise.
        for (network, place) in concerned where place != self.place(onOverlay: network) {
            parts.insert(.overlay(network))
        }
        // Few administer a network or share another's.
        guard [old, container].contains(where: { $0.map { $0.networkOwner != nil || $0.administersNetwork } ?? false })
        else { return parts }
        let now = SharedNetworks.administered(Array(containers.values))
        let different = now.symmetricDifference(administered).union([id])
        administered = now
        for member in different {
            parts.insert(.sandbox(member))
            let places = member == id ? before.union(after) : containers[member].map(Self.networks) ?? []
            for network in places { parts.insert(.overlay(network)) }
        }
        return parts
    }

    /// Takes the node's own networks as they are now.
    /// - Returns: Keys of the parts concerned.
    mutating func replace(networks all: [LocalNetwork]) -> Set<NetworkKey> {
        let old = networks
        set(networks: all)
        var parts: Set<NetworkKey> = []
        for id in Set(old.keys).union(networks.keys) where old[id] != networks[id] {
            parts.insert((old[id] ?? networks[id])?.parent == nil ? .bridge(id) : .parent(id))
            for member in joined[id] ?? [] { parts.insert(.sandbox(member)) }
            if old[id]?.isGatewayBridge == true || networks[id]?.isGatewayBridge == true { parts.insert(.ingress) }
        }
        return parts
    }
}
