import Addressing
import DataPlane
import Model

/// What the node's networks are made of, by key, and what they are to be: the whole, or the one part that a key names. Pure.
///
/// It is kept and changed in place; indexes tell which parts a change concerns, see ``concerned(by:)``.
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
    /// The swarm's network for what comes from outside.
    private(set) var ingressID: String?
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

    private var overlayIDs: Set<String> {
        if facts == nil { return [] }
        var ids = Set(joined.filter { place(onOverlay: $0.key) != nil }.keys)
        if hasIngress, let ingressID { ids.insert(ingressID) }
        return ids
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
        return BridgeNetwork(
            id: network.id, linkName: network.bridgeName, addresses: addresses, mac: network.bridgeMAC,
            mtu: network.mtu,
            isInternal: network.isInternal, allowsInterContainer: network.allowsTrafficBetweenContainers,
            masquerades: network.masquerades && !network.isInternal)
    }

    func overlay(_ id: String) -> OverlayNetwork? {
        guard facts != nil else { return nil }
        var overlay = place(onOverlay: id)
        if overlay == nil, id == ingressID, hasIngress, let vni = facts?.networks[id]?.network?.vni {
            overlay = EndpointRecord.Overlay(vni: vni, isInternal: false, isIngress: true, mtu: nil)
        }
        guard let overlay else { return nil }
        let isEncrypted = isEncrypted(overlay: id)
        return OverlayNetwork(
            id: id, vni: overlay.vni, mtu: min(overlay.mtu ?? Int.max, room(isEncrypted: isEncrypted)),
            isEncrypted: isEncrypted,
            remoteEndpoints: remoteEndpoints(of: id),
            services: isIngress(id) ? [] : services(on: id),
            reserved: hasLaxEndpoints(id) ? reserved(in: id) : [])
    }

    /// What a container that has joined a network of the swarm knows of it; `nil` for another network, and for one that nobody has joined.
    private func place(onOverlay id: String) -> EndpointRecord.Overlay? {
        // The least id, so that it is always the same.
        guard let member = joined[id]?.min() else { return nil }
        return containers[member]?.endpoints.first { $0.isJoined && $0.networkID == id }?.overlay
    }

    /// Whether what leaves the node of an overlay is encrypted, as the swarm or any record of a place in it says.
    func isEncrypted(overlay id: String) -> Bool {
        if facts?.networks[id]?.network?.isEncrypted == true { return true }
        return place(onOverlay: id)?.isEncrypted == true
    }

    /// What the underlay leaves of a packet.
    private func room(isEncrypted: Bool) -> Int {
        let family = ownPeer?.address.family ?? .v4
        return isEncrypted
            ? Underlay.encryptedMTU(underlayMTU, over: family) : underlayMTU - Underlay.overhead(over: family)
    }

    private var hasIngress: Bool { ownPeer?.ingressAddresses != nil }

    func hasLaxEndpoints(_ id: String) -> Bool {
        guard let joined = joined[id], !joined.isEmpty else { return false }
        return isOpen(swarm: id) || !joined.isDisjoint(with: administered)
    }

    /// Whether the owner of one of the swarm's networks lets everybody use addresses that are nobody's.
    private func isOpen(swarm id: String) -> Bool {
        SpoofCheck.isOff(facts?.networks[id]?.network?.driverState?.options)
    }

    /// Gateways and service addresses of a network of the swarm.
    private func reserved(in id: String) -> Set<IPAddress> {
        guard let found = facts?.networks[id] else { return [] }
        let gateways = (found.network?.ipamOptions?.configs ?? []).compactMap(\.gateway)
        return Set(gateways + found.services.values.flatMap { $0.service?.virtualAddresses?.all ?? [] })
    }

    /// Whether an endpoint may use addresses that are nobody's: its container may add them, or the network's owner says so.
    private func isLax(_ endpoint: EndpointRecord, of container: any NetworkMember) -> Bool {
        if administered.contains(container.id) { return true }
        if endpoint.overlay != nil { return isOpen(swarm: endpoint.networkID) }
        return SpoofCheck.isOff(networks[endpoint.networkID]?.options)
    }

    private func remoteEndpoints(of id: String) -> [RemoteEndpoint] {
        guard let facts else { return [] }
        var remote = (facts.networks[id]?.endpoints ?? [:]).values.filter { $0.nodeID != nodeID }.map {
            Self.remote($0)
        }
        // Nodes are told of by themselves: they are in it even while nothing is known of the network yet.
        if isIngress(id) {
            remote += facts.peers.values.filter { $0.nodeID != nodeID }.compactMap { Self.remote($0) }
        }
        return remote
    }

    static func remote(_ endpoint: SwarmNetworkState.Endpoint) -> RemoteEndpoint {
        RemoteEndpoint(addresses: endpoint.addresses, mac: MACAddress(tag: endpoint.tag), vtep: endpoint.vtep)
    }

    /// A node's own endpoint of the ingress network, if it has one.
    static func remote(_ peer: SwarmNetworkState.Peer) -> RemoteEndpoint? {
        peer.ingressAddresses.map {
            RemoteEndpoint(addresses: $0.hosts, mac: MACAddress(tag: peer.ingressTag), vtep: peer.address)
        }
    }

    /// Nothing is called on it.
    func isIngress(_ id: String) -> Bool { id == ingressID || place(onOverlay: id)?.isIngress == true }

    /// Networks that nodes' own endpoints are in; the swarm's fact of it may come later than a container's place in it.
    var ingressOverlays: Set<String> {
        var ids = Set(joined.keys.filter { place(onOverlay: $0)?.isIngress == true })
        if let ingressID { ids.insert(ingressID) }
        return ids
    }

    /// In the families that both the ingress network and the bridge to it have: in another the mesh has no way through this node.
    private var ingress: IngressSandbox? {
        guard let facts, let ingressID, let peer = ownPeer, var addresses = peer.ingressAddresses,
            let bridge = networks.values.first(where: \.isGatewayBridge), !bridge.ranges.isEmpty
        else { return nil }
        var gatewayAddresses = EndpointAddresses(bridge.ingressAddresses)
        if addresses.v6 == nil { gatewayAddresses.v6 = nil }
        if gatewayAddresses.v6 == nil { addresses.v6 = nil }
        let ports = facts.ports.sorted { $0.key < $1.key }.compactMap { key, known -> MeshPort? in
            guard let port = known.port else { return nil }
            return MeshPort(
                transport: key.transport, publishedPort: key.publishedPort,
                backends: known.backends.sorted().map { MeshPort.Backend(address: $0, port: port.targetPort) },
                reach: port.reach)
        }
        return IngressSandbox(
            addresses: addresses, tag: peer.ingressTag, overlayID: ingressID, bridgeID: bridge.id,
            gatewayAddresses: gatewayAddresses,
            gatewayMAC: MACAddress(defaultFor: gatewayAddresses.hosts), ports: ports)
    }

    /// Whether the container has a network namespace that is to be there. A place in a network is not given up before the container has left it.
    private func hasSandbox(_ container: any NetworkMember) -> Bool {
        guard !container.isOnHostNetwork else { return false }
        return container.endpoints.contains(where: \.isJoined)
            || (container.isInSandbox && !left.contains(container.id))
    }

    /// A place in a network that is not there, or of a swarm that the node has left, is none: it would keep all the others' networks from
    /// being what they are to be.
    private func sandbox(_ id: String) -> Sandbox? {
        guard let container = containers[id], hasSandbox(container) else { return nil }
        let joined = container.endpoints.filter { isPresent($0) }
        let endpoints = joined.compactMap { endpoint -> Sandbox.Endpoint? in
            guard var addresses = endpoint.addresses, let mac = endpoint.hardwareAddress else { return nil }
            var gateways = endpoint.gateways ?? HostAddresses()
            if container.disablesIPv6 { (addresses.v6, gateways.v6) = (nil, nil) }
            return Sandbox.Endpoint(
                id: endpoint.endpointID,
                network: reference(of: endpoint),
                interfaceName: endpoint.interfaceName, addresses: addresses, mac: mac,
                gateways: gateways, isLax: isLax(endpoint, of: container))
        }
        let ways = (v4: wayOut(of: container, .v4), v6: wayOut(of: container, .v6))
        func door(_ family: IPFamily) -> EndpointRecord? { wayOut(of: container, family) { $0.isBridge } }
        return Sandbox(
            id: id, endpoints: endpoints, defaultRouteEndpointID: (ways.v4 ?? ways.v6)?.endpointID,
            defaultRoute6EndpointID: ways.v4 == nil || ways.v4?.endpointID == ways.v6?.endpointID
                ? nil : ways.v6?.endpointID,
            mesh: mesh(container, joined), resolver: resolvers[id],
            published: container.publishedPorts.compactMap { port in
                let target = door(port.family)?.addresses?.hosts[port.family]
                return target.map { HostPort(port, to: $0) }
            })
    }

    private func reference(of endpoint: EndpointRecord) -> Sandbox.NetworkReference {
        if endpoint.overlay != nil { return .overlay(endpoint.networkID) }
        return networks[endpoint.networkID]?.parent == nil ? .bridge(endpoint.networkID) : .parent(endpoint.networkID)
    }

    /// Whether an endpoint is one of a network that is there.
    func isPresent(_ endpoint: EndpointRecord) -> Bool {
        guard endpoint.isJoined, endpoint.addresses != nil else { return false }
        guard endpoint.overlay == nil else { return facts != nil }
        guard let network = networks[endpoint.networkID] else { return false }
        return network.isBridge || network.parentNetwork != nil
    }

    private func services(on id: String) -> [VirtualAddress] {
        (facts?.networks[id]?.services ?? [:]).values.flatMap { service in
            (service.service?.virtualAddresses?.all ?? []).map { address in
                VirtualAddress(
                    address: address, backends: service.backends.filter { $0.family == address.family }.sorted())
            }
        }
    }

    /// The endpoint through which a container reaches the outside in a family: of the node's networks the one with the highest priority, internal ones
    /// never; `nil` when there is none.
    func wayOut(
        of container: any NetworkMember, _ family: IPFamily, where isMeant: (LocalNetwork) -> Bool = { _ in true }
    ) -> EndpointRecord? {
        if family == .v6, container.disablesIPv6 { return nil }
        let open = container.endpoints.filter { endpoint in
            endpoint.isJoined && endpoint.overlay == nil && endpoint.gateways?[family] != nil
                && endpoint.addresses?.hosts[family] != nil
                && networks[endpoint.networkID].map { !$0.isClosed && isMeant($0) } == true
        }
        return open.min { left, right in
            let priorities = (left.requested?.gwPriority ?? 0, right.requested?.gwPriority ?? 0)
            return priorities.0 != priorities.1 ? priorities.0 > priorities.1 : left.networkName < right.networkName
        }
    }

    private func mesh(_ container: any NetworkMember, _ joined: [EndpointRecord]) -> MeshMembership? {
        guard let endpoint = joined.first(where: { $0.overlay?.isIngress == true }), let addresses = endpoint.addresses,
            let ports = container.meshPorts
        else { return nil }
        let targets = ports.filter(\.isOnMesh).compactMap { port -> MeshMembership.TargetPort? in
            guard let transport = port.transport, let number = UInt16(exactly: port.targetPort) else { return nil }
            return MeshMembership.TargetPort(transport: transport, port: number)
        }
        var gateways = endpoint.gateways ?? HostAddresses(addresses.all.map { $0.first.advanced(by: 1) })
        if container.disablesIPv6 { gateways.v6 = nil }
        return MeshMembership(
            endpointID: endpoint.endpointID, gateways: gateways, gatewayMAC: MACAddress(defaultFor: gateways),
            tags: EndpointTagBlock(defaultFor: addresses.v4),
            targetPorts: Array(Set(targets)).sorted {
                ($0.port, $0.transport.rawValue) < ($1.port, $1.transport.rawValue)
            })
    }

    // MARK: What it is made of

    /// Takes all containers in place of those of before.
    mutating func set(containers all: [String: any NetworkMember]) {
        containers = all
        joined = [:]
        for container in all.values {
            for id in Self.networks(of: container) { joined[id, default: []].insert(container.id) }
        }
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
        // In place: a copy of the facts costs as much as there are.
        for set in sets { changed.formUnion(facts?.apply(set) ?? []) }
        var parts: Set<NetworkKey> = []
        for key in changed { concern(key, &parts) }
        return (changed, parts)
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
        containers[id] = container
        let (before, after) = (old.map(Self.networks) ?? [], container.map(Self.networks) ?? [])
        for network in before.subtracting(after) {
            joined[network]?.remove(id)
            if joined[network]?.isEmpty == true {
                joined[network] = nil
                parts.insert(.overlay(network))
            }
        }
        for network in after.subtracting(before) {
            if joined[network, default: []].insert(id).inserted, joined[network]?.count == 1 {
                parts.insert(.overlay(network))
            }
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

extension LocalNetwork {
    /// Whether there is a bridge of it on the node.
    fileprivate var isBridge: Bool { driver == "bridge" && bridgeAddresses != nil }
}
