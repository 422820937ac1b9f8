import Glibc
import LinuxSystem
import Synchronization

/// Makes the sockets by which a query leaves from within a sandbox, on one thread that goes into one after the other: a socket belongs to the
/// namespace in which it was made, whoever uses it.
///
/// It is nobody else's: what containers ask takes no turn of Swift's pool, and no thread on which other blocking work of the daemon is done.
final class SandboxVisits: Sendable {
    /// The process' own, begun at first use.
    static let shared = SandboxVisits()

    private struct Visit: Sendable {
        let namespace: NetworkNamespace
        let exchange: UpstreamExchange
    }

    private struct State {
        var waiting: [Visit] = []
        var isStarted = false
    }

    private let state = Mutex(State())
    private let count = Semaphore()

    /// Hands the exchange on to ``UpstreamThread`` with its sockets; one that nobody wants any more when its turn comes, or for which there are no
    /// sockets, ends with a failure. Must be called from a thread in the process' own namespaces.
    func start(_ exchange: UpstreamExchange, in namespace: NetworkNamespace) {
        do {
            // Not by the thread below: it would begin where that one is.
            try UpstreamThread.shared.ensureStarted()
            try state.withLock { state throws(SystemError) in
                if !state.isStarted { pthread_detach(try startThread { [self] in run() }) }
                state.isStarted = true
                state.waiting.append(Visit(namespace: namespace, exchange: exchange))
            }
            count.post()
        } catch {
            exchange.whenDone(.failure(error))
        }
    }

    private func run() {
        while true {
            count.wait()
            let visits = state.withLock { state in
                defer { state.waiting = [] }
                return state.waiting
            }
            for visit in visits { make(visit) }
            // A thread keeps the namespace it is in, though its container has gone. The next visit does not depend on where it begins.
            try? NetworkNamespace.own.enter()
        }
    }

    private func make(_ visit: Visit) {
        let exchange = visit.exchange
        do {
            guard exchange.isWanted.isTrue else { throw UpstreamError(attempting: "waiting for others") }
            try visit.namespace.enter()
            let sockets = try UpstreamSockets(for: exchange.servers, exchange.transport)
            UpstreamThread.shared.start(exchange.using(sockets))
        } catch {
            exchange.whenDone(.failure(error))
        }
    }
}
