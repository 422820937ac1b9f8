/// Lets one at a time work on the same thing, in the order of arrival; different things do not wait for each other.
///
/// Who waits is not woken by cancellation: the one before has deadlines of its own, and `body` finds out at once.
actor Turns<Key: Hashable & Sendable> {
    /// Those waiting for a thing that is taken.
    private var queues: [Key: [CheckedContinuation<Void, Never>]] = [:]

    private func enter(_ key: Key) async {
        guard queues[key] != nil else {
            queues[key] = []
            return
        }
        await withCheckedContinuation { queues[key, default: []].append($0) }
    }

    private func leave(_ key: Key) {
        guard var queue = queues[key], !queue.isEmpty else {
            queues[key] = nil
            return
        }
        let next = queue.removeFirst()
        queues[key] = queue
        next.resume()
    }

    nonisolated func withTurn<T: Sendable>(_ key: Key, _ body: @Sendable () async throws -> T) async throws -> T {
        await enter(key)
        do {
            let result = try await body()
            await leave(key)
            return result
        } catch {
            await leave(key)
            throw error
        }
    }
}
