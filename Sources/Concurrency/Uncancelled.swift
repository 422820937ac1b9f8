/// Runs `body` to its end though the caller's task is cancelled, before or meanwhile: `body` sees nothing of that.
///
/// For what must not be left half done: taking back a step that failed, often because of that very cancellation; ending what runs; putting on
/// record what has happened. `body` must come to an end by itself. The caller waits for it, so nothing is under way when it goes on.
package func uncancelled<Value: Sendable, Failure: Error>(
    _ body: @escaping @Sendable () async throws(Failure) -> Value
) async throws(Failure) -> Value {
    // A task of its own: the caller's cancellation reaches its children only.
    let outcome = await Task { () async -> Result<Value, Failure> in
        do throws(Failure) { return .success(try await body()) } catch { return .failure(error) }
    }.value
    return try outcome.get()
}
