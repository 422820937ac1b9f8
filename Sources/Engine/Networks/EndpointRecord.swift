import Addressing
import Faults
import Model

/// A container's place in one network.
struct EndpointRecord: Codable, Sendable, Equatable {
    var networkID: String
    var networkName: String
    var wish: EndpointSettings?
    /// 64 hex digits; empty while the container is not running.
    var endpointID = ""
    /// `eth0`, `eth1`, …
    var interfaceName = ""
    var address: IPv4Network?
    var gateway: IPv4Address?
    /// Set for an endpoint of a swarm network; its address is the swarm's choice and, for a task, outlives a stop.
    var overlay: Overlay?
    /// The attachment that gives a container outside of services its place on a swarm network, from before it is asked for until the
    /// container leaves: what no record names nobody holds.
    var attachmentID: String?
    /// Added by the engine as a way out, and taken away when the container leaves.
    var isAutomatic: Bool?

    struct Overlay: Codable, Sendable, Equatable {
        var vni: UInt32
        var isInternal: Bool
        var isIngress: Bool
        /// The MTU that the network's creator asked for.
        var mtu: Int?
    }

    var isJoined: Bool { !endpointID.isEmpty }

    mutating func leave() {
        endpointID = ""
        interfaceName = ""
        gateway = nil
        if attachmentID != nil {
            attachmentID = nil
            overlay = nil
        }
        if overlay == nil { address = nil }
    }
}

/// A port published on the host.
struct PublishedPort: Codable, Sendable, Hashable {
    /// `tcp`, `udp`, `sctp`.
    var transport: String
    /// `nil` for every address.
    var hostAddress: IPv4Address?
    var hostPort: UInt16
    var containerPort: UInt16

    var key: String { "\(containerPort)/\(transport)" }
}

extension EndpointRecord {
    /// A MAC that the user asked for; overlays have none to choose.
    var requestedMAC: MACAddress? {
        guard overlay == nil, let text = wish?.macAddress, !text.isEmpty else { return nil }
        return MACAddress(text)
    }
}

extension EndpointRecord {
    /// An endpoint on a swarm network, as the swarm has allotted it.
    /// - Throws: ``APIError`` when the network or the place in it has not been allocated.
    init(_ place: NetworkAttachment) throws {
        let network = place.network
        guard let vni = network.vni, let text = place.addresses.first, let address = IPv4Network(text) else {
            throw APIError(.internalError, "network \(network.spec.name) has not been allocated")
        }
        self.init(networkID: network.id, networkName: network.spec.name, wish: nil)
        self.address = address
        overlay = Overlay(
            vni: vni, isInternal: network.spec.internal ?? false, isIngress: network.spec.ingress ?? false,
            mtu: SwarmNetwork.mtu(network.driverState?.options))
    }

    /// The driver of its network.
    var driver: String { overlay == nil ? "bridge" : "overlay" }
}

extension PortConfig {
    /// The routing mesh carries it, rather than one node's own port.
    var isOnMesh: Bool { (publishMode ?? "ingress") == "ingress" }
    var transport: String { self.protocol ?? "tcp" }
}
