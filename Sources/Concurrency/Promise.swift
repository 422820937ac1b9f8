import Synchronization

/// A result that comes once, for any number of tasks that wait for it, before or after. Of several results the first counts.
///
/// Settling it wakes all who wait, so it must not be settled under a lock. One that is never settled keeps its waiters until they are cancelled.
package final class Promise<Value: Sendable>: Sendable {
    private struct State {
        var result: Result<Value, any Error>?
        var waiters = WaitList<Result<Value, any Error>>()
    }

    private let state = Mutex(State())

    package init() {}

    /// What has come; `nil` before.
    package var result: Result<Value, any Error>? { state.withLock { $0.result } }

    /// Settles it with a value, unless it is settled already.
    package func succeed(_ value: Value) { settle(.success(value)) }
    /// Settles it with an error, unless it is settled already.
    package func fail(_ error: any Error) { settle(.failure(error)) }

    /// Settles it, unless it is settled already: the first result stays.
    package func settle(_ result: Result<Value, any Error>) {
        let waiters = state.withLock { state in
            if state.result == nil { state.result = result }
            return state.waiters.removeAll()
        }
        for waiter in waiters { waiter.resume(returning: result) }
    }

    /// The result, when it comes; one that is there counts even when the task is cancelled.
    /// - Throws: the result's error, or `CancellationError`; the promise is as before then.
    package func value(isolation: isolated (any Actor)? = #isolation) async throws -> Value {
        let result = await suspend { waiter, ticket in
            state.withLock { state in
                if let result = state.result { return .passes(result) }
                if Task.isCancelled { return .passes(nil) }
                state.waiters.append(waiter, ticket)
                return .waits
            }
        } orLeave: { ticket in
            state.withLock { $0.waiters.remove(ticket) }
        }
        guard let result else { throw CancellationError() }
        return try result.get()
    }

    /// How many tasks wait at present.
    package var waiterCount: Int { state.withLock { $0.waiters.count } }
}
