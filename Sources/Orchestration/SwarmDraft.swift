package import Model
package import StateStore

/// Some of a plan's changes, written all together or not at all.
package struct PlannedTransaction: Sendable {
    package private(set) var transaction: StoreTransaction
    /// The service that each object belongs to, or the object itself.
    private var owners: [StoreKey: String] = [:]

    fileprivate init(under fence: LeaderFence) { transaction = StoreTransaction(conditions: [fence.condition]) }

    /// - Parameter value: `nil` to delete.
    fileprivate mutating func add(
        _ condition: StoreTransaction.Condition, _ value: [UInt8]?, _ key: StoreKey, of owner: String
    ) {
        transaction.require(condition)
        if let value { transaction.put(key, value) } else { transaction.delete(key) }
        owners[key] = owner
    }

    /// Whose objects these are.
    func owners(of keys: some Sequence<StoreKey>) -> Set<String> { Set(keys.compactMap { owners[$0] }) }

    /// Leaves out all that belongs to some services or objects.
    mutating func leaveOut(_ left: Set<String>) {
        if left.isEmpty { return }
        func isOut(_ key: StoreKey) -> Bool { owners[key].map(left.contains) ?? false }
        transaction.conditions.removeAll { isOut($0.key) }
        transaction.puts.removeAll { isOut($0.key) }
        transaction.deletes.removeAll(where: isOut)
    }
}

/// What is planned by itself and may ask for a time at which to be planned again.
enum PlanSubject: Hashable, Sendable {
    case service(String)
    case place(ServiceOrchestrator.Place, of: String)
    case task(String)
}

