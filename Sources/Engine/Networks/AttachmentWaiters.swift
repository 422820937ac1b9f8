import Synchronization

/// Those who wait until an attachment is held by nobody, or under another name. By whom it is held is in the containers' records; here
/// is only who is to look again.
final class AttachmentWaiters: Sendable {
    private struct State {
        var waiters: [String: [Int: AsyncStream<Void>.Continuation]] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    /// Returns when `isAsBefore` says no.
    /// - Throws: `CancellationError`.
    func wait(_ id: String, while isAsBefore: () -> Bool) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.next += 1
            state.waiters[id, default: [:]][state.next] = continuation
            return state.next
        }
        defer {
            state.withLock { state in
                state.waiters[id]?[number] = nil
                if state.waiters[id]?.isEmpty == true { state.waiters[id] = nil }
            }
        }
        // Registered first: a change in between is seen by one or the other.
        if !isAsBefore() { return }
        for await _ in stream where !isAsBefore() { return }
        throw CancellationError()
    }

    /// Records that named these attachments have changed.
    func signal(_ ids: [String]) {
        let waiters = state.withLock { state in ids.flatMap { Array((state.waiters[$0] ?? [:]).values) } }
        for waiter in waiters { waiter.yield() }
    }
}
