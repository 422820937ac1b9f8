import Addressing
import DataPlane
import Model

/// What of the swarm's facts has been told to the data plane by key, as far as taking it back needs to know it.
struct ToldFacts: Equatable {
    /// Addresses of services, by network and service.
    var services: [String: [String: HostAddresses]] = [:]
    /// Where ports of the mesh lead, in the tasks behind them.
    var ports: [NetworkFact.PortKey: NetworkFact.Port] = [:]
    var peers: [String: SwarmNetworkState.Peer] = [:]
    /// Nodes by the first address that they have in the ingress network themselves.
    var peersByIngressAddress: [IPAddress: String] = [:]

    init() {}

    /// Everything.
    init(_ facts: NetworkFacts?) {
        guard let facts else { return }
        for id in facts.peers.keys { set(peer: id, facts.peers[id]) }
        ports = facts.ports.compactMapValues(\.port)
        services = facts.networks.mapValues { $0.services.compactMapValues { $0.service?.virtualAddresses } }
    }

    mutating func set(peer id: String, _ new: SwarmNetworkState.Peer?) {
        // Another may have taken its address.
        if let address = peers[id]?.ingressAddress, peersByIngressAddress[address] == id {
            peersByIngressAddress[address] = nil
        }
        peers[id] = new
        if let address = new?.ingressAddress { peersByIngressAddress[address] = id }
    }
}

extension NetworkFact.Port {
    /// As the data plane has them: a row that leads to the same numbers is one there, and of any other each port is.
    var led: [(published: UInt16, target: UInt16, last: UInt16?)] {
        let first = key.publishedPort
        guard let last, last > first else { return [(first, targetPort, nil)] }
        if first == targetPort { return [(first, targetPort, last)] }
        return (0...(last - first)).compactMap { offset in
            let (target, isBeyond) = targetPort.addingReportingOverflow(offset)
            return isBeyond ? nil : (first + offset, target, nil)
        }
    }
}

extension SwarmNetworkState.Peer {
    /// The first address that the node has in the ingress network itself.
    fileprivate var ingressAddress: IPAddress? { ingressAddresses?.hosts.primary }
}

/// Changes that cost what they change, and not what the part holds that they belong to.
extension NodeNetworkComposer {
    /// Adds what these facts change within parts; those that are not there are passed over.
    mutating func addDetails(of keys: Set<NetworkFact.Key>, to changes: inout NetworkChanges) {
        addPeers(of: keys, &changes)
        // What goes before what comes: another may have taken its address.
        for key in keys {
            switch key {
            case .endpoint(let id, let address): addRemote(at: address, in: id, &changes)
            case .service(let id, let service): removeService(service, in: id, &changes)
            case .port(let port): addPort(port, &changes)
            case .settings, .subnets, .meshBackend, .peer, .network, .backend: break
            }
        }
        for key in keys { if case .service(let id, let service) = key { addService(service, in: id, &changes) } }
        for key in keys {
            switch key {
            case .backend(let id, let service, let address): addBackend(address, of: service, in: id, &changes)
            case .meshBackend(let port, let address): addMeshBackend(address, of: port, &changes)
            case .settings, .subnets, .port, .peer, .network, .endpoint, .service: break
            }
        }
    }

    /// This node's part of a network that it makes by itself is none.
    private func isPresent(overlay id: String) -> Bool {
        (joined[id] != nil && networks[id] == nil) || id == ingressID
    }

    private mutating func addPeers(of keys: Set<NetworkFact.Key>, _ changes: inout NetworkChanges) {
        var concerned: Set<IPAddress> = []
        for key in keys {
            guard case .peer(let id) = key else { continue }
            let (old, new) = (told.peers[id], facts?.peers[id])
            told.set(peer: id, new)
            // This node's own is in all parts that say where the node is.
            if id == nodeID || old == new { continue }
            if let old, facts?.peers.values.contains(where: { $0.address == old.address }) != true {
                changes.removePeer(old.address)
            }
            if let new { changes.setPeer(new.address) }
            for address in [old?.ingressAddress, new?.ingressAddress] {
                if let address { concerned.insert(address) }
            }
        }
        if concerned.isEmpty { return }
        for overlay in ingressOverlays {
            for address in concerned { addRemote(at: address, in: overlay, &changes) }
        }
    }