/// A state that planners change, and the record of what they changed. Objects that cannot be read are not changed.
package struct SwarmDraft: Sendable {
    /// As it was before any change.
    let base: SwarmState
    /// With all changes so far.
    package private(set) var state: SwarmState
    /// The same for a whole plan.
    package let now: Timestamp
    private var changed: [StoreKey: Change] = [:]
    /// When to plan again although nothing has happened by then; `nil` for no need.
    package private(set) var wakeAt: Timestamp?

    /// Which objects are changed.
    private(set) var changes = SwarmChanges()
    /// For what is planned at this moment; ``wake(at:)`` is for it.
    var subject: PlanSubject?
    /// What has been looked at to plan: its cost.
    package internal(set) var looks = Looks()
    /// When what has been planned wants to be planned again.
    private(set) var wakes: [PlanSubject: Timestamp] = [:]

    /// How often the objects were looked at of which there are many.
    package struct Looks: Sendable, Equatable {
        /// Places of services.
        package internal(set) var places = 0
        /// Nodes that might get a task.
        package internal(set) var nodes = 0
        /// Tasks that lack an address.
        package internal(set) var waiting = 0

        /// Adds those of another pass.
        package mutating func add(_ other: Looks) {
            places += other.places
            nodes += other.nodes
            waiting += other.waiting
        }
    }

    private enum Change { case node(String), service(String), task(String), network(String), removed }

    package init(_ state: SwarmState, now: Timestamp) {
        base = state
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
        changes.tasks.insert(task.id)
    }

    /// As for tasks.
    package mutating func put(_ service: Service) {
        var service = service
        guard state.services[service.id] != service, !state.isUnread(.services, service.id) else { return }
        service.updatedAt = now
        state.services[service.id] = service
        changed[StoreKey(.services, id: service.id)] = .service(service.id)
        changes.services.insert(service.id)
    }

    /// As for tasks.
    package mutating func put(_ node: Node) {
        var node = node
        guard state.nodes[node.id] != node, !state.isUnread(.nodes, node.id) else { return }
        node.updatedAt = now
        state.nodes[node.id] = node
        changed[StoreKey(.nodes, id: node.id)] = .node(node.id)
        changes.nodes.insert(node.id)
    }

    /// As for tasks.
    package mutating func put(_ network: SwarmNetwork) {
        var network = network
        guard state.networks[network.id] != network, !state.isUnread(.networks, network.id) else { return }
        network.updatedAt = now
        state.networks[network.id] = network
        changed[StoreKey(.networks, id: network.id)] = .network(network.id)
        changes.networks.insert(network.id)
    }

    /// Takes a task out; nothing happens where there is none.
    package mutating func removeTask(_ id: String) {
        guard state.tasks[id] != nil, !state.isUnread(.tasks, id) else { return }
        removedVersions[StoreKey(.tasks, id: id)] = state.tasks[id]?.version
        state.tasks[id] = nil
        changed[StoreKey(.tasks, id: id)] = .removed
        changes.tasks.insert(id)
    }
    private var removedVersions: [StoreKey: ObjectVersion] = [:]

    /// Asks for another plan at that time at the latest; of several the earliest counts.
    package mutating func wake(at timestamp: Timestamp) {
        wakeAt = wakeAt.map { min($0, timestamp) } ?? timestamp
        if let subject { wakes[subject] = wakes[subject].map { min($0, timestamp) } ?? timestamp }
    }

    package var hasChanges: Bool { !changed.isEmpty }

    /// How many objects go into one transaction: each takes a write and a condition, and the fence is one more.
    static let objectsPerTransaction = StoreTransaction.maximumOperations - 8

    /// The changes as transactions, each under the leader's fence and on condition that nobody changed its objects, and none larger than
    /// the store takes, unless a single object is. Whatever is refused is planned anew from the state that comes after.
    ///
    /// What belongs together is in one of them: the tasks of a place, of which one may wait for another to end.
    package func transactions(under fence: LeaderFence) throws -> [PlannedTransaction] {
        var transactions: [PlannedTransaction] = []
        var current = PlannedTransaction(under: fence)
        var (count, bytes) = (0, 0)
        let units = Dictionary(grouping: changed.keys, by: unit)
        for (unit, keys) in units.sorted(by: { $0.key < $1.key }) {
            let writes = try keys.sorted().compactMap { key in
                try changed[key].flatMap { try write(key, $0) }.map { (key: key, write: $0) }
            }
            let size = writes.reduce(0) { $0 + $1.key.path.utf8.count + ($1.write.value?.count ?? 0) }
            func isFull(_ more: Int, _ size: Int) -> Bool {
                count > 0
                    && (count + more > Self.objectsPerTransaction || bytes + size > StoreTransaction.maximumBytes)
            }
            func cut() {
                transactions.append(current)
                current = PlannedTransaction(under: fence)
                (count, bytes) = (0, 0)
            }
            if isFull(writes.count, size) { cut() }
            for (key, write) in writes {
                let size = key.path.utf8.count + (write.value?.count ?? 0)
                if isFull(1, size) { cut() }
                current.add(condition(key, write.version), write.value, key, of: unit.owner)
                count += 1
                bytes += size
            }
        }
        if !current.transaction.isEmpty { transactions.append(current) }
        return transactions
    }

    /// Objects that are written together, in the order of writing: a service before its tasks.
    private struct Unit: Hashable, Comparable {
        /// The service's id, or the object's own.
        var owner: String
        /// `nil` for the service itself.
        var place: ServiceOrchestrator.Place?

        static func < (left: Self, right: Self) -> Bool {
            if left.owner != right.owner { return left.owner < right.owner }
            guard let place = left.place, let other = right.place else {
                return left.place == nil && right.place != nil
            }
            return place < other
        }
    }

    private func unit(_ key: StoreKey) -> Unit {
        guard let (kind, id) = key.object else { return Unit(owner: key.path, place: nil) }
        guard kind == .tasks, let task = (state.tasks.shared(id) ?? base.tasks.shared(id))?.value, !task.isAttachment
        else { return Unit(owner: id, place: nil) }
        return Unit(owner: task.serviceID, place: task.place)
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
        case .network(let id):
            return try state.networks[id].map { ($0.version, Array(try WireJSON.encode(record: $0))) }
        case .removed:
            guard let version = removedVersions[key], version.index != 0 else { return nil }
            return (version, nil)
        }
    }

    private func condition(_ key: StoreKey, _ version: ObjectVersion) -> StoreTransaction.Condition {
        version.index == 0 ? .absent(key) : .modified(key, at: Int64(clamping: version.index))
    }
}
