import Model

/// One place of a service and the tasks that have held it.
struct SlotReconciler {
    let service: Service
    let place: ServiceOrchestrator.Place
    let tasks: [SwarmTask]
    let makeID: @Sendable () -> String
    /// The place is on a node that takes no new tasks: those that it has go on, none takes their place, be it for an update, and none follows them.
    var isClosed = false

    private var rule: RestartRule { RestartRule(service) }
    private var newest: SwarmTask? { Self.newest(of: tasks) }

    static func newest(of tasks: [SwarmTask]) -> SwarmTask? {
        tasks.max { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
    }

    /// Whether the last task of a place ended in a way after which no other follows.
    static func hasEnded(_ tasks: [SwarmTask], _ service: Service) -> Bool {
        guard !tasks.contains(where: { $0.isWanted && $0.isLive }),
            let last = newest(of: tasks), service.isUpToDate(last, on: nil), last.desiredState != .remove
        else { return false }
        return !RestartRule(service).allowsSuccessor(of: last)
    }

    /// Whether a service counts a place with these tasks as one of its replicas.
    static func isHeld(_ tasks: [SwarmTask], _ service: Service) -> Bool {
        tasks.contains(where: \.isWanted) || hasEnded(tasks, service)
    }

    func settle(_ draft: inout SwarmDraft, _ update: inout RollingUpdate) {
        let wanted = dismissEnded(&draft)
        if wanted.isEmpty {
            if !isClosed { fill(&draft, &update) }
            return
        }
        let old = wanted.filter { !isUpToDate($0, draft.state) }
        let new = wanted.filter { isUpToDate($0, draft.state) }
        if !old.isEmpty {
            if new.contains(where: { $0.status.state == .running }) {
                for task in old { dismiss(task, &draft) }
            } else if !isClosed {
                if new.isEmpty { replace(old, &draft, &update) }
                for task in new { yieldPorts(of: old, to: task, &draft) }
            }
        }
        for task in new where task.desiredState == .ready && task.isLive { promote(task, &draft) }
    }

    /// A place of a job: one task after the other until one has completed.
    func work(_ draft: inout SwarmDraft) {
        let wanted = dismissEnded(&draft)
        if wanted.isEmpty { return fill(&draft) }
        for task in wanted where task.desiredState == .ready && task.isLive { promote(task, &draft) }
    }

    private func isUpToDate(_ task: SwarmTask, _ state: SwarmState) -> Bool {
        service.isUpToDate(task, on: task.nodeID.flatMap { state.nodes[$0] })
    }

    /// - Returns: The tasks that are wanted and can go on, and those that keep the place until the next one may come.
    private func dismissEnded(_ draft: inout SwarmDraft) -> [SwarmTask] {
        var wanted: [SwarmTask] = []
        for task in tasks where task.isWanted {
            if let due = rule.heldUntil(by: task, at: draft.now), due > draft.now {
                draft.wake(at: due)
                wanted.append(task)
            } else if !task.isLive || isLost(task, draft.state) {
                // What a job has completed stays wanted: it is what the job is for.
                if !(service.spec.isJob && task.status.state == .complete) { dismiss(task, &draft) }
            } else {
                wanted.append(task)
            }
        }
        return wanted
    }

    private func replace(_ old: [SwarmTask], _ draft: inout SwarmDraft, _ update: inout RollingUpdate) {
        // The first try of a start-first update may have failed: others follow by the restart policy, beside the old task.
        if let since = update.since,
            let last = tasks.filter({ $0.createdAt >= since && isUpToDate($0, draft.state) && !$0.isLive })
                .max(by: { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }),
            RestartRule.hasEndedByItself(last)
        {
            if rule.allowsSuccessor(of: last) { create(&draft, desired: .ready, following: last) }
            return
        }
        guard update.mayReplace(&draft) else { return }
        // One of the old may go on until the new one runs: what other updates have left beside it ends.
        let kept =
            update.startsFirst
            ? old.filter { $0.status.state == .running }.max { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) } : nil
        for task in old where task.id != kept?.id { dismiss(task, &draft) }
        create(&draft, desired: update.startsFirst ? .running : .ready, isUpdate: true)
    }

