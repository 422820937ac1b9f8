import CLinux
package import Glibc
import Synchronization

/// Stack of a thread that runs blocking work; reserved, not used up.
package let threadStackBytes = 1 << 20
/// Of one that walks through trees that others have made, a call below the other for each directory: 16 KiB for each of 512.
package let deepThreadStackBytes = 8 << 20

/// Runs blocking work on a thread of ``ThreadPool``, and waits for it without blocking the caller's thread. The work may enter network
/// namespaces; if it changes anything else that threads have of their own, it says so: ``discardThread()``. Cancellation does not interrupt the work.
///
/// The caller is woken up from elsewhere, see ``Resumer``: nothing in `body` may resume a task from a namespace that is not the process's.
package func onThread<T: Sendable>(
    stackBytes: Int = threadStackBytes, _ body: @escaping @Sendable () throws -> T
) async throws -> T {
    let resumer = Resumer.shared
    return try await withCheckedThrowingContinuation { continuation in
        let work = ThreadPool.Work {
            let result = Result { try body() }
            resumer.resume { continuation.resume(with: result) }
        } fail: { error in
            continuation.resume(throwing: error)
        }
        ThreadPool.shared.run(stackBytes == threadStackBytes ? work : work.onDeepStack(stackBytes))
    }
}

/// The same for a caller that is itself blocking: waits on the spot until the fresh thread has ended.
package func onThreadBlocking<T: Sendable>(_ body: @escaping @Sendable () throws -> T) throws -> T {
    let outcome = Outcome<T>()
    let thread = try startThread { outcome.set(Result { try body() }) }
    pthread_join(thread, nil)
    return try outcome.get()
}

/// Gives a fresh thread a table of descriptors of its own: standard input, output and error alone, from 3 on anew. For the rest of the
/// process nothing is closed, and nothing that the thread opens is there. close_range(2).
package func leaveDescriptors() throws(SystemError) {
    let unshare: UInt32 = 1 << 1  // CLOSE_RANGE_UNSHARE, which is no constant to Swift.
    discardThread()
    try check(clinux_close_range(3, .max, unshare), "leave the process' descriptors")
}

/// How much less a thread is worth that has given way: it gets a tenth of a processor that another wants as well, and all of one that nobody wants (nice(2)).
private let givenWayNiceness: CInt = 10

/// Has all other threads of the process go first where there is not a processor for each: for work that others ask for without end, or that nobody
/// waits for. The calling thread stays so to its end, and threads that it starts begin so, but those of Swift's pool, which say themselves what they are worth.
package func giveWay() throws(SystemError) {
    try check(setpriority(CInt(PRIO_PROCESS.rawValue), 0, givenWayNiceness), "lower the priority of a thread")
}

/// Starts a thread that the caller must join or detach.
package func startThread(stackBytes: Int = threadStackBytes, _ body: @escaping @Sendable () -> Void)
    throws(SystemError) -> pthread_t
{
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackBytes)
    KernelCounters.note(.thread)
    let start = Unmanaged.passRetained(ThreadStart(body))
    var thread = pthread_t()
    let result = pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument else { return nil }
            Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, start.toOpaque())
    guard result == 0 else {
        start.release()
        throw SystemError(errno: result, attempting: "start a thread")
    }
    return thread
}

private final class ThreadStart: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

private final class Outcome<T: Sendable>: Sendable {
    private let result = Mutex<Result<T, any Error>?>(nil)

    func set(_ value: Result<T, any Error>) { result.withLock { $0 = value } }

    func get() throws -> T {
        guard let value = result.withLock({ $0 }) else {
            throw SystemError(errno: ECHILD, attempting: "wait for a thread")
        }
        return try value.get()
    }
}
