/// How often something has taken how long: counted in fixed classes. A value.
package struct DurationHistogram: Sendable, Equatable {
    /// The longest times of the classes but the last, in microseconds, the shortest first.
    package let bounds: [Int64]
    /// One a class: of what is no longer than its bound and longer than the one before; the last is of what is longer than all of them.
    package private(set) var counts: [UInt64]
    /// All of them together.
    package private(set) var microseconds: UInt64

    /// From a millisecond to half a minute.
    package static let usualBounds: [Int64] = [
        1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
        10_000_000, 30_000_000,
    ]

    package init(bounds: [Int64] = usualBounds) {
        self.init(bounds: bounds, counts: [], microseconds: 0)
    }

    /// - Parameter counts: One a class; those that are missing are none.
    package init(bounds: [Int64], counts: [UInt64], microseconds: UInt64) {
        self.bounds = bounds
        self.counts = Array(counts.prefix(bounds.count + 1))
        self.counts += repeatElement(0, count: bounds.count + 1 - self.counts.count)
        self.microseconds = microseconds
    }

    /// How many there were.
    package var total: UInt64 { counts.reduce(0, &+) }

    /// Counts one more; what is negative is none.
    package mutating func note(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (whole, isTooMuch) = max(0, seconds).multipliedReportingOverflow(by: 1_000_000)
        let taken = isTooMuch ? .max : whole &+ min(max(0, attoseconds) / 1_000_000_000_000, .max - whole)
        let index = bounds.firstIndex { taken <= $0 } ?? bounds.endIndex
        counts[index] &+= 1  // trap: there is one more than bounds
        microseconds &+= UInt64(clamping: taken)
    }
}
