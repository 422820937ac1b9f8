import Model
import Orchestration

/// Which tasks get new connections.
///
/// A running task becomes a backend when every node of its networks has its endpoint in force. One that is to stop remains a
/// backend as long as another of its service waits for that: so an update never leaves a service without backends that nodes
/// can reach. What has ceased to be a backend never becomes one again.
///
/// A value without a clock, which is told of each task that changes, of acknowledgements, and of the time.
struct BackendPlanner {
    /// How long nodes have to acknowledge before a running task is used all the same.
    static let deadline = Duration.seconds(5)

    private struct Entry {
        let serviceID: String
        var isRunning = false
        var isWanted = true
        /// Every node has it in force.
        var isKnown = false
        /// Set when the task was first seen running.
        var until: ContinuousClock.Instant?
        var isConfirmed = false
        var isWithdrawn = false
        var isServing = false
    }

    private var entries: [String: Entry] = [:]
    /// By service: those that run, and wait for an acknowledgement.
    private var waiting: [String: Set<String>] = [:]
    /// By service: backends that are to stop.
    private var leaving: [String: Set<String>] = [:]
    private var touched: Set<String> = []
    private var deadlines = DeadlineQueue()
    private var changed: Set<String> = []
    private var isBegun = false

    /// When a task that waits is used all the same.
    var nextDeadline: ContinuousClock.Instant? { deadlines.next }

    func isServing(_ id: String) -> Bool { entries[id]?.isServing == true }

    /// Takes in a task.
    /// - Parameters:
    ///   - task: `nil` when it is gone.
    ///   - isNodeReady: Whether its node answers.
    /// - Returns: Whether it is new, and nodes are to acknowledge it: ``acknowledged(_:now:)`` says when all have.
    mutating func take(_ id: String, _ task: SwarmTask?, isNodeReady: Bool, now: ContinuousClock.Instant) -> Bool {
        guard let task, TaskShare.isPresent(task) else {
            drop(id)
            return false
        }
        let former = entries[id]
        var entry = former ?? Entry(serviceID: task.serviceID)
        entry.isRunning = task.status.state == .running && isNodeReady
        entry.isWanted = task.isWanted
        // What runs when this manager begins has been in use before.
        let isOld = former == nil && !isBegun && entry.isRunning
        if isOld { entry.isKnown = true }
        entries[id] = entry
        classify(id, now)
        return former == nil && !isOld
    }

    /// Every node of a task's networks has it in force.
    mutating func acknowledged(_ id: String, now: ContinuousClock.Instant) {
        guard entries[id] != nil else { return }
        entries[id]?.isKnown = true
        classify(id, now)
    }

    private mutating func drop(_ id: String) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        waiting[entry.serviceID]?.remove(id)
        leaving[entry.serviceID]?.remove(id)
        touched.insert(entry.serviceID)
        if entry.isServing { changed.insert(id) }
    }

    private mutating func classify(_ id: String, _ now: ContinuousClock.Instant) {
        guard var entry = entries[id] else { return }
        waiting[entry.serviceID]?.remove(id)
        leaving[entry.serviceID]?.remove(id)
        var serves = false
        if entry.isRunning {
            if entry.isWanted, !entry.isConfirmed {
                if entry.until == nil {
                    entry.until = now + Self.deadline
                    if !entry.isKnown { deadlines.append(id, at: now + Self.deadline) }
                }
                entry.isConfirmed = entry.isKnown || entry.until.map { now >= $0 } ?? false
                if !entry.isConfirmed { waiting[entry.serviceID, default: []].insert(id) }
            }
            if entry.isConfirmed, !entry.isWithdrawn {
                serves = true
                if !entry.isWanted { leaving[entry.serviceID, default: []].insert(id) }
            }
        }
        if serves != entry.isServing { changed.insert(id) }
        entry.isServing = serves
        entries[id] = entry
        touched.insert(entry.serviceID)
    }

    /// Decides once all changes of the moment have been taken.
    /// - Returns: The tasks that are backends now and were not, or the other way round.
    mutating func settle(now: ContinuousClock.Instant) -> [String: Bool] {
        isBegun = true
        for id in deadlines.take(until: now) { classify(id, now) }
        for service in touched {
            if waiting[service]?.isEmpty == true { waiting[service] = nil }
            guard waiting[service] == nil, let others = leaving.removeValue(forKey: service) else { continue }
            for id in others {
                entries[id]?.isWithdrawn = true
                entries[id]?.isServing = false
                changed.insert(id)
            }
        }
        defer { (touched, changed) = ([], []) }
        return Dictionary(changed.map { ($0, isServing($0)) }) { $1 }
    }
}

/// What falls due after the same time each, so that it does in the order in which it came.
struct DeadlineQueue {
    private var entries: [(id: String, at: ContinuousClock.Instant)] = []
    private var first = 0

    var next: ContinuousClock.Instant? { entries.dropFirst(first).first?.at }

    /// - Parameter instant: Not before those of the others.
    mutating func append(_ id: String, at instant: ContinuousClock.Instant) { entries.append((id, instant)) }

    /// What is due, each once.
    mutating func take(until now: ContinuousClock.Instant) -> [String] {
        let due = entries.dropFirst(first).prefix { $0.at <= now }
        first += due.count
        if first > 64, first * 2 > entries.count {
            entries = Array(entries.dropFirst(first))
            first = 0
        }
        return due.map(\.id)
    }
}
