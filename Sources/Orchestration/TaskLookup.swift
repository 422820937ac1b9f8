package import Addressing
import HashTreeCollections
package import Model

extension SwarmTask: MappedObject { package typealias Lookup = TaskLookup }

/// Tasks by service and place, node and network, and what they take of nodes and of networks.
package struct TaskLookup: ObjectLookup {
    typealias Place = ServiceOrchestrator.Place

    /// What tasks that a node has or is to have take of it.
    struct NodeUse: Sendable, Equatable {
        /// Those that are to run.
        var wanted = 0
        /// Sums of what they reserve, which for users' large numbers are larger than any of them.
        var cpus: Int128 = 0
        var memory: Int128 = 0
        var ports = PortCounts()
        /// How many have a port on each bridge, by ``NodeBridge/key``.
        var bridges = CountedSet<String>()
        var isEmpty: Bool { wanted == 0 && cpus == 0 && memory == 0 && ports.isEmpty && bridges.isEmpty }
    }

    /// The tasks of one service.
    private struct ServiceTasks: Sendable, Equatable {
        var places = Grouping<Place, SwarmTask>()
        /// How many of those that are to run each node has.
        var wanted = CountedSet<String>()
        /// Those that have failed or were rejected.
        var failed: TreeDictionary<String, SharedObject<SwarmTask>> = [:]
        /// Those that say why they ended, or took the place of one that had.
        var troubled: TreeDictionary<String, SharedObject<SwarmTask>> = [:]
        var counts = TaskCounts()

        mutating func insert(_ object: SharedObject<SwarmTask>) {
            places.insert(object, at: object.value.place)
            counts.count(object.value, 1)
            if object.value.hasFailed { failed[object.value.id] = object }
            if object.value.isTroubled { troubled[object.value.id] = object }
            guard let node = object.value.nodeID else { return }
            if object.value.takesOfNode, object.value.isWanted { wanted.insert(node) }
        }

        mutating func remove(_ object: SharedObject<SwarmTask>) {
            places.remove(object, at: object.value.place)
            counts.count(object.value, -1)
            if object.value.hasFailed { failed[object.value.id] = nil }
            if object.value.isTroubled { troubled[object.value.id] = nil }
            guard let node = object.value.nodeID else { return }
            if object.value.takesOfNode, object.value.isWanted { wanted.remove(node) }
        }
    }

    private var services: TreeDictionary<String, ServiceTasks> = [:]
    private(set) var byNode = Grouping<String, SwarmTask>()
    /// By id of a network that they have an attachment to, those that have ended included.
    private(set) var byNetwork = Grouping<String, SwarmTask>()
    private var uses: TreeDictionary<String, NodeUse> = [:]
    private var addresses: TreeDictionary<String, HeldAddresses> = [:]
    /// Wanted, and without addresses yet.
    private(set) var new: TreeDictionary<String, SharedObject<SwarmTask>> = [:]
    /// Wanted, and without a place on a node yet.
    private(set) var pending: TreeDictionary<String, SharedObject<SwarmTask>> = [:]

    package init() {}

    package mutating func insert(_ object: SharedObject<SwarmTask>) {
        let id = object.value.id
        services[object.value.serviceID, default: ServiceTasks()].insert(object)
        if object.value.isWanted {
            if object.value.status.state == .new { new[id] = object }
            if object.value.status.state == .pending { pending[id] = object }
        }
        let isLive = object.value.isLive
        for attachment in object.value.networksAttachments ?? [] {
            byNetwork.insert(object, at: attachment.network.id)
            guard isLive else { continue }
            for address in attachment.addresses {
                addresses[attachment.network.id, default: HeldAddresses()].insert(address.address)
            }
        }
        guard let node = object.value.nodeID else { return }
        byNode.insert(object, at: node)
        if object.value.takesOfNode { count(object.value, on: node, 1) }
    }

    package mutating func remove(_ object: SharedObject<SwarmTask>) {
        let (id, service) = (object.value.id, object.value.serviceID)
        services[service, default: ServiceTasks()].remove(object)
        if services[service]?.places.isEmpty == true { services[service] = nil }
        new[id] = nil
        pending[id] = nil
        let isLive = object.value.isLive
        for attachment in object.value.networksAttachments ?? [] {
            let network = attachment.network.id
            byNetwork.remove(object, at: network)
            guard isLive else { continue }
            for address in attachment.addresses {
                addresses[network, default: HeldAddresses()].remove(address.address)
            }
            if addresses[network]?.isEmpty == true { addresses[network] = nil }
        }
        guard let node = object.value.nodeID else { return }
        byNode.remove(object, at: node)
        if object.value.takesOfNode { count(object.value, on: node, -1) }
    }

    private mutating func count(_ task: SwarmTask, on node: String, _ sign: Int) {
        uses[node, default: NodeUse()].count(task, sign)
        if uses[node]?.isEmpty == true { uses[node] = nil }
    }

    /// The service's tasks by place, attachments to networks included.
    func places(of service: String) -> Grouping<Place, SwarmTask> { services[service]?.places ?? Grouping() }
    /// The service's tasks at one place, without attachments to networks.
    func tasks(of service: String, at place: Place) -> [SwarmTask] {
        places(of: service)[place].values.map(\.value).filter { !$0.isAttachment }
    }
    /// Any task of a service.
    func any(of service: String) -> SharedObject<SwarmTask>? {
        services[service]?.places.all.first?.value.first?.value
    }
    /// How many tasks of a service there are, by what is told of it.
    func counts(of service: String) -> TaskCounts { services[service]?.counts ?? TaskCounts() }
    /// How many tasks of a service that are to run each node has.
    func desiredByNode(of service: String) -> CountedSet<String> { services[service]?.wanted ?? CountedSet() }
    /// A service's tasks that have failed or were rejected, in no order.
    func failed(of service: String) -> some Collection<SharedObject<SwarmTask>> {
        (services[service]?.failed ?? [:]).values
    }
    /// A service's tasks that say why they ended, or took the place of one that had, in no order.
    func troubled(of service: String) -> some Collection<SharedObject<SwarmTask>> {
        (services[service]?.troubled ?? [:]).values
    }
    /// Ids of services that tasks name, whether there are such services or not.
    var serviceIDs: some Collection<String> { services.keys }
    func use(of node: String) -> NodeUse { uses[node] ?? NodeUse() }
    /// Whether a task that has not ended has an address in a network.
    func holds(_ address: IPAddress, in network: String) -> Bool { addresses[network]?.contains(address) ?? false }
    /// The addresses of a network that such tasks have.
    func addresses(in network: String) -> HeldAddresses { addresses[network] ?? HeldAddresses() }
    /// How many addresses of a network such tasks have.
    func addressCount(in network: String) -> Int { addresses[network]?.count ?? 0 }
}

