import Model
import Orchestration

/// Which nodes are to be declared down, by ``HeartbeatMonitor`` and ``MassSilenceBrake``.
///
/// A node is looked at when it may have been silent for too long, and when it has changed. All of them are looked at when something has changed that
/// bears on all, and as long as any is silent: how many there are is asked for only then.
///
/// A value without a clock.
struct SilenceWatch {
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
    private var brake = MassSilenceBrake()
    private var schedule = LookSchedule()
    private var circumstances: Circumstances?
    private var isAnySilent = false
    /// How often a node has been looked at.
    private(set) var looks = 0

    /// - Parameter nodeID: This manager's.
    init(_ nodeID: String, listeningSince timestamp: ContinuousClock.Instant) {
        monitor = HeartbeatMonitor(listeningSince: timestamp)
        ownID = nodeID
    }

    /// To be asked after each tick of ``monitor`` at which the store is there.
    mutating func decide(_ moment: Moment) -> MassSilenceBrake.Verdict {
        let circumstances = Circumstances(
            leader: moment.live.leader, present: moment.live.present, isStale: moment.live.isStale,
            listening: monitor.listening, forgotten: monitor.forgotten, grace: moment.grace)
        var silent: [String: ContinuousClock.Instant] = [:]
        var count = 0
        if !isAnySilent, circumstances == self.circumstances {
            for id in moment.changed.union(schedule.takeDue(at: moment.now)) {
                if let sign = look(at: id, moment), sign.isSilent { isAnySilent = true }
            }
        } else {
            isAnySilent = true
        }
        self.circumstances = circumstances
        if isAnySilent {
            for id in moment.state.nodes.keys {
                guard let sign = look(at: id, moment) else { continue }
                count += 1
                if sign.isSilent { silent[id] = sign.last }
            }
            isAnySilent = !silent.isEmpty
        }
        return brake.decide(silent: silent, of: count, pause: moment.grace, now: moment.now)
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
