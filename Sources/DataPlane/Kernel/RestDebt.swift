/// How long nobody looks again after looking at what was heard to have changed, that there is time for something else beside many containers.
///
/// Each look owes ten times as long as it took, and time pays it back. Rest is taken for what is owed beyond a credit: what is damaged
/// soon after something else is mended as quickly as that was, and who changes something without end is followed at a tenth of the time.
struct RestDebt: Sendable {
    private static let factor = 10
    private static let credit = Duration.seconds(2)
    /// The longest rest; more is never owed.
    private static let longest = Duration.milliseconds(500)

    private var owed = Duration.zero
    private var noted: ContinuousClock.Instant

    init(at now: ContinuousClock.Instant) { noted = now }

    /// The rest after a look that took so long and has just ended.
    mutating func rest(after took: Duration, at now: ContinuousClock.Instant) -> Duration {
        owed = min(max(.zero, owed - (now - noted)) + took * Self.factor, Self.credit + Self.longest)
        noted = now
        return max(.zero, owed - Self.credit)
    }
}
