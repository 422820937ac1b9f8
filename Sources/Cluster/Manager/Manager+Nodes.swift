package import EngineInterface
package import Model
import Orchestration
import StateStore

extension Manager {
    /// In the order in which they joined. A filter's `id` and `name` may be beginnings.
    /// - Throws: For a filter that nodes do not have, or a role or membership that there is not.
    package func listNodes(_ filters: Filters) throws -> [Node] {
        try filters.allow(["id", "label", "membership", "name", "node.label", "role"])
        let roles = try filters.choices("role", of: ["worker", "manager"])
        let memberships = try filters.choices("membership", of: ["accepted", "pending"])
        return model.objects.nodes.values.filter { node in
            filters.any("id") { node.id.hasPrefix($0) }
                && filters.any("name") { (node.description?.hostname ?? "").hasPrefix($0) }
                && (roles.isEmpty || roles.contains(node.spec.role.rawValue))
                && (memberships.isEmpty || memberships.contains("accepted"))
                && filters.labelsMatch(node.description?.engine.labels ?? [:])
                && filters.labelsMatch(node.spec.labels, key: "node.label")
        }
        .sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }.map(shown)
    }

    /// - Parameter reference: An id, the beginning of one, a host name, or `self`.
    /// - Throws: ``SwarmObjectError``: `.notFound`, or `.ambiguous` when several begin so.
    package func inspectNode(_ reference: String) throws -> Node { shown(try findNode(reference)) }

    func findNode(_ reference: String) throws -> Node {
        let objects = model.objects
        let reference = reference == "self" ? nodeID : reference
        return try find(reference, in: objects.nodes, kind: .node, named: objects.nodes(named: reference))
    }

    /// Takes `spec` for the whole specification.
    /// - Parameter version: The one that `spec` was made from.
    /// - Throws: ``SwarmObjectError``, `.outOfSequence` when the specification has changed since `version`; ``NodeError`` for a demotion that leaves
    ///   the swarm without a manager, or without a quorum.
    package func updateNode(_ reference: String, version: UInt64, _ spec: NodeSpec) async throws {
        let isKnown = try await hasCaughtUp(toVersion: version)
        let id = try findNode(reference).id
        guard isKnown else { throw SwarmObjectError.outOfSequence }
        try await guarded { state in
            guard var node = state.nodes[id] else { throw SwarmObjectError.notFound(.node, reference) }
            try Self.check(version, of: node.version, since: node.membership?.specSince)
            let present = node.version.index
            let condition = StoreTransaction.Condition.modified(node.key, at: Int64(clamping: present))
            node.membership?.specSince = present + 1
            if node.spec.role == .manager, spec.role == .worker { try checkDemotion(of: node, state) }
            node.spec = spec
            node.updatedAt = .now
            return StoreTransaction(
                conditions: [condition], puts: [.init(node.key, try node.storedBytes)])
        }
    }

    /// - Throws: ``NodeError`` when the swarm would be left without a manager, or without a quorum.
    private func checkDemotion(of node: Node, _ state: SwarmState) throws {
        let managers = state.managers.filter { $0.spec.role == .manager }
        guard managers.count > 1 else {
            throw NodeError.lastManager
        }
        let present = live.state.present
        let left = managers.filter { $0.id != node.id }
        guard RolePlanner.hasQuorum(left.count { present.contains($0.id) }, of: left.count) else {
            throw NodeError.losesQuorum
        }
    }

    /// The keys of encrypted networks, which the node knows, are replaced afterwards.
    /// - Parameter force: Also while it is up.
    /// - Throws: ``NodeError``: `.isManager` for one that has not been demoted, `.notDown` for one that is up.
    package func removeNode(_ reference: String, force: Bool) async throws {
        let id = try findNode(reference).id
        try await guarded { state in
            // Looked at again each time: it may have been promoted or have come back meanwhile.
            guard let node = state.nodes[id] else { throw SwarmObjectError.notFound(.node, reference) }
            if node.spec.role == .manager || node.grantedRole == .manager {
                throw NodeError.isManager(id)
            }
            guard force || node.status.state != .ready else {
                throw NodeError.notDown(id)
            }
            var transaction = StoreTransaction(
                conditions: [.modified(node.key, at: Int64(clamping: node.version.index))], deletes: [node.key])
            // The node knows the keys of encrypted networks: others take their place, see `OverlayKeyPlanner`.
            if var cluster = state.cluster, cluster.overlayKeys?.isEmpty == false {
                cluster.overlayKeys?.removals += 1
                transaction.require(.modified(cluster.key, at: Int64(clamping: cluster.version.index)))
                transaction.put(cluster.key, try cluster.storedBytes)
            }
            return transaction
        }
    }

    /// Without what only the swarm needs, and with how a manager is at this moment.
    package func shown(_ node: Node) -> Node {
        var node = node
        node.membership = nil
        node.description?.routedSubnets = nil
        node.description?.avoidedSubnets = nil
        node.description?.resolvers = nil
        node.description?.metricsAddress = nil
        node.description?.encryption = nil
        node.description?.hasSCTP = nil
        guard var status = node.managerStatus else { return node }
        let live = live.state
        status.leader = live.leader == node.id && !live.isStale ? true : nil
        status.reachability =
            live.isStale ? "unknown" : live.present.contains(node.id) ? "reachable" : "unreachable"
        node.managerStatus = status
        return node
    }
}

