import Model

/// One place of a service and the tasks that have held it.
struct Seat {
    let service: Service
    let place: ServiceOrchestrator.Place
    let tasks: [SwarmTask]
    let makeID: @Sendable () -> String

    /// Seconds before a task that has ended is started anew, unless the service says otherwise. Source: Docker's default.
    static let defaultRestartDelay: Int64 = 5

    /// Whether the last task of a place ended in a way after which no other follows.
    static func hasEnded(_ tasks: [SwarmTask], _ service: Service) -> Bool {
        guard !tasks.contains(where: \.isWanted), let last = tasks.max(by: { $0.createdAt < $1.createdAt }),
            last.spec == service.spec.taskTemplate, last.desiredState != .remove
        else { return false }
        return !mayFollow(last, service)
    }

    /// Whether the restart policy lets another task follow one that has ended.
    private static func mayFollow(_ last: SwarmTask, _ service: Service) -> Bool {
        let policy = service.spec.taskTemplate.restartPolicy
        switch policy?.condition ?? "any" {
        case "none": return ![.complete, .failed, .rejected].contains(last.status.state)
        case "on-failure": if last.status.state == .complete { return false }
        default: break
        }
        guard [.complete, .failed, .rejected].contains(last.status.state) else { return true }
        let limit = Int(clamping: policy?.maxAttempts ?? 0)
        return limit == 0 || (last.assignment?.attempt ?? 0) < limit
    }

    mutating func settle(_ draft: inout SwarmDraft, _ update: inout RollingUpdate) {
        let template = service.spec.taskTemplate
        var wanted: [SwarmTask] = []
        for task in tasks where task.isWanted {
            if task.status.state.isTerminal || isLost(task, draft.state) {
                dismiss(task, &draft)
            } else {
                wanted.append(task)
            }
        }
        if wanted.isEmpty { return fill(&draft) }
        let old = wanted.filter { $0.spec != template }
        let new = wanted.filter { $0.spec == template }
        if !old.isEmpty {
            if new.contains(where: { $0.status.state == .running }) {
                for task in old { dismiss(task, &draft) }
            } else if new.isEmpty, update.mayReplace(&draft) {
                if !update.startsFirst { for task in old { dismiss(task, &draft) } }
                create(&draft, desired: update.startsFirst ? .running : .ready, attempt: 0)
            }
        }
        for task in new where task.desiredState == .ready { promote(task, &draft) }
    }

    /// The node is gone, down or being emptied: another must take over.
    private func isLost(_ task: SwarmTask, _ state: SwarmState) -> Bool {
        guard let id = task.nodeID else { return false }
        guard let node = state.nodes[id] else { return true }
        return node.status.state == .down || node.spec.availability == .drain
    }

    private func dismiss(_ task: SwarmTask, _ draft: inout SwarmDraft) {
        var task = task
        task.desiredState = .shutdown
        draft.put(task)
    }

    /// Puts a new task into an empty place, if what was there before lets it.
    private func fill(_ draft: inout SwarmDraft) {
        guard let last = tasks.max(by: { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }), last.desiredState != .remove
        else {
            return create(&draft, desired: .running, attempt: 0)
        }
        let isSame = last.spec == service.spec.taskTemplate
        if isSame, last.status.state.isTerminal, !Self.mayFollow(last, service) { return }
        let hasFailed = isSame && [.failed, .complete, .rejected].contains(last.status.state)
        let attempt = hasFailed ? (last.assignment?.attempt ?? 0) + 1 : 0
        create(&draft, desired: isLost(last, draft.state) ? .running : .ready, attempt: attempt)
    }

    private func create(_ draft: inout SwarmDraft, desired: TaskState, attempt: Int) {
        var task = SwarmTask(id: makeID())
        task.createdAt = draft.now
        task.spec = service.spec.taskTemplate
        task.serviceID = service.id
        task.labels = [:]
        task.desiredState = desired
        switch place {
        case .slot(let slot): task.slot = slot
        case .node(let node): task.nodeID = node
        }
        var assignment = SwarmTask.Assignment()
        assignment.serviceName = service.spec.name
        assignment.serviceLabels = service.spec.labels
        assignment.attempt = attempt
        task.assignment = assignment
        task.status = TaskStatus(.new, "created", at: draft.now)
        draft.put(task)
        if desired == .ready { promote(task, &draft) }
    }

    /// A task that waits for its predecessors is let run once they have ended and the restart delay is over.
    private func promote(_ task: SwarmTask, _ draft: inout SwarmDraft) {
        let predecessors = tasks.filter { $0.id != task.id && $0.createdAt <= task.createdAt }
        if predecessors.contains(where: { $0.isLive && !isLost($0, draft.state) && $0.nodeID != nil }) { return }
        if let last = predecessors.max(by: { $0.createdAt < $1.createdAt }),
            [.failed, .complete, .rejected].contains(last.status.state), last.spec == task.spec
        {
            let delay =
                service.spec.taskTemplate.restartPolicy?.delay.map { $0 / 1_000_000_000 } ?? Self.defaultRestartDelay
            let due = last.status.timestamp.advanced(bySeconds: delay)
            guard due <= draft.now else { return draft.wake(at: due) }
        }
        var task = task
        task.desiredState = .running
        draft.put(task)
    }
}
