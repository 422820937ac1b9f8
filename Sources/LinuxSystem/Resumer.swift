import CLinux
import Glibc
import Synchronization

/// Wakes those who wait for work on a thread, from a thread that stays in the namespaces in which the process was started.
///
/// A thread begins in the namespaces of the one that starts it, and whoever resumes a task may thereby start a thread of Swift's pool.
/// Resumed from within a container's namespace, whatever the pool runs from then on would be in there.
final class Resumer: Sendable {
    /// Made by the first who needs it, and never ended.
    static let shared = Resumer()

    private let waiting = Mutex<[@Sendable () -> Void]>([])
    private let count: Semaphore
    /// Why it has no thread of its own; whoever comes is then woken up on the spot.
    private let failure: SystemError?

    private init() {
        let count = Semaphore()
        self.count = count
        do {
            pthread_detach(try startThread { Resumer.shared.run() })
            failure = nil
        } catch {
            failure = error
        }
    }

    func resume(_ wake: @escaping @Sendable () -> Void) {
        guard failure == nil else { return wake() }
        waiting.withLock { $0.append(wake) }
        count.post()
    }

    private func run() {
        while true {
            count.wait()
            let woken = waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            for wake in woken { wake() }
        }
    }
}

/// sem_overview(7). `@unchecked`: a semaphore is there for several threads, and the pointer never changes.
package final class Semaphore: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    package init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    /// One more wait goes on.
    package func post() { sem_post(semaphore) }

    /// Until somebody has posted; each post lets one go on.
    package func wait() { while sem_wait(semaphore) != 0, errno == EINTR {} }

    /// False where nobody has posted by then, as the wall clock has it: for waits of which it does not matter how long they are.
    func wait(seconds: Int) -> Bool {
        var end = timespec()
        clock_gettime(CLOCK_REALTIME, &end)
        end.tv_sec = end.tv_sec.addingReportingOverflow(seconds).partialValue
        while sem_timedwait(semaphore, &end) != 0 {
            if errno != EINTR { return false }
        }
        return true
    }
}