extension TaskLookup.NodeUse {
    /// - Parameter sign: 1 for a task that comes, -1 for one that goes.
    fileprivate mutating func count(_ task: SwarmTask, _ sign: Int) {
        let reserved = task.spec.resources?.reservations
        cpus += Int128(reserved?.nanoCPUs ?? 0) * Int128(sign)
        memory += Int128(reserved?.memoryBytes ?? 0) * Int128(sign)
        if task.isWanted { wanted += sign }
        for port in task.hostPorts { if sign > 0 { ports.insert(port) } else { ports.remove(port) } }
        for bridge in task.bridges { if sign > 0 { bridges.insert(bridge.key) } else { bridges.remove(bridge.key) } }
    }
}

extension SwarmTask {
    /// It holds what it reserves of its node. A task of a global service has its node before it is placed there, and uses nothing of it yet.
    var takesOfNode: Bool { nodeID != nil && isLive && status.state >= .assigned }
    fileprivate var hasFailed: Bool { status.state == .failed || status.state == .rejected }
    fileprivate var isTroubled: Bool { status.err != nil || (assignment?.attempt ?? 0) > 0 }
}

extension SwarmState {
    /// Tasks that name a service, in no order.
    package func tasks(ofService id: String) -> [SwarmTask] {
        tasks.lookup.places(of: id).all.values.flatMap { $0.values.map(\.value) }
    }

    /// Tasks that name a node, in no order; those that have ended are among them.
    package func tasks(onNode id: String) -> [SwarmTask] { tasks.lookup.byNode[id].values.map(\.value) }

    /// The same without copies.
    package func sharedTasks(onNode id: String) -> [SharedObject<SwarmTask>] { Array(tasks.lookup.byNode[id].values) }

    /// The same as ``tasks(ofService:)`` without copies.
    package func sharedTasks(ofService id: String) -> [SharedObject<SwarmTask>] {
        tasks.lookup.places(of: id).all.values.flatMap { $0.values }
    }

    /// A service's tasks that have failed or were rejected, in no order, without copies.
    package func sharedFailures(ofService id: String) -> [SharedObject<SwarmTask>] {
        Array(tasks.lookup.failed(of: id))
    }

    /// A service's tasks that say why they ended or are another attempt, in no order, without copies: of a service that fares well there is none.
    package func sharedTroubles(ofService id: String) -> [SharedObject<SwarmTask>] {
        Array(tasks.lookup.troubled(of: id))
    }

    /// How many tasks of a service are to run or to complete, and how many of these run, whatever has become of their nodes.
    package func taskCounts(ofService id: String) -> (wanted: Int, running: Int) {
        let counts = tasks.lookup.counts(of: id)
        return (counts.wanted, counts.running)
    }

    /// Whether a task that has not ended has an address in a network.
    package func holds(_ address: IPAddress, inNetwork id: String) -> Bool { tasks.lookup.holds(address, in: id) }

    /// Tasks with an attachment to a network, in no order; those that have ended are among them.
    package func sharedTasks(inNetwork id: String) -> [SharedObject<SwarmTask>] {
        Array(tasks.lookup.byNetwork[id].values)
    }
}
