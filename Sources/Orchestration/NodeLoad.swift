import Model

/// What runs where, and what has gone wrong where.
struct NodeLoad {
    /// So many failures of a service on a node within this time, and other nodes are preferred. Source: SwarmKit.
    static let failuresToAvoid = 5
    static let failureWindow: Int64 = 5 * 60

    private struct Amounts {
        var cpus: Int64 = 0
        var memory: Int64 = 0
        var ports: [PortIdentity: Int] = [:]

        mutating func add(_ task: SwarmTask) {
            let wanted = task.spec.resources?.reservations ?? NodeResources()
            cpus = cpus.adding(wanted.nanoCPUs)
            memory = memory.adding(wanted.memoryBytes)
            for port in task.hostPorts { ports[port, default: 0] += 1 }
        }
    }

    private struct SlotReconciler: Hashable {
        var node: String
        var service: String
        var place: ServiceOrchestrator.Place
    }

    private var perService: [String: [String: Int]] = [:]
    /// Tasks of a place that are wanted on a node: its next task is to replace them.
    private var replaceable: [SlotReconciler: Int] = [:]
    private var total: [String: Int] = [:]
    private var used: [String: Amounts] = [:]
    /// What a place's own tasks that are to end still hold: its next task starts only when they have ended.
    private var yielding: [SlotReconciler: Amounts] = [:]
    private var failures: [String: [String: Int]] = [:]

    init(_ state: SwarmState, now: Timestamp) {
        let since = now.advanced(bySeconds: -Self.failureWindow)
        for task in state.tasks.values {
            guard let node = task.nodeID else { continue }
            // A task of a global service has its node before it is placed there, and uses nothing of it yet.
            if task.isLive, task.status.state >= .assigned { add(task) }
            if [.failed, .rejected].contains(task.status.state), task.status.timestamp.believed(at: now) > since {
                failures[node, default: [:]][task.serviceID, default: 0] += 1
            }
        }
    }

    mutating func add(_ task: SwarmTask) {
        guard let node = task.nodeID else { return }
        if task.isWanted {
            perService[node, default: [:]][task.serviceID, default: 0] += 1
            total[node, default: 0] += 1
            if !task.isAttachment { replaceable[seat(of: task, on: node), default: 0] += 1 }
        } else if !task.isAttachment {
            yielding[seat(of: task, on: node), default: Amounts()].add(task)
        }
        used[node, default: Amounts()].add(task)
    }

    private func seat(of task: SwarmTask, on node: String) -> SlotReconciler {
        SlotReconciler(node: node, service: task.serviceID, place: task.place)
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
    func rank(_ node: String, for task: SwarmTask) -> Rank {
        Rank(
            isFailing: failures[node]?[task.serviceID] ?? 0 >= Self.failuresToAvoid,
            ofService: others(than: task, on: node),
            total: (total[node] ?? 0) - (replaceable[seat(of: task, on: node)] ?? 0), node: node)
    }

    /// Wanted tasks of a service on a node.
    func tasks(of service: String, on node: String) -> Int { perService[node]?[service] ?? 0 }

    /// Wanted tasks of a task's service on a node, without those that it is to replace.
    func others(than task: SwarmTask, on node: String) -> Int {
        tasks(of: task.serviceID, on: node) - (replaceable[seat(of: task, on: node)] ?? 0)
    }

    /// What is left on a node for a task.
    func free(_ node: Node, for task: SwarmTask) -> (cpus: Int64, memory: Int64) {
        let resources = node.description?.resources ?? NodeResources()
        let used = used[node.id] ?? Amounts()
        let own = yielding[seat(of: task, on: node.id)] ?? Amounts()
        return (
            resources.nanoCPUs.adding(-used.cpus).adding(own.cpus),
            resources.memoryBytes.adding(-used.memory).adding(own.memory)
        )
    }

    /// Host ports on a node that a task may not have.
    func occupiedPorts(on node: String, for task: SwarmTask) -> Set<PortIdentity> {
        let own = yielding[seat(of: task, on: node)]?.ports ?? [:]
        return Set((used[node]?.ports ?? [:]).filter { $0.value > own[$0.key] ?? 0 }.keys)
    }
}

extension Int64 {
    /// The sum, or the outermost number on its side: users may reserve more than there is, and for several tasks.
    fileprivate func adding(_ other: Int64) -> Int64 {
        let (sum, isOver) = addingReportingOverflow(other)
        return isOver ? (other < 0 ? -.max : .max) : sum
    }
}

extension SwarmTask {
    /// The ports published on the node itself.
    var hostPorts: Set<PortIdentity> {
        Set((assignment?.ports ?? []).filter { !$0.isOnMesh && ($0.publishedPort ?? 0) != 0 }.map { PortIdentity($0) })
    }
}
