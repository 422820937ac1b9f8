package import EngineInterface
package import Netlink

/// The ways to managers, by the connections that this node has to them anyway: each has one open to every manager. Pure.
package struct ControlPaths: Sendable {
    /// How often connections are looked at.
    package static let interval = Duration.seconds(10)
    /// Looks in a row without a connection after which a way counts as silent: one may just be made anew.
    private static let timeout = 2
    /// What was sent this often without an answer does not arrive: some seconds.
    private static let mostRetransmits: UInt8 = 4
    private static let window = 20

    private struct Way: Sendable {
        var outcomes: [Bool] = []
        var misses = 0
        var roundTrip: UInt64?
        var looked: ContinuousClock.Instant
        var told: PathFindings = []

        var findings: PathFindings { misses >= ControlPaths.timeout ? .silent : [] }
    }

    private var ways: [String: Way] = [:]

    package init() {}

    /// Takes what was found at one look.
    /// - Returns: Ways that are otherwise than before.
    package mutating func take(
        _ connections: [OpenConnection], of managers: [PathTarget], at now: ContinuousClock.Instant
    ) -> [PathTransition] {
        let wanted = Set(managers.map(\.id))
        for id in ways.keys where !wanted.contains(id) { ways[id] = nil }
        var changes: [PathTransition] = []
        for manager in managers {
            var way = ways[manager.id] ?? Way(looked: now)
            let answering = connections.filter {
                $0.remote == manager.address && $0.retransmits < Self.mostRetransmits
            }
            way.looked = now
            way.outcomes = Array((way.outcomes + [!answering.isEmpty]).suffix(Self.window))
            way.misses = answering.isEmpty ? min(way.misses + 1, 1000) : 0
            way.roundTrip = answering.map { UInt64(clamping: $0.roundTripMicroseconds) }.filter { $0 > 0 }.min()
            if way.findings != way.told {
                way.told = way.findings
                changes.append(PathTransition(peer: manager.id, findings: way.findings))
            }
            ways[manager.id] = way
        }
        return changes
    }

    /// In the order of the managers' ids.
    /// - Parameter seconds: Since 1970, at `now`.
    package func measurements(at now: ContinuousClock.Instant, seconds: Int64) -> [PathMeasurement] {
        ways.sorted { $0.key < $1.key }.map { id, way in
            let lost = way.outcomes.count { !$0 }
            return PathMeasurement(
                peer: id, kind: .control, roundTripMicroseconds: way.roundTrip,
                lossPermille: way.findings.contains(.silent) ? 1000 : lost * 1000 / max(1, way.outcomes.count),
                findings: way.findings, time: seconds - Int64(clamping: (now - way.looked).components.seconds))
        }
    }
}
