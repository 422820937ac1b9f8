import Model
import NodeProtocol

/// Which tasks each node is to know.
struct NodeTasks {
    private(set) var byNode: [String: Set<String>] = [:]
    private var nodes: [String: String] = [:]

    /// Ids of all tasks that some node is to know.
    var ids: Dictionary<String, String>.Keys { nodes.keys }

    /// - Parameter task: `nil` when it is gone.
    /// - Returns: The nodes that may have to be told: the task's, and the one that it was on before.
    mutating func take(_ id: String, _ task: SwarmTask?) -> [String] {
        let new = task.flatMap { $0.status.state >= .assigned ? $0.nodeID : nil }
        let old = nodes[id]
        if old == new { return new.map { [$0] } ?? [] }
        if let old {
            byNode[old]?.remove(id)
            if byNode[old]?.isEmpty == true { byNode[old] = nil }
        }
        nodes[id] = new
        if let new { byNode[new, default: []].insert(id) }
        return [old, new].compactMap(\.self)
    }
}

/// What one node has been told of its tasks, and so what is still to tell.
struct TaskTeller {
    /// A change of a node's tasks.
    struct Change: Sendable {
        /// The version that it follows; 0 for everything.
        let from: UInt64
        let to: UInt64
        let tasks: [SwarmTask]
        let removed: [String]
    }

    private var version: UInt64 = 0
    /// Each without what the node knows better.
    private var told: [String: SwarmTask] = [:]
    private var pending: Set<String> = []
    private let lacking: [Capability]

    /// - Parameter lacking: What the node does not understand: what needs it is left out.
    init(lacking: [Capability] = []) { self.lacking = lacking }

    /// Whether there is anything to tell.
    var hasNews: Bool { version == 0 || !pending.isEmpty }

    /// Whoever asks anew is told everything anew.
    mutating func restart() {
        pending.formUnion(told.keys)
        told = [:]
        version = 0
    }

    /// Takes in a task as it is to be told.
    /// - Parameter task: `nil` when it is the node's no more.
    /// - Returns: Whether that is news.
    mutating func note(_ id: String, _ task: SwarmTask?) -> Bool {
        if pending.contains(id) { return true }
        guard told[id] != task.map({ Self.withoutReports(understood($0)) }) else { return false }
        pending.insert(id)
        return true
    }

    /// What is to be told now.
    /// - Parameter task: A task as it is now, if it is the node's.
    mutating func take(_ task: (String) -> SwarmTask?) -> Change? {
        guard hasNews else { return nil }
        var tasks: [SwarmTask] = []
        var removed: [String] = []
        for id in pending.sorted() {
            let new = task(id).map(understood)
            let wanted = new.map(Self.withoutReports)
            if told[id] == wanted { continue }
            told[id] = wanted
            if let new { tasks.append(new) } else { removed.append(id) }
        }
        pending = []
        if version > 0, tasks.isEmpty, removed.isEmpty { return nil }
        version += 1
        return Change(from: version - 1, to: version, tasks: tasks, removed: removed)
    }

    private func understood(_ task: SwarmTask) -> SwarmTask {
        if lacking.isEmpty { return task }
        var task = task
        for capability in lacking { capability.leaveOutOfTask(&task) }
        return task
    }

    /// What the node reports itself is no news to it.
    private static func withoutReports(_ task: SwarmTask) -> SwarmTask {
        var task = task
        task.version = ObjectVersion()
        task.updatedAt = .zero
        task.status = TaskStatus()
        task.assignment?.runningSince = nil
        return task
    }
}
