/// How fast nodes that are silent are declared down.
///
/// One that is silent among many that are not has failed. When more than a third fall silent at once it is more likely the network, or this manager
/// itself: then one node at a time is given up, the longest silent first, so that what is moved meanwhile does not bury those that are left, and
/// whoever comes back in time keeps its tasks. Source: Kubernetes' `--unhealthy-zone-threshold` and `--secondary-node-eviction-rate`.
///
/// A value without a clock.
package struct EvictionRateLimit: Sendable {
    /// What is to be done about silent nodes at a moment.
    package struct Verdict: Sendable, Equatable {
        /// Ids of the nodes that are down now.
        package var down: [String] = []
        /// Set when the brake comes into force: how many nodes are silent, of how many.
        package var begins: (silent: Int, nodes: Int)?

        package static func == (left: Self, right: Self) -> Bool {
            left.down == right.down
                && left.begins.map { [$0.silent, $0.nodes] } == right.begins.map { [$0.silent, $0.nodes] }
        }
    }

    private var isInForce = false
    private var last: ContinuousClock.Instant?

    package init() {}

    /// - Parameters:
    ///   - silent: The nodes that have been silent for too long, each with its last sign of life.
    ///   - nodes: Of how many nodes this manager tells whether they are silent; those that are down already do not count.
    ///   - pause: Between one node and the next while the brake is in force.
    package mutating func decide(
        silent: [String: ContinuousClock.Instant], of nodes: Int, pause: Duration, now: ContinuousClock.Instant
    ) -> Verdict {
        guard !silent.isEmpty else {
            isInForce = false
            return Verdict()
        }
        var verdict = Verdict()
        let ids = silent.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
        if !isInForce, silent.count > 1, silent.count * 3 > nodes {
            isInForce = true
            verdict.begins = (silent.count, nodes)
        }
        guard isInForce else {
            verdict.down = ids
            last = now
            return verdict
        }
        // The first of them at once: there are small swarms.
        if let last, now - last < pause { return verdict }
        last = now
        verdict.down = Array(ids.prefix(1))
        return verdict
    }
}
