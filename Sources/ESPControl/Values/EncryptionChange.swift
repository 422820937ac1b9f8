package import Addressing

/// A change of one fact of an ``EncryptionState``. Saying what is so already changes nothing.
package enum EncryptionChange: Equatable, Sendable {
    case underlay(EncryptionUnderlay?)
    /// Its device alone: stations and members of the value are not looked at, those that the network has stay.
    case network(EncryptedNetwork)
    case removeNetwork(vni: UInt32)
    case station(vni: UInt32, MACAddress, EncryptedStation)
    case removeStation(vni: UInt32, MACAddress)
    case member(vni: UInt32, EncryptionPeerID)
    case removeMember(vni: UInt32, EncryptionPeerID)
    case peer(EncryptionPeer)
    /// Its associations stay until they are removed themselves, and are of no use meanwhile.
    case removePeer(EncryptionPeerID)
    case association(SecurityAssociation)
    case removeAssociation(AssociationID)
}

extension EncryptionState {
    /// Changes one fact. What is said of a network that is not there changes nothing.
    package mutating func apply(_ change: EncryptionChange) {
        switch change {
        case .underlay(let underlay): self.underlay = underlay
        case .network(var network):
            network.stations = networks[network.vni]?.stations ?? [:]
            network.members = networks[network.vni]?.members ?? []
            networks[network.vni] = network
        case .removeNetwork(let vni): networks[vni] = nil
        case .station(let vni, let address, let station): networks[vni]?.stations[address] = station
        case .removeStation(let vni, let address): networks[vni]?.stations[address] = nil
        case .member(let vni, let peer): networks[vni]?.members.insert(peer)
        case .removeMember(let vni, let peer): networks[vni]?.members.remove(peer)
        case .peer(let peer): peers[peer.id] = peer
        case .removePeer(let id): peers[id] = nil
        case .association(let association): associations[association.id] = association
        case .removeAssociation(let id): associations[id] = nil
        }
    }

    /// What makes this state the other: receiving before sending, and what goes after what comes, so a frame finds its way at any moment of it.
    package func changes(to other: EncryptionState) -> [EncryptionChange] {
        var come: [EncryptionChange] = underlay == other.underlay ? [] : [.underlay(other.underlay)]
        var go: [EncryptionChange] = []
        for (id, peer) in other.peers where peers[id] != peer { come.append(.peer(peer)) }
        for direction in AssociationDirection.allCases {
            for (id, association) in other.associations where id.direction == direction {
                if associations[id] != association { come.append(.association(association)) }
            }
        }
        for (vni, network) in other.networks {
            let before = networks[vni]
            if before?.hasSameDevice(as: network) != true { come.append(.network(network.device)) }
            for (address, station) in network.stations where before?.stations[address] != station {
                come.append(.station(vni: vni, address, station))
            }
            for peer in network.members where before?.members.contains(peer) != true {
                come.append(.member(vni: vni, peer))
            }
            guard let before else { continue }
            for address in before.stations.keys where network.stations[address] == nil {
                go.append(.removeStation(vni: vni, address))
            }
            for peer in before.members where !network.members.contains(peer) {
                go.append(.removeMember(vni: vni, peer))
            }
        }
        for vni in networks.keys where other.networks[vni] == nil { go.append(.removeNetwork(vni: vni)) }
        for id in associations.keys where other.associations[id] == nil { go.append(.removeAssociation(id)) }
        for id in peers.keys where other.peers[id] == nil { go.append(.removePeer(id)) }
        return come + go
    }
}
