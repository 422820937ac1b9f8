import Cluster
import EngineInterface
import Model
import PathProbes

/// What a node without a kernel tells managers of how it is: as much as a real one does, and as often.
struct NodeMeter: PulseSource {
    let executor: KernellessExecutor

    /// Every node tells at the same moments, as those do whose clocks are right.
    func pulse(after time: Int64) async throws -> NodePulse {
        let step = PulseBoard.stepSeconds
        let due = max(Timestamp.now.seconds / step * step, time + step)
        while true {
            let now = Timestamp.now.seconds
            if now >= due { break }
            try await Task.sleep(for: .seconds(due - now))
        }
        let tasks = executor.runningTasks
        var pulse = NodePulse(time: due)
        pulse.node = NodePulseSeries.allCases.map { series in
            switch series {
            case .processors: 64
            case .containers: UInt64(clamping: tasks.count)
            default: Self.value(series.isCounter, at: due, beside: series.rawValue)
            }
        }
        for id in tasks {
            pulse.tasks[id] = TaskPulseSeries.allCases.map {
                Self.value($0.isCounter, at: due, beside: $0.rawValue)
            }
        }
        pulse.paths = executor.pathTargets.map { target in
            PathMeasurement(
                peer: target.id, kind: .vxlan, roundTripMicroseconds: 250, mtu: 1500, linkMTU: 1500, isHeard: true,
                time: due)
        }
        return pulse
    }

    /// As many bytes as a busy container's have.
    private static func value(_ isCounter: Bool, at time: Int64, beside series: Int) -> UInt64 {
        UInt64(clamping: isCounter ? time &* Int64(1000 + series) : 100_000_000 + time % 1000)
    }
}
