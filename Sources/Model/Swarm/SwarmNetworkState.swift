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
    @Zero package var subnets: [IPv4Network]
    /// Every port of the routing mesh.
    package var ports: [MeshPort] = []
    /// UDP port of VXLAN.
    package var dataPathPort: UInt16 = 4789
    /// TCP ports at which nodes speak with each other: the managers' own, and those of the store's members.
    @Zero package var controlPorts: [UInt16]
    /// Where managers are reached, which need not be where their data path is.
    @Zero package var managers: [IPv4Address]

    package init() {}

    /// A member of the swarm as others see it.
    package struct Peer: Codable, Sendable, Equatable {
        package var nodeID: String
        package var hostname: String
        /// Underlay address: its VTEP.
        package var address: IPv4Address
        /// Its ingress sandbox's address with the network's prefix length.
        package var ingressAddress: IPv4Network?

        package init(nodeID: String, hostname: String, address: IPv4Address, ingressAddress: IPv4Network?) {
            self.nodeID = nodeID
            self.hostname = hostname
            self.address = address
            self.ingressAddress = ingressAddress
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
        package var address: IPv4Address
        package var nodeID: String
        package var taskID: String
        /// The node's underlay address.
        package var vtep: IPv4Address
        /// The container's id once there is one.
        package var containerID: String
        /// The container's name, its aliases: what DNS answers with this address.
        package var names: [String]

        package init(
            address: IPv4Address, nodeID: String, taskID: String, vtep: IPv4Address, containerID: String,
            names: [String]
        ) {
            self.address = address
            self.nodeID = nodeID
            self.taskID = taskID
            self.vtep = vtep
            self.containerID = containerID
            self.names = names
        }
    }

    /// A service in one network.
    package struct ServiceAddress: Codable, Sendable, Equatable {
        package var serviceID: String
        package var name: String
        package var aliases: [String]
        /// `nil` with endpoint mode `dnsrr`.
        package var virtualIP: IPv4Address?
        /// Tasks that may get new connections.
        package var backends: [IPv4Address]
        /// What `tasks.<name>` answers.
        package var tasks: [IPv4Address]

        package init(
            serviceID: String, name: String, aliases: [String], virtualIP: IPv4Address?, backends: [IPv4Address],
            tasks: [IPv4Address]
        ) {
            self.serviceID = serviceID
            self.name = name
            self.aliases = aliases
            self.virtualIP = virtualIP
            self.backends = backends
            self.tasks = tasks
        }
    }

    /// A port of the routing mesh and the ingress addresses of the tasks behind it.
    package struct MeshPort: Codable, Sendable, Equatable {
        /// `tcp`, `udp` or `sctp`.
        package var transport: String
        package var publishedPort: UInt16
        package var targetPort: UInt16
        package var serviceID: String
        package var backends: [IPv4Address]

        package init(
            transport: String, publishedPort: UInt16, targetPort: UInt16, serviceID: String, backends: [IPv4Address]
        ) {
            self.transport = transport
            self.publishedPort = publishedPort
            self.targetPort = targetPort
            self.serviceID = serviceID
            self.backends = backends
        }
    }
}
