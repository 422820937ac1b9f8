import Model

/// Since when nodes are silent, as far as one manager may tell: each manager tells of the nodes whose sessions it has, and the leader of those
/// whose manager is gone, which have some time to find another.
///
/// A value without a clock.
struct HeartbeatMonitor {
    /// Since when this manager hears its nodes: since it began, or since it has its store back.
    var listening: ContinuousClock.Instant
    /// Nodes whose manager is gone: since when, and their last session.
    private var orphans: [String: (session: Node.Session?, since: ContinuousClock.Instant)] = [:]

    init(listeningSince timestamp: ContinuousClock.Instant) { listening = timestamp }

    /// When a node gave its last sign of life; `nil` when another manager tells.
    ///
    /// - Parameter heardHere: When this manager has heard it, if it has.
    mutating func lastSign(
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
