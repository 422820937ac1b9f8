import EngineInterface
import Logging
import Model

/// What a health check means for a swarm's task: it runs once it is healthy, and is ended when it is not any more.
extension TaskService {
    enum TaskHealth: Equatable, Sendable { case healthy, unhealthy, ended }

    /// Waits until a started container is healthy; at once for one without a health check.
    /// - Throws: Why the task has failed: it was unhealthy and is stopped now, or it has ended.
    func waitUntilHealthy(_ id: String, _ task: SwarmTask) async throws {
        switch await taskHealth(id, until: [.healthy, .unhealthy, .ended]) {
        case .healthy: return
        case .unhealthy: try await stopUnhealthy(id, task)
        case .ended: break
        }
        try Task.checkCancellation()
        guard let record = containers.record(id) else { throw TaskError.containerMissing(task.id) }
        throw failure(of: record, record.phase.exitCode) ?? .endedBeforeHealthy
    }

    /// Stops the container as soon as it is unhealthy; returns when it has ended or the task is cancelled.
    func stopWhenUnhealthy(_ id: String, _ task: SwarmTask) async throws {
        if await taskHealth(id, until: [.unhealthy, .ended]) == .unhealthy { try await stopUnhealthy(id, task) }
    }

    private func stopUnhealthy(_ id: String, _ task: SwarmTask) async throws {
        try Task.checkCancellation()
        guard let record = containers.record(id), record.isRunning else { return }
        log.info("a task's container is stopped: it is unhealthy", metadata: ["container": "\(record.shortID)"])
        let grace = task.spec.containerSpec?.stopGracePeriod.map(StopGrace.init(nanoseconds:))
        try await life.stop(record, signal: nil, grace: grace ?? StopGrace(seconds: 10), by: .unhealthy)
    }

    /// The container's health as soon as it is one of `wanted`; ``TaskHealth/ended`` when cancelled.
    private func taskHealth(_ id: String, until wanted: Set<TaskHealth>) async -> TaskHealth {
        // Events only say that it is time to look; followed before the first look, so that none is missed.
        let news = events.follow(since: nil, until: nil) { $0.type == "container" && $0.actorID == id }
        var iterator = news.makeAsyncIterator()
        repeat {
            if let health = presentHealth(id), wanted.contains(health) { return health }
        } while await iterator.next() != nil
        return .ended
    }

    /// `nil` while it is not known.
    private func presentHealth(_ id: String) -> TaskHealth? {
        guard let record = containers.record(id), record.isRunning else { return .ended }
        switch record.health?.status {
        case nil, HealthPlan.healthy: return .healthy
        case HealthPlan.unhealthy: return .unhealthy
        default: return nil
        }
    }

    /// Why a task's container has ended as it has; `nil` for an end as it should be.
    func failure(of record: ContainerRecord?, _ code: Int) -> TaskError? {
        let exit = record?.phase.exit
        if exit?.cause == .unhealthy { return .exited(code: code, reason: .unhealthy) }
        guard code != 0 else { return nil }
        return .exited(code: code, reason: exit?.wasOutOfMemory == true ? .outOfMemory : .program)
    }
}
