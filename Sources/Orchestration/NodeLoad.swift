import HashTreeCollections
import Model

/// What a service's tasks do on each node, and what has gone wrong there; beside what all tasks take of a node, which the state knows.
///
/// Before anything is asked for a task it is to be ``turn(to:_:)``ed to it.
struct NodeLoad {
    /// So many failures of a service on a node within this time, and other nodes are preferred. Source: SwarmKit.
    static let failuresToAvoid = 5
    static let failureWindow: Int64 = 5 * 60

    /// What some tasks hold of a node.
    private struct Amounts {
        var cpus: Int128 = 0
        var memory: Int128 = 0
        var ports = PortCounts()
        /// By ``NodeBridge/key``.
        var bridges: [String: Int] = [:]

        mutating func add(_ task: SwarmTask) {
            let reserved = task.spec.resources?.reservations
            cpus += Int128(reserved?.nanoCPUs ?? 0)
            memory += Int128(reserved?.memoryBytes ?? 0)
            for port in task.hostPorts { ports.insert(port) }
            for bridge in task.bridges { bridges[bridge.key, default: 0] += 1 }
        }
    }

    /// What the place of a task has on a node already.
    private struct Occupancy {
        /// How many are wanted there: the next task is to replace them.
        var replaceable = 0
        /// What those that are to end still hold: the next task starts only when they have ended.
        var yielding = Amounts()
    }

    private let service: String
    private let failures: [String: Int]
    /// Wanted tasks of the service.
    private(set) var wanted = CountedSet<String>()
    /// The nodes on which tasks of the task's place are.
    private var occupancies: [String: Occupancy] = [:]

    init(of service: String, _ state: SwarmState, now: Timestamp) {
        self.service = service
        let since = now.advanced(bySeconds: -Self.failureWindow)
        var failures: [String: Int] = [:]
        for task in state.tasks.lookup.failed(of: service) where task.value.status.timestamp.believed(at: now) > since {
            if let node = task.value.nodeID { failures[node, default: 0] += 1 }
        }
        self.failures = failures
    }

    /// Answers for a task of the service from now on, from tasks as they are.
    mutating func turn(to task: SwarmTask, _ state: SwarmState) {
        wanted = state.tasks.lookup.desiredByNode(of: service)
        occupancies = [:]
        for other in state.tasks.lookup.places(of: service)[task.place].values {
            guard !other.value.isAttachment, other.value.takesOfNode, let node = other.value.nodeID else { continue }
            if other.value.isWanted {
                occupancies[node, default: Occupancy()].replaceable += 1
            } else {
                occupancies[node, default: Occupancy()].yielding.add(other.value)
            }
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
    func rankOfTask(on node: String, _ state: SwarmState) -> Rank {
        var rank = rank(node, state)
        let own = occupancies[node]?.replaceable ?? 0
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

    /// Nodes on which tasks of the task's place are.
    var nodesOfPlace: [String] { Array(occupancies.keys) }
    func isOfPlace(_ node: String) -> Bool { occupancies[node] != nil }

    /// Wanted tasks of the service on a node.
    func tasks(on node: String) -> Int { wanted.count(of: node) }

    /// The same without those that the task is to replace.
    func others(on node: String) -> Int { tasks(on: node) - (occupancies[node]?.replaceable ?? 0) }

    /// Whether as much as a task reserves is left for it on a node.
    func hasRoom(for task: SwarmTask, on node: SharedObject<Node>, _ state: SwarmState) -> Bool {
        guard let reserved = task.spec.resources?.reservations, reserved.nanoCPUs > 0 || reserved.memoryBytes > 0
        else { return true }
        let resources = node.value.description?.resources ?? NodeResources()
        let used = state.tasks.lookup.use(of: node.value.id)
        let own = occupancies[node.value.id]?.yielding ?? Amounts()
        return Int128(resources.nanoCPUs) - used.cpus + own.cpus >= Int128(reserved.nanoCPUs)
            && Int128(resources.memoryBytes) - used.memory + own.memory >= Int128(reserved.memoryBytes)
    }

    /// Whether a bridge of a node has a port left for a task.
    func hasPort(on bridge: NodeBridge, of node: String, _ state: SwarmState) -> Bool {
        let used = state.tasks.lookup.use(of: node).bridges.count(of: bridge.key)
        return used - (occupancies[node]?.yielding.bridges[bridge.key] ?? 0) < bridge.limit
    }

    /// Whether none of some host ports is in use on a node by others than those whose place the task takes.
    func areFree(_ ports: Set<PortIdentity>, on node: String, _ state: SwarmState) -> Bool {
        if ports.isEmpty { return true }
        let used = state.tasks.lookup.use(of: node).ports
        let own = occupancies[node]?.yielding.ports ?? PortCounts()
        return ports.allSatisfy { used.count(meeting: $0) <= own.count(meeting: $0) }
    }
}

extension SwarmTask {
    /// The ports published on the node itself.
    var hostPorts: Set<PortIdentity> {
        Set((assignment?.ports ?? []).filter { !$0.isOnMesh && ($0.publishedPort ?? 0) != 0 }.map { PortIdentity($0) })
    }
}
