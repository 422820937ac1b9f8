import LinuxSystem
import Logging
import NIOCore
import Synchronization

/// What one sandbox can look up, and where the rest of the names goes. Replaced from outside at any time; the next query sees it.
final class Zone: Sendable {
    private let state: Mutex<(table: any NameSource, upstreams: Upstreams)>

    init(_ table: any NameSource, _ upstreams: Upstreams) { state = Mutex((table, upstreams)) }

    func set(_ table: any NameSource, _ upstreams: Upstreams?) {
        state.withLock {
            $0.table = table
            if let upstreams { $0.upstreams = upstreams }
        }
    }

    var current: (table: any NameSource, upstreams: Upstreams) { state.withLock { $0 } }
}

/// What all sandboxes of a node share.
struct CommonMeans: Sendable {
    /// Queries on their way to upstreams, beyond each sandbox's own.
    let forwarding = CommonPool(256)
    /// TCP connections, beyond each sandbox's own.
    let connections = CommonPool(256)
    /// What is known of the node's upstreams.
    let memory = UpstreamMemory()
    /// How all of them have answered.
    let counts = QueryCounts()
}

/// Answers the queries of one sandbox. Belongs to its event loop.
final class QueryHandler {
    /// What is left when an answer cannot be had any more.
    typealias Reply = ([UInt8]?) -> Void

    private struct Forwarded {
        let query: Message
        let since: NIODeadline
        let isWanted: Wanted
        let reply: Reply
    }

    /// A query that has waited this long for an upstream gives way to a new one when its sandbox has too many: names that nobody
    /// answers do not keep it from those that somebody does.
    static let timeout = TimeAmount.milliseconds(250)

    private let id: String
    private let namespace: NetworkNamespace?
    private let zone: Zone
    private let loop: any EventLoop
    let line: QueryLine
    var connections: FairShare
    private var forwarding: FairShare
    private var generator = SystemRandomNumberGenerator()
    /// By number, which are in the order of time.
    private var forwarded: [UInt64: Forwarded] = [:]
    private var oldest: UInt64 = 0
    private var next: UInt64 = 0
    private let sharedMemory: UpstreamMemory
    private let counts: QueryCounts
    /// What is known of the upstreams that this sandbox reaches itself.
    private let ownMemory = UpstreamMemory()
    private let log: Logger

    init(
        _ id: String, _ namespace: NetworkNamespace?, _ zone: Zone, on loop: any EventLoop,
        scheduler: TimeSliceScheduler,
        sharing common: CommonMeans,
        log: Logger
    ) {
        self.id = id
        self.namespace = namespace
        self.zone = zone
        self.loop = loop
        self.log = log
        line = QueryLine(scheduler)
        connections = FairShare(own: 4, most: 64, pool: common.connections)
        forwarding = FairShare(own: 16, most: 128, pool: common.forwarding)
        sharedMemory = common.memory
        counts = common.counts
    }

    /// Answers one query. `reply` is called once, at once or later on the event loop; with nothing when there is nothing to say.
    func answer(_ octets: [UInt8], over transport: Transport, reply: @escaping Reply) {
        let (table, upstreams) = zone.current
        if let answer = Resolver.plainAnswer(to: octets, in: table, isDatagram: transport == .udp, using: &generator) {
            return settle(answer, reply)
        }
        let query: Message
        switch Resolver.admission(of: octets, length: octets.count) {
        case .ignore: return reply(nil)
        case .refusal(let refusal): return settle(refusal, reply)
        case .query:
            do { query = try Message(decoding: octets) } catch {
                return settle(MessageHeader(octets).map { Resolver.refusal(of: $0, .formatError) }, reply)
            }
        }
        switch Resolver.resolve(query, in: table, using: &generator) {
        case .answer(let message):
            settle(
                message.encoded(limit: transport == .udp ? query.replyLimit : MessageEncoder.largestMessage), reply)
        case .forward: forward(octets, query, to: upstreams, over: transport, reply)
        }
    }

    /// Gives an answer, and counts it.
    private func settle(_ answer: [UInt8]?, from origin: QueryCounts.Origin = .node, _ reply: Reply) {
        counts.note(answer, from: origin)
        reply(answer)
    }

    private func forward(
        _ octets: [UInt8], _ query: Message, to upstreams: Upstreams, over transport: Transport,
        _ reply: @escaping Reply
    ) {
        guard let question = query.question, !upstreams.servers.isEmpty, makeRoom() else {
            return settle(query.reply(.serverFailure).encoded(), from: .upstream, reply)
        }
        let number = next
        next &+= 1
        let isWanted = Wanted()
        forwarded[number] = Forwarded(query: query, since: .now(), isWanted: isWanted, reply: reply)
        let memory = upstreams.origin == .sandbox ? ownMemory : sharedMemory
        let plan = memory.plan(upstreams.servers)
        let desk = NIOLoopBound(self, eventLoop: loop)
        let loop = loop
        let exchange = UpstreamExchange(
            query: octets, question: question, servers: plan.order, atOnce: plan.atOnce, transport: transport,
            isWanted: isWanted
        ) { result in
            if case .success(let outcome) = result, let server = outcome.server {
                memory.note(server, of: upstreams.servers, raced: plan.atOnce > 1)
            }
            loop.execute { desk.value.finish(number, result) }
        }
        guard upstreams.origin == .sandbox, let namespace else { return UpstreamThread.shared.start(exchange) }
        SandboxVisits.shared.start(exchange, in: namespace)
    }

    /// Whether one more query may be forwarded, after the oldest has given way where that is its turn.
    private func makeRoom() -> Bool {
        if forwarding.take() { return true }
        while oldest < next, forwarded[oldest] == nil { oldest &+= 1 }
        guard let waiting = forwarded[oldest], waiting.since + Self.timeout <= .now() else { return false }
        waiting.isWanted.revoke()
        finish(oldest, .failure(UpstreamError(attempting: "waiting for others")))
        return forwarding.take()
    }

    private func finish(_ number: UInt64, _ result: Result<UpstreamExchange.Outcome, any Error>) {
        guard let waiting = forwarded.removeValue(forKey: number) else { return }
        forwarding.giveBack()
        counts.noteWait(nanoseconds: (NIODeadline.now() - waiting.since).nanoseconds)
        switch result {
        case .success(let outcome): settle(outcome.reply, from: .upstream, waiting.reply)
        case .failure(let error):
            log.debug("forwarding failed", metadata: ["sandbox": "\(id)", "error": "\(error)"])
            settle(waiting.query.reply(.serverFailure).encoded(), from: .upstream, waiting.reply)
        }
    }
}
