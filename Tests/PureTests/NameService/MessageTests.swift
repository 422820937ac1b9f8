import Addressing
import NameService
import Testing

@Suite struct MessageTests {
    private func name(_ text: String) throws -> DomainName { try #require(DomainName(text)) }

    @Test func `names are equal whatever their case and with or without the last dot`() throws {
        #expect(try name("Web.Example.") == name("web.EXAMPLE"))
        #expect(try name("Web.Example.").key == "web.example")
        #expect(try name("web") != name("web2"))
        #expect(DomainName("a..b") == nil)
        #expect(DomainName(String(repeating: "a", count: 64)) == nil)
        #expect(DomainName(String(repeating: "a.", count: 128)) == nil)
        #expect(DomainName(".") == DomainName(""))
    }

    @Test func `a dot within a label makes another key than a dot between labels`() throws {
        let odd = try #require(DomainName(labels: [Array("a.b".utf8)]))
        #expect(try odd.key != name("a.b").key)
        #expect(odd.key == "a\\046b")
    }

    @Test func `a message survives encoding and decoding with every kind of record`() throws {
        var message = Message()
        message.id = 0xbeef
        message.isResponse = true
        message.recursionDesired = true
        message.questions = [Question(try name("web.example.com"), .any)]
        message.answers = [
            Record(try name("web.example.com"), timeToLive: 60, .address(IPv4Address(10, 1, 2, 3))),
            Record(try name("web.example.com"), timeToLive: 60, .address6(Array(0..<16))),
            Record(try name("4.3.2.1.in-addr.arpa"), timeToLive: 1, .pointer(try name("web.example.com"))),
            Record(try name("www.example.com"), timeToLive: 2, .canonicalName(try name("web.example.com"))),
            Record(try name("example.com"), timeToLive: 3, .text([Array("hello".utf8), []])),
            Record(
                try name("_http._tcp.example.com"), timeToLive: 4,
                .service(priority: 1, weight: 2, port: 80, target: try name("web.example.com"))),
        ]
        message.authorities = [
            Record(try name("example.com"), timeToLive: 5, .other(RecordType(rawValue: 99), [1, 2]))
        ]
        message.edns = EDNS(payloadSize: 1232, wantsSignatures: true, options: [0, 10, 0, 1, 7])
        message.code = .badVersion
        #expect(try Message(decoding: message.encoded()) == message)
    }

    @Test func `names are compressed`() throws {
        var message = Message()
        message.questions = [Question(try name("web.example.com"), .a)]
        let alone = message.encoded().count
        message.answers = [Record(try name("WEB.example.com"), timeToLive: 1, .address(IPv4Address(1, 2, 3, 4)))]
        #expect(message.encoded().count == alone + 2 + 10 + 4)
    }

    @Test func `octets of a real reply are read`() throws {
        // www.example.org CNAME example.org, A 93.184.216.34; the second name points into the first.
        let octets: [UInt8] =
            [0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0, 3] + Array("www".utf8) + [7] + Array("example".utf8) + [3]
            + Array("org".utf8) + [0, 0, 1, 0, 1, 0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 16]
            + [0xc0, 16, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 93, 184, 216, 34]
        let message = try Message(decoding: octets)
        #expect(
            message.answers.map(\.data) == [
                .canonicalName(try name("example.org")), .address(IPv4Address(93, 184, 216, 34)),
            ])
        #expect(message.answers.map(\.name) == [try name("www.example.org"), try name("example.org")])
    }

    @Test func `a pointer to itself, forward or in a circle is refused`() {
        let header: [UInt8] = [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        for tail: [UInt8] in [[0xc0, 12], [0xc0, 14, 0xc0, 12], [1, 97, 0xc0, 12], [0xc0, 200]] {
            #expect(throws: MessageError.self) { try Message(decoding: header + tail + [0, 1, 0, 1]) }
        }
    }

    @Test func `a name of more pointers than a name has labels is refused`() throws {
        // Each question's name points to the one before: without a bound, reading them takes the square of their number.
        func message(_ count: UInt16) -> [UInt8] {
            var octets: [UInt8] = [0, 1, 0, 0, UInt8(count >> 8), UInt8(count & 0xff), 0, 0, 0, 0, 0, 0]
            octets += [1, 97, 0, 0, 1, 0, 1]
            for position in 1..<Int(count) {
                let target = position == 1 ? 12 : 12 + 7 + (position - 2) * 6
                octets += [0xc0 | UInt8(target >> 8), UInt8(target & 0xff), 0, 1, 0, 1]
            }
            return octets
        }
        let long = try Message(decoding: message(100))
        #expect(try long.questions.count == 100 && long.questions.allSatisfy { try $0.name == name("a") })
        #expect(throws: MessageError.self) { try Message(decoding: message(2_000)) }
    }

    @Test func `a reply that is too long is cut and says so`() throws {
        var message = Message()
        message.isResponse = true
        message.questions = [Question(try name("tasks.web"), .a)]
        message.edns = EDNS(payloadSize: 1232)
        message.answers = try (0..<200).map {
            Record(try name("tasks.web"), timeToLive: 1, .address(IPv4Address(number: 0x0a00_0000 + $0)))
        }
        for limit in [512, 1232] {
            let octets = message.encoded(limit: limit)
            #expect(octets.count <= limit && octets.count > limit - 100)
            let read = try Message(decoding: octets)
            #expect(read.isTruncated && read.edns != nil)
            #expect(read.answers == Array(message.answers.prefix(read.answers.count)))
        }
        #expect(try Message(decoding: message.encoded()).isTruncated == false)
    }

    @Test func `random and damaged octets never trap and what is read can be written again`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = Sequence64(seed)
        var base = Message()
        base.questions = [Question(try name("web.example.com"), .srv)]
        base.answers = [
            Record(try name("a.web.example.com"), timeToLive: 1, .text([[1, 2, 3]])),
            Record(
                try name("web.example.com"), timeToLive: 1,
                .service(priority: 0, weight: 0, port: 1, target: try name("a.web.example.com"))),
            Record(try name("web.example.com"), timeToLive: 1, .other(.mx, [0, 1, 1, 97, 0])),
        ]
        base.edns = EDNS(payloadSize: 600)
        let good = base.encoded()
        var readable = 0
        for round in 0..<20_000 {
            var octets = good
            if round % 4 == 0 {
                octets = (0..<Int.random(in: 0..<120, using: &generator)).map { _ in
                    .random(in: .min ... .max, using: &generator)
                }
            } else {
                for _ in 0..<Int.random(in: 1...6, using: &generator) {
                    octets[Int.random(in: 0..<octets.count, using: &generator)] = .random(
                        in: .min ... .max, using: &generator)
                }
                octets.removeLast(round % 4 == 1 ? Int.random(in: 0..<octets.count, using: &generator) : 0)
            }
            do {
                let message = try Message(decoding: octets)
                readable += 1
                let again = try Message(decoding: message.encoded())
                #expect(again == message, "seed \(seed) round \(round): \(octets)")
                _ = Resolver.resolve(message, in: NameTable(forwards: true), using: &generator)
            } catch {
                _ = Resolver.refusal(of: octets)
            }
        }
        #expect(readable > 100, "seed \(seed)")
    }
}

/// SplitMix64: the same numbers for the same seed.
struct Sequence64: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
