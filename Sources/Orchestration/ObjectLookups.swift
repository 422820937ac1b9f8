import Addressing
import HashTreeCollections
package import Model

extension Node: MappedObject { package typealias Lookup = NodeLookup }
extension Service: MappedObject { package typealias Lookup = ServiceLookup }
extension SwarmNetwork: MappedObject { package typealias Lookup = NetworkLookup }

/// Nodes by name, those that are managers, those that are down, and the addresses that they have in the ingress network.
package struct NodeLookup: ObjectLookup {
    private(set) var byHostname = Grouping<String, Node>()
    /// Those that are managers, are to be, or were and have not been told apart yet.
    private(set) var managers: TreeDictionary<String, SharedObject<Node>> = [:]
    /// Ids of those that are down.
    private(set) var down = CountedSet<String>()
    private(set) var ingressAddresses = HeldAddresses()

    package init() {}

    package mutating func insert(_ object: SharedObject<Node>) {
        if let name = object.value.description?.hostname { byHostname.insert(object, at: name) }
        if object.value.isAnyManager { managers[object.value.id] = object }
        if object.value.status.state == .down { down.insert(object.value.id) }
        for address in object.value.membership?.ingressAddresses?.all ?? [] { ingressAddresses.insert(address) }
    }

    package mutating func remove(_ object: SharedObject<Node>) {
        if let name = object.value.description?.hostname { byHostname.remove(object, at: name) }
        if object.value.isAnyManager { managers[object.value.id] = nil }
        if object.value.status.state == .down { down.remove(object.value.id) }
        for address in object.value.membership?.ingressAddresses?.all ?? [] { ingressAddresses.remove(address) }
    }
}

/// Services by name and network, and what they hold of ports and addresses.
package struct ServiceLookup: ObjectLookup {
    private(set) var byName = Grouping<String, Service>()
    /// By id of a network that their tasks join; not ingress.
    private(set) var byNetwork = Grouping<String, Service>()
    /// With a task on each node.
    private(set) var perNode: TreeDictionary<String, SharedObject<Service>> = [:]
    /// With a port that all nodes publish.
    private(set) var onMesh: TreeDictionary<String, SharedObject<Service>> = [:]
    private(set) var byPort = PortPublishers()
    /// How many services have or ask for a port that all nodes publish.
    private(set) var meshPorts = PortCounts()
    private var addresses: TreeDictionary<String, HeldAddresses> = [:]
    /// Those that ask for certain addresses, whether they have them or not.
    private var kept = Grouping<KeptAddress, Service>()
    private var keptOfNetwork: TreeDictionary<String, CountedSet<IPAddress>> = [:]

    private struct KeptAddress: Hashable, Sendable {
        var network: String
        var address: IPAddress
    }

    package init() {}

    package mutating func insert(_ object: SharedObject<Service>) {
        let id = object.value.id
        byName.insert(object, at: object.value.spec.name)
        for network in object.value.spec.attachedNetworks { byNetwork.insert(object, at: network.target) }
        if object.value.spec.isPerNode { perNode[id] = object }
        if object.value.spec.ports.contains(where: \.isOnMesh) { onMesh[id] = object }
        for port in object.value.meshPorts { meshPorts.insert(port) }
        for port in object.value.ports { byPort.insert(object, at: port) }
        for (network, address) in object.value.spec.fixedAddresses {
            kept.insert(object, at: KeptAddress(network: network, address: address))
            keptOfNetwork[network, default: CountedSet()].insert(address)
        }
        for held in object.value.endpoint.virtualIPs ?? [] {
            guard let address = held.addr?.address else { continue }
            addresses[held.networkID, default: HeldAddresses()].insert(address)
        }
    }

    package mutating func remove(_ object: SharedObject<Service>) {
        let id = object.value.id
        byName.remove(object, at: object.value.spec.name)
        for network in object.value.spec.attachedNetworks { byNetwork.remove(object, at: network.target) }
        perNode[id] = nil
        onMesh[id] = nil
        for port in object.value.meshPorts { meshPorts.remove(port) }
        for port in object.value.ports { byPort.remove(object, at: port) }
        for (network, address) in object.value.spec.fixedAddresses {
            kept.remove(object, at: KeptAddress(network: network, address: address))
            keptOfNetwork[network, default: CountedSet()].remove(address)
            if keptOfNetwork[network]?.isEmpty == true { keptOfNetwork[network] = nil }
        }
        for held in object.value.endpoint.virtualIPs ?? [] {
            guard let address = held.addr?.address else { continue }
            addresses[held.networkID, default: HeldAddresses()].remove(address)
            if addresses[held.networkID]?.isEmpty == true { addresses[held.networkID] = nil }
        }
    }

    /// Services that ask for an address in a network.
    func keepers(of address: IPAddress, in network: String) -> TreeDictionary<String, SharedObject<Service>> {
        kept[KeptAddress(network: network, address: address)]
    }
    /// The addresses of a network that services ask for.
    func keptAddresses(in network: String) -> CountedSet<IPAddress> { keptOfNetwork[network] ?? CountedSet() }
    /// Whether a service has an address as its own in a network.
    func holds(_ address: IPAddress, in network: String) -> Bool { addresses[network]?.contains(address) ?? false }
    /// The addresses that services have as their own in a network.
    func addresses(in network: String) -> HeldAddresses { addresses[network] ?? HeldAddresses() }
    /// How many addresses of a network services have.
    func addressCount(in network: String) -> Int { addresses[network]?.count ?? 0 }
}

