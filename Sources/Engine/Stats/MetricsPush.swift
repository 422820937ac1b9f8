import Concurrency
import LogDrivers
import Logging
import Telemetry

/// Posts what is sampled to a receiver of OpenTelemetry's protocol, the newest values each time: counters count on, so that what could not be
/// posted needs not be kept.
struct MetricsPush: Sendable {
    let target: MetricsPushTarget
    let telemetry: NodeTelemetry
    let hostname: String
    let log: Logger

    /// Until cancelled. A receiver that is away is told of once, and when it is back.
    func run() async {
        var last: Int64 = 0
        var isFailing = false
        while !Task.isCancelled {
            // Cancelled: the loop ends.
            guard let snapshot = try? await telemetry.snapshot(after: last) else { break }
            last = snapshot.time
            do {
                try await push(snapshot)
                if isFailing { log.notice("metrics are posted again", metadata: ["to": "\(address)"]) }
                isFailing = false
            } catch {
                if Task.isCancelled { break }
                if !isFailing {
                    log.warning("metrics could not be posted", metadata: ["to": "\(address)", "error": "\(error)"])
                }
                isFailing = true
            }
            // The next sample after that.
            try? await Task.sleep(for: .seconds(target.seconds) - .seconds(1))
        }
        await uncancelled { await target.poster.close() }
    }

    private var address: String { target.poster.shownAddress }

    private struct Refusal: Error, CustomStringConvertible { let description: String }

    private func push(_ snapshot: Snapshot) async throws {
        for request in OTLPMetrics(hostname: hostname, snapshot: snapshot).requests() {
            switch try await target.poster.post(request) {
            case .accepted: continue
            case .partly(let count, let reason):
                log.debug("metrics were refused", metadata: ["count": "\(count)", "reason": "\(reason)"])
            case .later(_, let reason), .refused(let reason): throw Refusal(description: reason)
            }
        }
    }
}
