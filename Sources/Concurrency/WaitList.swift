import Synchronization

/// A task that waits. Resumed with `nil`, it was cancelled.
typealias Waiter<Value: Sendable> = CheckedContinuation<Value?, Never>

/// Names one wait.
struct Ticket: Hashable, Sendable {
    private static let last = Atomic<UInt64>(0)

    private let number: UInt64

    init() { number = Self.last.add(1, ordering: .relaxed).newValue }
}

/// Tasks that wait, in order of arrival. It is part of what a lock protects; who takes a waiter out resumes it after the lock.
struct WaitList<Value: Sendable>: Sendable {
    /// Among them those that have been taken out from between the others, until ``compact()``.
    private var order: [Ticket] = []
    /// Where the order begins.
    private var first = 0
    private var waiters: [Ticket: Waiter<Value>] = [:]

    var count: Int { waiters.count }
    var isEmpty: Bool { waiters.isEmpty }
    /// What is kept of waits, those that are over included.
    var size: Int { order.count - first }

    mutating func append(_ waiter: Waiter<Value>, _ ticket: Ticket) {
        order.append(ticket)
        waiters[ticket] = waiter
    }

    /// Takes one out, wherever it is; `nil` when it has been taken out.
    mutating func remove(_ ticket: Ticket) -> Waiter<Value>? {
        defer { compact() }
        return waiters.removeValue(forKey: ticket)
    }

    /// Takes the one out that has waited longest.
    mutating func popFirst() -> Waiter<Value>? {
        defer { compact() }
        while first < order.count {
            let ticket = order[first]
            first += 1
            if let waiter = waiters.removeValue(forKey: ticket) { return waiter }
        }
        return nil
    }

    /// Takes all out, in order.
    mutating func removeAll() -> [Waiter<Value>] {
        defer { self = WaitList() }
        return order[first...].compactMap { waiters[$0] }
    }

    /// So seldom that it costs every wait the same.
    private mutating func compact() {
        guard order.count > 2 * waiters.count + 32 else { return }
        order = order[first...].filter { waiters[$0] != nil }
        first = 0
    }
}

/// What a task finds that is about to wait.
enum Entrance<Value: Sendable> {
    /// It waits: somebody has its waiter, and resumes it once.
    case waits
    /// It goes on at once; with `nil` when it has been cancelled.
    case passes(Value?)
}

/// Suspends the task until its waiter is resumed; gives `nil` when it is cancelled before.
///
/// - Parameters:
///   - enter: keeps the waiter, under the lock of whoever waking comes from. Must look at `Task.isCancelled` there: `leave` may have run.
///   - leave: takes the waiter back out, unless somebody else has.
func suspend<Value: Sendable>(
    isolation: isolated (any Actor)? = #isolation,
    _ enter: (Waiter<Value>, Ticket) -> Entrance<Value>, orLeave leave: @Sendable (Ticket) -> Waiter<Value>?
) async -> Value? {
    let ticket = Ticket()
    return await withTaskCancellationHandler {
        await withCheckedContinuation { waiter in
            if case .passes(let value) = enter(waiter, ticket) { waiter.resume(returning: value) }
        }
    } onCancel: {
        leave(ticket)?.resume(returning: nil)
    }
}
