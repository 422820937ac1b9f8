package import EngineInterface
package import Foundation
import LogDrivers
import Model
import Telemetry

/// What this node tells managers of what it measures, and keeps for their questions.
package struct TelemetryFeed: PulseSource, HistorySource {
    let telemetry: NodeTelemetry
    let shipper: LogShipper
    /// Ways to other nodes as they are known at a time, in seconds since 1970.
    let paths: @Sendable (Int64) -> [PathMeasurement]
    /// Whether the receiver of the node's metrics does not take them.
    let isPushDown: @Sendable () -> Bool

    /// Whoever asks while there is no history.
    private struct NoHistory: Error, CustomStringConvertible {
        let description = "this node's history cannot be read at present"
    }

    package func pulse(after time: Int64) async throws -> NodePulse {
        let snapshot = try await telemetry.snapshot(after: time)
        let logs = LogTotals(await shipper.destinations(), now: .now)
        var pulse = snapshot.pulse(logs: logs, isPushDown: isPushDown())
        pulse.paths = paths(Timestamp.now.seconds)
        return pulse
    }

    /// - Parameter query: A `HistoryQuery` as JSON; the answer is a `HistoryAnswer` as it is sent to who asks so.
    package func answer(_ query: Data) async throws -> Data {
        let query = try JSONDecoder().decode(HistoryQuery.self, from: query)
        guard let history = telemetry.history else { throw NoHistory() }
        return try await history.answer(query, now: Timestamp.now.seconds).sent(to: query)
    }
}
