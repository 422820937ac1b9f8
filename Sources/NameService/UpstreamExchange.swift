import Addressing
package import Faults
import Glibc
import LinuxSystem

/// No upstream answered.
package struct UpstreamError: Fault, CustomStringConvertible {
    package let attempting: String
    package var kind: FaultKind { .unavailable }
    package var description: String { "no reply from an upstream resolver while \(attempting)" }
}

/// One query put to several upstreams: the next is asked when those before have not answered for ``timeout``, or at once
/// when they refused; the first good reply wins. Never waits: ``UpstreamThread`` says when something has happened.
struct UpstreamExchange: Sendable {
    /// How long one server is waited for before the next is asked as well.
    static let timeout: Duration = .milliseconds(200)
    /// How long a query may take altogether; clients ask again after five seconds.
    static let deadline: Duration = .seconds(4)
    /// Servers beyond this are not asked (resolv.conf(5): MAXNS).
    static let maximumServers = 3

    let query: [UInt8]
    let question: Question
    let servers: [Upstreams.Server]
    /// How many of the servers are asked at the very beginning.
    let atOnce: Int
    let transport: Transport
    /// Sockets of another namespace; absent: of the process' own, made as needed.
    private var sockets: UpstreamSockets?
    let isWanted: Wanted
    /// Told the end, once.
    let whenDone: @Sendable (Result<Outcome, any Error>) -> Void

    private var waiting: ArraySlice<Upstreams.Server>
    private var attempts: [UpstreamAttempt] = []
    private var fallback: [UInt8]?
    private let start = ContinuousClock.now
    private var nextStart = ContinuousClock.now
    private var asked = 0
    /// What came of it, as soon as that is known.
    private(set) var result: Result<Outcome, any Error>?

    struct Outcome: Sendable {
        /// Under the query's own id.
        var reply: [UInt8]
        /// Who gave a good one; `nil` when there were failures only.
        var server: Upstreams.Server?
    }

    private enum Step { case waiting, failed, reply([UInt8], ResponseCode) }

    init(
        query: [UInt8], question: Question, servers: [Upstreams.Server], atOnce: Int, transport: Transport,
        isWanted: Wanted,
        whenDone: @escaping @Sendable (Result<Outcome, any Error>) -> Void
    ) {
        self.query = query
        self.question = question
        self.servers = servers
        self.atOnce = atOnce
        self.transport = transport
        self.isWanted = isWanted
        self.whenDone = whenDone
        waiting = servers.prefix(Self.maximumServers)
    }

    /// The same by these sockets.
    func using(_ sockets: UpstreamSockets) -> Self {
        var copy = self
        copy.sockets = sockets
        return copy
    }

    /// What is waited for.
    var entries: [pollfd] { attempts.map { pollfd(fd: $0.socket, events: $0.events, revents: 0) } }

    /// When there is something to do although nothing happens.
    var wake: ContinuousClock.Instant {
        waiting.isEmpty ? start + Self.deadline : min(nextStart, start + Self.deadline)
    }

    /// Asks the servers whose time has come, and gives up at the deadline.
    mutating func advance(_ now: ContinuousClock.Instant) {
        guard result == nil else { return }
        guard now < start + Self.deadline, isWanted.isTrue else { return giveUp() }
        while let server = waiting.first, now >= nextStart || attempts.isEmpty || asked < atOnce {
            waiting = waiting.dropFirst()
            asked += 1
            nextStart = now + Self.timeout
            if let attempt = attempt(server) { attempts.append(attempt) }
        }
        if attempts.isEmpty { giveUp() }
    }

    private func attempt(_ server: Upstreams.Server) -> UpstreamAttempt? {
        // One that cannot be asked is passed over, as one that refuses is.
        let socket =
            sockets == nil ? try? UpstreamSockets.make(server, transport) : sockets?.take(server.address.family)
        return socket.flatMap { UpstreamAttempt(server, transport, query, socket: $0) }
    }

