import Model

/// Which tasks that are to stop may be told so: first every node takes them out of its backends and says so.
///
/// A value without a clock: it is asked anew after each change, acknowledgement and tick.
struct DrainPlanner {
    /// How long nodes have to acknowledge before a task is stopped all the same.
    static let deadline = Duration.seconds(5)

    private struct Drain {
        /// The version that each node must have in force: node id → version.
        var required: [String: UInt64]
        var until: ContinuousClock.Instant
        /// This manager's own nodes send nothing to the task any more.
        var isCleared = false
        var isDone = false
    }

    private var drains: [String: Drain] = [:]

    /// Whether something is still waited for.
    var isWaiting: Bool { drains.values.contains { !$0.isDone } }

    /// - Parameters:
    ///   - stopping: The tasks that run and are to stop, each with the nodes that may know it as a backend.
    ///   - versions: The network state that each node with a session was last told of.
    ///   - acknowledged: What each such node has in force.
    ///   - others: What each other manager says its own nodes have cleared.
    /// - Returns: The tasks of `stopping` that must go on for now, and those that this manager's own nodes have cleared.
    mutating func hold(
        stopping: [String: Set<String>], versions: [String: UInt64], acknowledged: [String: UInt64],
        others: [Set<String>] = [], now: ContinuousClock.Instant
    ) -> (held: Set<String>, cleared: Set<String>) {
        drains = drains.filter { stopping[$0.key] != nil }
        for (task, nodes) in stopping {
            var drain =
                drains[task] ?? Drain(required: versions.filter { nodes.contains($0.key) }, until: now + Self.deadline)
            // A node whose session has ended is not waited for: it will get the whole state when it is back.
            let waiting = drain.required.contains { node, version in
                versions[node] != nil && (acknowledged[node] ?? 0) < version
            }
            if !waiting { drain.isCleared = true }
            if drain.isCleared && others.allSatisfy({ $0.contains(task) }) || now >= drain.until { drain.isDone = true }
            drains[task] = drain
        }
        return (Set(drains.filter { !$0.value.isDone }.keys), Set(drains.filter(\.value.isCleared).keys))
    }
}
