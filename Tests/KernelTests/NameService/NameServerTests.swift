import Addressing
import Glibc
import LinuxSystem
import Logging
import NameService
import TestKit
import Testing

@Suite struct NameServerTests {
    private let log = Logger(label: "test")
    private let upstreamAddress = IPAddress(127, 0, 0, 99)
    private let webAddress = IPv4Address(10, 1, 0, 5)
    private var web: IPAddress { .v4(webAddress) }

    /// A throw-away namespace with its loopback up.
    private func withNamespace(_ body: (NetworkNamespace) async throws -> Void) async throws {
        let namespace = try await NetworkNamespace.create(at: "/run/apus-test-\(RandomID.hex(bytes: 6))/net")
        do {
            try await namespace.run { try raiseLoopback() }
            try await body(namespace)
        } catch {
            try await remove(namespace)
            throw error
        }
        try await remove(namespace)
    }

    private func remove(_ namespace: NetworkNamespace) async throws {
        try await namespace.remove()
        try Files.removeTree(Files.parent(of: namespace.path))
    }

    private func query(_ text: String, _ type: RecordType = .a) throws -> Message {
        var query = Message()
        query.id = 0x4242
        query.recursionDesired = true
        query.question = Question(try #require(DomainName(text)), type)
        return query
    }

    private func table(forwards: Bool = true, tasks: Int = 3) -> NameTable {
        let addresses = (0..<UInt32(tasks)).map { IPAddress(10, 1, 0, 10).advanced(by: $0) }
        return NameTable(
            networks: [.init(name: "my-net", names: ["web": [web], "tasks.web": addresses])],
            pointers: [web: "web.my-net"],
            forwards: forwards)
    }

    @Test func `names are answered inside the namespace by UDP and TCP`() async throws {
        try await withNamespace { namespace in
            let server = NameServer(log: log)
            let ports = try await server.open(
                "a", namespace: namespace, table: table(tasks: 100), upstreams: Upstreams([]))
            let one = try await ask(try query("web"), ports.udp, .udp, in: namespace)
            #expect(one.id == 0x4242 && one.answers.map(\.data) == [.address(webAddress)])
            let cut = try await ask(try query("tasks.web"), ports.udp, .udp, in: namespace)
            #expect(cut.isTruncated && cut.answers.count < 100)
            let whole = try await ask(try query("tasks.web"), ports.tcp, .tcp, in: namespace)
            #expect(!whole.isTruncated && whole.answers.count == 100)
            var wide = try query("tasks.web")
            wide.edns = EDNS(payloadSize: 4096)
            #expect(try await ask(wide, ports.udp, .udp, in: namespace).answers.count == 100)
            #expect(server.counts.count(.node, .noError) == 4 && server.counts.count(.upstream, .noError) == 0)
            // There is no upstream to be asked.
            _ = try await ask(try query("elsewhere.example"), ports.udp, .udp, in: namespace)
            #expect(server.counts.count(.upstream, .serverFailure) == 1)
            await server.close("a")
        }
    }

    @Test func `opening again keeps the ports and takes the new table, closing frees the port`() async throws {
        try await withNamespace { namespace in
            let server = NameServer(log: log)
            let ports = try await server.open("a", namespace: namespace, table: table(), upstreams: Upstreams([]))
            let again = try await server.open(
                "a", namespace: namespace, table: NameTable(forwards: false), upstreams: Upstreams([]))
            #expect(again == ports)
            #expect(try await ask(try query("web"), ports.udp, .udp, in: namespace).code == .noSuchName)
            await server.update("a", table: table())
            #expect(try await ask(try query("web"), ports.udp, .udp, in: namespace).answers.count == 1)
            await server.close("a")
            await server.close("a")
            // The same port can be had again at once: nothing of the first server is left.
            let second = NameServer(log: log)
            let third = try await second.open(
                "a", namespace: namespace, port: ports.udp, table: table(), upstreams: Upstreams([]))
            #expect(third.udp == ports.udp)
            await second.close("a")
        }
    }

    @Test func `D7: unknown names go to an upstream in the sandbox or the node, and never from an internal sandbox`()
        async throws
    {
        try await withNamespace { namespace in
            let server = NameServer(log: log)
            let zone = NameTable(
                networks: [.init(name: "internet", names: ["google.com": [IPAddress(192, 0, 2, 7)]])], forwards: false
            )
            let upstream = try await server.open(
                "upstream", namespace: namespace, at: upstreamAddress, port: 5353, table: zone, upstreams: Upstreams([])
            )
            #expect(upstream.udp == 5353 && upstream.tcp == 5353)
            let servers = [Upstreams.Server(upstreamAddress, port: 5353)]
            let ports = try await server.open(
                "a", namespace: namespace, table: table(), upstreams: Upstreams(servers, origin: .sandbox))
            for (transport, port) in [(Transport.udp, ports.udp), (.tcp, ports.tcp)] {
                let reply = try await ask(try query("google.com"), port, transport, in: namespace)
                #expect(reply.id == 0x4242 && reply.answers.map(\.data) == [.address(IPv4Address(192, 0, 2, 7))])
                #expect(try await ask(try query("nowhere.example"), port, transport, in: namespace).code == .noSuchName)
            }
            // Seen from the node, that upstream does not exist.
            await server.update("a", table: table(), upstreams: Upstreams(servers, origin: .node))
            #expect(try await ask(try query("google.com"), ports.udp, .udp, in: namespace).code == .serverFailure)
            await server.update(
                "a", table: table(forwards: false), upstreams: Upstreams(servers, origin: .sandbox))
            #expect(try await ask(try query("google.com"), ports.udp, .udp, in: namespace).code == .noSuchName)
            await server.close("a")
            await server.close("upstream")
        }
    }

    @Test func `queries that go on by TCP leave no port behind that is in use`() async throws {
        try await withNamespace { namespace in
            let server = NameServer(log: log)
            let upstream = try await server.open(
                "upstream", namespace: namespace, at: upstreamAddress, port: 5353, table: table(),
                upstreams: Upstreams([]))
            #expect(upstream.tcp == 5353)
            let ports = try await server.open(
                "a", namespace: namespace, table: NameTable(forwards: true),
                upstreams: Upstreams([.init(upstreamAddress, port: 5353)], origin: .sandbox))
            for _ in 0..<20 {
                let reply = try await ask(try query("web"), ports.tcp, .tcp, in: namespace)
                #expect(reply.answers.map(\.data) == [.address(webAddress)])
            }
            // The last one may be closed a moment after its answer; one that kept its port for its time would be there
            // for a minute.
            try await eventually("none is open") { () async throws -> Bool in
                try await namespace.run { () throws -> Bool in
                    let table = try Files.text("/proc/thread-self/net/tcp") ?? "no such table:14E9"
                    return !table.split(separator: "\n").contains { line in
                        // Number, own address and port, the other's: proc(5). 0x14E9 is 5353.
                        line.split(separator: " ").dropFirst(2).first?.hasSuffix(":14E9") == true
                    }
                }
            }
            await server.close("a")
            await server.close("upstream")
        }
    }

    @Test func `an upstream may be of IPv6, and one that cannot be reached is passed over`() async throws {
        try await withNamespace { namespace in
            let server = NameServer(log: log)
            let zone = NameTable(networks: [.init(name: "x", names: ["a.example": [web]])], forwards: false)
            let loopback = try #require(IPAddress("::1"))
            _ = try await server.open(
                "upstream", namespace: namespace, at: loopback, port: 5353, table: zone, upstreams: Upstreams([]))
            let good = Upstreams.Server(loopback, port: 5353)
            // Nowhere leads to the others: the sandbox has its loopback alone.
            let lost = try ["2001:db8::1", "192.0.2.1"].map { Upstreams.Server(try #require(IPAddress($0))) }
            for servers in [[good], lost + [good], [lost[0], good], [lost[1], good]] {
                let ports = try await server.open(
                    "a", namespace: namespace, table: table(), upstreams: Upstreams(servers, origin: .sandbox))
                for (transport, port) in [(Transport.udp, ports.udp), (.tcp, ports.tcp)] {
                    let reply = try await ask(try query("a.example"), port, transport, in: namespace)
                    #expect(reply.answers.map(\.data) == [.address(webAddress)], "\(servers) \(transport)")
                }
            }
            await server.close("a")
            await server.close("upstream")
        }
    }

    @Test func `a silent upstream costs a fraction of a second, a closed port nothing`() async throws {
        try await withNamespace { namespace in
            let server = NameServer(log: log)
            let zone = NameTable(networks: [.init(name: "x", names: ["a.example": [web]])], forwards: false)
            _ = try await server.open(
                "upstream", namespace: namespace, at: upstreamAddress, port: 5353, table: zone, upstreams: Upstreams([])
            )
            // A socket that nobody reads: the query arrives and is never answered.
            let silent = try await namespace.run { try boundDatagramSocket(IPAddress(127, 0, 0, 98), 5353) }
            defer { close(silent) }
            let good = Upstreams.Server(upstreamAddress, port: 5353)
            for first in [
                Upstreams.Server(IPAddress(127, 0, 0, 98), port: 5353), .init(IPAddress(127, 0, 0, 97), port: 9),
            ] {
                let ports = try await server.open(
                    "a", namespace: namespace, table: table(), upstreams: Upstreams([first, good], origin: .sandbox))
                let start = ContinuousClock.now
                let reply = try await ask(try query("a.example"), ports.udp, .udp, in: namespace)
                #expect(reply.answers.map(\.data) == [.address(webAddress)])
                #expect(ContinuousClock.now - start < .seconds(2))
            }
            await server.close("a")
            await server.close("upstream")
        }
    }

    @Test func `a dead first upstream costs less than 300 ms, once for each list of servers`() async throws {
        try await withNamespace { namespace in
            let server = NameServer(log: log)
            let zone = NameTable(networks: [.init(name: "x", names: ["a.example": [web]])], forwards: false)
            _ = try await server.open(
                "upstream", namespace: namespace, at: upstreamAddress, port: 5353, table: zone, upstreams: Upstreams([])
            )
            var costs: [Duration] = []
            for number: UInt8 in 1...8 {
                let dead = IPAddress(127, 0, 1, number)
                let silent = try await namespace.run { try boundDatagramSocket(dead, 5353) }
                defer { close(silent) }
                let servers = Upstreams(
                    [.init(dead, port: 5353), .init(upstreamAddress, port: 5353)], origin: .sandbox)
                let ports = try await server.open("a", namespace: namespace, table: table(), upstreams: servers)
                // A few lists show that it is once, the others are for the time alone.
                for round in 0..<(number <= 3 ? 5 : 1) {
                    let start = ContinuousClock.now
                    let reply = try await ask(try query("a.example"), ports.udp, .udp, in: namespace)
                    if round == 0 { costs.append(ContinuousClock.now - start) }
                    #expect(reply.answers.map(\.data) == [.address(webAddress)])
                }
                #expect(waitingDatagrams(silent) == 1, "the dead server was asked again")
                await server.close("a")
            }
            // The quickest: a busy machine may add to any of them.
            #expect(try #require(costs.min()) < .milliseconds(300))
            await server.close("upstream")
        }
    }

    @Test func `octets that are no query do not stop the server`() async throws {
        try await withNamespace { namespace in
            let server = NameServer(log: log)
            let ports = try await server.open("a", namespace: namespace, table: table(), upstreams: Upstreams([]))
            let seed = UInt64.random(in: .min ... .max)
            var generator = SeededGenerator(seed)
            for _ in 0..<300 {
                let octets = (0..<Int.random(in: 0..<80, using: &generator)).map { _ in
                    UInt8.random(in: .min ... .max, using: &generator)
                }
                try await namespace.run { try sendDatagram(octets, NameServer.address, ports.udp) }
            }
            let reply = try await ask(try query("web"), ports.udp, .udp, in: namespace)
            #expect(reply.answers.count == 1, "seed \(seed)")
            await server.close("a")
        }
    }

    @Test func `a client that reads no answers is not read from until it does`() async throws {
        try await withNamespace { namespace in
            // So that the kernel holds little of what nobody reads.
            try await namespace.run {
                for name in ["rmem", "wmem"] { try Sysctl.write("net/ipv4/tcp_\(name)", "4096 16384 16384") }
            }
            let server = NameServer(log: log)
            let ports = try await server.open(
                "a", namespace: namespace, table: table(tasks: 60), upstreams: Upstreams([]))
            let octets = try query("tasks.web").encoded()
            let framed = [UInt8(octets.count >> 8), UInt8(octets.count & 0xff)] + octets
            // 2 MB of questions, for which there would be 70 MB of answers.
            let most = (2 << 20) / framed.count
            let (sent, answered) = try await namespace.run {
                let socket = try connectedSocket(NameServer.address, ports.tcp)
                let sent = fill(socket.raw, with: framed, atMost: most)
                return (sent, try socket.countFramed(until: sent))
            }
            #expect(sent < most, "the server takes questions without end")
            #expect(answered == sent)
            await server.close("a")
        }
    }

    @Test func `a TCP query of thousands of questions, or longer than any, is refused and hurts nobody`() async throws {
        try await withNamespace { namespace in
            let server = NameServer(log: log)
            let ports = try await server.open("a", namespace: namespace, table: table(), upstreams: Upstreams([]))
            let count: UInt16 = 8_204
            let header: [UInt8] = [0x12, 0x34, 1, 0] + [UInt8(count >> 8), UInt8(count & 0xff)] + [0, 0, 0, 0, 0, 0]
            let bomb =
                header + [1, 97, 0, 0, 1, 0, 1] + Array(repeatElement([0xc0, 12, 0, 1, 0, 1], count: 8_203).joined())
            var long = try query("web")
            long.edns = EDNS(payloadSize: 1232, options: [0, 12, 0x1f, 0xfc] + [UInt8](repeating: 0, count: 8_188))
            for octets in [bomb, long.encoded()] {
                let reply = try await namespace.run { try exchange(octets, NameServer.address, ports.tcp, .tcp) }
                #expect(reply.count == 12 && Array(reply.prefix(2)) == Array(octets.prefix(2)))
                #expect(try Message(decoding: reply).code == .formatError)
            }
            #expect(try await ask(try query("web"), ports.tcp, .tcp, in: namespace).answers.count == 1)
            await server.close("a")
        }
    }

    private func ask(
        _ query: Message, _ port: UInt16, _ transport: Transport, in namespace: NetworkNamespace
    ) async throws -> Message {
        let octets = query.encoded()
        return try Message(
            decoding: try await namespace.run {
                try exchange(octets, NameServer.address, port, transport)
            })
    }
}
