import Addressing
import DataPlane
import Model

/// Computes what the node's networks are to be from the containers, the local networks and the swarm's word. Pure.
struct NodeNetworkComposer {
    /// Containers that have joined their networks: running, or about to.
    var containers: [any NetworkMember]
    var networks: [LocalNetwork]
    var swarm: SwarmNetworkState?
    /// This node's id in the swarm.
    var nodeID: String?
    /// MTU of the link that carries VXLAN.
    var underlayMTU: Int
    var resolvers: [String: ResolverPorts]
    /// Containers that administer the network which they are in, their own or another's.
    var administered: Set<String> = []

    func compose() -> NodeNetwork {
        let bridges = bridges
        let known = Set(bridges.map(\.id))
        return NodeNetwork(
            underlay: underlay, bridges: bridges, overlays: overlays, ingress: ingress,
            sandboxes: containers.filter { !$0.isOnHostNetwork }.sorted { $0.id < $1.id }.map { sandbox($0, known) })
    }

    private var ownPeer: SwarmNetworkState.Peer? { swarm?.peers.first { $0.nodeID == nodeID } }

    private var underlay: Underlay? {
        guard let swarm, let own = ownPeer else { return nil }
        return Underlay(
            address: own.address, mtu: underlayMTU, peers: Set(swarm.peers.map(\.address)),
            port: swarm.dataPathPort, controlPorts: Set(swarm.controlPorts),
            managers: Set(swarm.managers))
    }

    private var bridges: [BridgeNetwork] {
        networks.filter { $0.driver == "bridge" }.sorted { $0.id < $1.id }.compactMap { network in
            guard let addresses = network.bridgeAddresses else { return nil }
            return BridgeNetwork(
                id: network.id, linkName: network.bridgeName, addresses: addresses, mac: network.bridgeMAC,
                mtu: network.mtu,
                isInternal: network.isInternal, allowsInterContainer: network.allowsTrafficBetweenContainers,
                masquerades: network.masquerades && !network.isInternal)
        }
    }

    private var overlays: [OverlayNetwork] {
        if swarm == nil { return [] }
        var used: [String: EndpointRecord.Overlay] = [:]
        for endpoint in containers.flatMap(\.endpoints) where endpoint.isJoined {
            if let overlay = endpoint.overlay { used[endpoint.networkID] = overlay }
        }
        if let ingress = ingressNetwork, ownPeer?.ingressAddresses != nil, let vni = ingress.network.vni {
            used[ingress.network.id] = EndpointRecord.Overlay(vni: vni, isInternal: false, isIngress: true, mtu: nil)
        }
        return used.sorted { $0.key < $1.key }.map { id, overlay in
            OverlayNetwork(
                id: id, vni: overlay.vni, mtu: min(overlay.mtu ?? Int.max, underlayMTU - Underlay.overhead),
                remoteEndpoints: remoteEndpoints(of: id, isIngress: overlay.isIngress),
                reserved: hasLaxEndpoints(id) ? reserved(in: id) : [])
        }
    }

    private func hasLaxEndpoints(_ id: String) -> Bool {
        containers.contains { container in
            container.endpoints.contains { $0.isJoined && $0.networkID == id && isLax($0, of: container) }
        }
    }

    /// Gateways and service addresses of a network of the swarm.
    private func reserved(in id: String) -> Set<IPAddress> {
        guard let found = swarm?.networks.first(where: { $0.network.id == id }) else { return [] }
        let gateways = (found.network.ipamOptions?.configs ?? []).compactMap(\.gateway)
        return Set(gateways + found.services.flatMap { $0.virtualAddresses?.all ?? [] })
    }

    /// Whether an endpoint may use addresses that are nobody's: its container may add them, or the network's owner says so.
    private func isLax(_ endpoint: EndpointRecord, of container: any NetworkMember) -> Bool {
        if administered.contains(container.id) { return true }
        if endpoint.overlay != nil {
            let network = swarm?.networks.first { $0.network.id == endpoint.networkID }?.network
            return SpoofCheck.isOff(network?.driverState?.options)
        }
        return SpoofCheck.isOff(networks.first { $0.id == endpoint.networkID }?.options)
    }

    private var ingressNetwork: SwarmNetworkState.Network? { swarm?.networks.first { $0.network.spec.ingress == true } }

