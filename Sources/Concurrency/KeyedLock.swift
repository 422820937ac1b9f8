import Synchronization

/// Lets operations on one thing, say a container, follow one another in order of arrival, while those on others go on beside them.
///
/// A lock is handed on directly to who has waited longest: nobody who comes later overtakes. It is not re-entrant: who asks within `body` for
/// the same key waits for ever. Whether `body` is told of a cancellation is its own matter; the lock is given back when it ends, however.
package final class KeyedLock<Key: Hashable & Sendable>: Sendable {
    /// Keys that are locked, with those who wait for them.
    private let queues = Mutex<[Key: WaitList<Void>]>([:])

    package init() {}

    /// Runs `body` when no other operation on `key` runs. Waiting for that is not cut short by cancellation: for what has to be done in any
    /// case, and for bodies that find out by themselves.
    package func run<Value>(
        _ key: Key, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
    ) async rethrows -> Value {
        _ = await withCheckedContinuation { (waiter: Waiter<Void>) in
            let isFree = queues.withLock { queues in Self.enter(key, waiter, Ticket(), &queues) }
            if isFree { waiter.resume(returning: ()) }
        }
        defer { passOn(key) }
        return try await body()
    }

    /// The same for a caller who may lose interest.
    /// - Throws: `CancellationError` when the task is cancelled before its turn has come; `body` has not begun then.
    package func runUnlessCancelled<Value>(
        _ key: Key, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
    ) async throws -> Value {
        let hasEntered: Void? = await suspend { waiter, ticket in
            queues.withLock { queues in
                if Task.isCancelled { return .passes(nil) }
                return Self.enter(key, waiter, ticket, &queues) ? .passes(()) : .waits
            }
        } orLeave: { ticket in
            queues.withLock { $0[key]?.remove(ticket) }
        }
        guard hasEntered != nil else { throw CancellationError() }
        defer { passOn(key) }
        try Task.checkCancellation()
        return try await body()
    }

    /// How many wait for a key.
    package func waiterCount(_ key: Key) -> Int { queues.withLock { $0[key]?.count ?? 0 } }

    /// How many keys somebody holds.
    package var lockedCount: Int { queues.withLock { $0.count } }

    /// Takes the lock if it is free; else the waiter is kept.
    private static func enter(
        _ key: Key, _ waiter: Waiter<Void>, _ ticket: Ticket, _ queues: inout [Key: WaitList<Void>]
    ) -> Bool {
        guard queues[key] != nil else {
            queues[key] = WaitList()
            return true
        }
        queues[key]?.append(waiter, ticket)
        return false
    }

    private func passOn(_ key: Key) {
        let next = queues.withLock { queues in
            let next = queues[key]?.popFirst()
            if next == nil { queues[key] = nil }
            return next
        }
        next?.resume(returning: ())
    }
}
