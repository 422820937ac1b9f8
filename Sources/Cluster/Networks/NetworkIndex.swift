import Addressing
package import Model
package import Orchestration
import StateStore

/// What nodes are to be told of the swarm's networks, kept up to date object by object: a change costs what it touches, whatever else there is.
///
/// Objects that have changed mark the facts that may differ because of them; ``settle()`` computes just those, from indexes, and tells what is
/// different. So what comes and goes between two calls is told to nobody.
package struct NetworkIndex {
    /// Which facts are different, by scope, and whose part in networks.
    package struct Changes {
        /// What is other now, in the order in which nodes are to take it.
        package var facts: [NetworkFact.Scope: (upserts: [NetworkFact], removals: [NetworkFact.Key])] = [:]
        /// Of these, scopes with something that somebody may wait for until nodes have it in force.
        package var awaited: Set<NetworkFact.Scope> = []
        /// Nodes that may take part in other networks than before.
        package var nodes: Set<String> = []
        /// The same of all nodes.
        package var areAllNodes = false
    }

    /// What nodes are told, as of the last ``settle()``.
    package private(set) var facts = NetworkFacts()
    var changes = Changes()
    /// Facts that may be different.
    var dirty: Set<NetworkFact.Key> = [.settings]

    var tasks: [String: TaskShare] = [:]
    var services: [String: ServiceShare] = [:]
    var nodes: [String: NodeShare] = [:]
    var networks: [String: SwarmNetwork] = [:]
    var dataPathPort: UInt16?
    /// Tasks that get new connections.
    private(set) var serving: Set<String> = []

    /// Tasks by their addresses in a network: nearly always one each. In the order of their ids.
    var holders: [String: [IPAddress: [String]]] = [:]
    var tasksOfNode: [String: Set<String>] = [:]
    var tasksOfService: [String: Set<String>] = [:]
    /// Those with a place in the network.
    var tasksInNetwork: [String: Set<String>] = [:]
    /// How many tasks a service has in each network.
    var networksOfService: [String: [String: Int]] = [:]
    /// Services that name a network.
    var servicesNaming: [String: Set<String>] = [:]
    /// Services that publish a port, in the order of their ids: the first has it.
    var claims: [NetworkFact.PortKey: [String]] = [:]
    /// How many tasks make a node take part in a network: by node, and by network.
    var networksOfNode: [String: [String: Int]] = [:]
    var nodesOfNetwork: [String: Set<String>] = [:]
    /// Networks that are the ingress network, in the order of their ids: the first is it.
    var ingresses: [String] = []
    var ingress: String? { ingresses.first }

    package init() {}

    // MARK: Objects

    /// - Parameter changed: What is looked at in `objects`; the rest is as it was before.
    package mutating func take(_ objects: SwarmState, _ changed: SwarmChanges) {
        for id in changed.nodes { takeNode(id, objects.nodes[id]) }
        for id in changed.networks { takeNetwork(id, objects.networks[id]) }
        for id in changed.services { takeService(id, objects.services[id]) }
        for id in changed.tasks { takeTask(id, objects.tasks[id]) }
        if changed.cluster { take(objects.cluster) }
    }

    private mutating func take(_ cluster: ClusterObject?) {
        let port = cluster.flatMap { UInt16(exactly: $0.dataPathPort) }.flatMap { $0 == 0 ? nil : $0 }
        if port == dataPathPort { return }
        dataPathPort = port
        dirty.insert(.settings)
    }

    private mutating func takeTask(_ id: String, _ task: SwarmTask?) {
        let (old, new) = (tasks[id], task.flatMap(TaskShare.init))
        if old == new { return }
        if let old {
            touch(old)
            unlink(id, old)
        }
        tasks[id] = new
        if let new {
            link(id, new)
            touch(new)
        } else {
            serving.remove(id)
        }
    }

    private mutating func takeService(_ id: String, _ service: Service?) {
        let (old, new) = (services[id], service.map(ServiceShare.init))
        if old == new { return }
        services[id] = new
        let (before, after) = (old?.networks ?? [], new?.networks ?? [])
        for network in before.subtracting(after) { servicesNaming.take(id, from: network) }
        for network in after { servicesNaming[network, default: []].insert(id) }
        for network in before.union(after).union((networksOfService[id] ?? [:]).keys) {
            dirty.insert(.service(network: network, id))
        }
        if (old == nil) != (new == nil) {
            for task in tasksOfService[id] ?? [] { if let share = tasks[task] { touch(share) } }
        }
        let (ports, formerly) = (new?.ports ?? [], old?.ports ?? [])
        for key in Set((ports + formerly).map(\.key)) {
            let owner = claims[key]?.first
            claims.set(id, in: key, ports.contains { $0.key == key })
            dirty.insert(.port(key))
            guard owner != claims[key]?.first else { continue }
            for service in [owner, claims[key]?.first].compactMap(\.self) { touchMesh(of: service, key) }
        }
    }

    private mutating func takeNode(_ id: String, _ node: Node?) {
        let (old, new) = (nodes[id], node.map(NodeShare.init))
        if old == new { return }
        nodes[id] = new
        dirty.insert(.peer(id))
        if old?.managerAddress != new?.managerAddress || old?.managerPort != new?.managerPort {
            dirty.insert(.settings)
        }
        guard old?.vtep != new?.vtep || old?.meshFamilies != new?.meshFamilies else { return }
        for task in tasksOfNode[id] ?? [] { if let share = tasks[task] { touch(share) } }
    }

    private mutating func takeNetwork(_ id: String, _ network: SwarmNetwork?) {
        let old = networks[id]
        if old == network { return }
        networks[id] = network
        dirty.formUnion([.network(id), .subnets(id)])
        let former = ingress
        ingresses.set(id, network?.spec.ingress == true)
        let areOthers = old?.addressRanges.map(\.subnet) != network?.addressRanges.map(\.subnet)
        if former != ingress || ingress == id && areOthers {
            for node in nodes.keys { dirty.insert(.peer(node)) }
        }
        if former != ingress {
            changes.areAllNodes = true
            for key in claims.keys { dirty.insert(.port(key)) }
            for (address, ids) in [former, ingress].compactMap({ $0.flatMap { holders[$0] } }).joined() {
                for service in Set(ids.compactMap { tasks[$0]?.serviceID }) {
                    for port in services[service]?.ports ?? [] { dirty.insert(.meshBackend(port.key, address)) }
                }
            }
            for case .meshBackend(let port, let address) in facts.facts(of: .swarm).compactMap(\.key) {
                dirty.insert(.meshBackend(port, address))
            }
        }
        guard (old?.isAllocated ?? false) != (network?.isAllocated ?? false) else { return }
        if ingress == id || former == id { changes.areAllNodes = true }
        changes.nodes.formUnion(nodesOfNetwork[id] ?? [])
        for task in tasksInNetwork[id] ?? [] { if let share = tasks[task] { touch(share) } }
        for service in servicesNaming[id] ?? [] { dirty.insert(.service(network: id, service)) }
    }

    /// A task gets new connections from now on, or no more.
    mutating func setServing(_ id: String, _ isServing: Bool) {
        if isServing { serving.insert(id) } else { serving.remove(id) }
        if let share = tasks[id] { touch(share) }
    }

    // MARK: Marks

    /// Marks what a task's share may change.
    private mutating func touch(_ share: TaskShare) {
        for place in share.places {
            if let first = place.hosts.all.first { dirty.insert(.endpoint(network: place.network, first)) }
            dirty.insert(.service(network: place.network, share.serviceID))
            for address in place.addresses {
                dirty.insert(.backend(network: place.network, service: share.serviceID, address))
                guard place.network == ingress else { continue }
                for port in services[share.serviceID]?.ports ?? [] { dirty.insert(.meshBackend(port.key, address)) }
            }
        }
    }

    private mutating func touchMesh(of service: String, _ port: NetworkFact.PortKey) {
        for task in tasksOfService[service] ?? [] {
            for place in tasks[task]?.places ?? [] where place.network == ingress {
                for address in place.addresses { dirty.insert(.meshBackend(port, address)) }
            }
        }
    }

    private mutating func link(_ id: String, _ share: TaskShare) {
        tasksOfNode[share.nodeID, default: []].insert(id)
        tasksOfService[share.serviceID, default: []].insert(id)
        for network in share.networks {
            let count = networksOfNode[share.nodeID, default: [:]][network, default: 0] + 1
            networksOfNode[share.nodeID, default: [:]][network] = count
            guard count == 1 else { continue }
            nodesOfNetwork[network, default: []].insert(share.nodeID)
            changes.nodes.insert(share.nodeID)
        }
        for place in share.places {
            tasksInNetwork[place.network, default: []].insert(id)
            for address in place.addresses { holders[place.network, default: [:]].set(id, in: address, true) }
        }
        for network in Set(share.places.map(\.network)) {
            networksOfService[share.serviceID, default: [:]][network, default: 0] += 1
        }
    }

    private mutating func unlink(_ id: String, _ share: TaskShare) {
        tasksOfNode.take(id, from: share.nodeID)
        tasksOfService.take(id, from: share.serviceID)
        for network in share.networks where networksOfNode.count(down: network, of: share.nodeID) {
            nodesOfNetwork.take(share.nodeID, from: network)
            changes.nodes.insert(share.nodeID)
        }
        for place in share.places {
            tasksInNetwork.take(id, from: place.network)
            for address in place.addresses { holders[place.network, default: [:]].set(id, in: address, false) }
            if holders[place.network]?.isEmpty == true { holders[place.network] = nil }
        }
        for network in Set(share.places.map(\.network)) {
            _ = networksOfService.count(down: network, of: share.serviceID)
        }
    }

    // MARK: What is told

    /// Computes the facts that may be different.
    /// - Returns: Those that are, and what else has changed since the last call.
    package mutating func settle() -> Changes {
        var changes = changes
        self.changes = Changes()
        for key in dirty {
            let (old, new) = (facts.fact(key), fact(key))
            if new == old { continue }
            if Self.isAwaited(key, from: old, to: new) { changes.awaited.insert(key.scope) }
            if let new {
                changes.facts[key.scope, default: ([], [])].upserts.append(new)
            } else {
                changes.facts[key.scope, default: ([], [])].removals.append(key)
            }
        }
        dirty = []
        for (scope, part) in changes.facts {
            let upserts = part.upserts.sorted { $0.rank < $1.rank }
            let removals = part.removals.sorted { $0.rank > $1.rank }
            changes.facts[scope] = (upserts, removals)
            facts.apply(NetworkChangeSet(scope, sequence: 0, upserts: upserts, removals: removals))
        }
        return changes
    }

    /// The networks that a node takes part in and that are told of: ingress, and those of its tasks.
    package func networkIDs(of nodeID: String) -> Set<String> {
        Set((networksOfNode[nodeID] ?? [:]).keys).union(ingress.map { [$0] } ?? []).filter(isTold)
    }

    /// Whether nodes that take part in a network are told of it.
    func isTold(_ network: String) -> Bool { networks[network]?.isAllocated == true }

    /// Whether what nodes send each other in a network is encrypted.
    func isEncrypted(_ network: String) -> Bool { networks[network]?.isEncrypted == true }

    /// The networks that a task has places in, ingress among them.
    func networkIDs(ofTask id: String) -> Set<String> { tasks[id]?.networks.filter(isTold) ?? [] }
}

