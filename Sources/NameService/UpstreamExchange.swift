import Addressing
package import Faults
import Glibc

/// No upstream answered.
package struct UpstreamError: Fault {
    package let attempting: String
    package var kind: FaultKind { .unavailable }
    package var description: String { "no reply from an upstream resolver while \(attempting)" }
}

/// One query put to several upstreams: the next is asked when those before have not answered for ``patience``, or at once
/// when they refused; the first good reply wins. Blocks: runs on a thread of its own, in the namespace the thread is in.
struct UpstreamExchange {
    /// How long one server is waited for before the next is asked as well.
    static let patience: Duration = .milliseconds(200)
    /// How long a query may take altogether; clients ask again after five seconds.
    static let deadline: Duration = .seconds(4)
    /// Servers beyond this are not asked (resolv.conf(5): MAXNS).
    static let maximumServers = 3

    let query: [UInt8]
    let question: Question
    let servers: [Upstreams.Server]
    /// How many of the servers are asked at the very beginning.
    var atOnce = 1
    let transport: Transport

    struct Outcome {
        /// Under the query's own id.
        var reply: [UInt8]
        /// Who gave a good one; `nil` when there were failures only.
        var server: Upstreams.Server?
    }

    private enum Step { case waiting, failed, reply([UInt8]) }

    func run() throws -> Outcome {
        let clock = ContinuousClock()
        let start = clock.now
        var waiting = ArraySlice(servers.prefix(Self.maximumServers))
        var attempts: [UpstreamAttempt] = []
        defer { for attempt in attempts { attempt.close() } }
        var fallback: [UInt8]?
        var nextStart = start
        var asked = 0
        while true {
            let now = clock.now
            guard now < start + Self.deadline else { break }
            if let server = waiting.first, now >= nextStart || attempts.isEmpty || asked < atOnce {
                waiting = waiting.dropFirst()
                asked += 1
                nextStart = now + Self.patience
                if let attempt = UpstreamAttempt(server, transport, query) { attempts.append(attempt) }
                continue
            }
            if attempts.isEmpty { break }
            let wake = waiting.isEmpty ? start + Self.deadline : min(nextStart, start + Self.deadline)
            let ready = try Self.poll(attempts, for: now.duration(to: wake))
            for index in ready.reversed() {
                switch step(&attempts[index]) {
                case .waiting: continue
                case .failed: break
                case .reply(let reply):
                    if !Self.isFailure(reply) {
                        return Outcome(reply: Self.renumbered(reply, as: query), server: attempts[index].server)
                    }
                    fallback = reply  // Another server may know better; a name that does not exist is an answer.
                }
                attempts.remove(at: index).close()
            }
        }
        if let fallback { return Outcome(reply: Self.renumbered(fallback, as: query)) }
        throw UpstreamError(attempting: "resolving \(question.name)")
    }

    private func step(_ attempt: inout UpstreamAttempt) -> Step {
        guard let octets = attempt.advance() else { return .failed }
        guard !octets.isEmpty else { return .waiting }
        // A reply to something else than what was asked is forged or late: it does not end the wait.
        guard attempt.carries(octets), let reply = try? Message(decoding: octets),  // Unreadable counts as forged.
            reply.isResponse, reply.questions == [question]
        else { return transport == .udp ? .waiting : .failed }
        return .reply(octets)
    }

    /// SERVFAIL and REFUSED say something about the server, not about the name.
    private static func isFailure(_ reply: [UInt8]) -> Bool {
        let code = ResponseCode(rawValue: UInt16(reply[3] & 0xf))
        return code == .serverFailure || code == .refused
    }

    private static func renumbered(_ reply: [UInt8], as query: [UInt8]) -> [UInt8] {
        Array(query[0..<2]) + reply[2...]
    }

    private static func poll(_ attempts: [UpstreamAttempt], for time: Duration) throws -> [Int] {
        var entries = attempts.map { pollfd(fd: $0.socket, events: $0.events, revents: 0) }
        let parts = time.components
        let milliseconds = max(1, parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000)
        let count = Glibc.poll(&entries, nfds_t(entries.count), CInt(min(milliseconds, 60_000)))
        guard count > 0 else { return [] }  // The time is over, or a signal came: the caller looks at its clock.
        return entries.indices.filter { entries[$0].revents != 0 }
    }
}

/// One query on its way to one server.
struct UpstreamAttempt {
    /// The largest reply that is read from a datagram.
    private static let largestDatagram = 65_535

    let server: Upstreams.Server
    let socket: CInt
    private let transport: Transport
    private let id: (UInt8, UInt8)
    private var unsent: ArraySlice<UInt8>
    private var received: [UInt8] = []

    /// What to wait for.
    var events: CShort { unsent.isEmpty ? CShort(POLLIN) : CShort(POLLOUT) }

    /// Opens a socket to the server and begins to send, under an id that nobody can guess. `nil` when there is no way.
    init?(_ server: Upstreams.Server, _ transport: Transport, _ query: [UInt8]) {
        let kind = transport == .udp ? SOCK_DGRAM : SOCK_STREAM
        let socket = Glibc.socket(
            AF_INET, CInt(kind.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        guard socket >= 0 else { return nil }
        var address = sockaddr_in(server.address, port: server.port)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 || errno == EINPROGRESS else {
            _ = Glibc.close(socket)
            return nil
        }
        let number = UInt16.random(in: .min ... .max)
        id = (UInt8(number >> 8), UInt8(number & 0xff))
        let length = transport == .tcp ? [UInt8(query.count >> 8), UInt8(query.count & 0xff)] : []
        self.server = server
        self.socket = socket
        self.transport = transport
        unsent = (length + [id.0, id.1] + query[2...])[...]
    }

    func close() { _ = Glibc.close(socket) }

    func carries(_ reply: [UInt8]) -> Bool { reply.count >= 12 && reply[0] == id.0 && reply[1] == id.1 }

    /// Sends or receives what is possible. `nil`: broken. Empty: not yet. Otherwise a whole reply.
    mutating func advance() -> [UInt8]? {
        if !unsent.isEmpty {
            let count = Array(unsent).withUnsafeBytes { send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            guard count >= 0 else { return errno == EAGAIN || errno == EINTR ? [] : nil }
            unsent = unsent.dropFirst(count)
            return []
        }
        var buffer = [UInt8](repeating: 0, count: Self.largestDatagram)
        let count = buffer.withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { return errno == EAGAIN || errno == EINTR ? [] : nil }
        if transport == .udp { return Array(buffer[..<count]) }
        guard count > 0 else { return nil }
        received += buffer[..<count]
        guard received.count >= 2 else { return [] }
        let length = Int(received[0]) << 8 | Int(received[1])
        guard received.count >= 2 + length else { return [] }
        return length == 0 ? nil : Array(received[2..<2 + length])
    }
}

extension sockaddr_in {
    init(_ address: IPv4Address, port: UInt16) {
        self.init()
        sin_family = sa_family_t(AF_INET)
        sin_port = port.bigEndian
        sin_addr.s_addr = address.inMemory
    }
}
