import Model

/// Gives pending tasks a node: filters say which nodes will do, preferences which group of them, and then the least loaded is taken.
struct Scheduler {
    func run(_ draft: inout SwarmDraft) {
        var load = NodeLoad(draft.state, now: draft.now)
        let pending = draft.state.tasks.values
            .filter { $0.status.state == .pending && $0.isWanted }
            .sorted { ($0.createdAt, $0.slot ?? 0, $0.id) < ($1.createdAt, $1.slot ?? 0, $1.id) }
        for task in pending {
            var task = task
            switch choose(for: task, draft.state, load) {
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

    private func choose(for task: SwarmTask, _ state: SwarmState, _ load: NodeLoad) -> Result<Node, Reason> {
        let filters = NodeFilter.all(for: task, load)
        var refused = filters.map { (filter: $0, count: 0) }
        var fit: [Node] = []
        let candidates = task.nodeID.map { id in state.nodes[id].map { [$0] } ?? [] } ?? Array(state.nodes.values)
        for node in candidates {
            if let index = filters.firstIndex(where: { !$0.accepts(node) }) {
                refused[index].count += 1
            } else {
                fit.append(node)
            }
        }
        let preferred = SpreadPreference.all(of: task).narrow(fit, of: state, for: task, load)
        let best = preferred.min { left, right in
            load.rank(left.id, for: task) < load.rank(right.id, for: task)
        }
        if let best { return .success(best) }
        // What refused the most nodes comes first; among equals the order of the filters.
        let why = refused.enumerated().filter { $0.element.count > 0 }
            .sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }
            .map { $0.element.filter.explain($0.element.count) }
        return .failure(
            Reason(text: why.isEmpty ? "no suitable node" : "no suitable node (\(why.joined(separator: "; ")))"))
    }
}
