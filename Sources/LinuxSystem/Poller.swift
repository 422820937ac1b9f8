import CLinux
import Glibc
import Synchronization

/// Waits for many descriptors with one thread (epoll(7)), so nothing needs a thread to itself only to wait.
///
/// Handlers run on the poller's thread, one after another, and must not block.
package final class Poller: Sendable {
    /// The process' own, made at first use.
    package static let shared = Poller()

    /// Names a watch, to end it.
    package struct Token: Hashable, Sendable { let number: UInt64 }

    /// Events fetched by one epoll_wait(2).
    private static let batch = 64

    private struct Registration {
        let descriptor: CInt
        let once: Bool
        let handler: @Sendable () -> Void
    }

    private struct State {
        var epoll: CInt = -1
        var next: UInt64 = 0
        var registrations: [UInt64: Registration] = [:]
    }

    private let state = Mutex(State())

    /// Calls `handler` whenever the descriptor has something to read, has hung up, or, for a pidfd, its process has
    /// ended. `once`: the first time only. The descriptor stays the caller's, who removes the token before closing it.
    package func watch(_ descriptor: CInt, once: Bool = false, handler: @escaping @Sendable () -> Void)
        throws(SystemError) -> Token
    {
        try state.withLock { state throws(SystemError) in
            if state.epoll < 0 { try start(&state) }
            let number = state.next
            try check(
                clinux_epoll_add(state.epoll, descriptor, number, once ? 1 : 0), "watch descriptor \(descriptor)")
            state.next += 1
            state.registrations[number] = Registration(descriptor: descriptor, once: once, handler: handler)
            return Token(number: number)
        }
    }

    /// Ends a watch. A handler already running may still finish.
    package func remove(_ token: Token) {
        state.withLock { state in
            guard let known = state.registrations.removeValue(forKey: token.number) else { return }
            clinux_epoll_remove(state.epoll, known.descriptor)
        }
    }

    /// Returns when the descriptor is readable, has hung up, or, for a pidfd, its process has ended.
    package func waitUntilReadable(_ descriptor: CInt) async throws {
        let waiter = PollWaiter()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                guard waiter.set(continuation) else { return }
                do {
                    let token = try watch(descriptor, once: true) { waiter.finish(.success(())) }
                    waiter.keep { self.remove(token) }
                } catch {
                    waiter.finish(.failure(error))
                    waiter.keep {}
                }
            }
        } onCancel: {
            waiter.finish(.failure(CancellationError()))
        }
    }

    private func start(_ state: inout State) throws(SystemError) {
        let epoll = try check(clinux_epoll_create(), "epoll_create1")
        do {
            let thread = try startThread { [self] in run(epoll) }
            pthread_detach(thread)
        } catch {
            close(epoll)
            throw error
        }
        state.epoll = epoll
    }

    private func run(_ epoll: CInt) {
        var tokens = [UInt64](repeating: 0, count: Self.batch)
        while true {
            let count = clinux_epoll_wait(epoll, &tokens, CInt(clamping: Self.batch))
            if count < 0 {
                // Only EINTR can happen: the descriptor is ours and never closed.
                continue
            }
            for token in tokens.prefix(Int(clamping: max(0, count))) { call(token) }
        }
    }

    private func call(_ number: UInt64) {
        let registration = state.withLock { state -> Registration? in
            guard let known = state.registrations[number] else { return nil }
            if known.once {
                state.registrations[number] = nil
                clinux_epoll_remove(state.epoll, known.descriptor)
            }
            return known
        }
        registration?.handler()
    }
}

/// A continuation that is resumed once, by an event or by cancellation, whichever comes first, and not before the watch is undone: whoever
/// waited may close the descriptor then, and its number may be another's, watched as well.
final class PollWaiter: Sendable {
    private struct State {
        var continuation: CheckedContinuation<Void, any Error>?
        var result: Result<Void, any Error>?
        var cleanUp: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// False when the wait is over before it began. Otherwise ``keep(_:)`` must follow.
    func set(_ continuation: CheckedContinuation<Void, any Error>) -> Bool {
        let early = state.withLock { state -> Result<Void, any Error>? in
            if state.result == nil { state.continuation = continuation }
            return state.result
        }
        if let early { continuation.resume(with: early) }
        return early == nil
    }

    /// What to undo at the end, which may have come already.
    func keep(_ cleanUp: @escaping @Sendable () -> Void) {
        let ended = state.withLock { state -> (CheckedContinuation<Void, any Error>?, Result<Void, any Error>)? in
            guard let result = state.result else {
                state.cleanUp = cleanUp
                return nil
            }
            defer { state.continuation = nil }
            return (state.continuation, result)
        }
        guard let (continuation, result) = ended else { return }
        cleanUp()
        continuation?.resume(with: result)
    }

    func finish(_ result: Result<Void, any Error>) {
        let (cleanUp, continuation) = state.withLock { state in
            guard state.result == nil else {
                return (nil, nil) as ((@Sendable () -> Void)?, CheckedContinuation<Void, any Error>?)
            }
            state.result = result
            // Without it the watch is being begun: ``keep(_:)`` goes on from here.
            guard let cleanUp = state.cleanUp else { return (nil, nil) }
            defer { (state.continuation, state.cleanUp) = (nil, nil) }
            return (cleanUp, state.continuation)
        }
        cleanUp?()
        continuation?.resume(with: result)
    }
}
