import Concurrency
import EngineInterface
import Synchronization

/// Those who wait for a container to end or to be removed.
final class ExitWaiters: Sendable {
    enum Condition: Sendable {
        /// The process ends, whatever follows.
        case exit
        /// The process ends, and no restart policy starts it again.
        case over
        /// The container is gone.
        case removed
    }

    private struct Waiter {
        var condition: Condition
        var promise: Promise<ExitResult>
    }

    private let waiting = Mutex<[String: [Waiter]]>([:])

    /// Registers a wait: what happens from now on ends it. One that is let go of, waited for or not, is forgotten.
    func register(_ id: String, _ condition: Condition) -> PendingExit {
        let promise = Promise<ExitResult>()
        waiting.withLock { $0[id, default: []].append(Waiter(condition: condition, promise: promise)) }
        let place = Place { [self] in forget(promise, of: id) }
        return PendingExit {
            do { return try await promise.value() } catch {
                place.giveUp()
                throw error
            }
        }
    }

    /// How many wait.
    var count: Int { waiting.withLock { $0.values.reduce(0) { $0 + $1.count } } }

    /// A waiter's place among the others, given up when nobody can ask for it any more.
    private final class Place: Sendable {
        let giveUp: @Sendable () -> Void

        init(_ giveUp: @escaping @Sendable () -> Void) { self.giveUp = giveUp }

        deinit { giveUp() }
    }

    private func forget(_ promise: Promise<ExitResult>, of id: String) {
        waiting.withLock { waiting in
            waiting[id]?.removeAll { $0.promise === promise }
            if waiting[id]?.isEmpty == true { waiting[id] = nil }
        }
    }

    /// The container has ended.
    /// - Parameter isOver: Its restart policy does not start it again.
    func ended(_ id: String, _ result: ExitResult, isOver: Bool = true) {
        settle(id, result) { $0 == .exit || isOver && $0 == .over }
    }

    /// The container is gone.
    func removed(_ id: String, _ result: ExitResult) { settle(id, result) { _ in true } }

    private func settle(_ id: String, _ result: ExitResult, _ isMeant: (Condition) -> Bool) {
        let settled = waiting.withLock { waiting -> [Waiter] in
            let all = waiting[id] ?? []
            let rest = all.filter { !isMeant($0.condition) }
            waiting[id] = rest.isEmpty ? nil : rest
            return all.filter { isMeant($0.condition) }
        }
        for waiter in settled { waiter.promise.succeed(result) }
    }
}
