import Concurrency

/// A condition did not come true in time.
package struct NotReached: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}

/// Looks that often at least, however late it is: on a busy machine others may keep this test from running.
private let fewestLooks = 50

/// Looks at a condition again and again until it is true; throws ``NotReached`` after `limit`. An error of the condition
/// counts as "not yet", and is told in the end.
package func eventually(
    within limit: Duration = .seconds(20), _ what: String = "condition", _ condition: () async throws -> Bool
) async throws {
    _ = try await eventually(within: limit, what) { () async throws -> Bool? in try await condition() ? true : nil }
}

/// The same for a value that is `nil` at first.
package func eventually<T>(
    within limit: Duration = .seconds(20), _ what: String = "value", _ value: () async throws -> T?
) async throws -> T {
    let clock = ContinuousClock()
    let end = clock.now + limit
    var last: (any Error)?
    var looks = 0
    repeat {
        looks += 1
        do {
            if let value = try await value() { return value }
            last = nil
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            last = error
        }
        try await clock.sleep(for: .milliseconds(5))
    } while clock.now < end || looks < fewestLooks
    throw NotReached(description: "not within \(limit): \(what)" + (last.map { "; last error: \($0)" } ?? ""))
}

/// Ends work that takes longer than `limit`, by cancellation.
package func within<T: Sendable>(_ limit: Duration, _ work: @escaping @Sendable () async throws -> T) async throws -> T
{
    try await withDeadline(limit, orThrow: NotReached(description: "not finished within \(limit)"), work)
}
