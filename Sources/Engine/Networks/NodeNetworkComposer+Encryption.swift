import Addressing
import DataPlane
import Model

extension NodeNetworkComposer {
    /// Whether ``encryptionDemand(_:)`` may be other by a change of a fact.
    func concernsEncryption(_ key: NetworkFact.Key) -> Bool {
        switch key {
        case .settings, .peer, .network: true
        case .endpoint(let id, _): isEncrypted(overlay: id)
        case .subnets, .port, .meshBackend, .service, .backend: false
        }
    }

    /// What the process that encrypts is to know of this node's encrypted networks; `nil` when it has none.
    func encryptionDemand(_ layout: Layout) -> EncryptionDemand? {
        guard let facts, let nodeID, let own = ownPeer else { return nil }
        var networks: [EncryptionDemand.Network] = []
        var nodes: Set<String> = []
        for id in joined.keys.sorted() where isEncrypted(overlay: id) {
            guard let overlay = shape(ofOverlay: id) else { continue }
            var stations: [MACAddress: EncryptionDemand.Station] = [:]
            for endpoint in (facts.networks[id]?.endpoints ?? [:]).values where endpoint.nodeID != nodeID {
                stations[MACAddress(tag: endpoint.tag)] = EncryptionDemand.Station(
                    nodeID: endpoint.nodeID, addresses: endpoint.addresses.all)
                nodes.insert(endpoint.nodeID)
            }
            networks.append(
                EncryptionDemand.Network(
                    id: id, vni: overlay.vni, namespace: layout.overlayPath(id), tap: Layout.encryptedTunnel,
                    mtu: overlay.mtu, stations: stations))
        }
        if networks.isEmpty { return nil }
        let peers = nodes.compactMap { id in
            facts.peers[id].map { (id, EncryptionDemand.Peer(address: $0.address, place: $0.encryption)) }
        }
        return EncryptionDemand(
            nodeID: nodeID, address: own.address, dataPathPort: facts.settings?.dataPathPort ?? 4789,
            underlayMTU: underlayMTU, own: own.encryption, networks: networks,
            peers: Dictionary(peers) { first, _ in first })
    }
}
