package import Model

/// What has become of all lines for one destination, of containers that are gone, too. Counts since the daemon began, or since the first
/// container with the destination.
package struct DestinationTotals: Sendable, Equatable {
    /// Taken by the receiver.
    package var lines = 0
    /// Of these as they were sent, before compression.
    package var bytes = 0
    /// Lines that the receiver would not have.
    package var refused = 0
    /// Stretches of unknown length that were gone, or given up, before they could be sent.
    package var losses = 0
    /// Attempts to connect or to send that were made again.
    package var retries = 0

    mutating func add(_ other: DestinationTotals) {
        lines += other.lines
        bytes += other.bytes
        refused += other.refused
        losses += other.losses
        retries += other.retries
    }
}

/// How the shipping to one destination stands.
package struct DestinationStatus: Sendable, Equatable {
    /// Set by the shipper.
    package var driver = ""
    package var address: String
    package var totals: DestinationTotals
    /// How many have lanes to it at present.
    package var containers: Int
    /// `ok`, `behind`, `down`.
    package var state = "ok"
    /// When the oldest line was written that was read and that the receiver does not have.
    package var oldest: Timestamp?

    init(driver: String = "", address: String, totals: DestinationTotals, containers: Int = 0) {
        self.address = address
        self.containers = containers
        self.driver = driver
        self.totals = totals
    }
}
