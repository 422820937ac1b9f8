package import Addressing
package import Model

/// The node's own end of the routing mesh: where connections to published ports choose a task on another node. Those of
/// this node have their turns before it, in the node's table.
package struct IngressSandbox: Codable, Equatable, Sendable {
    /// Its endpoint in the ingress overlay, with the overlay's prefix lengths.
    package var addresses: EndpointAddresses
    /// Of that endpoint, which has the MAC that is made of it.
    package var tag: EndpointTag
    /// The ingress overlay; must be among the node's overlays.
    package var overlayID: String
    /// `docker_gwbridge`; must be among the node's bridges.
    package var bridgeID: String
    /// Its addresses in that bridge, as 172.18.0.2/16: no other endpoint may have these addresses.
    package var gatewayAddresses: EndpointAddresses
    package var gatewayMAC: MACAddress
    package var ports: [MeshPort]

    package init(
        addresses: EndpointAddresses, tag: EndpointTag, overlayID: String, bridgeID: String,
        gatewayAddresses: EndpointAddresses,
        gatewayMAC: MACAddress, ports: [MeshPort] = []
    ) {
        self.addresses = addresses
        self.tag = tag
        self.overlayID = overlayID
        self.bridgeID = bridgeID
        self.gatewayAddresses = gatewayAddresses
        self.gatewayMAC = gatewayMAC
        self.ports = ports
    }
}

extension IngressSandbox {
    /// Families in which ports of the mesh are answered on this node.
    var families: [IPFamily] { gatewayAddresses.all.map(\.family) }
}

/// A port that every node of the swarm answers at, or a row of them.
package struct MeshPort: Codable, Equatable, Sendable {
    package var transport: TransportProtocol
    package var publishedPort: UInt16
    /// Tasks by their ingress address. None: connections are refused at once.
    package var backends: [Backend]
    /// Where and how it answers, if not everywhere and by turns.
    package var reach: PortReach?
    /// The last of a row. Each leads to the same number of a task: those of backends are the first's and of no other meaning.
    package var lastPort: UInt16?

    package init(
        transport: TransportProtocol, publishedPort: UInt16, backends: [Backend], reach: PortReach? = nil,
        lastPort: UInt16? = nil
    ) {
        self.lastPort = lastPort
        self.reach = reach
        self.transport = transport
        self.publishedPort = publishedPort
        self.backends = backends
    }

    /// One, or all of the row.
    package var publishedPorts: ClosedRange<UInt16> { publishedPort...max(publishedPort, lastPort ?? publishedPort) }
    var isRow: Bool { lastPort != nil }

    /// Where a request may be led.
    package struct Backend: Codable, Hashable, Sendable {
        package var address: IPAddress
        package var port: UInt16

        package init(address: IPAddress, port: UInt16) {
            self.address = address
            self.port = port
        }
    }
}