    /// Whoever has the address by now, a node or a task: facts of the two are told apart, and one may take the other's address.
    private func addRemote(at address: IPAddress, in id: String, _ changes: inout NetworkChanges) {
        guard isPresent(overlay: id) else { return }
        if let remote = remote(at: address, in: id) {
            changes.setRemote(remote, in: id)
        } else {
            changes.removeRemote(address, from: id)
        }
    }

    private func remote(at address: IPAddress, in id: String) -> RemoteEndpoint? {
        if isIngress(id), let node = told.peersByIngressAddress[address], node != nodeID, let peer = facts?.peers[node]
        {
            return Self.remote(peer)
        }
        guard let endpoint = facts?.networks[id]?.endpoints[address], endpoint.nodeID != nodeID else { return nil }
        return Self.remote(endpoint)
    }

    private mutating func removeService(_ service: String, in id: String, _ changes: inout NetworkChanges) {
        let new = facts?.networks[id]?.services[service]?.service?.virtualAddresses
        guard let old = told.services[id]?[service], old != new else { return }
        told.services[id]?[service] = nil
        if told.services[id]?.isEmpty == true { told.services[id] = nil }
        guard isPresent(overlay: id) else { return }
        for address in old.all {
            changes.removeService(address, from: id)
            if hasLaxEndpoints(id) { changes.removeReserved(address, from: id) }
        }
    }

    private mutating func addService(_ service: String, in id: String, _ changes: inout NetworkChanges) {
        guard let known = facts?.networks[id]?.services[service], let new = known.service?.virtualAddresses,
            told.services[id]?[service] == nil
        else { return }
        told.services[id, default: [:]][service] = new
        guard isPresent(overlay: id) else { return }
        for address in new.all {
            if hasLaxEndpoints(id) { changes.setReserved(address, in: id) }
            if isIngress(id) { continue }
            changes.setService(address, in: id)
            for backend in known.backends where backend.family == address.family {
                changes.setBackend(backend, of: address, in: id)
            }
        }
    }

    private func addBackend(
        _ backend: IPAddress, of service: String, in id: String, _ changes: inout NetworkChanges
    ) {
        guard !isIngress(id), isPresent(overlay: id), let virtual = told.services[id]?[service] else { return }
        let isThere = facts?.networks[id]?.services[service]?.backends.contains(backend) == true
        for address in virtual.all where address.family == backend.family {
            if isThere {
                changes.setBackend(backend, of: address, in: id)
            } else {
                changes.removeBackend(backend, of: address, in: id)
            }
        }
    }

    private mutating func addPort(_ key: NetworkFact.PortKey, _ changes: inout NetworkChanges) {
        let (old, new) = (told.ports[key], facts?.ports[key]?.port)
        told.ports[key] = new
        if old?.targetPort == new?.targetPort, old?.reach == new?.reach, old?.last == new?.last { return }
        for port in old?.led ?? [] { changes.removePort(key.transport, port.published) }
        for port in new?.led ?? [] {
            changes.setPort(key.transport, port.published, reach: new?.reach, last: port.last)
            for backend in facts?.ports[key]?.backends ?? [] {
                changes.setMeshBackend(.init(address: backend, port: port.target), of: key.transport, port.published)
            }
        }
    }

    private func addMeshBackend(
        _ address: IPAddress, of key: NetworkFact.PortKey, _ changes: inout NetworkChanges
    ) {
        let isThere = facts?.ports[key]?.backends.contains(address) == true
        for port in told.ports[key]?.led ?? [] {
            let backend = MeshPort.Backend(address: address, port: port.target)
            if isThere {
                changes.setMeshBackend(backend, of: key.transport, port.published)
            } else {
                changes.removeMeshBackend(backend, of: key.transport, port.published)
            }
        }
    }
}