    private func remoteEndpoints(of id: String, isIngress: Bool) -> [RemoteEndpoint] {
        guard let swarm, let network = swarm.networks.first(where: { $0.network.id == id }) else { return [] }
        var remote = network.endpoints.filter { $0.nodeID != nodeID }.map {
            RemoteEndpoint(addresses: $0.addresses, mac: MACAddress(tag: $0.tag), vtep: $0.vtep)
        }
        if isIngress {
            remote += swarm.peers.filter { $0.nodeID != nodeID }.compactMap { peer in
                peer.ingressAddresses.map {
                    RemoteEndpoint(addresses: $0.hosts, mac: MACAddress(tag: peer.ingressTag), vtep: peer.address)
                }
            }
        }
        return remote.sorted { $0.addresses < $1.addresses }
    }

    private var ingress: IngressSandbox? {
        guard let swarm, let network = ingressNetwork, let peer = ownPeer, let addresses = peer.ingressAddresses,
            let bridge = networks.first(where: \.isGatewayBridge), !bridge.ranges.isEmpty
        else { return nil }
        let leg = EndpointAddresses(
            bridge.ranges.map {
                IPNetwork(address: $0.subnet.first.advanced(by: 2), prefixLength: $0.subnet.prefixLength)
            })
        return IngressSandbox(
            addresses: addresses, tag: peer.ingressTag, overlayID: network.network.id, bridgeID: bridge.id, leg: leg,
            legMAC: MACAddress(defaultFor: leg.hosts),
            ports: swarm.ports.map { port in
                MeshPort(
                    transport: port.transport, publishedPort: port.publishedPort,
                    backends: port.backends.map { MeshPort.Backend(address: $0, port: port.targetPort) })
            })
    }

    /// - Parameter bridges: By id. A place in a network that is not there, or of a swarm that the node has left, is none: it
    ///   would keep all the others' networks from being what they are to be.
    private func sandbox(_ container: any NetworkMember, _ bridges: Set<String>) -> Sandbox {
        let joined = container.endpoints.filter { endpoint in
            endpoint.isJoined && endpoint.addresses != nil
                && (endpoint.overlay == nil ? bridges.contains(endpoint.networkID) : swarm != nil)
        }
        let endpoints = joined.compactMap { endpoint -> Sandbox.Endpoint? in
            guard let addresses = endpoint.addresses, let mac = endpoint.hardwareAddress else { return nil }
            return Sandbox.Endpoint(
                id: endpoint.endpointID,
                network: endpoint.overlay == nil ? .bridge(endpoint.networkID) : .overlay(endpoint.networkID),
                interfaceName: endpoint.interfaceName, addresses: addresses, mac: mac,
                gateways: endpoint.gateways ?? HostAddresses(), isLax: isLax(endpoint, of: container))
        }
        let wayOut = wayOut(of: container)
        let networkIDs = Set(joined.filter { $0.overlay?.isIngress == false }.map(\.networkID))
        let services = (swarm?.networks ?? []).filter { networkIDs.contains($0.network.id) }.flatMap(\.services)
            .flatMap { service in
                (service.virtualAddresses?.all ?? []).map { address in
                    VirtualAddress(
                        address: address, backends: service.backends.filter { $0.family == address.family })
                }
            }
        return Sandbox(
            id: container.id, endpoints: endpoints, defaultRouteEndpointID: wayOut?.endpointID, services: services,
            mesh: mesh(container, joined), resolver: resolvers[container.id],
            published: container.publishedPorts.compactMap { port in
                let target = port.hostAddress.map { wayOut?.addresses?.hosts[$0.family] } ?? wayOut?.address?.address
                return target.map { HostPort(port, to: $0) }
            })
    }

    /// The endpoint through which a container reaches the outside: the bridge with the highest priority, internal ones
    /// never; `nil` when there is none.
    func wayOut(of container: any NetworkMember) -> EndpointRecord? {
        let open = container.endpoints.filter { endpoint in
            endpoint.isJoined && endpoint.overlay == nil && endpoint.gateway != nil
                && networks.first { $0.id == endpoint.networkID }?.isInternal == false
        }
        return open.min { left, right in
            let priorities = (left.wish?.gwPriority ?? 0, right.wish?.gwPriority ?? 0)
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
        let gateways = endpoint.gateways ?? HostAddresses(addresses.all.map { $0.first.advanced(by: 1) })
        return MeshMembership(
            endpointID: endpoint.endpointID, gateways: gateways, gatewayMAC: MACAddress(defaultFor: gateways),
            tags: EndpointTagBlock(defaultFor: addresses.v4),
            targetPorts: Array(Set(targets)).sorted {
                ($0.port, $0.transport.rawValue) < ($1.port, $1.transport.rawValue)
            })
    }
}
