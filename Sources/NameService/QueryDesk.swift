import LinuxSystem
import Logging
import Synchronization

/// Answers the queries of one sandbox.
final class QueryDesk: Sendable {
    /// Queries on their way to upstreams: of the node, and of one sandbox, so that none can use up all. One more is
    /// answered SERVFAIL at once.
    static let maximumForwarded = 512
    static let maximumForwardedPerSandbox = 128
    /// TCP connections to one sandbox's resolver; one more is closed at once.
    static let maximumConnections = 64

    private struct State {
        var table: NameTable
        var upstreams: Upstreams
        var generator = SystemRandomNumberGenerator()
    }

    private let id: String
    private let namespace: NetworkNamespace?
    private let state: Mutex<State>
    private let quotas: [Quota]
    let connections = Quota(limit: QueryDesk.maximumConnections)
    /// What is known of the node's upstreams, with the other sandboxes; and of those that this sandbox reaches itself.
    private let sharedMemory: UpstreamMemory
    private let ownMemory = UpstreamMemory()
    private let log: Logger

    init(
        _ id: String, _ namespace: NetworkNamespace?, _ table: NameTable, _ upstreams: Upstreams, shared: Quota,
        memory: UpstreamMemory, log: Logger
    ) {
        self.id = id
        self.namespace = namespace
        sharedMemory = memory
        self.log = log
        state = Mutex(State(table: table, upstreams: upstreams))
        quotas = [Quota(limit: Self.maximumForwardedPerSandbox), shared]
    }

    func set(_ table: NameTable, _ upstreams: Upstreams?) {
        state.withLock {
            $0.table = table
            if let upstreams { $0.upstreams = upstreams }
        }
    }

    /// Answers one query. `reply` is called at most once, at once or later on any thread.
    func answer(_ octets: [UInt8], over transport: Transport, reply: @escaping @Sendable ([UInt8]) -> Void) {
        let query: Message
        do { query = try Message(decoding: octets) } catch {
            if let refusal = Resolver.refusal(of: octets) { reply(refusal) }
            return
        }
        let (resolution, upstreams) = state.withLock {
            (Resolver.resolve(query, in: $0.table, using: &$0.generator), $0.upstreams)
        }
        switch resolution {
        case .ignore: return
        case .answer(let message):
            reply(message.encoded(limit: transport == .udp ? query.replyLimit : Int(UInt16.max)))
        case .forward:
            guard let question = query.questions.first, !upstreams.servers.isEmpty, Quota.take(quotas) else {
                return reply(query.reply(.serverFailure).encoded())
            }
            let memory = upstreams.origin == .sandbox ? ownMemory : sharedMemory
            let plan = memory.plan(upstreams.servers)
            let exchange = UpstreamExchange(
                query: octets, question: question, servers: plan.order, atOnce: plan.atOnce, transport: transport)
            // Bridges from the event loop; bounded by the quotas, and in time by the exchange's deadline.
            Task {
                defer { Quota.giveBack(quotas) }
                do {
                    let outcome: UpstreamExchange.Outcome
                    if upstreams.origin == .sandbox, let namespace {
                        outcome = try await namespace.run { try exchange.run() }
                    } else {
                        outcome = try await onThread { try exchange.run() }
                    }
                    if let server = outcome.server {
                        memory.note(server, of: upstreams.servers, raced: plan.atOnce > 1)
                    }
                    reply(outcome.reply)
                } catch {
                    log.debug("forwarding failed", metadata: ["sandbox": "\(id)", "error": "\(error)"])
                    reply(query.reply(.serverFailure).encoded())
                }
            }
        }
    }
}

/// So many at a time.
final class Quota: Sendable {
    private let limit: Int
    private let used = Mutex(0)

    init(limit: Int) { self.limit = limit }

    /// Takes one of each, or none.
    static func take(_ quotas: [Quota]) -> Bool {
        for (index, quota) in quotas.enumerated() where !quota.takeOne() {
            giveBack(Array(quotas[..<index]))
            return false
        }
        return true
    }

    static func giveBack(_ quotas: [Quota]) {
        for quota in quotas { quota.used.withLock { $0 -= 1 } }
    }

    private func takeOne() -> Bool {
        used.withLock {
            guard $0 < limit else { return false }
            $0 += 1
            return true
        }
    }
}
