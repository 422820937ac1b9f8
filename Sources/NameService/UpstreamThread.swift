import Glibc
import LinuxSystem
import Synchronization

/// Carries out all exchanges with upstreams, on one thread that waits for all their sockets: a name that nobody answers costs a
/// place and not a thread.
final class UpstreamThread: Sendable {
    /// The process' own, begun at first use.
    static let shared = UpstreamThread()

    private struct State {
        var arrivals: [UpstreamExchange] = []
        /// Written to when something arrives; -1: there is no thread yet.
        var wakeup: CInt = -1
    }

    private let state = Mutex(State())

    /// Begins the thread, in the namespaces of the calling one, unless that has been done.
    func ensureStarted() throws(SystemError) {
        try state.withLock { state throws(SystemError) in
            if state.wakeup < 0 { state.wakeup = try begin() }
        }
    }

    /// Takes an exchange over; what comes of it is told to its ``UpstreamExchange/whenDone``, on this thread.
    func start(_ exchange: UpstreamExchange) {
        do {
            let wakeup = try state.withLock { state throws(SystemError) in
                if state.wakeup < 0 { state.wakeup = try begin() }
                state.arrivals.append(exchange)
                return state.wakeup
            }
            // A full pipe says as much as one more octet would.
            _ = write(wakeup, [1], 1)
        } catch {
            exchange.whenDone(.failure(error))
        }
    }

    /// Returns where to ring.
    private func begin() throws(SystemError) -> CInt {
        let (reading, writing) = try Descriptor.pipe(nonBlocking: true).split { ($0.release(), $1.release()) }
        do {
            let thread = try startThread { [self] in run(reading) }
            pthread_detach(thread)
        } catch {
            close(reading)
            close(writing)
            throw error
        }
        return writing
    }

    private func run(_ wakeup: CInt) {
        var exchanges: [UpstreamExchange] = []
        var scratch = [UInt8](repeating: 0, count: UpstreamAttempt.largestRead)
        while true {
            var entries = [pollfd(fd: wakeup, events: CShort(truncatingIfNeeded: POLLIN), revents: 0)]
            for exchange in exchanges { entries += exchange.entries }
            let deadline = exchanges.map(\.wake).min()
            let count = poll(&entries, nfds_t(clamping: entries.count), Self.milliseconds(until: deadline))
            if count > 0 {
                if entries.first?.revents != 0 { while read(wakeup, &scratch, scratch.count) > 0 {} }
                var ready = entries.dropFirst()
                for index in exchanges.indices {
                    let own = ready.prefix(exchanges[index].entries.count)
                    ready = ready.dropFirst(own.count)
                    exchanges[index].step(own.map { $0.revents != 0 }, &scratch)
                }
            }
            exchanges += state.withLock { state in
                defer { state.arrivals = [] }
                return state.arrivals
            }
            let now = ContinuousClock.now
            for index in exchanges.indices { exchanges[index].advance(now) }
            for exchange in exchanges { if let result = exchange.result { exchange.end(with: result) } }
            exchanges.removeAll { $0.result != nil }
        }
    }

    /// Rounded up; -1 for ever.
    private static func milliseconds(until deadline: ContinuousClock.Instant?) -> CInt {
        guard let deadline else { return -1 }
        let parts = (deadline - .now).components
        return CInt(clamping: max(0, parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000 + 1))
    }
}
