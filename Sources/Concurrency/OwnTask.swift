/// Runs `body` in a task of its own, waits for it, and gives back the memory that its calls took.
///
/// A task keeps the frames of the deepest calls that it has made, for the next ones, until it ends. In a task that lasts as long as a node's session
/// that is memory for good: what it does now and then with large values, or deep down, is called through this.
/// When the caller is cancelled, `body` is.
/// - Throws: What `body` throws.
package func inOwnTask<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    async let value = body()
    return try await value
}
