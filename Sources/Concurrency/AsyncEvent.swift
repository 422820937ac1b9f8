import Synchronization

/// Wakes a task that waits for it. A signal with nobody waiting is kept for the next wait; several are one.
///
/// Whoever was woken looks for itself at what has happened: a wait may also end at its deadline or by cancellation, and takes a signal with
/// it that came at that moment. Of several who wait each signal wakes one, in order of arrival. ``signal()`` must not be called under a lock.
package final class AsyncEvent: Sendable {
    private struct State {
        var isSignalled = false
        var waiters = WaitList<Void>()
    }

    private let state = Mutex(State())

    package init() {}

    /// Wakes whoever waits, or the next who will; several signals before that count as one.
    package func signal() {
        let waiter = state.withLock { state in
            let waiter = state.waiters.popFirst()
            if waiter == nil { state.isSignalled = true }
            return waiter
        }
        waiter?.resume(returning: ())
    }

    /// Returns when it has been signalled, at the deadline, or when the waiting task is cancelled.
    package func wait(until deadline: ContinuousClock.Instant? = nil) async {
        guard let deadline else { return await waitForSignal() }
        await wait(until: deadline, clock: ContinuousClock())
    }

    /// The same, by a clock of the caller's choice.
    package func wait<C: Clock>(until deadline: C.Instant, clock: C) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitForSignal() }
            // Cancelled when it has been signalled: nothing else can be thrown.
            group.addTask { try? await clock.sleep(until: deadline, tolerance: nil) }
            await group.next()
            group.cancelAll()
        }
    }

    /// How many tasks wait at present.
    package var waiterCount: Int { state.withLock { $0.waiters.count } }

    private func waitForSignal() async {
        _ = await suspend { waiter, ticket in
            state.withLock { state in
                if state.isSignalled || Task.isCancelled {
                    state.isSignalled = false
                    return .passes(())
                }
                state.waiters.append(waiter, ticket)
                return .waits
            }
        } orLeave: { ticket in
            state.withLock { $0.waiters.remove(ticket) }
        }
    }
}