extension Service {
    /// Ports of either kind that the service has or asks for, each once.
    var ports: Set<PortIdentity> { Set(((endpoint.ports ?? []) + spec.ports).map { PortIdentity($0) }) }

    /// Ports on all nodes that the service has or asks for, each once.
    var meshPorts: Set<PortIdentity> {
        Set(((endpoint.ports ?? []) + spec.ports).filter(\.isOnMesh).map { PortIdentity($0) })
    }
}

/// Networks by name, and apart from those the ones of the routing mesh, by id. Names should be one network's each; the store may have more.
package struct NetworkLookup: ObjectLookup {
    private(set) var byName = Grouping<String, SwarmNetwork>()
    private(set) var ingress: TreeDictionary<String, SharedObject<SwarmNetwork>> = [:]

    package init() {}

    package mutating func insert(_ object: SharedObject<SwarmNetwork>) {
        byName.insert(object, at: object.value.spec.name)
        if object.value.spec.ingress == true { ingress[object.value.id] = object }
    }

    package mutating func remove(_ object: SharedObject<SwarmNetwork>) {
        byName.remove(object, at: object.value.spec.name)
        ingress[object.value.id] = nil
    }
}

extension Node {
    fileprivate var isAnyManager: Bool { spec.role == .manager || grantedRole == .manager || managerStatus != nil }
}

extension SwarmState {
    /// Nodes that are managers by what is wanted of them, by what they have been granted, or by what is said of them, in the order of their
    /// ids. Whoever asks with each sign of life, or after each change, does not look at the others.
    package var managers: [Node] { sharedManagers.map(\.value) }
    /// The same without copies.
    package var sharedManagers: [SharedObject<Node>] {
        nodes.lookup.managers.values.sorted { $0.value.id < $1.value.id }
    }

    /// Nodes with this hostname, in no order.
    package func nodes(named name: String) -> [Node] { nodes.lookup.byHostname[name].values.map(\.value) }
    /// Services with this name, in no order.
    package func services(named name: String) -> [Service] { services.lookup.byName[name].values.map(\.value) }
    /// Networks with this name, in no order.
    package func networks(named name: String) -> [SwarmNetwork] { networks.lookup.byName[name].values.map(\.value) }
    /// Services whose tasks join a network, in no order.
    package func services(inNetwork id: String) -> [Service] { services.lookup.byNetwork[id].values.map(\.value) }
    /// Whether tasks of a service join a network; for ingress this is not known.
    package func hasServices(inNetwork id: String) -> Bool { !services.lookup.byNetwork[id].isEmpty }
    /// Ids of services that publish ports through the ingress network, in no order.
    package var servicesOnMesh: some Collection<String> { services.lookup.onMesh.keys }
    /// Whether a service has this name, removed ones with tasks left not counted.
    package func hasService(named name: String) -> Bool { !services.lookup.byName[name].isEmpty }

    /// Services that have or ask for a published port, or one of a row, of the mesh or of the nodes, in no order.
    package func services(onPorts numbers: ClosedRange<Int>, _ transport: TransportProtocol?) -> [Service] {
        services.lookup.byPort.services(meeting: PortIdentity(transport: transport, numbers))
    }
}
