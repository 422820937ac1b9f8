package import Addressing

/// A port of a node that leads to a port of a container.
package struct PublishedPort: Codable, Hashable, Sendable {
    package var transport: TransportProtocol
    /// `nil` for every address of the node; never an unspecified one.
    package var hostAddress: IPAddress?
    package var hostPort: UInt16
    package var containerPort: UInt16

    package init(
        transport: TransportProtocol, hostAddress: IPAddress? = nil, hostPort: UInt16, containerPort: UInt16
    ) {
        self.transport = transport
        self.hostAddress = hostAddress.flatMap { $0.isUnspecified ? nil : $0 }
        self.hostPort = hostPort
        self.containerPort = containerPort
    }

    /// The container's port as the Engine API names it: `80/tcp`.
    package var key: String { "\(containerPort)/\(transport)" }
}
