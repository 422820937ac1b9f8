import Model

/// Whether and when another task follows one that has ended by itself, by the service's restart policy.
struct RestartRule {
    /// Nanoseconds before a task that has ended is started anew, unless the service says otherwise. Source: Docker's default.
    static let defaultDelay: Int64 = 5_000_000_000

    private let policy: TaskRestartPolicy?
    private let isJob: Bool

    init(_ service: Service) {
        policy = service.spec.taskTemplate.restartPolicy
        isJob = service.spec.isJob
    }

    /// The task was not told to end, and has ended.
    static func hasEndedByItself(_ task: SwarmTask) -> Bool {
        [.complete, .failed, .rejected].contains(task.status.state)
    }

    /// Attempts are counted up to the moment at which the task ended, so that the answer stays the same for ever.
    func allowsSuccessor(of last: SwarmTask) -> Bool {
        guard Self.hasEndedByItself(last) else { return true }
        let condition = policy?.condition ?? "any"
        if condition == "none" { return false }
        if last.status.state == .complete, condition == "on-failure" || isJob { return false }
        let limit = Int(clamping: policy?.maxAttempts ?? 0)
        guard limit > 0 else { return true }
        guard let window = policy?.window, window > 0 else { return (last.assignment?.attempt ?? 0) < limit }
        let since = last.status.timestamp.advanced(byNanoseconds: -window)
        return (last.assignment?.restarts ?? []).count { $0 > since } < limit
    }

    /// When the successor of a task that has ended by itself may start: a delay after it ended, or after its own start was due if that was later.
    func due(after last: SwarmTask, at now: Timestamp) -> Timestamp {
        let ended = last.status.timestamp.believed(at: now)
        guard last.assignment?.attempt ?? 0 > 0 else { return ended.advanced(byNanoseconds: delay) }
        return max(ended, start(of: last, at: now)).advanced(byNanoseconds: delay)
    }

    /// Until when a successor that has ended while it still waited for its start keeps its place; `nil` for all other tasks.
    ///
    /// It is prepared while it waits. Where that fails at once, as for an image that no registry has, the next one would fail as soon, and so on:
    /// it comes no sooner than this one would have started. Source: SwarmKit.
    func heldUntil(by task: SwarmTask, at now: Timestamp) -> Timestamp? {
        guard task.desiredState == .ready, task.assignment?.attempt ?? 0 > 0, Self.hasEndedByItself(task),
            allowsSuccessor(of: task)
        else { return nil }
        return start(of: task, at: now)
    }

    /// When the delay of a successor is over at the latest: it is made as soon as it is known that the one before it has ended.
    private func start(of task: SwarmTask, at now: Timestamp) -> Timestamp {
        task.createdAt.believed(at: now).advanced(byNanoseconds: delay)
    }

    private var delay: Int64 { policy?.delay ?? Self.defaultDelay }

    /// Carries the count of attempts from a task that has ended by itself over to its successor.
    func count(_ last: SwarmTask, in assignment: inout SwarmTask.Assignment, at now: Timestamp) {
        assignment.attempt = (last.assignment?.attempt ?? 0) + 1
        guard let limit = policy?.maxAttempts, limit > 0, policy?.window ?? 0 > 0 else { return }
        assignment.restarts = Array(((last.assignment?.restarts ?? []) + [now]).suffix(Int(clamping: limit)))
    }
}
