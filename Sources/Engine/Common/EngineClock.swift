import Model

/// The time, and waiting for it: a test has a clock of its own.
protocol EngineClock: Sendable {
    var now: Timestamp { get }
    /// - Throws: `CancellationError`.
    func sleep(for duration: Duration) async throws
}

/// The node's own.
struct SystemClock: EngineClock {
    var now: Timestamp { .now }
    func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}
