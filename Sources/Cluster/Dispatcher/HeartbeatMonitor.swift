package import Model

/// Since when nodes are silent, as far as one manager may tell: each manager tells of the nodes whose sessions it has, and the leader of those
/// whose manager is gone, which have some time to find another.
///
/// Time in which the manager could not listen is nobody's silence: what its own ticks came late, because it had too much to do or the store was
/// slow. Source: Lifeguard, arXiv 1707.00788.
///
/// A value without a clock.
package struct HeartbeatMonitor: Sendable {
    /// So much later than planned, and a tick has lost time.
    static let tolerance = Duration.milliseconds(100)
    /// Delays are remembered so long.
    private static let memory = Duration.seconds(600)

    /// Since when this manager hears its nodes: since it began, has its store back, or saw another leader elected.
    package var listening: ContinuousClock.Instant
    /// Nodes whose manager is gone: since when, and their last session.
    private var orphans: [String: (session: Node.Session?, since: ContinuousClock.Instant)] = [:]
    private var lastTick: ContinuousClock.Instant?
    /// How often delays have been forgotten, by which silences become longer at once.
    private(set) var forgotten = 0
    private var delays: [(end: ContinuousClock.Instant, lost: Duration)] = []
    private var leader: String?

    package init(listeningSince timestamp: ContinuousClock.Instant) { listening = timestamp }

    /// To be told at each tick.
    ///
    /// - Parameters:
    ///   - interval: When the next tick was to come, after the last one.
    ///   - leader: The manager that leads.
    package mutating func tick(at now: ContinuousClock.Instant, every interval: Duration, leader: String?) {
        if let leader, leader != self.leader {
            // Nodes had other things to do than to be heard: they get a whole period.
            if self.leader != nil { listening = now }
            self.leader = leader
        }
        defer { lastTick = now }
        guard let lastTick else { return }
        let lost = now - lastTick - interval
        if lost > Self.tolerance { delays.append((now, lost)) }
        let known = delays.count
        delays.removeAll { now - $0.end > Self.memory }
        if delays.count < known { forgotten += 1 }
    }

    /// How long a node has been silent while this manager listened.
    package func silence(since last: ContinuousClock.Instant, now: ContinuousClock.Instant) -> Duration {
        delays.reduce(now - last) { silence, delay in
            // Of a delay that had begun when the node was heard, only what came after.
            delay.end > last ? silence - min(delay.lost, delay.end - last) : silence
        }
    }

    /// When a node gave its last sign of life; `nil` when another manager tells.
    ///
    /// - Parameter heardHere: When this manager has heard it, if it has.
    package mutating func lastSign(
        of node: Node, heardHere: ContinuousClock.Instant?, _ live: LiveState, own nodeID: String,
        now: ContinuousClock.Instant
    ) -> ContinuousClock.Instant? {
        let session = node.membership?.session
        if let session, session.manager == nodeID { return max(heardHere ?? listening, listening) }
        let isOrphan = session.map { !live.present.contains($0.manager) } ?? true
        guard isOrphan, live.leader == nodeID, !live.isStale else {
            orphans[node.id] = nil
            return nil
        }
        if let known = orphans[node.id], known.session == session { return max(known.since, listening) }
        orphans[node.id] = (session, now)
        return now
    }
}
