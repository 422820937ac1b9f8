import Model
import Orchestration

/// Which nodes are to be declared down, by ``HeartbeatMonitor`` and ``EvictionRateLimit``.
///
/// A node is looked at when it may have been silent for too long, when it has changed, and as long as it is silent. All of them are looked at when
/// something has changed that bears on all.
///
/// A value without a clock.
struct FailureDetector {
    /// What bears on all nodes.
    private struct Circumstances: Equatable {
        var leader: String?
        var present: Set<String>
        var isStale: Bool
        var listening: ContinuousClock.Instant
        var forgotten: Int
        var grace: Duration
    }

    /// A moment, and how things are at it.
    struct Moment {
        let now: ContinuousClock.Instant
        /// All nodes.
        let state: SwarmState
        /// Ids of those that have changed since the last time, at least.
        let changed: Set<String>
        let live: LiveState
        /// After how long a silence a node is down.
        let grace: Duration
        /// When this manager has heard a node, if it has.
        let heard: (String) -> ContinuousClock.Instant?
    }

    private let ownID: String
    var monitor: HeartbeatMonitor
    private var brake = EvictionRateLimit()
    private var schedule = LookSchedule()
    private var circumstances: Circumstances?
    /// Of which this manager tells whether they are silent.
    private var told: Set<String> = []
    /// Those that have been silent for too long, with their last sign of life.
    private var silent: [String: ContinuousClock.Instant] = [:]
    /// How often a node has been looked at.
    private(set) var looks = 0

    /// - Parameter nodeID: This manager's.
    init(_ nodeID: String, listeningSince timestamp: ContinuousClock.Instant) {
        monitor = HeartbeatMonitor(listeningSince: timestamp)
        ownID = nodeID
    }

    /// To be asked after each tick of ``monitor`` at which the store is there.
    mutating func decide(_ moment: Moment) -> EvictionRateLimit.Verdict {
        let circumstances = Circumstances(
            leader: moment.live.leader, present: moment.live.present, isStale: moment.live.isStale,
            listening: monitor.listening, forgotten: monitor.forgotten, grace: moment.grace)
        let due = schedule.takeDue(at: moment.now)
        if circumstances == self.circumstances {
            for id in moment.changed.union(due).union(silent.keys) { note(id, moment) }
        } else {
            (told, silent) = ([], [:])
            for id in moment.state.nodes.keys { note(id, moment) }
        }
        self.circumstances = circumstances
        return brake.decide(silent: silent, of: told.count, pause: moment.grace, now: moment.now)
    }

    private mutating func note(_ id: String, _ moment: Moment) {
        guard let sign = look(at: id, moment) else {
            told.remove(id)
            silent[id] = nil
            return
        }
        told.insert(id)
        silent[id] = sign.isSilent ? sign.last : nil
    }

    /// - Returns: `nil` when this manager does not tell whether the node is silent.
    private mutating func look(
        at id: String, _ moment: Moment
    ) -> (last: ContinuousClock.Instant, isSilent: Bool)? {
        looks += 1
        guard let node = moment.state.nodes.shared(id), node.value.status.state != .down,
            let last = monitor.lastSign(
                of: node.value, heardHere: moment.heard(id), moment.live, own: ownID, now: moment.now)
        else {
            schedule.remove(id)
            return nil
        }
        let left = moment.grace - monitor.silence(since: last, now: moment.now)
        schedule.set(moment.now + max(left, .zero), for: id)
        return (last, left < .zero)
    }
}
