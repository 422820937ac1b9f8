/// A wait that took longer than it may.
package struct DeadlinePassed: Error {
    package init() {}
}

/// Runs `body` for at most `limit`; it is cancelled then, and waited for: a body that does not heed cancellation delays the answer.
///
/// What `body` gives after its time is dropped, so it must not be something that has to be given back. When the caller is cancelled `body` is
/// as well, and what it makes of that is the outcome.
/// - Parameters:
///   - failure: what to throw when the time is up.
/// - Throws: `failure`, or whatever `body` throws.
package func withDeadline<Value: Sendable>(
    _ limit: Duration, clock: some Clock<Duration> = ContinuousClock(),
    orThrow failure: @autoclosure () -> any Error = DeadlinePassed(),
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Race<Value>.self) { group in
        group.addTask { .value(try await body()) }
        group.addTask {
            do { try await clock.sleep(for: limit) } catch { return .nobodyWaits }
            return .timeUp
        }
        defer { group.cancelAll() }
        while let first = try await group.next() {
            switch first {
            case .value(let value): return value
            case .timeUp: throw failure()
            case .nobodyWaits: continue
            }
        }
        throw failure()
    }
}

private enum Race<Value: Sendable>: Sendable {
    case value(Value)
    case timeUp
    /// The caller has been cancelled before.
    case nobodyWaits
}
