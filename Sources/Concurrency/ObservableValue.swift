import Synchronization

/// A value that changes, and that tasks wait for. Waiters see the newest value; values between may be missed.
///
/// Must not be changed under a lock: that wakes all who wait, and they look whether the value is what they wait for.
package final class ObservableValue<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        /// Counts changes.
        var version: UInt64 = 0
        var waiters = WaitList<Void>()
    }

    private let state: Mutex<State>

    package init(_ value: Value) { state = Mutex(State(value: value)) }

    package var value: Value { state.withLock { $0.value } }

    /// Replaces the value and wakes all who wait, also by an equal one.
    package func set(_ value: Value) { change { $0 = value } }

    /// - Parameter body: runs under the value's lock: it must wake nobody, and not come back here.
    package func change(_ body: (inout Value) -> Void) {
        let waiters = state.withLock { state in
            body(&state.value)
            state.version += 1
            return state.waiters.removeAll()
        }
        for waiter in waiters { waiter.resume(returning: ()) }
    }

    /// Returns as soon as `pick` gives something for the value. `pick` runs under no lock; what it gives for the value there is counts even
    /// when the task is cancelled.
    /// - Throws: `CancellationError`.
    @discardableResult
    package func wait<Result>(
        isolation: isolated (any Actor)? = #isolation, _ pick: (Value) -> Result?
    ) async throws -> Result {
        while true {
            let (value, version) = state.withLock { ($0.value, $0.version) }
            if let result = pick(value) { return result }
            let change: Void? = await suspend { waiter, ticket in
                state.withLock { state in
                    if Task.isCancelled { return .passes(nil) }
                    if state.version != version { return .passes(()) }
                    state.waiters.append(waiter, ticket)
                    return .waits
                }
            } orLeave: { ticket in
                state.withLock { $0.waiters.remove(ticket) }
            }
            if change == nil { throw CancellationError() }
        }
    }

    /// How many tasks wait at present.
    package var waiterCount: Int { state.withLock { $0.waiters.count } }
}
