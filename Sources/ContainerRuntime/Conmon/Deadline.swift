/// Runs something that can be cancelled, for at most so long.
func within<Result: Sendable>(
    _ limit: Duration, _ doing: String, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask(operation: body)
        group.addTask {
            try await Task.sleep(for: limit)
            throw RuntimeError(.runtimeFailed, "\(doing) did not end within \(limit)")
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw CancellationError() }
        return first
    }
}
