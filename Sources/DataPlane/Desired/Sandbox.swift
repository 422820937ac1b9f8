package import Addressing

/// A container's network namespace and everything in it.
package struct Sandbox: Codable, Equatable, Sendable, Identifiable {
    /// The container's id.
    package var id: String
    /// In the order of their interfaces.
    package var endpoints: [Endpoint]
    /// The endpoint that the default route leads through: its gateway must be set. `nil`: no default route.
    package var defaultRouteEndpointID: String?
    /// Service addresses that this container may call, of all its networks.
    package var services: [VirtualAddress]
    /// For tasks behind ports of the mesh.
    package var mesh: MeshMembership?
    /// Ports of the resolver whose sockets were opened in this namespace; `nil` without one.
    package var resolver: ResolverPorts?
    /// Ports of the node that lead here.
    package var published: [HostPort]

    package init(
        id: String, endpoints: [Endpoint] = [], defaultRouteEndpointID: String? = nil, services: [VirtualAddress] = [],
        mesh: MeshMembership? = nil, resolver: ResolverPorts? = nil, published: [HostPort] = []
    ) {
        self.id = id
        self.endpoints = endpoints
        self.defaultRouteEndpointID = defaultRouteEndpointID
        self.services = services
        self.mesh = mesh
        self.resolver = resolver
        self.published = published
    }

    /// A sandbox's interface in one network.
    package struct Endpoint: Codable, Equatable, Sendable, Identifiable {
        /// 64 hex digits; the first twelve name the link, so they must be unique on the node.
        package var id: String
        package var network: NetworkReference
        /// `eth0`, `eth1`…
        package var interfaceName: String
        package var address: IPv4Network
        /// `02:42` and the address, unless the user chose another for a bridge's endpoint. Overlays have no choice.
        package var mac: MACAddress
        package var gateway: IPv4Address?
        /// It may also use addresses that are nobody's: the container administers its network, or the network's owner lets it.
        /// What others have, and another MAC, it may not.
        package var isLax: Bool

        package init(
            id: String, network: NetworkReference, interfaceName: String, address: IPv4Network, mac: MACAddress? = nil,
            gateway: IPv4Address? = nil, isLax: Bool = false
        ) {
            self.id = id
            self.network = network
            self.interfaceName = interfaceName
            self.address = address
            self.mac = mac ?? MACAddress(for: address.address)
            self.gateway = gateway
            self.isLax = isLax
        }
    }

    /// The network of an endpoint, among the node's.
    package enum NetworkReference: Codable, Hashable, Sendable {
        case bridge(String)
        case overlay(String)
    }
}

/// A service's address and the tasks behind it.
package struct VirtualAddress: Codable, Equatable, Sendable {
    package var address: IPv4Address
    /// None: connections are refused at once.
    package var backends: [IPv4Address]

    package init(address: IPv4Address, backends: [IPv4Address]) {
        self.address = address
        self.backends = backends
    }
}

/// A task's part in the routing mesh.
package struct MeshMembership: Codable, Equatable, Sendable {
    /// The endpoint in the ingress overlay.
    package var endpointID: String
    /// Gateway address of the ingress network, at which nobody answers: 10.255.0.1.
    package var gateway: IPv4Address
    /// Ports of the task itself, which packets of the mesh may reach.
    package var targetPorts: [TargetPort]

    package init(endpointID: String, gateway: IPv4Address, targetPorts: [TargetPort]) {
        self.endpointID = endpointID
        self.gateway = gateway
        self.targetPorts = targetPorts
    }

    /// A port of the task's own.
    package struct TargetPort: Codable, Hashable, Sendable {
        package var transport: Transport
        package var port: UInt16

        package init(transport: Transport, port: UInt16) {
            self.transport = transport
            self.port = port
        }
    }
}

/// Where the resolver of 127.0.0.11 really listens.
package struct ResolverPorts: Codable, Equatable, Sendable {
    /// A port of the sandbox, at 127.0.0.11.
    package var udp: UInt16
    /// The same for TCP.
    package var tcp: UInt16

    package init(udp: UInt16, tcp: UInt16) {
        self.udp = udp
        self.tcp = tcp
    }
}

/// A port of the node that leads to a container.
package struct HostPort: Codable, Hashable, Sendable {
    package var transport: Transport
    /// `nil` for every address of the node.
    package var hostAddress: IPv4Address?
    package var hostPort: UInt16
    /// The container's address in a bridge of this node.
    package var targetAddress: IPv4Address
    package var targetPort: UInt16

    package init(
        transport: Transport, hostAddress: IPv4Address? = nil, hostPort: UInt16, targetAddress: IPv4Address,
        targetPort: UInt16
    ) {
        self.transport = transport
        self.hostAddress = hostAddress.flatMap { $0.isUnspecified ? nil : $0 }
        self.hostPort = hostPort
        self.targetAddress = targetAddress
        self.targetPort = targetPort
    }
}