    /// Two tasks cannot have one port of a node. A task that was to start beside the one it replaces, and finds no node while that has the ports,
    /// starts after it instead.
    private func yieldPorts(of old: [SwarmTask], to task: SwarmTask, _ draft: inout SwarmDraft) {
        guard task.status.state == .pending, task.status.err != nil else { return }
        let wanted = task.hostPorts
        let holders = old.filter { other in
            let held = PortCounts(other.hostPorts)
            return wanted.contains { held.count(meeting: $0) > 0 }
        }
        if holders.isEmpty { return }
        for holder in holders { dismiss(holder, &draft) }
        var task = task
        task.desiredState = .ready
        draft.put(task)
    }

    /// The node is gone, down, being emptied or unfit by now: another must take over.
    private func isLost(_ task: SwarmTask, _ state: SwarmState) -> Bool {
        guard let id = task.nodeID else { return false }
        guard let node = state.nodes.shared(id) else { return !state.isUnread(node: id) }
        if node.value.status.state == .down || node.value.spec.availability == .drain { return true }
        guard let placement = task.spec.placement, placement.constraints?.isEmpty == false else { return false }
        return !placement.admits(node.value)
    }

    private func dismiss(_ task: SwarmTask, _ draft: inout SwarmDraft) {
        var task = task
        task.desiredState = .shutdown
        draft.put(task)
    }

    /// The same as ``fill(_:isUpdate:)``; what follows one that is outdated belongs to an update that is under way, which waits for it and watches it.
    private func fill(_ draft: inout SwarmDraft, _ update: inout RollingUpdate) {
        let isOutdated = newest.map { $0.desiredState != .remove && !isUpToDate($0, draft.state) } ?? false
        guard update.since != nil, isOutdated else { return fill(&draft) }
        update.noteFilled()
        fill(&draft, isUpdate: true)
    }

    /// Puts a new task into an empty place, if what was there before lets it.
    private func fill(_ draft: inout SwarmDraft, isUpdate: Bool = false) {
        guard let last = newest, last.desiredState != .remove else { return create(&draft, desired: .running) }
        guard isUpToDate(last, draft.state), RestartRule.hasEndedByItself(last) else {
            return create(&draft, desired: isLost(last, draft.state) ? .running : .ready, isUpdate: isUpdate)
        }
        if rule.allowsSuccessor(of: last) { create(&draft, desired: .ready, following: last) }
    }

    /// - Parameters:
    ///   - desired: `.running`, or `.ready` to wait for those before it.
    ///   - last: The task that has ended by itself and is restarted so.
    private func create(
        _ draft: inout SwarmDraft, desired: TaskState, following last: SwarmTask? = nil, isUpdate: Bool = false
    ) {
        var task = SwarmTask(id: makeID())
        task.createdAt = draft.now
        task.spec = service.spec.taskTemplate
        task.serviceID = service.id
        task.labels = [:]
        task.desiredState = desired == .running ? goal : desired
        task.jobIteration = service.spec.isJob ? service.jobStatus?.jobIteration : nil
        switch place {
        case .slot(let slot): task.slot = slot
        case .node(let node): task.nodeID = node
        }
        var assignment = SwarmTask.Assignment()
        assignment.serviceName = service.spec.name
        assignment.serviceLabels = service.spec.labels
        assignment.endpointSpec = service.spec.endpointSpec
        assignment.isUpdate = isUpdate
        assignment.logDriver = draft.state.cluster?.spec.taskDefaults?.logDriver
        if let last { rule.count(last, in: &assignment, at: draft.now) }
        task.assignment = assignment
        task.status = TaskStatus(.new, "created", at: draft.now)
        draft.put(task)
        if desired == .ready { promote(task, &draft) }
    }

    /// What a task is to reach in the end.
    private var goal: TaskState { service.spec.isJob ? .complete : .running }

    /// A task that waits for its predecessors is let run once those that are to end have ended and the restart delay is over.
    private func promote(_ task: SwarmTask, _ draft: inout SwarmDraft) {
        let predecessors = tasks.compactMap { draft.state.tasks[$0.id] }.filter {
            $0.id != task.id && $0.createdAt <= task.createdAt
        }
        let isHeld = predecessors.contains {
            $0.isLive && !$0.isWanted && $0.nodeID != nil && !isLost($0, draft.state)
        }
        if isHeld { return }
        if task.assignment?.attempt ?? 0 > 0,
            let due = predecessors.filter({ RestartRule.hasEndedByItself($0) })
                .map({ rule.due(after: $0, at: draft.now) }).max(),
            due > draft.now
        {
            return draft.wake(at: due)
        }
        var task = task
        task.desiredState = goal
        draft.put(task)
    }
}
