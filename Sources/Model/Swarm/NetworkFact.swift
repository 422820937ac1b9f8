package import Addressing

/// One thing that managers tell of the swarm's networks, under a key of its own: a later fact of the same key takes its place.
///
/// A change of the swarm is a change of a few facts, however many others there are.
package enum NetworkFact: Codable, Sendable, Equatable {
    /// What all nodes have in common.
    case settings(Settings)
    /// A member of the swarm, this node included.
    case peer(SwarmNetworkState.Peer)
    /// Subnets of a network, by its id, told to those who take no part in it, too: what a node chooses for its own bridges leaves them alone.
    case subnets(network: String, [IPNetwork])
    /// A port of the routing mesh. Who is behind it are facts of their own.
    case port(Port)
    /// A task, by its ingress address, that gets connections to a port of the mesh.
    case meshBackend(PortKey, IPAddress)
    /// A network that the node takes part in.
    case network(SwarmNetwork)
    /// A task's place in a network.
    case endpoint(network: String, SwarmNetworkState.Endpoint)
    /// A service in a network. Who is behind it are facts of their own.
    case service(network: String, Service)
    /// A task, by its address in a network, that gets connections to a service there, and that `tasks.<name>` answers with.
    case backend(network: String, service: String, IPAddress)

    /// What all nodes have in common.
    package struct Settings: Codable, Sendable, Equatable {
        /// UDP port of VXLAN.
        package var dataPathPort: UInt16
        /// TCP ports at which nodes speak with each other: the managers' own, and those of the store's members.
        package var controlPorts: [UInt16]
        /// Where managers are reached, which need not be where their data path is.
        package var managers: [IPAddress]

        package init(dataPathPort: UInt16 = 4789, controlPorts: [UInt16] = [], managers: [IPAddress] = []) {
            self.controlPorts = controlPorts
            self.dataPathPort = dataPathPort
            self.managers = managers
        }
    }

    /// A published port of a service.
    package struct PortKey: Codable, Sendable, Hashable, Comparable {
        package var transport: TransportProtocol
        package var publishedPort: UInt16

        package init(_ transport: TransportProtocol, _ publishedPort: UInt16) {
            self.publishedPort = publishedPort
            self.transport = transport
        }

        package static func < (left: Self, right: Self) -> Bool {
            (left.publishedPort, left.transport.rawValue) < (right.publishedPort, right.transport.rawValue)
        }
    }

    /// A port of the routing mesh, or a row of them, under the key of its first.
    package struct Port: Codable, Sendable, Equatable {
        package var key: PortKey
        package var targetPort: UInt16
        package var serviceID: String
        /// `nil`: everywhere, one port, tasks by turns.
        package var reach: PortReach?
        /// Of a row the last that is published; the targets are as many.
        package var last: UInt16?

        package init(
            _ key: PortKey, targetPort: UInt16, serviceID: String, reach: PortReach? = nil, last: UInt16? = nil
        ) {
            self.key = key
            self.last = last
            self.reach = reach
            self.serviceID = serviceID
            self.targetPort = targetPort
        }

        /// One, or all of the row.
        package var publishedPorts: ClosedRange<UInt16> {
            key.publishedPort...max(key.publishedPort, last ?? key.publishedPort)
        }
    }

    /// What callers of a service on one network need of it: names and virtual addresses; who answers is in facts of their own.
    package struct Service: Codable, Sendable, Equatable {
        package var serviceID: String
        package var name: String
        package var aliases: [String]
        /// `nil` with endpoint mode `dnsrr`.
        package var virtualAddresses: HostAddresses?

        package init(serviceID: String, name: String, aliases: [String], virtualAddresses: HostAddresses?) {
            self.aliases = aliases
            self.name = name
            self.serviceID = serviceID
            self.virtualAddresses = virtualAddresses
        }
    }

    /// Names a fact.
    package enum Key: Codable, Sendable, Hashable {
        case settings
        /// By node.
        case peer(String)
        /// By network.
        case subnets(String)
        case port(PortKey)
        case meshBackend(PortKey, IPAddress)
        case network(String)
        /// By its first address.
        case endpoint(network: String, IPAddress)
        case service(network: String, String)
        case backend(network: String, service: String, IPAddress)

        /// What the fact belongs to.
        package var scope: Scope {
            switch self {
            case .settings, .peer, .subnets, .port, .meshBackend: .swarm
            case .network(let id): .network(id)
            case .endpoint(let id, _), .service(let id, _), .backend(let id, _, _): .network(id)
            }
        }
    }

    /// What facts belong to: what is told to every node, or to those that take part in a network.
    package enum Scope: Codable, Sendable, Hashable {
        case swarm
        /// By id.
        case network(String)
    }

    /// `nil` for an endpoint without an address, which is none.
    package var key: Key? {
        switch self {
        case .settings: .settings
        case .peer(let peer): .peer(peer.nodeID)
        case .subnets(let id, _): .subnets(id)
        case .port(let port): .port(port.key)
        case .meshBackend(let port, let address): .meshBackend(port, address)
        case .network(let network): .network(network.id)
        case .endpoint(let id, let endpoint): endpoint.addresses.all.first.map { .endpoint(network: id, $0) }
        case .service(let id, let service): .service(network: id, service.serviceID)
        case .backend(let id, let service, let address): .backend(network: id, service: service, address)
        }
    }
}

/// Facts of one scope that have changed, or all of them. Sets of one scope follow each other; those of different scopes do not depend on
/// their order.
package struct NetworkChangeSet: Sendable, Equatable {
    package var scope: NetworkFact.Scope
    /// Takes the place of everything that was known of the scope.
    package var isSnapshot: Bool
    /// Which state of the scope this leads to. It grows with each change; numbers of one manager's session mean nothing in another's.
    package var sequence: UInt64
    package var upserts: [NetworkFact]
    /// Of facts that are no more. They need not have been there.
    package var removals: [NetworkFact.Key]
    /// The node takes no part in the network any more: nothing of it is to be kept, and it has no facts here.
    package var isEnd: Bool
    /// Nobody waits for nodes to have it in force: they need not say so. A later state that they do say includes this one.
    package var isQuiet: Bool

    package init(
        _ scope: NetworkFact.Scope, sequence: UInt64, isSnapshot: Bool = false, upserts: [NetworkFact] = [],
        removals: [NetworkFact.Key] = [], isEnd: Bool = false, isQuiet: Bool = false
    ) {
        self.isEnd = isEnd
        self.isQuiet = isQuiet
        self.isSnapshot = isSnapshot
        self.removals = removals
        self.scope = scope
        self.sequence = sequence
        self.upserts = upserts
    }
}
