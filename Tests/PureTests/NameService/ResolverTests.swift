import Addressing
import NameService
import Testing

@Suite struct ResolverTests {
    private let first = IPv4Address(10, 1, 0, 5)
    private let second = IPv4Address(10, 1, 0, 6)
    private var one: IPAddress { .v4(first) }
    private var two: IPAddress { .v4(second) }
    private var table: NameTable {
        var network = NameTable.Network(name: "my-net", names: ["Web": [one], "tasks.web": [one, two], "empty": []])
        network.add("shared", [one])
        network.add("shared", [two, one])
        return NameTable(
            networks: [network, NameTable.Network(name: "other.net", names: ["web": [two], "db": [two]])],
            pointers: [one: "web.my-net"], forwards: true)
    }

    private func query(_ text: String, _ type: RecordType = .a) throws -> Message {
        var query = Message()
        query.id = 7
        query.recursionDesired = true
        query.question = Question(try #require(DomainName(text)), type)
        return query
    }

    private func resolve(_ query: Message, _ table: NameTable? = nil) -> Resolution {
        var generator = Sequence64(1)
        return Resolver.resolve(query, in: table ?? self.table, using: &generator)
    }

    private func answers(_ text: String, _ type: RecordType = .a) throws -> [RecordData]? {
        guard case .answer(let reply) = resolve(try query(text, type)) else { return nil }
        #expect(reply.id == 7 && reply.isResponse && reply.code == .noError && reply.recursionAvailable)
        return reply.answers.map(\.data)
    }

    @Test func `a name is answered from the first network that knows it`() throws {
        #expect(try answers("web") == [.address(first)])
        #expect(try answers("WEB.") == [.address(first)])
        #expect(try answers("db") == [.address(second)])
    }

    @Test func `a name with its network's name is answered from that network`() throws {
        #expect(try answers("web.other.net") == [.address(second)])
        #expect(try answers("web.my-net") == [.address(first)])
        #expect(try answers("tasks.web.my-net")?.count == 2)
        #expect(resolve(try query("db.my-net")) == .forward)
    }

    @Test func `an alias of several containers has all their addresses once each`() throws {
        let found = try #require(try answers("shared"))
        #expect(Set(found.map { "\($0)" }).count == 2 && found.count == 2)
    }

    @Test func `the addresses of a name come in changing order`() throws {
        var firsts: Set<String> = []
        var generator = Sequence64(3)
        for _ in 0..<50 {
            guard case .answer(let reply) = Resolver.resolve(try query("tasks.web"), in: table, using: &generator)
            else { continue }
            firsts.insert("\(reply.answers[0].data)")
        }
        #expect(firsts.count == 2)
    }

    @Test func `a known name has no other records, and that is said instead of asked elsewhere`() throws {
        #expect(try answers("web", .aaaa) == [])
        #expect(try answers("web", .mx) == [])
        #expect(try answers("empty") == [])
    }

    @Test
    func `a name of both families answers each with its own, and one of a single family says that it has no other`()
        throws
    {
        let six = try #require(IPv6Address("fd00::5"))
        let names = NameTable.Network(name: "n", names: ["both": [one, .v6(six)], "six": [.v6(six)]])
        let pointers: [IPAddress: String] = [.v6(six): "both.n"]
        let table = NameTable(networks: [names], pointers: pointers, forwards: true)
        func answers(_ name: String, _ type: RecordType) throws -> [RecordData]? {
            guard case .answer(let reply) = resolve(try query(name, type), table) else { return nil }
            #expect(reply.code == .noError)
            return reply.answers.map(\.data)
        }
        #expect(try answers("both", .a) == [.address(first)])
        #expect(try answers("both", .aaaa) == [.address6(six.octets)])
        #expect(try answers("both.n", .any)?.count == 2)
        #expect(try answers("six", .a) == [])
        #expect(try answers("six", .aaaa) == [.address6(six.octets)])
        let digits = "5" + String(repeating: ".0", count: 27) + ".0.0.d.f"
        let reversed = digits.split(separator: ".").count == 32 ? digits : "wrong"
        #expect(try answers("\(reversed).ip6.arpa", .ptr) == [.pointer(try #require(DomainName("both.n")))])
        for wrong in [
            "6\(reversed.dropFirst())", "g\(reversed.dropFirst())", "0.\(reversed)", String(reversed.dropFirst(2)),
        ] {
            #expect(try answers("\(wrong).ip6.arpa", .ptr) == nil)
        }
    }

    @Test func `addresses have names`() throws {
        #expect(try answers("5.0.1.10.in-addr.arpa", .ptr) == [.pointer(try #require(DomainName("web.my-net")))])
        #expect(resolve(try query("9.0.1.10.in-addr.arpa", .ptr)) == .forward)
        #expect(resolve(try query("05.0.1.10.in-addr.arpa", .ptr)) == .forward)
    }

    @Test func `unknown names are forwarded, and denied where nothing may leak`() throws {
        #expect(resolve(try query("google.com")) == .forward)
        #expect(resolve(try query("single")) == .forward)
        var closed = table
        closed.forwards = false
        for type: RecordType in [.a, .aaaa, .ptr, .any] {
            guard case .answer(let reply) = resolve(try query("google.com", type), closed) else {
                Issue.record("forwarded")
                return
            }
            #expect(reply.code == .noSuchName && reply.answers.isEmpty)
        }
        #expect(try answers("web") == [.address(first)])
    }

    @Test func `a query without a question, or of another version, is refused`() throws {
        var empty = try query("web")
        empty.question = nil
        guard case .answer(let refusal) = resolve(empty) else {
            Issue.record("no answer")
            return
        }
        #expect(refusal.code == .formatError)
        var versioned = try query("web")
        versioned.edns = EDNS(payloadSize: 1000, version: 1)
        guard case .answer(let bad) = resolve(versioned) else {
            Issue.record("no answer")
            return
        }
        #expect(bad.code == .badVersion && bad.edns != nil)
    }

    @Test func `the servers of a resolv conf are taken in order`() {
        let found = Upstreams(
            resolvConf: "# x\nnameserver 192.0.2.1\nsearch a b\nnameserver\t192.0.2.2 \nnameserver ::1\n"
                + "nameserver fe80::1%eth0\nnameserver nobody\nnameserver 2001:db8::53\n")
        #expect(found.servers.map { "\($0.address)" } == ["192.0.2.1", "192.0.2.2", "::1", "2001:db8::53"])
    }
}
