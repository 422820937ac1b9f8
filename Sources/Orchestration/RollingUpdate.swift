import Model

/// A service's update as one pass of planning sees it: what is left to do, what may be done now, and what came of it.
///
/// Everything is read off the tasks and off the service's own record, so that another leader goes on where this one ended.
struct RollingUpdate {
    /// Nanoseconds for which a new task is watched. Source: Docker's default.
    static let defaultMonitor: Int64 = 5_000_000_000

    private let configuration: UpdateConfiguration?
    /// Since when tasks belong to this update; `nil` when none is under way.
    let since: Timestamp?
    private var dirty = 0
    private var inHand = 0
    private var failed: [String] = []
    private var watchedUntil: Timestamp?
    private var next: Timestamp?
    private let now: Timestamp

    /// - Parameter places: The tasks of each place that the service wants.
    init(service: Service, places: [[SwarmTask]], state: SwarmState, now: Timestamp) {
        let isRollback = service.updateStatus?.state == "rollback_started"
        configuration = isRollback ? service.spec.rollbackConfig : service.spec.updateConfig
        since = Self.isUnderWay(service) ? service.rollout?.since : nil
        self.now = now
        for tasks in places { count(tasks, service, state) }
        failed.sort()
    }

    static func isUnderWay(_ service: Service) -> Bool {
        ["updating", "rollback_started"].contains(service.updateStatus?.state)
    }

    private var delay: Int64 { configuration?.delay ?? 0 }
    private var monitor: Int64 {
        configuration.flatMap { $0.monitor > 0 ? $0.monitor : nil } ?? Self.defaultMonitor
    }
    /// 0 means all at once.
    private var parallelism: Int {
        configuration.map { $0.parallelism == 0 ? Int.max : Int(clamping: $0.parallelism) } ?? 1
    }
    /// No place has a task that is to be replaced.
    var isUpToDate: Bool { dirty == 0 }
    var startsFirst: Bool { configuration?.order == "start-first" }

    private mutating func count(_ tasks: [SwarmTask], _ service: Service, _ state: SwarmState) {
        func isOutdated(_ task: SwarmTask) -> Bool {
            !service.isUpToDate(task, on: task.nodeID.flatMap { state.nodes[$0] })
        }
        if tasks.contains(where: { $0.isWanted && isOutdated($0) }) {
            dirty += 1
        } else if Self.isUnderWay(service), !tasks.contains(where: \.isWanted),
            let last = SlotReconciler.newest(of: tasks), last.desiredState != .remove, isOutdated(last)
        {
            // It is to be filled with what the update wants: that, too, is waited for.
            dirty += 1
        }
        guard let since else { return }
        let own = tasks.filter { $0.assignment?.isUpdate == true && $0.createdAt >= since }
        for task in own {
            let started = task.assignment?.runningSince?.believed(at: now)
            if RestartRule.hasEndedByItself(task) {
                let isWatched =
                    started.map { task.status.timestamp <= $0.advanced(byNanoseconds: monitor) } ?? true
                if isWatched { failed.append(task.id) }
            } else if let started {
                let end = started.advanced(byNanoseconds: monitor)
                watchedUntil = max(watchedUntil ?? end, end)
            }
        }
        // A place is in hand until its new task has run or failed, and the delay after that is over.
        if own.contains(where: { $0.isWanted && $0.status.state < .running }) {
            inHand += 1
        } else if let done = own.map({ ($0.assignment?.runningSince ?? $0.status.timestamp).believed(at: now) }).max() {
            let free = done.advanced(byNanoseconds: delay)
            if free > now {
                inHand += 1
                next = min(next ?? free, free)
            }
        }
    }

    /// Takes one more place in hand if that is allowed by now.
    mutating func mayReplace(_ draft: inout SwarmDraft) -> Bool {
        guard since != nil else { return false }
        guard inHand < parallelism else {
            if let next { draft.wake(at: next) }
            return false
        }
        inHand += 1
        return true
    }

    /// A place in which nothing was left has got its new task, which costs the service nothing however many others are in hand.
    mutating func noteFilled() { inHand += 1 }

    // MARK: Status

    /// The service with what has become of its update, or `nil` when nothing has.
    mutating func progressed(_ service: Service, _ draft: inout SwarmDraft) -> Service? {
        guard Self.isUnderWay(service), service.rollout != nil else { return begun(service) }
        var service = service
        if let failure = note(&service), let changed = act(on: failure, service) { return changed }
        guard dirty == 0, inHand == 0 else {
            // The last delay, too, must end before anything else happens.
            if let next { draft.wake(at: next) }
            return service
        }
        if configuration?.failureAction != "continue", let watchedUntil, watchedUntil > now {
            draft.wake(at: watchedUntil)
            return service
        }
        let isRollback = service.updateStatus?.state == "rollback_started"
        service.updateStatus?.state = isRollback ? "rollback_completed" : "completed"
        service.updateStatus?.message = isRollback ? "rollback completed" : "update completed"
        service.updateStatus?.completedAt = now
        service.rollout = nil
        return service
    }

    /// Begins when a place needs it; a rollback that was asked for begins either way, as it ends with a word.
    private func begun(_ service: Service) -> Service? {
        let isAsked = Self.isUnderWay(service)
        let isHalted = ["paused", "rollback_paused"].contains(service.updateStatus?.state)
        guard isAsked || (dirty > 0 && !isHalted) else { return nil }
        var service = service
        if !isAsked {
            var status = UpdateStatus()
            status.state = "updating"
            status.message = "update in progress"
            status.startedAt = now
            service.updateStatus = status
        }
        var rollout = Rollout()
        rollout.since = now
        rollout.places = dirty
        service.rollout = rollout
        return service
    }

    /// Counts failures that were not counted before.
    /// - Returns: The task whose failure is one too many.
    private func note(_ service: inout Service) -> String? {
        let known = Set(service.rollout?.failedTasks ?? [])
        let new = failed.filter { !known.contains($0) }
        guard !new.isEmpty, configuration?.failureAction != "continue" else { return nil }
        service.rollout?.failedTasks += new
        let places = max(1, service.rollout?.places ?? 1)
        let ratio = Double(service.rollout?.failedTasks.count ?? 0) / Double(places)
        return ratio > configuration?.maxFailureRatio ?? 0 ? new.last : nil
    }

    /// Source of the texts: SwarmKit.
    private func act(on task: String, _ service: Service) -> Service? {
        var service = service
        let why = "due to failure or early termination of task \(task)"
        let isRollback = service.updateStatus?.state == "rollback_started"
        if !isRollback, configuration?.failureAction == "rollback", let previous = service.previousSpec {
            service.spec = previous
            service.specSince = service.version.index + 1
            service.previousSpec = nil
            service.updateStatus?.state = "rollback_started"
            service.updateStatus?.message = "update rolled back \(why)"
        } else {
            service.updateStatus?.state = isRollback ? "rollback_paused" : "paused"
            service.updateStatus?.message = "\(isRollback ? "rollback" : "update") paused \(why)"
        }
        service.rollout = nil
        return service
    }
}
