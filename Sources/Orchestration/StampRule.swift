import Model

extension Timestamp {
    /// Seconds that clocks of managers may differ: a stamp of another manager may lie so far ahead.
    static let tolerance = 60.0

    /// The moment itself, or the beginning of time when it lies in the future: nothing waits for a stamp that nobody can have made.
    func believed(at now: Timestamp) -> Timestamp { timeSince(now) > Self.tolerance ? .zero : self }
}
