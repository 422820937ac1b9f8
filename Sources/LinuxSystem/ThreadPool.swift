import CLinux
import Glibc
import Synchronization

/// Threads that run blocking work, one piece after the other, and wait for more of it for a while.
///
/// To start a thread takes 0.03 ms, but waits for the kernel's lock on control groups, which whoever moves a process into a group or removes one
/// holds for a grace period: tens of milliseconds, while containers come and go. So threads are used again, and new ones are started by a thread
/// of their own: nobody of Swift's pool, which has one thread a core, waits for that.
///
/// A thread that work has led into another network namespace comes back from it; one of which anything else has changed ends, see ``discardThread()``.
final class ThreadPool: Sendable {
    static let shared = ThreadPool()

    struct Work: Sendable {
        let run: @Sendable () -> Void
        /// Called instead of `run` where no thread can be started.
        let fail: @Sendable (SystemError) -> Void

        /// The same work on a thread that is made for it, as it needs more room for its calls.
        func onDeepStack(_ bytes: Int) -> Work {
            Work {
                do throws(SystemError) { pthread_detach(try startThread(stackBytes: bytes, run)) } catch { fail(error) }
            } fail: {
                fail($0)
            }
        }
    }

    private struct State {
        /// The one that has worked last comes first.
        var idle: [Worker] = []
        /// For which no thread was idle.
        var waiting: [Work] = []
        var isStarted = false
    }

    private static let mostIdle = 16
    /// Seconds.
    private static let timeout = 10

    private let state = Mutex(State())
    private let starts = Semaphore()

    /// Blocks nobody.
    func run(_ work: Work) {
        enum Next {
            case handOver(Worker)
            case start
            case begin
        }
        let next: Next = state.withLock { state in
            if let worker = state.idle.popLast() { return .handOver(worker) }
            state.waiting.append(work)
            defer { state.isStarted = true }
            return state.isStarted ? .start : .begin
        }
        switch next {
        case .handOver(let worker): worker.take(work)
        case .start: starts.post()
        case .begin:
            do { pthread_detach(try startThread { self.startThreads() }) } catch {
                let waiting = state.withLock { state in
                    state.isStarted = false
                    defer { state.waiting = [] }
                    return state.waiting
                }
                return waiting.forEach { $0.fail(error) }
            }
            starts.post()
        }
    }

    private func startThreads() {
        while true {
            starts.wait()
            // Another thread may have taken it up meanwhile.
            guard let work = takeWaiting() else { continue }
            let worker = Worker(work)
            do { pthread_detach(try startThread { self.work(worker) }) } catch { work.fail(error) }
        }
    }

    private func takeWaiting() -> Work? { state.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() } }

    /// A thread's life.
    private func work(_ worker: Worker) {
        repeat {
            worker.runWork()
            guard ThreadPlace.isBack() else { return }
        } while getsMore(worker)
    }

    /// Whether there is more work, which the worker has then. Nothing of what it has done is kept while it waits.
    private func getsMore(_ worker: Worker) -> Bool {
        if let work = takeWaiting() {
            worker.keep(work)
            return true
        }
        let isWelcome = state.withLock { state in
            guard state.idle.count < Self.mostIdle else { return false }
            state.idle.append(worker)
            return true
        }
        guard isWelcome else { return false }
        if worker.isCalled(within: Self.timeout) { return true }
        let isStillIdle = state.withLock { state in
            guard let place = state.idle.firstIndex(where: { $0 === worker }) else { return false }
            state.idle.remove(at: place)
            return true
        }
        if isStillIdle { return false }
        // Who has taken it from the list is about to call it.
        worker.waitForCall()
        return true
    }

    private final class Worker: Sendable {
        private let work: Mutex<Work?>
        private let calls = Semaphore()

        init(_ first: Work) { work = Mutex(first) }

        func take(_ work: Work) {
            keep(work)
            calls.post()
        }

        func keep(_ work: Work) { self.work.withLock { $0 = work } }

        /// And lets go of it.
        func runWork() {
            let taken: Work? = work.withLock { work in
                defer { work = nil }
                return work
            }
            taken?.run()
        }

        func isCalled(within seconds: Int) -> Bool { calls.wait(seconds: seconds) }

        func waitForCall() { calls.wait() }
    }
}

/// The calling thread is used for nothing else after this work: it has changed what threads have of their own, and cannot undo it.
package func discardThread() { ThreadPlace.note(.lost) }

/// What work has changed of its thread.
enum ThreadPlace: Int {
    /// It is in another network namespace.
    case away = 1
    case lost = 2

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    /// The network namespace in which the process was started, never closed; below zero where it cannot be opened.
    private static let home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)

    static func note(_ place: ThreadPlace) {
        let present = ThreadPlace(rawValue: Int(bitPattern: pthread_getspecific(key)))
        if present != .lost { pthread_setspecific(key, UnsafeRawPointer(bitPattern: place.rawValue)) }
    }

    /// Brings the calling thread back to where it began; false where that cannot be done.
    static func isBack() -> Bool {
        switch ThreadPlace(rawValue: Int(bitPattern: pthread_getspecific(key))) {
        case nil: return true
        case .lost: return false
        case .away:
            guard clinux_setns(home, clinux_clone_newnet) == 0 else { return false }
            pthread_setspecific(key, nil)
            return true
        }
    }
}
