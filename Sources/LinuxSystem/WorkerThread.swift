import Glibc
import Synchronization

/// One thread that stays and runs blocking work, one piece after the other, in the namespaces in which the process was started: for work that is so
/// short and comes so often that a thread of its own would cost more than it. It begins with the first piece and ends with this object.
package final class WorkerThread: Sendable {
    private let queue = Queue()

    package init() {}

    deinit { queue.end() }

    /// Runs work on the thread and waits for it without blocking the caller's. The work must leave the thread's namespaces as they are.
    /// - Throws: what the work throws, or ``SystemError`` where no thread can be started.
    package func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            do {
                try queue.add { continuation.resume(with: Result { try body() }) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Runs work on the thread when its turn comes, and waits for nothing; on the spot where no thread can be started.
    package func post(_ body: @escaping @Sendable () -> Void) {
        do { try queue.add(body) } catch { body() }
    }

    private final class Queue: Sendable {
        private struct State {
            var waiting: [@Sendable () -> Void] = []
            var isStarted = false
            var isOver = false
        }

        private let state = Mutex(State())
        private let count = Semaphore()

        func add(_ work: @escaping @Sendable () -> Void) throws(SystemError) {
            try state.withLock { (state) throws(SystemError) in
                if !state.isStarted { pthread_detach(try startThread { self.run() }) }
                state.isStarted = true
                state.waiting.append(work)
            }
            count.post()
        }

        /// What waits is still done.
        func end() {
            state.withLock { $0.isOver = true }
            count.post()
        }

        private func run() {
            while true {
                count.wait()
                let (work, isOver) = state.withLock { state in
                    defer { state.waiting = [] }
                    return (state.waiting, state.isOver)
                }
                for one in work { one() }
                if isOver { return }
            }
        }
    }
}
