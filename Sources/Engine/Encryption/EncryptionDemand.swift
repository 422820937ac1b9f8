import Addressing
import ESPControl
import Model
import PathProbes

/// What this node's encrypted networks are made of, as facts and containers have it: everything that the process which encrypts is to know, but keys.
struct EncryptionDemand: Equatable, Sendable {
    var nodeID: String
    /// The node's own on the underlay.
    var address: IPAddress
    /// UDP port of VXLAN: ESP has those after it.
    var dataPathPort: UInt16
    var underlayMTU: Int
    /// As the swarm knows this node; `nil` until it does.
    var own: EncryptionPlace?
    var networks: [Network]
    /// Nodes that are in one of them, by their ids.
    var peers: [String: Peer]

    struct Network: Equatable, Sendable {
        var id: String
        var vni: UInt32
        /// Path of its namespace on this node.
        var namespace: String
        /// The device in it.
        var tap: String
        var mtu: Int
        var stations: [MACAddress: Station]
    }

    /// An endpoint on another node.
    struct Station: Equatable, Sendable {
        var nodeID: String
        var addresses: [IPAddress]
    }

    struct Peer: Equatable, Sendable {
        var address: IPAddress
        /// `nil` for one that has not said that it encrypts: nothing is sent to it, nor taken from it.
        var place: EncryptionPlace?
    }

    /// Where the device is to be through which ways are measured.
    struct ProbePlace: Equatable, Sendable {
        /// Path of a namespace, for other processes.
        var namespace: String
        /// Tells it from others: the path has the number of a descriptor in it, which the next namespace may get as well.
        var number: UInt64
    }

    /// With one more network, of this node and its peers alone, through which ways are measured.
    func probed(in place: ProbePlace?) -> EncryptionDemand {
        guard let place, !networks.isEmpty else { return self }
        var stations: [MACAddress: Station] = [:]
        for (id, peer) in peers where peer.address.family == address.family {
            // Nobody asks for addresses there.
            stations[ProbeFrame.station(of: peer.address)] = Station(nodeID: id, addresses: [])
        }
        var probed = self
        probed.networks.append(
            Network(
                id: "probes-\(place.number)", vni: ProbeDevice.vni, namespace: place.namespace,
                tap: ProbeDevice.encryptedName,
                mtu: EncryptionUnderlay.overlayMTU(underlay: underlayMTU, family: address.family), stations: stations))
        return probed
    }

    /// UDP port of lane 0, the same at all nodes.
    var port: UInt16 { dataPathPort < .max ? dataPathPort + 1 : dataPathPort }
}

/// Makes of a demand and keys what the process is to have. Pure, but that it remembers the keys that it has derived.
struct EncryptionComposer: Sendable {
    private var derived: [AssociationPurpose: AssociationKey] = [:]
    /// What they were derived from, by generation.
    private var secrets: [UInt64: OverlaySecret] = [:]

    /// - Parameters:
    ///   - page: The page that the process has, and how many lanes; `nil` while it is not there: nothing can be sent then.
    ///   - keyring: `nil` while no manager has told one.
    mutating func state(
        _ demand: EncryptionDemand, _ keyring: OverlayKeyring?, page: CounterPageID?, lanes: UInt8
    ) -> EncryptionState {
        var state = EncryptionState()
        state.underlay = EncryptionUnderlay(address: demand.address, port: demand.port, mtu: demand.underlayMTU)
        for network in demand.networks {
            state.networks[network.vni] = EncryptedNetwork(
                vni: network.vni, id: network.id, tap: network.tap, namespace: network.namespace, mtu: network.mtu,
                stations: network.stations.mapValues {
                    EncryptedStation(peer: EncryptionPeerID($0.nodeID), addresses: $0.addresses)
                },
                members: Set(network.stations.values.map { EncryptionPeerID($0.nodeID) }))
        }
        let secrets = Dictionary((keyring?.generations ?? []).map { ($0.number, $0.secret) }) { _, last in last }
        if self.secrets.contains(where: { secrets[$0.key] != nil && secrets[$0.key] != $0.value }) { derived = [:] }
        self.secrets = secrets
        var used: [AssociationPurpose: AssociationKey] = [:]
        for (id, peer) in demand.peers {
            let name = EncryptionPeerID(id)
            // Neither of two nodes knows what translates between them. Who does not encrypt listens to none.
            state.peers[name] = EncryptionPeer(
                id: name, address: peer.address, port: demand.port, keepsAlive: peer.place != nil)
            guard let place = peer.place, let keyring else { continue }
            for generation in keyring.generations {
                for lane in 0..<min(lanes, place.lanes) {
                    let purpose = AssociationPurpose(
                        source: id, destination: demand.nodeID, lane: lane, place: place, generation: generation.number)
                    add(purpose, generation.secret, to: &state, &used) { key in
                        SecurityAssociation(
                            id: AssociationID(.inbound, peer: name, spi: purpose.spi), lane: lane,
                            epoch: purpose.epoch, key: key)
                    }
                }
            }
            // As others know this node: a key for another page they do not have, and its numbers may have been used.
            guard let own = demand.own, let page, own.page == page.rawValue,
                let generation = keyring.generations.first(where: { $0.number == keyring.sending })
            else { continue }
            for lane in 0..<min(lanes, own.lanes, place.lanes) {
                let purpose = AssociationPurpose(
                    source: demand.nodeID, destination: id, lane: lane, place: own, generation: generation.number)
                add(purpose, generation.secret, to: &state, &used) { key in
                    SecurityAssociation(
                        id: AssociationID(.outbound, peer: name, spi: purpose.spi), lane: lane, epoch: purpose.epoch,
                        key: key, sends: true, page: page)
                }
            }
        }
        derived = used
        return state
    }

    private func add(
        _ purpose: AssociationPurpose, _ secret: OverlaySecret, to state: inout EncryptionState,
        _ used: inout [AssociationPurpose: AssociationKey], _ make: (AssociationKey) -> SecurityAssociation
    ) {
        guard let key = derived[purpose] ?? purpose.key(from: secret) else { return }
        used[purpose] = key
        let association = make(key)
        state.associations[association.id] = association
    }
}
