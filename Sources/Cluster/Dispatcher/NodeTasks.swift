import Model
import NodeProtocol
import Orchestration

/// Which tasks each node is to know.
struct NodeTasks {
    private(set) var byNode: [String: Set<String>] = [:]
    private var nodes: [String: String] = [:]

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

/// A task as a node is told of it: the manager's own object, of which there is one for all who know it.
struct ToldTask: Sendable {
    let object: SharedObject<SwarmTask>
    /// Instead of what the object says.
    let desiredState: TaskState

    init(_ object: SharedObject<SwarmTask>, desiredState: TaskState? = nil) {
        self.desiredState = desiredState ?? object.value.desiredState
        self.object = object
    }

    var task: SwarmTask {
        var task = object.value
        task.desiredState = desiredState
        return task
    }
}

/// What one node has been told of its tasks, and so what is still to tell.
///
/// It holds no copies: of a task of which nothing has changed but what the node reports itself, it keeps the newest object, as all others do.
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
    private var told: [String: ToldTask] = [:]
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
    mutating func note(_ id: String, _ task: ToldTask?) -> Bool {
        if pending.contains(id) { return true }
        if isTold(id, task) { return false }
        pending.insert(id)
        return true
    }

    /// What is to be told now.
    /// - Parameter task: A task as it is now, if it is the node's.
    mutating func take(_ task: (String) -> ToldTask?) -> Change? {
        guard hasNews else { return nil }
        var tasks: [SwarmTask] = []
        var removed: [String] = []
        for id in pending.sorted() {
            let new = task(id)
            if isTold(id, new) { continue }
            told[id] = new
            if let new { tasks.append(understood(new.task)) } else { removed.append(id) }
        }
        pending = []
        if version > 0, tasks.isEmpty, removed.isEmpty { return nil }
        version += 1
        return Change(from: version - 1, to: version, tasks: tasks, removed: removed)
    }

    /// Whether the node knows a task as it is; then it is kept in place of the one told.
    private mutating func isTold(_ id: String, _ new: ToldTask?) -> Bool {
        guard let new else { return told[id] == nil }
        guard let old = told[id], old.desiredState == new.desiredState else { return false }
        if old.object === new.object { return true }
        guard comparable(old) == comparable(new) else { return false }
        told[id] = new
        return true
    }

    private func understood(_ task: SwarmTask) -> SwarmTask {
        if lacking.isEmpty { return task }
        var task = task
        for capability in lacking { capability.leaveOutOfTask(&task) }
        return task
    }

    /// What the node reports itself is no news to it.
    private func comparable(_ told: ToldTask) -> SwarmTask {
        var task = understood(told.task)
        task.version = ObjectVersion()
        task.updatedAt = .zero
        task.status = TaskStatus()
        task.assignment?.runningSince = nil
        return task
    }
}