    /// - Parameter ready: for each of ``entries`` whether something has happened there.
    mutating func step(_ ready: [Bool], _ scratch: inout [UInt8]) {
        var kept: [UpstreamAttempt] = []
        for (var attempt, isReady) in zip(attempts, ready) {
            switch isReady && result == nil ? step(&attempt, &scratch) : .waiting {
            case .waiting: kept.append(attempt)
            case .failed: attempt.close()
            case .reply(let reply, let code):
                // SERVFAIL and REFUSED say something about the server, not about the name: another may know better.
                if code == .serverFailure || code == .refused {
                    fallback = reply
                } else {
                    result = .success(Outcome(reply: renumbered(reply), server: attempt.server))
                }
                attempt.close()
            }
        }
        attempts = kept
    }

    /// Closes what is open and tells the end.
    func end(with result: Result<Outcome, any Error>) {
        for attempt in attempts { attempt.close() }
        whenDone(result)
    }

    private mutating func giveUp() {
        if let fallback {
            result = .success(Outcome(reply: renumbered(fallback)))
        } else {
            result = .failure(UpstreamError(attempting: "resolving \(question.name)"))
        }
    }

    private func step(_ attempt: inout UpstreamAttempt, _ scratch: inout [UInt8]) -> Step {
        guard let octets = attempt.advance(&scratch) else { return .failed }
        guard !octets.isEmpty else { return .waiting }
        // A reply to something else than what was asked is forged or late: it does not end the wait. Unreadable counts as forged.
        guard attempt.carries(octets), let reply = try? Message(beginningOf: octets), reply.isResponse,
            reply.question == question
        else { return transport == .udp ? .waiting : .failed }
        return .reply(octets, reply.code)
    }

    private func renumbered(_ reply: [UInt8]) -> [UInt8] { Array(query.prefix(2) + reply.dropFirst(2)) }
}

/// One query on its way to one server.
struct UpstreamAttempt: Sendable {
    /// The most that is read at once: the largest datagram.
    static let largestRead = 65_535

    let server: Upstreams.Server
    let socket: CInt
    private let transport: Transport
    private let id: UInt16
    private var unsent: ArraySlice<UInt8>
    private var received: [UInt8] = []

    /// What to wait for.
    var events: CShort { CShort(truncatingIfNeeded: unsent.isEmpty ? POLLIN : POLLOUT) }

    /// Connects a socket to the server, to send under an id that nobody can guess. `nil`, and the socket closed, when there is no way.
    init?(_ server: Upstreams.Server, _ transport: Transport, _ query: [UInt8], socket: CInt) {
        let place = InternetSocketAddress(server.address, port: server.port)
        guard place.withPointer({ connect(socket, $0, $1) }) == 0 || errno == EINPROGRESS else {
            _ = Glibc.close(socket)
            return nil
        }
        id = UInt16.random(in: .min ... .max)
        let length = transport == .tcp ? UInt16(clamping: query.count).octets : []
        self.server = server
        self.socket = socket
        self.transport = transport
        unsent = (length + id.octets + query.dropFirst(2))[...]
    }

    func close() { _ = Glibc.close(socket) }

    func carries(_ reply: [UInt8]) -> Bool { reply.number16(at: 0) == id }

    /// Sends or receives what is possible. `nil`: broken. Empty: not yet. Otherwise a whole reply.
    mutating func advance(_ scratch: inout [UInt8]) -> [UInt8]? {
        if !unsent.isEmpty {
            let count = unsent.withUnsafeBytes {
                send(socket, $0.baseAddress, $0.count, CInt(truncatingIfNeeded: MSG_NOSIGNAL))
            }
            guard count >= 0 else { return errno == EAGAIN || errno == EINTR ? [] : nil }
            unsent = unsent.dropFirst(count)
            return []
        }
        let count = scratch.withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { return errno == EAGAIN || errno == EINTR ? [] : nil }
        let read = scratch.prefix(count)
        if transport == .udp { return Array(read) }
        guard count > 0 else { return nil }
        received += read
        guard let length = received.number16(at: 0).map({ Int(clamping: $0) }) else { return [] }
        guard let reply = received.octets(at: 2, length) else { return [] }
        return length == 0 ? nil : Array(reply)
    }
}