extension Manager {
    /// - Parameter filters: `label` asks for the labels that a task's service had when the task was made, as in Docker: tasks have none themselves.
    package func listTasks(_ filters: Filters) throws -> [SwarmTask] {
        try filters.allow(["_up-to-date", "desired-state", "id", "label", "name", "node", "runtime", "service"])
        let objects = model.objects
        let services = try filters["service"].map { try findService($0).id }
        let nodes = try filters["node"].map { try findNode($0).id }
        let states = try filters.choices("desired-state", of: TaskState.allCases.map(\.rawValue))
        let candidates: [SharedObject<SwarmTask>] =
            if !services.isEmpty {
                Set(services).flatMap { objects.sharedTasks(ofService: $0) }
            } else if !nodes.isEmpty {
                Set(nodes).flatMap { objects.sharedTasks(onNode: $0) }
            } else {
                Array(objects.tasks.shared)
            }
        return candidates.filter { shared in
            let task = shared.value
            // Docker does not show places of containers on networks either.
            return !task.isAttachment && filters.any("id") { task.id.hasPrefix($0) }
                && filters.any("name") { task.containerName.hasPrefix($0) }
                && (nodes.isEmpty || nodes.contains(task.nodeID ?? ""))
                && (states.isEmpty || states.contains(task.desiredState.rawValue))
                && filters.any("runtime") { $0 == task.spec.runtime ?? "container" }
                && filters.any("_up-to-date") {
                    let service = objects.services.shared(task.serviceID)?.value
                    let isUpToDate = service?.isUpToDate(task, on: task.nodeID.flatMap { objects.nodes[$0] })
                    return ["1", "true"].contains($0) == (isUpToDate ?? false)
                }
                && filters.labelsMatch(task.serviceLabels)
        }
        .sorted { ($0.value.createdAt, $0.value.id) < ($1.value.createdAt, $1.value.id) }.map { Self.shown($0.value) }
    }

    /// Without credentials, and without what only managers need to know.
    /// - Parameter reference: An id or the beginning of one.
    package func inspectTask(_ reference: String) throws -> SwarmTask {
        Self.shown(try find(reference, in: model.objects.tasks, kind: .task, named: []))
    }

    private static func shown(_ task: SwarmTask) -> SwarmTask {
        var task = task
        task.assignment = nil
        task.leaveOutCredentials()
        return task
    }
}
