import Synchronization

/// Lets so many operations go on at a time; the others wait, and follow in order of arrival.
///
/// A slot is handed on directly to who has waited longest. It is not re-entrant: who asks for a second one within `body` may wait for ever.
package final class Slots: Sendable {
    private struct State {
        var free: Int
        var waiters = WaitList<Void>()
    }

    private let state: Mutex<State>

    /// - Parameter count: At least one.
    package init(_ count: Int) { state = Mutex(State(free: max(1, count))) }

    /// Runs `body` when there is a slot for it.
    /// - Throws: `CancellationError` when the task is cancelled before that; `body` has not begun then.
    package func run<Value>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
    ) async throws -> Value {
        let hasEntered: Void? = await suspend { waiter, ticket in
            state.withLock { state in
                if Task.isCancelled { return .passes(nil) }
                if state.free > 0 {
                    state.free -= 1
                    return .passes(())
                }
                state.waiters.append(waiter, ticket)
                return .waits
            }
        } orLeave: { ticket in
            state.withLock { $0.waiters.remove(ticket) }
        }
        guard hasEntered != nil else { throw CancellationError() }
        defer { passOn() }
        try Task.checkCancellation()
        return try await body()
    }

    /// How many wait at present.
    package var waiterCount: Int { state.withLock { $0.waiters.count } }

    private func passOn() {
        let next = state.withLock { state in
            let next = state.waiters.popFirst()
            if next == nil { state.free += 1 }
            return next
        }
        next?.resume(returning: ())
    }
}
