import HashTreeCollections
import Model

/// Ends tasks that no node can end any more, and forgets those that nobody needs to see.
struct TaskReaper {
    /// How many tasks of a place stay in view, the present one included. Source: Docker's default.
    static let defaultHistory = 5
    /// Seconds after which a task on a node that is down counts as lost. Source: SwarmKit's orphan time, 24 h.
    static let orphanTime: Int64 = 24 * 3600

    /// - Parameter ids: Those of the tasks to look at, and with each at all of its place.
    func run(_ draft: inout SwarmDraft, _ ids: Set<String>) {
        var places: Set<TaskPlace> = []
        for id in ids {
            guard let task = draft.state.tasks.shared(id)?.value else { continue }
            places.insert(TaskPlace(service: task.serviceID, place: task.place))
            draft.subject = .task(id)
            if task.isLive, !task.isWanted { end(task, &draft) }
            guard let task = draft.state.tasks.shared(id)?.value, !task.isLive else { continue }
            let isNodeGone = task.slot == nil && task.nodeID.map { Self.isGone($0, draft.state) } ?? false
            if task.desiredState == .remove || isNodeGone { draft.removeTask(task.id) }
        }
        let limit = Int(
            clamping: draft.state.cluster?.spec.orchestration?.taskHistoryRetentionLimit
                ?? Int64(clamping: Self.defaultHistory))
        // Negative: everything is kept. Source: SwarmKit.
        draft.subject = nil
        guard limit >= 0 else { return }
        for place in places {
            let tasks = draft.state.tasks.lookup.places(of: place.service)[place.place].values.map(\.value)
            guard tasks.count > limit else { continue }
            // The newest is kept whatever the limit: it says what comes next.
            let earlier = tasks.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }.dropLast()
            for task in earlier.filter({ !$0.isLive }).prefix(max(0, tasks.count - limit)) {
                draft.removeTask(task.id)
            }
        }
    }

    private struct TaskPlace: Hashable {
        var service: String
        var place: ServiceOrchestrator.Place
    }

    private func end(_ task: SwarmTask, _ draft: inout SwarmDraft) {
        guard let id = task.nodeID, task.status.state >= .assigned else {
            return finish(task, .shutdown, "stopped before it was assigned", &draft)
        }
        guard let node = draft.state.nodes[id] else {
            guard Self.isGone(id, draft.state) else { return }
            return finish(task, .orphaned, "the node has left the swarm", &draft)
        }
        if node.status.state == .down {
            let due = node.updatedAt.advanced(bySeconds: Self.orphanTime)
            if due <= draft.now { finish(task, .orphaned, "the node is down", &draft) } else { draft.wake(at: due) }
        }
    }

    /// Of a node that cannot be read nobody knows.
    private static func isGone(_ nodeID: String, _ state: SwarmState) -> Bool {
        state.nodes[nodeID] == nil && !state.isUnread(node: nodeID)
    }

    private func finish(_ task: SwarmTask, _ state: TaskState, _ message: String, _ draft: inout SwarmDraft) {
        var task = task
        task.status.state = state
        task.status.message = message
        task.status.timestamp = draft.now
        draft.put(task)
    }
}
