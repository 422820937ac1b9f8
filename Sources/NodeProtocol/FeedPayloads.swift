package import EngineInterface
import Model
import SwiftProtobuf

extension Wire.NodeEvent {
    package init(_ numbered: NumberedEvent) {
        self.init()
        sequence = numbered.sequence
        time = numbered.event.time.clampedNanosecondsSinceEpoch
        type = numbered.event.type
        action = numbered.event.action
        actorID = numbered.event.actorID
        attributes = numbered.event.attributes
    }

    package var numbered: NumberedEvent {
        NumberedEvent(
            sequence: sequence,
            event: EngineEvent(
                type: type, action: action, actorID: actorID, attributes: attributes,
                time: Timestamp(nanosecondsSinceEpoch: time)))
    }
}

extension Wire.Pulse {
    package init(_ pulse: NodePulse) {
        self.init()
        time = pulse.time
        node = pulse.node
        tasks = pulse.tasks.sorted { $0.key < $1.key }.map { id, values in
            .with {
                $0.taskID = id
                $0.values = values
            }
        }
        paths = pulse.paths.prefix(NodePulse.mostPaths).map(Wire.PathPulse.init)
        containers = pulse.containers.sorted { $0.key < $1.key }.map { id, values in
            .with {
                $0.containerID = id
                $0.values = values
            }
        }
    }

    package var pulse: NodePulse {
        NodePulse(
            time: time, node: node, tasks: Dictionary(tasks.map { ($0.taskID, $0.values) }) { $1 },
            paths: paths.prefix(NodePulse.mostPaths).compactMap(\.measurement),
            containers: Dictionary(containers.prefix(StandaloneNews.most).map { ($0.containerID, $0.values) }) { $1 })
    }
}

extension Wire.PathPulse {
    init(_ path: PathMeasurement) {
        self.init()
        peer = path.peer
        kind = UInt32(clamping: path.kind.rawValue)
        roundTripMicroseconds = path.roundTripMicroseconds.map { max($0, 1) } ?? 0
        lossPermille = UInt32(clamping: path.lossPermille)
        mtu = UInt32(clamping: path.mtu ?? 0)
        linkMtu = UInt32(clamping: path.linkMTU)
        findings = path.findings.rawValue
        heard = path.isHeard
        time = path.time
    }

    /// Longest packet that there is.
    private static let longest: UInt32 = 65_535

    /// `nil` for a kind of a newer version, and for what no node measures.
    var measurement: PathMeasurement? {
        guard let kind = UInt8(exactly: kind).flatMap(PathKind.init(rawValue:)), lossPermille <= 1000,
            mtu <= Self.longest, linkMtu <= Self.longest
        else { return nil }
        return PathMeasurement(
            peer: peer, kind: kind, roundTripMicroseconds: roundTripMicroseconds == 0 ? nil : roundTripMicroseconds,
            lossPermille: Int(clamping: lossPermille), mtu: mtu == 0 ? nil : Int(clamping: mtu),
            linkMTU: Int(clamping: linkMtu), findings: PathFindings(rawValue: findings).known, isHeard: heard,
            time: time)
    }
}
