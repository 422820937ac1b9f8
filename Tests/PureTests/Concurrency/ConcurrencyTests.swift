import TestKit
import Testing

@testable import Concurrency

/// The asynchronous tools under many tasks and random cancellation. A lost wake-up shows as a test that runs into its limit.
@Suite(.timeLimit(.minutes(2))) struct ConcurrencyTests {
    /// Waits until `count` wait somewhere: what a test does next meets them.
    static func settled(_ what: String = "waiters", _ condition: () -> Bool) async throws {
        try await eventually(within: .seconds(20), what, condition)
    }
}
