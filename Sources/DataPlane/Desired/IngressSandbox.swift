package import Addressing

/// The node's own end of the routing mesh: where connections to published ports choose a task on another node. Those of
/// this node have their turns before it, in the node's table.
package struct IngressSandbox: Codable, Equatable, Sendable {
    /// Its endpoint in the ingress overlay, with the overlay's prefix length.
    package var address: IPv4Network
    /// The ingress overlay; must be among the node's overlays.
    package var overlayID: String
    /// `docker_gwbridge`; must be among the node's bridges.
    package var bridgeID: String
    /// Its leg in that bridge, as 172.18.0.2/16: no other endpoint may have this address.
    package var leg: IPv4Network
    package var ports: [MeshPort]

    package init(address: IPv4Network, overlayID: String, bridgeID: String, leg: IPv4Network, ports: [MeshPort] = []) {
        self.address = address
        self.overlayID = overlayID
        self.bridgeID = bridgeID
        self.leg = leg
        self.ports = ports
    }
}

/// A port that every node of the swarm answers at.
package struct MeshPort: Codable, Equatable, Sendable {
    package var transport: Transport
    package var publishedPort: UInt16
    /// Tasks by their ingress address. None: connections are refused at once.
    package var backends: [Backend]

    package init(transport: Transport, publishedPort: UInt16, backends: [Backend]) {
        self.transport = transport
        self.publishedPort = publishedPort
        self.backends = backends
    }

    /// Where a request may be led.
    package struct Backend: Codable, Hashable, Sendable {
        package var address: IPv4Address
        package var port: UInt16

        package init(address: IPv4Address, port: UInt16) {
            self.address = address
            self.port = port
        }
    }
}

/// A protocol with ports.
package enum Transport: String, Codable, Hashable, Sendable, CaseIterable {
    case tcp, udp, sctp
}
