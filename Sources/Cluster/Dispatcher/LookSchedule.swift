import HeapModule

/// When each node is to be looked at next.
///
/// A value without a clock.
struct LookSchedule {
    private struct Entry: Comparable {
        let due: ContinuousClock.Instant
        let node: String
        static func < (left: Self, right: Self) -> Bool { (left.due, left.node) < (right.due, right.node) }
    }

    /// Also entries that count no more: those that ``times`` has otherwise.
    private var entries = Heap<Entry>()
    private var times: [String: ContinuousClock.Instant] = [:]

    /// In place of what was set for the node before.
    mutating func set(_ due: ContinuousClock.Instant, for node: String) {
        guard times[node] != due else { return }
        times[node] = due
        entries.insert(Entry(due: due, node: node))
        // As many more as there are nodes, so that it costs each change the same.
        guard entries.count > 2 * times.count + 64 else { return }
        entries = Heap(times.map { Entry(due: $0.value, node: $0.key) })
    }

    mutating func remove(_ node: String) { times[node] = nil }

    /// The nodes whose time has come, each once; they have none any more.
    mutating func takeDue(at now: ContinuousClock.Instant) -> [String] {
        var due: [String] = []
        while let first = entries.min, first.due <= now {
            entries.removeMin()
            guard times[first.node] == first.due else { continue }
            times[first.node] = nil
            due.append(first.node)
        }
        return due
    }
}
