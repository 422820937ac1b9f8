package import Addressing
package import Model

/// A container's network namespace and everything in it.
package struct Sandbox: Codable, Equatable, Sendable, Identifiable {
    /// The container's id.
    package var id: String
    /// In the order of their interfaces.
    package var endpoints: [Endpoint]
    /// The endpoint that the default route leads through: its gateway must be set. `nil`: no default route.
    package var defaultRouteEndpointID: String?
    /// The same for IPv6, where that leads through another one.
    package var defaultRoute6EndpointID: String?
    /// Service addresses that this container may call, of all its networks.
    package var services: [VirtualAddress]
    /// For tasks behind ports of the mesh.
    package var mesh: MeshMembership?
    /// Ports of the resolver whose sockets were opened in this namespace; `nil` without one.
    package var resolver: ResolverPorts?
    /// Ports of the node that lead here.
    package var published: [HostPort]
    /// Ports of its own that are open at its own address, to whom its network says.
    package var direct: [DirectPort]

    package init(
        id: String, endpoints: [Endpoint] = [], defaultRouteEndpointID: String? = nil,
        defaultRoute6EndpointID: String? = nil, services: [VirtualAddress] = [], mesh: MeshMembership? = nil,
        resolver: ResolverPorts? = nil, published: [HostPort] = [],
        direct: [DirectPort] = []
    ) {
        self.id = id
        self.endpoints = endpoints
        self.defaultRouteEndpointID = defaultRouteEndpointID
        self.defaultRoute6EndpointID = defaultRoute6EndpointID
        self.services = services
        self.mesh = mesh
        self.resolver = resolver
        self.published = published
        self.direct = direct
    }

    /// A sandbox's interface in one network.
    package struct Endpoint: Codable, Equatable, Sendable, Identifiable {
        /// 64 hex digits; the first twelve name the link, so they must be unique on the node.
        package var id: String
        package var network: NetworkReference
        /// `eth0`, `eth1`…
        package var interfaceName: String
        package var addresses: EndpointAddresses
        /// In an overlay the one that is made of the endpoint's tag.
        package var mac: MACAddress
        /// Where what leaves the network goes, at most one a family.
        package var gateways: HostAddresses
        /// It may also use addresses that are nobody's: the container administers its network, or the network's owner lets it.
        /// What others have, and another MAC, it may not.
        package var isLax: Bool

        package init(
            id: String, network: NetworkReference, interfaceName: String, addresses: EndpointAddresses, mac: MACAddress,
            gateways: HostAddresses = HostAddresses(), isLax: Bool = false
        ) {
            self.id = id
            self.network = network
            self.interfaceName = interfaceName
            self.addresses = addresses
            self.mac = mac
            self.gateways = gateways
            self.isLax = isLax
        }
    }

    /// The network of an endpoint, among the node's.
    package enum NetworkReference: Codable, Hashable, Sendable {
        case bridge(String)
        case overlay(String)
        /// A ``ParentNetwork``.
        case parent(String)
    }

    /// Overlays that it is in.
    var overlayIDs: [String] {
        endpoints.compactMap { if case .overlay(let id) = $0.network { id } else { nil } }
    }
}

/// Ports of a container that are reached at its own address from beyond its network.
package struct DirectPort: Codable, Hashable, Sendable {
    package var transport: TransportProtocol
    package var ports: ClosedRange<UInt16>
    package var address: IPAddress

    package init(transport: TransportProtocol, ports: ClosedRange<UInt16>, address: IPAddress) {
        self.transport = transport
        self.ports = ports
        self.address = address
    }
}

/// A service's address and the tasks behind it.
package struct VirtualAddress: Codable, Equatable, Sendable {
    package var address: IPAddress
    /// None: connections are refused at once.
    package var backends: [IPAddress]

    package init(address: IPAddress, backends: [IPAddress]) {
        self.address = address
        self.backends = backends
    }
}

/// A task's part in the routing mesh.
package struct MeshMembership: Codable, Equatable, Sendable {
    /// The endpoint in the ingress overlay.
    package var endpointID: String
    /// Gateway addresses of the ingress network, at which nobody answers: 10.255.0.1.
    package var gateways: HostAddresses
    /// What packets to them are sent to until their mark says where they really go.
    package var gatewayMAC: MACAddress
    /// The tags of the ingress network, of which marks are made.
    package var tags: EndpointTagBlock
    /// Ports of the task itself, which packets of the mesh may reach.
    package var targetPorts: [TargetPort]

    package init(
        endpointID: String, gateways: HostAddresses, gatewayMAC: MACAddress, tags: EndpointTagBlock,
        targetPorts: [TargetPort]
    ) {
        self.endpointID = endpointID
        self.gateways = gateways
        self.gatewayMAC = gatewayMAC
        self.tags = tags
        self.targetPorts = targetPorts
    }

    /// A port of the task's own, or a row of them.
    package struct TargetPort: Codable, Hashable, Sendable {
        package var transport: TransportProtocol
        package var port: UInt16
        /// The last of a row.
        package var last: UInt16?

        package init(transport: TransportProtocol, port: UInt16, last: UInt16? = nil) {
            self.transport = transport
            self.port = port
            self.last = last
        }

        var ports: ClosedRange<UInt16> { port...max(port, last ?? port) }
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
