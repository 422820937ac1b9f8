import Addressing
import DataPlane
import Model

/// Overlays and the ingress sandbox, as what managers tell and what containers have joined make them.
extension NodeNetworkComposer {
    /// Those of which there is to be a namespace on this node.
    var overlayIDs: Set<String> {
        if facts == nil { return [] }
        var ids = Set(joined.filter { place(onOverlay: $0.key) != nil }.keys)
        if hasIngress, let ingressID { ids.insert(ingressID) }
        return ids
    }

    func overlay(_ id: String) -> OverlayNetwork? {
        guard let shape = shape(ofOverlay: id) else { return nil }
        var overlay = OverlayNetwork(
            id: id, vni: shape.vni, mtu: shape.mtu, isEncrypted: shape.isEncrypted,
            remoteEndpoints: remoteEndpoints(of: id),
            services: isIngress(id) ? [] : services(on: id),
            reserved: hasLaxEndpoints(id) ? reserved(in: id) : [])
        overlay.keepsEndpointsApart = keepsEndpointsApart(of: id)
        return overlay
    }

    /// Whether the endpoints of an overlay may not talk to each other, as the swarm or any record of a place in it says.
    private func keepsEndpointsApart(of id: String) -> Bool {
        if isIngress(id) { return false }
        if InterContainer.isOff(facts?.networks[id]?.network?.driverState?.options) { return true }
        return place(onOverlay: id)?.keepsApart == true
    }

    /// What an overlay is, whoever is in it; `nil` when there is to be no namespace of it on this node.
    func shape(ofOverlay id: String) -> (vni: UInt32, mtu: Int, isEncrypted: Bool)? {
        guard facts != nil else { return nil }
        var overlay = place(onOverlay: id)
        if overlay == nil, id == ingressID, hasIngress, let vni = facts?.networks[id]?.network?.vni {
            overlay = EndpointRecord.Overlay(vni: vni, isInternal: false, isIngress: true, mtu: nil)
        }
        guard let overlay else { return nil }
        let isEncrypted = isEncrypted(overlay: id)
        return (overlay.vni, min(overlay.mtu ?? Int.max, room(isEncrypted: isEncrypted)), isEncrypted)
    }

    /// What a container that has joined a network of the swarm knows of it; `nil` for another network, and for one that nobody has joined.
    func place(onOverlay id: String) -> EndpointRecord.Overlay? {
        guard let member = firstJoined[id] else { return nil }
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

    /// Whether a container's port on an overlay may use addresses that are nobody's.
    func hasLaxEndpoints(_ id: String) -> Bool {
        guard let joined = joined[id], !joined.isEmpty else { return false }
        return isOpen(swarm: id) || !joined.isDisjoint(with: administered)
    }

    /// Whether the owner of one of the swarm's networks lets everybody use addresses that are nobody's.
    func isOpen(swarm id: String) -> Bool {
        SpoofCheck.isOff(facts?.networks[id]?.network?.driverState?.options)
    }

    /// Gateways and service addresses of a network of the swarm.
    private func reserved(in id: String) -> Set<IPAddress> {
        guard let found = facts?.networks[id] else { return [] }
        let gateways = (found.network?.ipamOptions?.configs ?? []).compactMap(\.gateway)
        return Set(gateways + found.services.values.flatMap { $0.service?.virtualAddresses?.all ?? [] })
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

    private func services(on id: String) -> [VirtualAddress] {
        (facts?.networks[id]?.services ?? [:]).values.flatMap { service in
            (service.service?.virtualAddresses?.all ?? []).map { address in
                VirtualAddress(
                    address: address, backends: service.backends.filter { $0.family == address.family }.sorted())
            }
        }
    }

    // MARK: Ingress

    private var hasIngress: Bool { ownPeer?.ingressAddresses != nil }

    /// In the families that both the ingress network and the bridge to it have: in another the mesh has no way through this node.
    var ingress: IngressSandbox? {
        guard let facts, let ingressID, let peer = ownPeer, var addresses = peer.ingressAddresses,
            let bridge = networks.values.first(where: \.isGatewayBridge), !bridge.ranges.isEmpty
        else { return nil }
        var gatewayAddresses = EndpointAddresses(bridge.ingressAddresses)
        if addresses.v6 == nil { gatewayAddresses.v6 = nil }
        if gatewayAddresses.v6 == nil { addresses.v6 = nil }
        let ports = facts.ports.sorted { $0.key < $1.key }.flatMap { key, known in
            (known.port?.led ?? []).map { port in
                MeshPort(
                    transport: key.transport, publishedPort: port.published,
                    backends: known.backends.sorted().map { MeshPort.Backend(address: $0, port: port.target) },
                    reach: known.port?.reach, lastPort: port.last)
            }
        }
        return IngressSandbox(
            addresses: addresses, tag: peer.ingressTag, overlayID: ingressID, bridgeID: bridge.id,
            gatewayAddresses: gatewayAddresses,
            gatewayMAC: MACAddress(defaultFor: gatewayAddresses.hosts), ports: ports)
    }
}