extension NetworkFact {
    fileprivate var rank: Int { key?.rank ?? 0 }
}

extension NetworkFact.Key {
    /// What leads to something comes after it.
    fileprivate var rank: Int {
        switch self {
        case .settings: 0
        case .peer: 1
        case .subnets: 2
        case .network: 3
        case .endpoint: 4
        case .service: 5
        case .backend: 6
        case .port: 7
        case .meshBackend: 8
        }
    }
}

// MARK: Indexes

extension [String] {
    /// Keeps the ids sorted, each once.
    fileprivate mutating func set(_ id: String, _ isIn: Bool) {
        removeAll { $0 == id }
        if isIn { insert(id, at: firstIndex { $0 > id } ?? endIndex) }
    }
}

extension [IPAddress: [String]] {
    fileprivate mutating func set(_ id: String, in key: IPAddress, _ isIn: Bool) {
        self[key, default: []].set(id, isIn)
        if self[key]?.isEmpty == true { self[key] = nil }
    }
}

extension [NetworkFact.PortKey: [String]] {
    fileprivate mutating func set(_ id: String, in key: NetworkFact.PortKey, _ isIn: Bool) {
        self[key, default: []].set(id, isIn)
        if self[key]?.isEmpty == true { self[key] = nil }
    }
}

extension [String: Set<String>] {
    fileprivate mutating func take(_ id: String, from key: String) {
        self[key]?.remove(id)
        if self[key]?.isEmpty == true { self[key] = nil }
    }
}

extension [String: [String: Int]] {
    /// - Returns: Whether there is none left.
    fileprivate mutating func count(down key: String, of owner: String) -> Bool {
        let count = (self[owner]?[key] ?? 0) - 1
        self[owner]?[key] = count > 0 ? count : nil
        if self[owner]?.isEmpty == true { self[owner] = nil }
        return count <= 0
    }
}
