package import Addressing

/// A port of a node that leads to a port of a container.
package struct PublishedPort: Codable, Hashable, Sendable {
    package var transport: TransportProtocol
    /// `nil` for every address that the node has of a family; never an unspecified one.
    package var hostAddress: IPAddress?
    package var hostPort: UInt16
    package var containerPort: UInt16
    /// Without an address: whether every address of IPv6 is meant. `nil`: of IPv4.
    package private(set) var isIPv6: Bool?

    /// - Parameter hostAddress: An unspecified one stands for every address of its family; `nil` for all of IPv4's.
    package init(
        transport: TransportProtocol, hostAddress: IPAddress? = nil, hostPort: UInt16, containerPort: UInt16
    ) {
        self.transport = transport
        self.hostAddress = hostAddress.flatMap { $0.isUnspecified ? nil : $0 }
        self.hostPort = hostPort
        self.containerPort = containerPort
        isIPv6 = hostAddress == .unspecified(.v6) ? true : nil
    }

    /// Of the addresses that are called.
    package var family: IPFamily { hostAddress?.family ?? (isIPv6 == true ? .v6 : .v4) }
    /// Where it is called, as the Engine API shows it: `0.0.0.0` or `::` for every address of a family.
    package var calledAddress: IPAddress { hostAddress ?? .unspecified(family) }

    /// The container's port as the Engine API names it: `80/tcp`.
    package var key: String { "\(containerPort)/\(transport)" }
}

/// A published port and where it leads.
package struct HostPort: Codable, Hashable, Sendable {
    package var published: PublishedPort
    /// The container's address in a bridge of this node.
    package var target: IPAddress

    package init(_ published: PublishedPort, to target: IPAddress) {
        self.published = published
        self.target = target
    }
}
