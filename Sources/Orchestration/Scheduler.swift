import Model

/// Gives pending tasks a node: filters say which nodes will do, then the least loaded of them is taken.
struct Scheduler {
    func run(_ draft: inout SwarmDraft) {
        var load = NodeLoad(draft.state)
        let pending = draft.state.tasks.values
            .filter { $0.status.state == .pending && $0.isWanted }
            .sorted { ($0.createdAt, $0.slot ?? 0, $0.id) < ($1.createdAt, $1.slot ?? 0, $1.id) }
        for task in pending {
            let service = draft.state.services[task.serviceID]
            var task = task
            switch choose(for: task, service, draft.state, load) {
            case .success(let node):
                task.nodeID = node.id
                task.status = TaskStatus(.assigned, "scheduler assigned task to node", at: draft.now)
                load.add(task)
                draft.put(task)
            case .failure(let reason):
                guard task.status.err != reason.text else { continue }
                task.status.err = reason.text
                draft.put(task)
            }
        }
    }

    struct Reason: Error { var text: String }

    private func choose(for task: SwarmTask, _ service: Service?, _ state: SwarmState, _ load: NodeLoad) -> Result<
        Node, Reason
    > {
        let filters = NodeFilter.all(for: task, service, load)
        var refused: [(explanation: String, count: Int)] = filters.map { ($0.explanation, 0) }
        var fit: [Node] = []
        let candidates = task.nodeID.map { id in state.nodes[id].map { [$0] } ?? [] } ?? Array(state.nodes.values)
        for node in candidates {
            if let index = filters.firstIndex(where: { !$0.accepts(node) }) {
                refused[index].count += 1
            } else {
                fit.append(node)
            }
        }
        let best = fit.min { left, right in
            load.rank(left.id, for: task.serviceID) < load.rank(right.id, for: task.serviceID)
        }
        if let best { return .success(best) }
        // The first filter is the node's own readiness: Docker does not list it.
        let why = refused.dropFirst().filter { $0.count > 0 }
            .map { "\($0.explanation) on \($0.count) node\($0.count == 1 ? "" : "s")" }
        return .failure(
            Reason(text: why.isEmpty ? "no suitable node" : "no suitable node (\(why.joined(separator: "; ")))"))
    }
}

/// What runs where.
struct NodeLoad {
    private var perService: [String: [String: Int]] = [:]
    private var total: [String: Int] = [:]
    private var cpus: [String: Int64] = [:]
    private var memory: [String: Int64] = [:]
    private var hostPorts: [String: Set<String>] = [:]

    init(_ state: SwarmState) {
        for task in state.tasks.values where task.nodeID != nil && task.isLive { add(task) }
    }

    mutating func add(_ task: SwarmTask) {
        guard let node = task.nodeID else { return }
        if task.isWanted {
            perService[node, default: [:]][task.serviceID, default: 0] += 1
            total[node, default: 0] += 1
        }
        cpus[node, default: 0] += task.spec.resources?.reservations?.nanoCPUs ?? 0
        memory[node, default: 0] += task.spec.resources?.reservations?.memoryBytes ?? 0
        hostPorts[node, default: []].formUnion(task.hostPorts)
    }

    struct Rank: Comparable {
        var ofService: Int
        var total: Int
        var node: String
        static func < (left: Self, right: Self) -> Bool {
            (left.ofService, left.total, left.node) < (right.ofService, right.total, right.node)
        }
    }

    func rank(_ node: String, for service: String) -> Rank {
        Rank(ofService: perService[node]?[service] ?? 0, total: total[node] ?? 0, node: node)
    }
    func tasks(of service: String, on node: String) -> Int { perService[node]?[service] ?? 0 }
    func free(_ node: Node) -> (cpus: Int64, memory: Int64) {
        let resources = node.description?.resources ?? NodeResources()
        return (resources.nanoCPUs - (cpus[node.id] ?? 0), resources.memoryBytes - (memory[node.id] ?? 0))
    }
    func occupied(_ node: String) -> Set<String> { hostPorts[node] ?? [] }
}

extension SwarmTask {
    /// `tcp/8080` for each port published on the node itself.
    var hostPorts: Set<String> {
        Set(
            (assignment?.ports ?? []).filter { !$0.isOnMesh && ($0.publishedPort ?? 0) != 0 }
                .map { "\($0.transport)/\($0.publishedPort ?? 0)" })
    }
}
