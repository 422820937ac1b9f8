import LogDrivers
import Model
import Telemetry

extension LogTotals {
    /// Of all receivers of a node's logs.
    init(_ destinations: [DestinationStatus], now: Timestamp) {
        self.init()
        for status in destinations {
            dropped += status.totals.refused + status.totals.losses
            sentBytes += status.totals.bytes
            sentLines += status.totals.lines
            behindSeconds = max(behindSeconds, status.secondsBehind(now))
        }
        down = Set(destinations.filter { $0.state == "down" }.map { "\($0.driver) \($0.address)" }).count
    }
}

extension LogDestinationFacts {
    /// As a page of metrics shows it.
    init(_ status: DestinationStatus, now: Timestamp) {
        self.init(driver: status.driver, address: status.address)
        state = status.state
        containers = status.containers
        sentLines = status.totals.lines
        sentBytes = status.totals.bytes
        refused = status.totals.refused
        losses = status.totals.losses
        retries = status.totals.retries
        behindSeconds = status.secondsBehind(now)
    }
}

extension DestinationStatus {
    /// 0 where nothing waits.
    fileprivate func secondsBehind(_ now: Timestamp) -> Int { oldest.map { max(0, now.wholeSeconds(since: $0)) } ?? 0 }
}
