import HashTreeCollections
import Model

/// What a service's tasks do on each node, and what has gone wrong there; beside what all tasks take of a node, which the state knows.
struct NodeLoad {
    /// So many failures of a service on a node within this time, and other nodes are preferred. Source: SwarmKit.
    static let failuresToAvoid = 5
    static let failureWindow: Int64 = 5 * 60

    /// What some tasks hold of a node.
    private struct Amounts {
        var cpus: Int128 = 0
        var memory: Int128 = 0
        var ports: [PortIdentity: Int] = [:]

        mutating func add(_ task: SwarmTask) {
            let reserved = task.spec.resources?.reservations
            cpus += Int128(reserved?.nanoCPUs ?? 0)
            memory += Int128(reserved?.memoryBytes ?? 0)
            for port in task.hostPorts { ports[port, default: 0] += 1 }
        }
    }

    /// A place of the service on a node.
    private struct Seat: Hashable {
        var node: String
        var place: ServiceOrchestrator.Place
    }

    /// Wanted tasks of the service.
    private var wanted: [String: Int] = [:]
    /// Tasks of a place that are wanted on a node: its next task is to replace them.
    private var replaceable: [Seat: Int] = [:]
    /// What a place's own tasks that are to end still hold: its next task starts only when they have ended.
    private var yielding: [Seat: Amounts] = [:]
    private var failures: [String: Int] = [:]
    private var nodesOfPlaces: [ServiceOrchestrator.Place: Set<String>] = [:]

    init(of service: String, _ state: SwarmState, now: Timestamp) {
        let since = now.advanced(bySeconds: -Self.failureWindow)
        for tasks in state.tasks.lookup.places(of: service).all.values {
            for task in tasks.values.lazy.map(\.value) {
                guard let node = task.nodeID else { continue }
                if task.takesOfNode { add(task) }
                if [.failed, .rejected].contains(task.status.state), task.status.timestamp.believed(at: now) > since {
                    failures[node, default: 0] += 1
                }
            }
        }
    }

    /// Counts a task of the service that gets a node.
    mutating func add(_ task: SwarmTask) {
        guard let node = task.nodeID else { return }
        let seat = Seat(node: node, place: task.place)
        if task.isWanted { wanted[node, default: 0] += 1 }
        if task.isAttachment { return }
        nodesOfPlaces[task.place, default: []].insert(node)
        if task.isWanted {
            replaceable[seat, default: 0] += 1
        } else {
            yielding[seat, default: Amounts()].add(task)
        }
    }

    struct Rank: Comparable {
        var isFailing: Bool
        var ofService: Int
        var total: Int
        var node: String
        static func < (left: Self, right: Self) -> Bool {
            (left.isFailing ? 1 : 0, left.ofService, left.total, left.node)
                < (right.isFailing ? 1 : 0, right.ofService, right.total, right.node)
        }
    }

    /// What a task of the same place has that this one is to replace does not count: it goes as soon as this one runs.
    func rank(_ node: String, for task: SwarmTask, _ state: SwarmState) -> Rank {
        var rank = rank(node, state)
        let own = replaceable[Seat(node: node, place: task.place)] ?? 0
        rank.ofService -= own
        rank.total -= own
        return rank
    }

    /// For a task that is to replace none on the node. While tasks are placed, it only grows.
    func rank(_ node: String, _ state: SwarmState) -> Rank {
        Rank(
            isFailing: failures[node] ?? 0 >= Self.failuresToAvoid, ofService: tasks(on: node),
            total: state.tasks.lookup.use(of: node).wanted, node: node)
    }

    /// Nodes on which tasks of a task's place are.
    func nodes(ofPlaceOf task: SwarmTask) -> Set<String> { nodesOfPlaces[task.place] ?? [] }

    /// Wanted tasks of the service on a node.
    func tasks(on node: String) -> Int { wanted[node] ?? 0 }

    /// The same without those that a task is to replace.
    func others(than task: SwarmTask, on node: String) -> Int {
        tasks(on: node) - (replaceable[Seat(node: node, place: task.place)] ?? 0)
    }

    /// Whether as much as a task reserves is left for it on a node.
    func hasRoom(for task: SwarmTask, on node: SharedObject<Node>, _ state: SwarmState) -> Bool {
        guard let reserved = task.spec.resources?.reservations, reserved.nanoCPUs > 0 || reserved.memoryBytes > 0
        else { return true }
        let resources = node.value.description?.resources ?? NodeResources()
        let used = state.tasks.lookup.use(of: node.value.id)
        let own = yielding[Seat(node: node.value.id, place: task.place)] ?? Amounts()
        return Int128(resources.nanoCPUs) - used.cpus + own.cpus >= Int128(reserved.nanoCPUs)
            && Int128(resources.memoryBytes) - used.memory + own.memory >= Int128(reserved.memoryBytes)
    }

    /// Whether none of some host ports is in use on a node by others than those whose place a task takes.
    func areFree(_ ports: Set<PortIdentity>, for task: SwarmTask, on node: String, _ state: SwarmState) -> Bool {
        if ports.isEmpty { return true }
        let used = state.tasks.lookup.use(of: node).ports
        let own = yielding[Seat(node: node, place: task.place)]?.ports ?? [:]
        return ports.allSatisfy { used.count(of: $0) <= own[$0] ?? 0 }
    }
}

extension SwarmTask {
    /// The ports published on the node itself.
    var hostPorts: Set<PortIdentity> {
        Set((assignment?.ports ?? []).filter { !$0.isOnMesh && ($0.publishedPort ?? 0) != 0 }.map { PortIdentity($0) })
    }
}
