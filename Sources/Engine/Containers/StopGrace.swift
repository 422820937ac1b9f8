/// How long a container may take to end after its stop signal. Any number may be asked for; clocks count only so far.
struct StopGrace {
    /// Seconds; negative: for ever.
    private let seconds: Int

    /// Longer than anybody waits: 68 years.
    private static let longest = Int(Int32.max)

    init(seconds: Int) { self.seconds = seconds }

    /// Whole seconds, rounded up: none is given less time than it was promised.
    init(nanoseconds: Int64) {
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        seconds = Int(clamping: whole) + (rest > 0 ? 1 : 0)
    }

    /// `nil` for ever.
    var duration: Duration? { seconds < 0 ? nil : .seconds(min(seconds, Self.longest)) }
}
