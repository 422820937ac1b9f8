package import Addressing

/// What a manager tells a node about the networks it takes part in: derived from the store, sent as a whole, applied as a whole.
package struct SwarmNetworkState: Codable, Sendable, Equatable {
    /// The store's revision that it was derived from; it only grows.
    package var version: UInt64 = 0
    /// Every member of the swarm, this node included.
    package var peers: [Peer] = []
    /// The networks this node takes part in; ingress always.
    package var networks: [Network] = []
    /// Subnets of all the swarm's networks: what a node chooses for its own bridges leaves them alone.
    @Zero package var subnets: [IPNetwork]
    /// Every port of the routing mesh.
    package var ports: [MeshPort] = []
    /// UDP port of VXLAN.
    package var dataPathPort: UInt16 = 4789
    /// TCP ports at which nodes speak with each other: the managers' own, and those of the store's members.
    @Zero package var controlPorts: [UInt16]
    /// Where managers are reached, which need not be where their data path is.
    @Zero package var managers: [IPAddress]

    package init() {}

    /// A member of the swarm as others see it.
    package struct Peer: Codable, Sendable, Equatable {
        package var nodeID: String
        package var hostname: String
        /// Underlay address: its VTEP.
        package var address: IPAddress
        /// Its ingress sandbox's addresses with the network's prefix lengths; `nil` until it has some.
        package var ingressAddresses: EndpointAddresses?
        /// `nil`: the one that follows from the addresses.
        package var assignedIngressTag: EndpointTag?
        /// `nil` for a node that does not encrypt.
        package var encryption: EncryptionPlace?
        /// The tag of its ingress sandbox.
        package var ingressTag: EndpointTag {
            assignedIngressTag ?? EndpointTag(defaultFor: ingressAddresses?.hosts ?? HostAddresses())
        }

        package init(
            nodeID: String, hostname: String, address: IPAddress, ingressAddresses: EndpointAddresses?,
            assignedIngressTag: EndpointTag? = nil, encryption: EncryptionPlace? = nil
        ) {
            self.encryption = encryption
            self.nodeID = nodeID
            self.hostname = hostname
            self.address = address
            self.ingressAddresses = ingressAddresses
            self.assignedIngressTag = assignedIngressTag
        }

        private enum CodingKeys: String, CodingKey {
            case nodeID, hostname, address, assignedIngressTag, encryption
            case ingressAddresses = "ingressAddress"
        }
    }

    /// A network of the swarm with everybody on it.
    package struct Network: Codable, Sendable, Equatable {
        package var network: SwarmNetwork
        /// Every endpoint of the network on every node, this node's included.
        package var endpoints: [Endpoint]
        package var services: [ServiceAddress]

        package init(network: SwarmNetwork, endpoints: [Endpoint], services: [ServiceAddress]) {
            self.network = network
            self.endpoints = endpoints
            self.services = services
        }
    }

    /// A task's place in a network.
    package struct Endpoint: Codable, Sendable, Equatable {
        package var addresses: HostAddresses
        /// `nil`: the one that follows from the addresses.
        package var assignedTag: EndpointTag?
        package var nodeID: String
        package var taskID: String
        /// The node's underlay address.
        package var vtep: IPAddress
        /// The container's id once it runs; that of a container with a place of its own from the beginning.
        package var containerID: String
        /// The container's name, its aliases: what DNS answers with this address.
        package var names: [String]

        package var tag: EndpointTag { assignedTag ?? EndpointTag(defaultFor: addresses) }

        package init(
            addresses: HostAddresses, assignedTag: EndpointTag? = nil, nodeID: String, taskID: String, vtep: IPAddress,
            containerID: String, names: [String]
        ) {
            self.addresses = addresses
            self.assignedTag = assignedTag
            self.nodeID = nodeID
            self.taskID = taskID
            self.vtep = vtep
            self.containerID = containerID
            self.names = names
        }

        private enum CodingKeys: String, CodingKey {
            case assignedTag, nodeID, taskID, vtep, containerID, names
            case addresses = "address"
        }
    }

    /// What callers of a service on one network need of it, its tasks' addresses among that.
    package struct ServiceAddress: Codable, Sendable, Equatable {
        package var serviceID: String
        package var name: String
        package var aliases: [String]
        /// `nil` with endpoint mode `dnsrr`.
        package var virtualAddresses: HostAddresses?
        /// Tasks that may get new connections.
        package var backends: [IPAddress]
        /// What `tasks.<name>` answers.
        package var tasks: [IPAddress]

        package init(
            serviceID: String, name: String, aliases: [String], virtualAddresses: HostAddresses?,
            backends: [IPAddress], tasks: [IPAddress]
        ) {
            self.serviceID = serviceID
            self.name = name
            self.aliases = aliases
            self.virtualAddresses = virtualAddresses
            self.backends = backends
            self.tasks = tasks
        }

        private enum CodingKeys: String, CodingKey {
            case serviceID, name, aliases, backends, tasks
            case virtualAddresses = "virtualIP"
        }
    }

    /// A port of the routing mesh and the ingress addresses of the tasks behind it.
    package struct MeshPort: Codable, Sendable, Equatable {
        package var transport: TransportProtocol
        package var publishedPort: UInt16
        package var targetPort: UInt16
        package var serviceID: String
        package var backends: [IPAddress]

        package init(
            transport: TransportProtocol, publishedPort: UInt16, targetPort: UInt16, serviceID: String,
            backends: [IPAddress]
        ) {
            self.transport = transport
            self.publishedPort = publishedPort
            self.targetPort = targetPort
            self.serviceID = serviceID
            self.backends = backends
        }
    }
}
