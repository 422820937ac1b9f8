import Addressing
import Glibc
import LinuxSystem
import Logging
import NIOCore
import NIOPosix
import NameService
import Synchronization
import Testing

/// One container asks without end; the others, and the rest of the daemon, do not notice.
@Suite struct FairShareTests {
    private let log = Logger(label: "test")
    private let webAddress = IPv4Address(10, 1, 0, 5)
    private var web: IPAddress { .v4(webAddress) }
    private let upstreamAddress = IPAddress(127, 0, 0, 99)

    private func query(_ text: String) throws -> Message {
        var query = Message()
        query.id = 0x4242
        query.recursionDesired = true
        query.question = Question(try #require(DomainName(text)), .a)
        return query
    }

    private func withNamespace(_ body: (NetworkNamespace) async throws -> Void) async throws {
        let namespace = try await NetworkNamespace.create(at: "/run/apus-test-\(RandomID.hex(bytes: 6))/net")
        let result: Result<Void, any Error>
        do {
            try await namespace.run { try raiseLoopback() }
            try await body(namespace)
            result = .success(())
        } catch { result = .failure(error) }
        try await namespace.remove()
        try Files.removeTree(Files.parent(of: namespace.path))
        try result.get()
    }

    private func table(tasks: Int = 3) -> NameTable {
        let addresses = (0..<UInt32(tasks)).map { IPAddress(10, 1, 0, 10).advanced(by: $0) }
        return NameTable(networks: [.init(name: "n", names: ["web": [web], "tasks.web": addresses])], forwards: true)
    }

    private struct Times {
        var queries: [Duration] = []
        /// How long the daemon's own event loops took to do a small thing.
        var loops: [Duration] = []

        /// Half of them are quick, and none is so slow that a client would ask again. The machine may have other work.
        func areGood(_ usual: Duration) -> Bool {
            [queries, loops].allSatisfy { times in
                let sorted = times.sorted()
                return sorted[sorted.count / 2] < usual && sorted[sorted.count - 1] < .seconds(3)
            }
        }
    }

    private func times(
        of count: Int, _ query: Message, _ port: UInt16, _ transport: Transport, in namespace: NetworkNamespace,
        check: (Message) -> Bool
    ) async throws -> Times {
        var times = Times()
        let octets = query.encoded()
        for _ in 0..<count {
            let reply = try await namespace.run { () -> (Duration, [UInt8]) in
                let start = ContinuousClock.now
                let reply = try exchange(octets, NameServer.address, port, transport)
                return (ContinuousClock.now - start, reply)
            }
            #expect(check(try Message(decoding: reply.1)))
            times.queries.append(reply.0)
            let start = ContinuousClock.now
            try await MultiThreadedEventLoopGroup.singleton.any().submit {}.get()
            times.loops.append(ContinuousClock.now - start)
        }
        return times
    }

    /// The first of a few tries that is good, or the last: the machine may have other work for a while. Whoever is kept waiting
    /// by a flood is so in all of them.
    private func tries(_ usual: Duration, _ measure: () async throws -> Times) async throws -> Times {
        for _ in 0..<4 {
            let found = try await measure()
            if found.areGood(usual) { return found }
        }
        return try await measure()
    }

    @Test func `sixty connections full of large queries do not keep others waiting`() async throws {
        try await withNamespace { namespace in
            let server = NameServer(log: log)
            let flooded = try await server.open(
                "flooder", namespace: namespace, table: table(tasks: 500), upstreams: Upstreams([]))
            let quiet = try await server.open("quiet", namespace: namespace, table: table(), upstreams: Upstreams([]))
            // Padding makes the query as long as one may be; the answers are as long as TCP takes them.
            var large = try query("tasks.web")
            large.edns = EDNS(payloadSize: 1232, options: [0, 12, 0x0f, 0xb0] + [UInt8](repeating: 0, count: 4_016))
            let octets = large.encoded()
            let framed = [UInt8(octets.count >> 8), UInt8(octets.count & 0xff)] + octets
            let isOver = Flag()
            defer { isOver.set() }
            // Ended by the flag.
            let flood = Task {
                try await namespace.run {
                    let sockets = try (0..<60).map { _ in try connectedSocket(NameServer.address, flooded.tcp).release()
                    }
                    defer { for socket in sockets { close(socket) } }
                    var scratch = [UInt8](repeating: 0, count: 65_536)
                    var answered = 0
                    while !isOver.isSet {
                        for socket in sockets {
                            _ = framed.withUnsafeBytes {
                                send(socket, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
                            }
                            let count = recv(socket, &scratch, scratch.count, CInt(MSG_DONTWAIT))
                            if count > 0 { answered += count }
                        }
                    }
                    return answered
                }
            }
            for transport in [Transport.udp, .tcp] {
                let port = transport == .udp ? quiet.udp : quiet.tcp
                let found = try await tries(.milliseconds(100)) {
                    try await times(of: 60, try query("web"), port, transport, in: namespace) {
                        $0.answers.map(\.data) == [.address(webAddress)]
                    }
                }
                #expect(found.areGood(.milliseconds(100)), "\(found)")
            }
            isOver.set()
            #expect(try await flood.value > 1 << 20, "there was no flood")
            await server.close("flooder")
            await server.close("quiet")
        }
    }

    @Test func `names that no upstream answers fail for who asks them alone`() async throws {
        try await withNamespace { namespace in
            let server = NameServer(log: log)
            // Answers names of `good`, and says nothing to others.
            let responder = try await namespace.run { try boundDatagramSocket(upstreamAddress, 5353) }
            let isOver = Flag()
            defer { isOver.set() }
            // Ended by the flag.
            let responding = Task { try await namespace.run { respond(to: "good", on: responder, until: isOver) } }
            let upstreams = Upstreams([.init(upstreamAddress, port: 5353)], origin: .sandbox)
            var flooders: [NameServer.Ports] = []
            for number in 0..<8 {
                flooders.append(
                    try await server.open(
                        "flooder\(number)", namespace: namespace, table: table(), upstreams: upstreams))
            }
            let quiet = try await server.open("quiet", namespace: namespace, table: table(), upstreams: upstreams)
            let dead = try (0..<200).map { try query("dead\($0).example").encoded() }
            let ports = flooders.map(\.udp)
            // 1,600 names that wait for four seconds each, asked again and again.
            // Ended by the flag.
            let flood = Task {
                try await namespace.run {
                    while !isOver.isSet {
                        for octets in dead { for port in ports { try sendDatagram(octets, NameServer.address, port) } }
                        usleep(50_000)
                    }
                }
            }
            let found = try await tries(.milliseconds(200)) {
                try await times(of: 60, try query("good.example"), quiet.udp, .udp, in: namespace) {
                    $0.code == .noError && $0.answers.count == 1
                }
            }
            #expect(found.areGood(.milliseconds(200)), "\(found)")
            isOver.set()
            try await flood.value
            _ = try await responding.value
            close(responder)
            for number in 0..<8 { await server.close("flooder\(number)") }
            await server.close("quiet")
        }
    }

    @Test func `in one container too, names that nobody answers give way to those that somebody does`() async throws {
        try await withNamespace { namespace in
            let server = NameServer(log: log)
            let responder = try await namespace.run { try boundDatagramSocket(upstreamAddress, 5353) }
            let isOver = Flag()
            defer { isOver.set() }
            // Ended by the flag.
            let responding = Task { try await namespace.run { respond(to: "good", on: responder, until: isOver) } }
            let upstreams = Upstreams([.init(upstreamAddress, port: 5353)], origin: .sandbox)
            let ports = try await server.open("a", namespace: namespace, table: table(), upstreams: upstreams)
            let dead = try (0..<600).map { try query("dead\($0).example").encoded() }
            let found = try await tries(.milliseconds(200)) {
                try await namespace.run {
                    for octets in dead { try sendDatagram(octets, NameServer.address, ports.udp) }
                }
                try await Task.sleep(for: .milliseconds(400))
                return try await times(of: 20, try query("good.example"), ports.udp, .udp, in: namespace) {
                    $0.code == .noError && $0.answers.count == 1
                }
            }
            #expect(found.areGood(.milliseconds(200)), "\(found)")
            isOver.set()
            _ = try await responding.value
            close(responder)
            await server.close("a")
        }
    }

    @Test func `names are answered and asked from within a sandbox by no thread of Swift's pool`() async throws {
        try await withNamespace { namespace in
            let server = NameServer(log: log)
            let responder = try await namespace.run { try boundDatagramSocket(upstreamAddress, 5353) }
            let isOver = Flag()
            defer { isOver.set() }
            // Ended by the flag.
            let responding = Task { try await namespace.run { respond(to: "good", on: responder, until: isOver) } }
            let upstreams = Upstreams([.init(upstreamAddress, port: 5353)], origin: .sandbox)
            let ports = try await server.open("a", namespace: namespace, table: table(), upstreams: upstreams)
            let octets = try ["web", "good.example"].map { try query($0).encoded() }
            // Whoever answers has begun by then.
            _ = try await namespace.run { try octets.map { try exchange($0, NameServer.address, ports.udp, .udp) } }
            let replies = try await namespace.run {
                let (isFree, entered) = (Flag(), Semaphore())
                defer { isFree.set() }
                let count = Int(clamping: sysconf(CInt(_SC_NPROCESSORS_ONLN)))
                for _ in 0..<count {
                    // All threads that the pool has, until the answers are there. Ended by the flag.
                    Task {
                        entered.post()
                        while !isFree.isSet { usleep(1_000) }
                    }
                }
                for _ in 0..<count { entered.wait() }
                return try octets.map { try exchange($0, NameServer.address, ports.udp, .udp) }
            }
            for reply in replies { #expect(try Message(decoding: reply).answers.count == 1) }
            isOver.set()
            _ = try await responding.value
            close(responder)
            await server.close("a")
        }
    }

    @Test func `a connection on which no query comes to an end is closed, however it trickles`() async throws {
        try await withNamespace { namespace in
            let server = NameServer(log: log)
            let ports = try await server.open("a", namespace: namespace, table: table(), upstreams: Upstreams([]))
            let lasted = try await namespace.run { () -> Duration in
                let socket = try connectedSocket(NameServer.address, ports.tcp)
                let start = ContinuousClock.now
                try socket.writeAll([1, 0])
                // An octet a second of a query of 256.
                for _ in 0..<20 {
                    var entry = pollfd(fd: socket.raw, events: CShort(POLLIN), revents: 0)
                    if poll(&entry, 1, 1_000) > 0 { break }
                    try socket.writeAll([0])
                }
                return ContinuousClock.now - start
            }
            // Who is not cut off goes on for twenty.
            #expect(lasted < .seconds(19), "\(lasted)")
            await server.close("a")
        }
    }
}

/// Set once, seen by everybody.
private final class Flag: Sendable {
    private let state = Mutex(false)
    var isSet: Bool { state.withLock { $0 } }
    func set() { state.withLock { $0 = true } }
}

/// Answers queries for names with this beginning with an address, on the calling thread.
private func respond(to beginning: String, on socket: CInt, until isOver: Flag) {
    var buffer = [UInt8](repeating: 0, count: 2048)
    while !isOver.isSet {
        var entry = pollfd(fd: socket, events: CShort(POLLIN), revents: 0)
        guard poll(&entry, 1, 100) > 0 else { continue }
        var client = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutablePointer(to: &client) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(socket, &buffer, buffer.count, 0, $0, &length)
            }
        }
        // What cannot be read gets no answer.
        guard count > 0, let query = try? Message(decoding: Array(buffer[..<count])), let question = query.question,
            question.name.key.hasPrefix(beginning)
        else { continue }
        var reply = query.reply()
        reply.answers = [ResourceRecord(question.name, timeToLive: 1, .address(IPv4Address(192, 0, 2, 7)))]
        let octets = reply.encoded()
        _ = withUnsafePointer(to: &client) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { sendto(socket, octets, octets.count, 0, $0, length) }
        }
    }
}
