/// How soon the next session follows one that ended because the certificate was renewed.
///
/// At once, as a rule. A node whose clock is far off is given certificates that look old to it, and one whose manager lags behind the store is
/// told of a role that it does not get: each session would begin with a renewal. Those pauses grow.
struct RenewalPace {
    static let first = Duration.seconds(1)
    /// A node without a session counts as down after a while: not so long.
    static let longest = Duration.seconds(5)
    /// Renewals that are further apart are no row of them.
    static let window = Duration.seconds(60)

    private var last: ContinuousClock.Instant?
    private var pause = Duration.zero

    /// - Parameter now: When the certificate was renewed.
    mutating func pause(at now: ContinuousClock.Instant) -> Duration {
        defer { last = now + pause }
        guard let last, now - last < Self.window else {
            pause = .zero
            return pause
        }
        pause = min(max(pause * 2, Self.first), Self.longest)
        return pause
    }
}
