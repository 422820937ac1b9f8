import HashTreeCollections
import Model

/// Gives pending tasks a node: filters say which nodes will do, preferences which group of them, and then the least loaded is taken.
struct Scheduler {
    private var loads: [String: NodeLoad] = [:]
    private var candidates: [String: [Candidates]] = [:]
    /// How many tasks have got a node.
    private var placed = 0
    private let looksAtAllNodes: Bool
    private(set) var order: NodeOrder

    /// - Parameter order: Of the nodes as they are in the draft.
    init(_ order: NodeOrder, looksAtAllNodes: Bool = false) {
        self.looksAtAllNodes = looksAtAllNodes
        self.order = order
    }

    mutating func run(_ draft: inout SwarmDraft) {
        let pending = draft.state.tasks.lookup.pending.values.map(\.value)
            .sorted { ($0.createdAt, $0.slot ?? 0, $0.id) < ($1.createdAt, $1.slot ?? 0, $1.id) }
        for task in pending {
            var task = task
            if loads[task.serviceID] == nil {
                loads[task.serviceID] = NodeLoad(of: task.serviceID, draft.state, now: draft.now)
            }
            switch choose(for: task, draft.state, looks: &draft.looks.nodes) {
            case .success(let node):
                let message =
                    task.nodeID == nil
                    ? "scheduler assigned task to node" : "scheduler confirmed task can run on preassigned node"
                task.nodeID = node
                task.status = TaskStatus(.assigned, message, at: draft.now)
                placed += 1
                draft.put(task)
                order.place(on: node, draft.state)
            case .failure(let reason):
                guard task.status.err != reason.text else { continue }
                task.status.err = reason.text
                draft.put(task)
            }
        }
    }

    private struct Reason: Error { var text: String }

    private mutating func choose(
        for task: SwarmTask, _ state: SwarmState, looks: inout Int
    ) -> Result<String, Reason> {
        var load = loads[task.serviceID] ?? NodeLoad(of: task.serviceID, state, now: .now)
        load.turn(to: task, state)
        let preferences = SpreadPreference.all(of: task)
        guard task.nodeID == nil, preferences.isEmpty, !looksAtAllNodes else {
            return look(for: task, preferences, load, state, &looks)
        }
        var groups = candidates[task.serviceID] ?? []
        candidates[task.serviceID] = nil
        defer { candidates[task.serviceID] = groups }
        let index = groups.firstIndex { $0.fit(task) } ?? groups.count
        if index == groups.count { groups.append(Candidates(for: task)) }
        if let node = groups[index].best(for: task, load, &order, state, looks: &looks) { return .success(node) }
        // What a task is to replace gives it room, on nodes that take any: another reason may stand in its way there than in the others'.
        let isAsOthers = !load.nodesOfPlace.contains { id in
            state.nodes.shared(id).map { NodeFilter.takesTasks($0.value, state) } ?? false
        }
        if isAsOthers, let refusal = groups[index].refusal, refusal.placed == placed {
            return .failure(Reason(text: refusal.text))
        }
        let outcome = look(for: task, preferences, load, state, &looks)
        if isAsOthers, case .failure(let reason) = outcome { groups[index].refusal = (reason.text, placed) }
        return outcome
    }

    /// Looks at each node, or at the one that the task has.
    private func look(
        for task: SwarmTask, _ preferences: [SpreadPreference], _ load: NodeLoad, _ state: SwarmState,
        _ looks: inout Int
    ) -> Result<String, Reason> {
        let filters = NodeFilter.all(for: task)
        var refused = filters.map { (filter: $0, count: 0) }
        var fit: [SharedObject<Node>] = []
        let nodes = task.nodeID.map { id in state.nodes.shared(id).map { [$0] } ?? [] } ?? Array(state.nodes.shared)
        looks += nodes.count
        for node in nodes {
            if let index = filters.firstIndex(where: { !$0.accepts(node, load, state) }) {
                refused[index].count += 1
            } else {
                fit.append(node)
            }
        }
        let preferred = preferences.narrow(fit, of: state, load)
        let best = preferred.map { load.rankOfTask(on: $0.value.id, state) }.min()
        if let best { return .success(best.node) }
        // What refused the most nodes comes first; among equals the order of the filters.
        let why = refused.enumerated().filter { $0.element.count > 0 }
            .sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }
            .map { $0.element.filter.explain($0.element.count) }
            .joined(separator: "; ")
        if why.isEmpty { return .failure(Reason(text: "no suitable node")) }
        // A task of a service on every node has its node, and there is no other to look for. Source of the texts: SwarmKit.
        return .failure(Reason(text: task.nodeID == nil ? "no suitable node (\(why))" : why))
    }
}
