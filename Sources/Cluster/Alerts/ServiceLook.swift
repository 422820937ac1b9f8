import EngineInterface
import Model
import Orchestration

/// What the metrics of one service are made of: only what is asked for. Of its tasks, of which none is copied, those are gone through that have something to tell:
/// of their ends the ones in trouble, of their use all, since nodes tell that anew before each look. Pure.
struct ServiceLook {
    /// What is looked at together.
    enum Part {
        /// What is known without looking at tasks.
        case counts
        /// Tasks that have failed.
        case failures
        /// How tasks began and ended.
        case ends
        /// What nodes tell of tasks.
        case use
    }

    private(set) var missing = 0
    /// Of the last ten minutes; the same below.
    private(set) var failures = 0
    private(set) var outOfMemoryKills = 0
    private(set) var unhealthyFailures = 0
    private(set) var restarts = 0
    /// Of all tasks of which is told; `nil` of none.
    private(set) var cores: Double?
    private(set) var memory: Double?
    /// The largest part of its limit that a task uses.
    private(set) var memoryShare: Double?

    /// How the reason of a task ends that was killed for want of memory: Docker's words, which are part of what nodes report.
    private static let outOfMemory = "OOM killed"

    init(
        at parts: Set<Part>, of service: SharedObject<Service>, _ state: SwarmState, _ board: PulseBoard,
        now: Timestamp
    ) {
        let id = service.value.id
        if parts.contains(.counts), !service.value.spec.isJob {
            let counts = state.taskCounts(ofService: id)
            let wanted = service.value.spec.isGlobal ? counts.wanted : service.value.spec.replicas
            missing = max(0, wanted - counts.running)
        }
        if parts.contains(.failures) {
            failures = state.sharedFailures(ofService: id).count { Self.isOfLate($0.value.status.timestamp, now) }
        }
        if parts.contains(.ends) {
            for task in state.sharedTroubles(ofService: id) { takeEnd(of: task, now) }
        }
        if parts.contains(.use) {
            for task in state.sharedTasks(ofService: id) { takeUse(of: task, board, now) }
        }
    }

    private static func isOfLate(_ time: Timestamp, _ now: Timestamp) -> Bool {
        now.timeSince(time) < Double(AlertSamples.window)
    }

    private mutating func takeEnd(of task: SharedObject<SwarmTask>, _ now: Timestamp) {
        if (task.value.assignment?.attempt ?? 0) > 0, Self.isOfLate(task.value.createdAt, now) { restarts += 1 }
        guard let reason = task.value.status.err, Self.isOfLate(task.value.status.timestamp, now) else { return }
        if reason.hasSuffix(Self.outOfMemory) { outOfMemoryKills += 1 }
        if reason.hasSuffix(TaskEvents.unhealthyContainer) { unhealthyFailures += 1 }
    }

    /// As its node has told of it lately; another node's word does not count.
    private mutating func takeUse(of task: SharedObject<SwarmTask>, _ board: PulseBoard, _ now: Timestamp) {
        guard let latest = board.tasks[task.value.id], latest.nodeID == task.value.nodeID,
            now.seconds - latest.time <= PulseBoard.staleAfter
        else { return }
        if let used = latest.cores { cores = (cores ?? 0) + used }
        guard let used = Self.value(latest, .memoryWorkingSetBytes) else { return }
        memory = (memory ?? 0) + used
        guard let limit = Self.value(latest, .memoryLimitBytes), limit > 0 else { return }
        memoryShare = max(memoryShare ?? 0, used / limit)
    }

    private static func value(_ task: PulseBoard.TaskLatest, _ series: TaskPulseSeries) -> Double? {
        task.values.dropFirst(series.rawValue).first.map { Double($0) }
    }
}
