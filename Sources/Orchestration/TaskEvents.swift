package import Model

/// A task before and after one write of the store.
package struct TaskStep: Sendable, Equatable {
    /// `nil` for a task that is new.
    package let before: SwarmTask?
    /// `nil` for a task that is gone.
    package let now: SwarmTask?
    /// The swarm's.
    let clusterID: String
    /// How its node is called, at that time.
    let nodeName: String?

    /// Both of which cannot be `nil`.
    init?(from before: SwarmTask?, to now: SwarmTask?, clusterID: String?, node: Node?) {
        guard before != nil || now != nil, before?.version != now?.version else { return nil }
        self.before = before
        self.clusterID = clusterID ?? "swarm"
        self.now = now
        nodeName = node.map { $0.spec.name ?? $0.description?.hostname ?? $0.id }
    }
}

/// What happens to tasks, as `docker events --filter type=task` tells it. Pure.
///
/// A task goes through its states one way, so that which task and which state say which event it is: every manager calls it the same, also
/// one that has missed a part and sees only what came of it.
package struct TaskEvents {
    package static let type = "task"
    /// A container of a task that has a health check is healthy, or is not any more.
    package static let healthy = "healthy"
    package static let unhealthy = "unhealthy"
    /// A task's object is gone.
    package static let remove = "remove"

    private let step: TaskStep

    package init(_ step: TaskStep) { self.step = step }

    /// In order; none where the state has not changed.
    package var events: [(event: EngineEvent, id: EventID)] {
        guard let now = step.now else {
            guard let before = step.before else { return [] }
            return [event(Self.remove, before, at: .now, rank: Self.rank(.orphaned) + 2)]
        }
        guard step.before?.status.state != now.status.state else { return [] }
        let (state, time) = (now.status.state, now.updatedAt == .zero ? now.status.timestamp : now.updatedAt)
        var events = [event(state.rawValue, now, at: time, rank: Self.rank(state))]
        if state == .running, let kind = now.spec.containerSpec?.healthcheck?.test.first,
            ["CMD", "CMD-SHELL"].contains(kind)
        {
            events.append(event(Self.healthy, now, at: time, rank: Self.rank(state) + 1))
        }
        if state == .failed, now.status.err?.hasSuffix(Self.unhealthyContainer) == true {
            events.insert(event(Self.unhealthy, now, at: time, rank: Self.rank(state) - 1), at: 0)
        }
        return events
    }

    /// How the reason of a task ends that was stopped for its health: Docker's words, which are part of what nodes report.
    package static let unhealthyContainer = "unhealthy container"

    /// Leaves room for what is told beside a state.
    private static func rank(_ state: TaskState) -> Int { state.order * 4 + 2 }

    private func event(_ action: String, _ task: SwarmTask, at time: Timestamp, rank: Int) -> (
        event: EngineEvent, id: EventID
    ) {
        var attributes = [
            "name": task.containerName, "service.id": task.serviceID,
            "service.name": task.assignment?.serviceName ?? "", "image": task.spec.containerSpec?.image ?? "",
        ]
        attributes["slot"] = task.slot.map(String.init)
        if let nodeID = task.nodeID, !nodeID.isEmpty {
            attributes["node.id"] = nodeID
            attributes["node.name"] = step.nodeName
        }
        if step.now != nil { attributes["oldstate"] = step.before?.status.state.rawValue }
        attributes["reason"] = task.status.err
        if let container = task.status.containerStatus {
            if !container.containerID.isEmpty { attributes["container"] = container.containerID }
            if task.status.state.isTerminal { attributes["exitCode"] = String(container.exitCode) }
        }
        for (name, value) in attributes where value.isEmpty { attributes[name] = nil }
        return (
            EngineEvent(
                type: Self.type, action: action, actorID: task.id, attributes: attributes, scope: "swarm", time: time),
            EventID(origin: "\(step.clusterID)/\(task.id)", sequence: Int64(clamping: rank))
        )
    }
}
