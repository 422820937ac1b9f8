import Addressing
import Model
import Orchestration

// What each object of the swarm adds to the facts of networks, and nothing else of it: an object of which this is the same as before changes
// no fact.

/// What a task that holds addresses adds.
struct TaskShare: Equatable {
    /// A place in a network.
    struct Place: Equatable {
        let network: String
        /// Not empty.
        let addresses: [IPAddress]
        /// The first of each family.
        let hosts: HostAddresses
        let assignedTag: EndpointTag?
    }

    let nodeID: String
    let serviceID: String
    /// In networks in which it has addresses.
    let places: [Place]
    /// All that its node takes part in because of it.
    let networks: Set<String>
    let containerID: String
    let names: [String]

    /// - Returns: `nil` for a task that holds no addresses on a node.
    init?(_ task: SwarmTask) {
        guard let nodeID = task.nodeID, Self.isPresent(task) else { return nil }
        self.nodeID = nodeID
        serviceID = task.serviceID
        let attachments = task.networksAttachments ?? []
        places = attachments.filter { !$0.addresses.isEmpty }.map { attachment in
            Place(
                network: attachment.network.id, addresses: attachment.addresses.map(\.address),
                hosts: attachment.endpointAddresses.hosts, assignedTag: attachment.assignedTag)
        }
        networks = Set(attachments.map(\.network.id))
        (containerID, names) = Self.names(of: task)
    }

    /// Tasks of which a node has, or is about to have, a container: they hold addresses.
    static func isPresent(_ task: SwarmTask) -> Bool {
        task.nodeID != nil && task.status.state >= .assigned && task.status.state <= .running
    }

    /// The id of a task's container, once it runs, and what it is called on its networks, its name first.
    ///
    /// That it runs is told to all nodes of its networks in any case. Its container is there a moment before, and nobody asks for it by its id then:
    /// told at once, all of them would be told once more.
    private static func names(of task: SwarmTask) -> (container: String, names: [String]) {
        if let attached = task.spec.networkAttachmentSpec {
            let id = attached.containerID
            let name = task.status.containerStatus?.name ?? attached.containerName
            return (id, [name, String(id.prefix(12))] + attached.aliases)
        }
        let id = task.status.state == .running ? task.status.containerStatus?.containerID ?? "" : ""
        return (id, [task.containerName] + (id.isEmpty ? [] : [String(id.prefix(12))]))
    }
}

/// What a service adds.
struct ServiceShare: Equatable {
    let name: String
    /// By network: its aliases there.
    let aliases: [String: [String]]
    /// By network: its virtual addresses there.
    let virtual: [String: HostAddresses]
    /// Of the routing mesh, each once.
    let ports: [NetworkFact.Port]

    /// The networks that it names.
    var networks: Set<String> { Set(aliases.keys).union(virtual.keys) }

    init(_ service: Service) {
        name = service.spec.name
        var aliases: [String: [String]] = [:]
        for config in (service.spec.taskTemplate.networks ?? []) + (service.spec.networks ?? []) {
            aliases[config.target, default: []] += config.aliases ?? []
        }
        self.aliases = aliases
        var virtual: [String: [IPAddress]] = [:]
        for address in service.endpoint.virtualIPs ?? [] {
            virtual[address.networkID, default: []] += address.addr.map { [$0.address] } ?? []
        }
        self.virtual = virtual.mapValues { HostAddresses($0) }
        var ports: [NetworkFact.Port] = []
        var known: Set<NetworkFact.PortKey> = []
        for port in service.endpoint.ports ?? [] where port.isOnMesh {
            guard let published = port.publishedPort.flatMap({ UInt16(exactly: $0) }), published > 0,
                let target = UInt16(exactly: port.targetPort), let transport = port.transport
            else { continue }
            let key = NetworkFact.PortKey(transport, published)
            guard known.insert(key).inserted else { continue }
            let last = port.count > 1 ? port.publishedPorts.flatMap { UInt16(exactly: $0.upperBound) } : nil
            ports.append(
                NetworkFact.Port(key, targetPort: target, serviceID: service.id, reach: port.reach, last: last))
        }
        self.ports = ports
    }
}

/// What a node adds.
struct NodeShare: Equatable {
    let hostname: String
    /// Where VXLAN reaches it; without one it is nobody's peer.
    let vtep: IPAddress?
    let ingressAddresses: [IPAddress]
    let assignedIngressTag: EndpointTag?
    /// Where it is reached as a manager.
    let managerAddress: IPAddress?
    let managerPort: UInt16?
    let encryption: EncryptionPlace?

    init(_ node: Node) {
        encryption = node.membership?.encryption
        hostname = node.description?.hostname ?? ""
        vtep = node.membership?.dataPathAddress
        ingressAddresses = node.membership?.ingressAddresses?.all ?? []
        assignedIngressTag = node.membership?.assignedIngressTag
        managerAddress = node.managerStatus?.addr?.address
        managerPort = node.managerStatus?.addr?.port
    }

    /// In which its tasks are reached through the mesh: IPv4 in any case, as before nodes had places of their own.
    var meshFamilies: Set<IPFamily> { Set(ingressAddresses.map(\.family)).union([.v4]) }

    /// As other nodes see it.
    /// - Parameter subnets: Those of the ingress network.
    func peer(_ id: String, _ subnets: [IPNetwork]) -> SwarmNetworkState.Peer? {
        guard let vtep else { return nil }
        let addresses = ingressAddresses.compactMap { address in
            subnets.first { $0.family == address.family }.map {
                IPNetwork(address: address, prefixLength: $0.prefixLength)
            }
        }
        return SwarmNetworkState.Peer(
            nodeID: id, hostname: hostname, address: vtep,
            ingressAddresses: addresses.isEmpty ? nil : EndpointAddresses(addresses),
            assignedIngressTag: assignedIngressTag, encryption: encryption)
    }
}
