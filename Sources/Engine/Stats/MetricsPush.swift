import Concurrency
import EngineInterface
import LogDrivers
import Logging
import Telemetry

/// Posts what is sampled to a receiver of OpenTelemetry's protocol, the newest values each time: counters count on, so that what could not be
/// posted needs not be kept.
struct MetricsPush: Sendable {
    let target: MetricsPushTarget
    let telemetry: NodeTelemetry
    let hostname: String
    let watch: PostingWatch
    let events: EventLog
    let log: Logger

    init(
        target: MetricsPushTarget, telemetry: NodeTelemetry, hostname: String, events: EventLog, log: Logger
    ) {
        self.events = events
        self.hostname = hostname
        self.log = log
        self.target = target
        self.telemetry = telemetry
        watch = PostingWatch(address: target.poster.shownAddress, failuresOfDown: 1)
    }

    /// Until cancelled. A receiver that is away is told of once, and when it is back.
    func run() async {
        var last: Int64 = 0
        while !Task.isCancelled {
            // Cancelled: the loop ends.
            guard let snapshot = try? await telemetry.snapshot(after: last) else { break }
            last = snapshot.time
            do {
                try await push(snapshot)
            } catch {
                if Task.isCancelled { break }
                tell(watch.failed("\(error)"))
            }
            // The next sample after that.
            try? await Task.sleep(for: .seconds(target.seconds) - .seconds(1))
        }
        await uncancelled { await target.poster.close() }
    }

    private var address: String { target.poster.shownAddress }

    private func tell(_ news: PostingWatch.News?) {
        guard let news else { return }
        switch news {
        case .up: log.notice("metrics are posted again", metadata: ["to": "\(address)"])
        case .down(let error):
            log.warning("metrics could not be posted", metadata: ["to": "\(address)", "error": "\(error)"])
        }
        events.publish(news.event("metrics-push", of: address))
    }

    private struct PushError: Error, CustomStringConvertible { let description: String }

    private func push(_ snapshot: Snapshot) async throws {
        for request in OTLPMetrics(hostname: hostname, snapshot: snapshot).requests() {
            switch try await target.poster.post(request) {
            case .accepted: tell(watch.succeeded())
            case .partly(let count, let reason):
                log.debug("metrics were refused", metadata: ["count": "\(count)", "reason": "\(reason)"])
                tell(watch.succeeded(refused: count))
            case .later(_, let reason), .refused(let reason): throw PushError(description: reason)
            }
        }
    }
}
