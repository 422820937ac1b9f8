package import Model
package import StateStore

/// A state that planners change, and the record of what they changed. Objects that cannot be read are not changed.
package struct SwarmDraft: Sendable {
    /// With all changes so far.
    package private(set) var state: SwarmState
    /// The same for a whole plan.
    package let now: Timestamp
    private var changed: [StoreKey: Change] = [:]
    /// When to plan again although nothing has happened by then; `nil` for no need.
    package private(set) var wakeAt: Timestamp?

    private enum Change { case node(String), service(String), task(String), removed }

    package init(_ state: SwarmState, now: Timestamp) {
        self.now = now
        self.state = state
    }

    /// Adds an object, or puts a new version in its place, and notes when; the same object once more is no change.
    package mutating func put(_ task: SwarmTask) {
        var task = task
        guard state.tasks[task.id] != task, !state.isUnread(.tasks, task.id) else { return }
        task.updatedAt = now
        state.tasks[task.id] = task
        changed[StoreKey(.tasks, id: task.id)] = .task(task.id)
    }

    /// As for tasks.
    package mutating func put(_ service: Service) {
        var service = service
        guard state.services[service.id] != service, !state.isUnread(.services, service.id) else { return }
        service.updatedAt = now
        state.services[service.id] = service
        changed[StoreKey(.services, id: service.id)] = .service(service.id)
    }

    /// As for tasks.
    package mutating func put(_ node: Node) {
        var node = node
        guard state.nodes[node.id] != node, !state.isUnread(.nodes, node.id) else { return }
        node.updatedAt = now
        state.nodes[node.id] = node
        changed[StoreKey(.nodes, id: node.id)] = .node(node.id)
    }

    /// Takes a task out; nothing happens where there is none.
    package mutating func removeTask(_ id: String) {
        guard state.tasks[id] != nil, !state.isUnread(.tasks, id) else { return }
        removedVersions[StoreKey(.tasks, id: id)] = state.tasks[id]?.version
        state.tasks[id] = nil
        changed[StoreKey(.tasks, id: id)] = .removed
    }
    private var removedVersions: [StoreKey: ObjectVersion] = [:]

    /// Asks for another plan at that time at the latest; of several the earliest counts.
    package mutating func wake(at timestamp: Timestamp) {
        wakeAt = wakeAt.map { min($0, timestamp) } ?? timestamp
    }

    package var hasChanges: Bool { !changed.isEmpty }

    /// How many objects go into one transaction: each takes a write and a condition, and the fence is one more.
    static let objectsPerTransaction = 60

    /// The changes as transactions, each under the leader's fence and on condition that nobody changed its objects, and none larger than
    /// the store takes, unless a single object is. Whatever is refused is planned anew from the state that comes after.
    package func transactions(under fence: LeaderFence) throws -> [StoreTransaction] {
        var transactions: [StoreTransaction] = []
        var current = StoreTransaction(conditions: [fence.condition])
        var (count, bytes) = (0, 0)
        for (key, change) in changed.sorted(by: { $0.key < $1.key }) {
            guard let write = try write(key, change) else { continue }
            let size = key.path.utf8.count + (write.value?.count ?? 0)
            if count == Self.objectsPerTransaction || count > 0 && bytes + size > StoreTransaction.maximumBytes {
                transactions.append(current)
                current = StoreTransaction(conditions: [fence.condition])
                (count, bytes) = (0, 0)
            }
            current.require(condition(key, write.version))
            if let value = write.value { current.put(key, value) } else { current.delete(key) }
            count += 1
            bytes += size
        }
        if !current.isEmpty { transactions.append(current) }
        return transactions
    }

    /// - Returns: The version that a change is of, and what is to be stored, `nil` to delete; `nil` when there is nothing to write.
    private func write(_ key: StoreKey, _ change: Change) throws -> (version: ObjectVersion, value: [UInt8]?)? {
        switch change {
        case .node(let id):
            return try state.nodes[id].map { ($0.version, Array(try WireJSON.encode(record: $0))) }
        case .service(let id):
            return try state.services[id].map { ($0.version, Array(try WireJSON.encode(record: $0))) }
        case .task(let id):
            return try state.tasks[id].map { ($0.version, Array(try WireJSON.encode(record: $0))) }
        case .removed:
            guard let version = removedVersions[key], version.index != 0 else { return nil }
            return (version, nil)
        }
    }

    private func condition(_ key: StoreKey, _ version: ObjectVersion) -> StoreTransaction.Condition {
        version.index == 0 ? .absent(key) : .modified(key, at: Int64(clamping: version.index))
    }
}
