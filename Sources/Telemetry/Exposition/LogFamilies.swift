/// How the shipping to one receiver of logs goes. What counts up begins with the daemon.
package struct LogDestinationFacts: Sendable, Equatable {
    package var driver: String
    /// As the user knows it, without secrets.
    package var address: String
    /// `ok`, `behind` or `down`.
    package var state = "ok"
    /// How many containers' logs go there at present.
    package var containers = 0
    package var sentLines = 0
    /// As they were sent, before they were compressed.
    package var sentBytes = 0
    /// Lines.
    package var refused = 0
    /// Stretches of unknown length that were gone before they could be sent.
    package var losses = 0
    /// Attempts to connect or to send that were made again.
    package var retries = 0
    /// How old the oldest line is that the receiver does not have, in seconds.
    package var behindSeconds = 0

    package init(driver: String, address: String) {
        self.address = address
        self.driver = driver
    }

    /// Adds what else has the same labels.
    mutating func add(_ other: LogDestinationFacts) {
        let worst = ["down", "behind", "ok"]
        state = worst.first { $0 == state || $0 == other.state } ?? state
        containers += other.containers
        sentLines += other.sentLines
        sentBytes += other.sentBytes
        refused += other.refused
        losses += other.losses
        retries += other.retries
        behindSeconds = max(behindSeconds, other.behindSeconds)
    }
}

/// The metrics of log drivers, by driver and receiver.
struct LogFamilies {
    /// Receivers with series of their own; those beyond share one for each driver.
    static let mostDestinations = 64
    static let others = "others"

    private let destinations: [(facts: LogDestinationFacts, labels: ExpositionWriter.Labels)]

    init(_ destinations: [LogDestinationFacts]) {
        var shown: [LogDestinationFacts] = []
        for one in destinations.sorted(by: { ($0.driver, $0.address) < ($1.driver, $1.address) }) {
            var one = one
            let isKnown = shown.last.map { $0.driver == one.driver && $0.address == one.address } ?? false
            if !isKnown, shown.count >= Self.mostDestinations { one.address = Self.others }
            if let index = shown.firstIndex(where: { $0.driver == one.driver && $0.address == one.address }) {
                shown[index].add(one)
            } else {
                shown.append(one)
            }
        }
        self.destinations = shown.map {
            ($0, ExpositionWriter.Labels([("driver", $0.driver), ("address", $0.address)]))
        }
    }

    func write(to page: inout ExpositionWriter) {
        guard !destinations.isEmpty else { return }
        page.family("apus_log_driver_up", .gauge, "Whether a receiver of logs takes what it is sent.")
        for (facts, labels) in destinations { page.sample(labels, facts.state == "down" ? 0 : 1) }
        family(&page, "sent_lines", .counter, "lines", "Lines that a receiver of logs has taken.", \.sentLines)
        family(
            &page, "sent_bytes", .counter, "bytes", "Bytes of these lines as they were sent, before compression.",
            \.sentBytes)
        page.family(
            "apus_log_driver_dropped", .counter,
            "Lines that the receiver would not have (refused), and stretches of unknown length that went unsent (lost)."
        )
        for (facts, labels) in destinations {
            page.sample(labels.adding("reason", "lost"), Int64(clamping: facts.losses))
            page.sample(labels.adding("reason", "refused"), Int64(clamping: facts.refused))
        }
        family(&page, "retries", .counter, "", "Attempts to connect or to send that had to be made again.", \.retries)
        family(
            &page, "behind_seconds", .gauge, "seconds",
            "Age of the oldest line that was read and that the receiver does not have.", \.behindSeconds)
        page.family(
            "apus_log_driver_containers", .gauge, unit: "containers", "Containers whose lines go to a receiver.")
        for (facts, labels) in destinations { page.sample(labels, Int64(clamping: facts.containers)) }
    }

    private func family(
        _ page: inout ExpositionWriter, _ name: String, _ kind: ExpositionWriter.Kind, _ unit: String, _ help: String,
        _ value: KeyPath<LogDestinationFacts, Int>
    ) {
        page.family("apus_log_driver_\(name)", kind, unit: unit, help)
        for (facts, labels) in destinations { page.sample(labels, Int64(clamping: facts[keyPath: value])) }
    }
}
