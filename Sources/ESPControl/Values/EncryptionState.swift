package import Addressing

/// Everything that the daemon wants of `apus-esp`, the process that encrypts what a node's encrypted overlays send.
///
/// A state is a set of facts under keys: the node's own address on the underlay, networks by their VNI, peers by their node's id, security
/// associations by direction, peer and SPI. ``EncryptionChange`` changes one fact, so what is told costs what has changed. The process keeps
/// the last state that it was told: a daemon that goes away changes nothing.
///
/// Without an association for sending a frame is dropped, never sent in clear; without one for receiving nothing is accepted. Parts may come in any order: a
/// station whose peer is not known yet is kept, and what is sent to it dropped until the peer is there.
package struct EncryptionState: Equatable, Sendable {
    /// Where the process sends from and is reached; `nil` closes its socket.
    package var underlay: EncryptionUnderlay?
    /// By VNI.
    package var networks: [UInt32: EncryptedNetwork] = [:]
    /// Other nodes, by their ids.
    package var peers: [EncryptionPeerID: EncryptionPeer] = [:]
    /// By their names.
    package var associations: [AssociationID: SecurityAssociation] = [:]

    package init() {}
}

/// The node's own end on the underlay.
package struct EncryptionUnderlay: Equatable, Sendable {
    /// The UDP port of lane 0 (docs/encryption.md); lane n has the n-th port after it.
    package static let defaultPort: UInt16 = 4790

    /// Bound to, so it has to be an address of this node.
    package let address: IPAddress
    /// Of lane 0.
    package let port: UInt16
    /// The MTU of the link that the address is on; what is reported when a send is too long. 0: unknown.
    package let mtu: Int

    package init(address: IPAddress, port: UInt16 = Self.defaultPort, mtu: Int = 0) {
        self.address = address
        self.port = port
        self.mtu = mtu
    }

    /// The largest MTU of an encrypted overlay over an underlay's of `mtu` bytes: 92 bytes less over IPv4, 112 over IPv6, rounded down to a
    /// multiple of 4, which spares the padding. 1408 and 1388 for 1500.
    package static func overlayMTU(underlay mtu: Int, family: IPFamily) -> Int {
        max(0, mtu - (family == .v4 ? 92 : 112)) & ~3
    }
}

/// An encrypted overlay that has a part on this node. What is not in the state is closed, and its TAP device is gone with that.
package struct EncryptedNetwork: Equatable, Sendable {
    /// 1 … 2²⁴ − 1.
    package let vni: UInt32
    /// The network's id, for whoever reads reports.
    package let id: String
    /// The TAP device's name. The process makes it when it is not there, persistent, down, with ``mtu``; making it a port of the bridge (learning off, flooding on) and
    /// setting it up is the daemon's, and so is the MTU from then on.
    package let tap: String
    /// Path of the network namespace that the device is in, as `/run/apus/netns/NAME`; empty for the process's own.
    package let namespace: String
    /// Of the device.
    package let mtu: Int
    /// Where the other nodes' endpoints are, by MAC. A frame for another address is dropped and counted.
    package var stations: [MACAddress: EncryptedStation]
    /// The peers whose frames are accepted in this network.
    package var members: Set<EncryptionPeerID>

    package init(
        vni: UInt32, id: String, tap: String, namespace: String = "", mtu: Int,
        stations: [MACAddress: EncryptedStation] = [:], members: Set<EncryptionPeerID> = []
    ) {
        (self.vni, self.id, self.tap, self.namespace, self.mtu) = (vni, id, tap, namespace, mtu)
        (self.stations, self.members) = (stations, members)
    }

    /// The same without stations and members.
    package var device: Self { Self(vni: vni, id: id, tap: tap, namespace: namespace, mtu: mtu) }

    /// The same device: only tables may differ.
    package func hasSameDevice(as other: Self) -> Bool {
        vni == other.vni && id == other.id && tap == other.tap && namespace == other.namespace && mtu == other.mtu
    }
}

/// An endpoint on another node.
package struct EncryptedStation: Equatable, Sendable {
    package let peer: EncryptionPeerID
    /// The process answers ARP requests and neighbour solicitations for these, so neither leaves the node. Empty where the bridge answers (`neigh_suppress`).
    package let addresses: [IPAddress]

    package init(peer: EncryptionPeerID, addresses: [IPAddress] = []) {
        self.peer = peer
        self.addresses = addresses
    }
}

/// Names another node; its id in the swarm.
package struct EncryptionPeerID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let rawValue: String

    package init(_ rawValue: String) { self.rawValue = rawValue }

    package var description: String { rawValue }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Another node.
package struct EncryptionPeer: Equatable, Sendable {
    package let id: EncryptionPeerID
    /// Of the family of the node's own. Where the peer's datagrams come from counts instead, once one with a right ICV has come from elsewhere
    /// (NAT), until the daemon says another address.
    package let address: IPAddress
    /// Of lane 0.
    package let port: UInt16
    /// Whether a keepalive (RFC 3948 section 2.3) goes there every 20 seconds, so that a NAT between the two keeps the way open while they are silent.
    package let keepsAlive: Bool

    package init(
        id: EncryptionPeerID, address: IPAddress, port: UInt16 = EncryptionUnderlay.defaultPort,
        keepsAlive: Bool = false
    ) {
        (self.id, self.address, self.port, self.keepsAlive) = (id, address, port, keepsAlive)
    }
}
