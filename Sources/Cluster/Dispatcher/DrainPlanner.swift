import Model

/// Which tasks that are to stop may be told so: first every node takes them out of its backends and says so.
///
/// A value without a clock, which is told of each task that stops, of acknowledgements, of what other managers say, and of the time.
struct DrainPlanner {
    /// How long nodes have to acknowledge before a task is stopped all the same.
    static let deadline = Duration.seconds(5)

    private struct Drain {
        var until: ContinuousClock.Instant
        /// This manager's own nodes send nothing to the task any more.
        var isDrainedHere = false
        var isDone = false
    }

    private var drains: [String: Drain] = [:]
    /// Those that are not done.
    private var held: Set<String> = []
    private var deadlines = DeadlineQueue()
    private var others: [Set<String>] = []
    /// The tasks that this manager's own nodes have drained.
    private(set) var drained: Set<String> = []

    /// When a task is stopped all the same.
    var nextDeadline: ContinuousClock.Instant? { deadlines.next }

    /// Whether a task must go on for now.
    func isHeld(_ id: String) -> Bool { held.contains(id) }
    /// Whether a task is drained, or has been.
    func isKnown(_ id: String) -> Bool { drains[id] != nil }

    /// A task runs, is to stop, and is no backend any more.
    mutating func begin(_ id: String, now: ContinuousClock.Instant) {
        guard drains[id] == nil else { return }
        drains[id] = Drain(until: now + Self.deadline)
        held.insert(id)
        deadlines.append(id, at: now + Self.deadline)
    }

    /// A task has stopped, or is to go on.
    mutating func end(_ id: String) {
        drains[id] = nil
        held.remove(id)
        drained.remove(id)
    }

    /// Every node of this manager that may know the task as a backend has let go of it.
    /// - Returns: Whether the task need not go on any more.
    mutating func acknowledged(_ id: String, now: ContinuousClock.Instant) -> Bool {
        guard drains[id] != nil else { return false }
        drains[id]?.isDrainedHere = true
        drained.insert(id)
        return decide(id, now)
    }

    /// - Parameter others: What each other manager says its own nodes have drained.
    /// - Returns: The tasks that need not go on any more.
    mutating func take(others: [Set<String>], now: ContinuousClock.Instant) -> [String] {
        self.others = others
        return held.filter { decide($0, now) }
    }

    /// - Returns: The tasks that need not go on any more.
    mutating func pass(to now: ContinuousClock.Instant) -> [String] {
        deadlines.take(until: now).filter { decide($0, now) }
    }

    private mutating func decide(_ id: String, _ now: ContinuousClock.Instant) -> Bool {
        guard let drain = drains[id], !drain.isDone else { return false }
        guard drain.isDrainedHere && others.allSatisfy({ $0.contains(id) }) || now >= drain.until else { return false }
        drains[id]?.isDone = true
        held.remove(id)
        return true
    }
}
