import Synchronization

/// Lets tasks wait until something about a key is no longer as it was. What that is, is kept elsewhere, and changed before ``signal(_:)``;
/// here is only who is to look again. Must not be signalled under a lock.
package final class KeyedCondition<Key: Hashable & Sendable>: Sendable {
    private struct State {
        /// Counts signals, so that none between a look and the wait is missed.
        var signals: UInt64 = 0
        var waiters: [Key: WaitList<Void>] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// Returns when `isAsBefore` says no, which it is asked at first and after each signal of the key; maybe oftener.
    /// - Throws: `CancellationError`.
    package func wait(
        _ key: Key, isolation: isolated (any Actor)? = #isolation, while isAsBefore: () -> Bool
    ) async throws {
        while true {
            let signals = state.withLock { $0.signals }
            if !isAsBefore() { return }
            let signal: Void? = await suspend { waiter, ticket in
                state.withLock { state in
                    if Task.isCancelled { return .passes(nil) }
                    if state.signals != signals { return .passes(()) }
                    state.waiters[key, default: WaitList()].append(waiter, ticket)
                    return .waits
                }
            } orLeave: { ticket in
                state.withLock { state in
                    defer { if state.waiters[key]?.isEmpty == true { state.waiters[key] = nil } }
                    return state.waiters[key]?.remove(ticket)
                }
            }
            if signal == nil { throw CancellationError() }
        }
    }

    /// Wakes all who wait for one of the keys.
    package func signal(_ keys: some Sequence<Key>) {
        let waiters = state.withLock { state in
            state.signals += 1
            return keys.flatMap { key in
                var list = state.waiters.removeValue(forKey: key)
                return list?.removeAll() ?? []
            }
        }
        for waiter in waiters { waiter.resume(returning: ()) }
    }

    /// How many tasks wait at present, for whatever key.
    package var waiterCount: Int { state.withLock { $0.waiters.values.reduce(0) { $0 + $1.count } } }
}
