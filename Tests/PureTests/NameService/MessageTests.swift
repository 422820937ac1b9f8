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
        message.question = Question(try name("web.example.com"), .any)
        message.answers = [
            ResourceRecord(try name("web.example.com"), timeToLive: 60, .address(IPv4Address(10, 1, 2, 3))),
            ResourceRecord(try name("web.example.com"), timeToLive: 60, .address6(Array(0..<16))),
            ResourceRecord(try name("4.3.2.1.in-addr.arpa"), timeToLive: 1, .pointer(try name("web.example.com"))),
            ResourceRecord(try name("www.example.com"), timeToLive: 2, .canonicalName(try name("web.example.com"))),
            ResourceRecord(try name("example.com"), timeToLive: 3, .text([Array("hello".utf8), []])),
            ResourceRecord(
                try name("_http._tcp.example.com"), timeToLive: 4,
                .service(priority: 1, weight: 2, port: 80, target: try name("web.example.com"))),
        ]
        message.authorities = [
            ResourceRecord(try name("example.com"), timeToLive: 5, .other(RecordType(rawValue: 99), [1, 2]))
        ]
        message.edns = EDNS(payloadSize: 1232, wantsSignatures: true, options: [0, 10, 0, 1, 7])
        message.code = .badVersion
        #expect(try Message(decoding: message.encoded()) == message)
    }

    @Test func `names are compressed`() throws {
        var message = Message()
        message.question = Question(try name("web.example.com"), .a)
        let alone = message.encoded().count
        message.answers = [
            ResourceRecord(try name("WEB.example.com"), timeToLive: 1, .address(IPv4Address(1, 2, 3, 4)))
        ]
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

    /// Records whose names each point to the one before: without a bound, reading them takes the square of their number.
    private func chain(_ count: UInt16) -> [UInt8] {
        var octets: [UInt8] = [0, 1, 0x80, 0, 0, 0, UInt8(count >> 8), UInt8(count & 0xff), 0, 0, 0, 0]
        let rest: [UInt8] = [0, 99, 0, 1, 0, 0, 0, 0, 0, 0]
        octets += [1, 97, 0] + rest
        for position in 1..<Int(count) {
            let target = position == 1 ? 12 : 12 + 13 + (position - 2) * 12
            octets += [0xc0 | UInt8(target >> 8), UInt8(target & 0xff)] + rest
        }
        return octets
    }

    @Test func `a name of more pointers than a name has labels is refused`() throws {
        let long = try Message(decoding: chain(100))
        #expect(try long.answers.count == 100 && long.answers.allSatisfy { try $0.name == name("a") })
        #expect(throws: MessageError.self) { try Message(decoding: chain(1_000)) }
    }

    @Test func `a message whose names are all long through pointers is refused`() {
        // A name of 120 labels, and 5,000 records that point to it.
        var octets: [UInt8] = [0, 1, 0x80, 0, 0, 1, 0x13, 0x88, 0, 0, 0, 0]
        octets += Array(repeatElement([1, 97], count: 120).joined()) + [0, 0, 1, 0, 1]
        octets += Array(repeatElement([0xc0, 12, 0, 99, 0, 1, 0, 0, 0, 0, 0, 0], count: 5_000).joined())
        #expect(octets.count < 65_536)
        #expect(throws: MessageError.self) { try Message(decoding: octets) }
    }

    @Test func `a message has one question at the most`() throws {
        let question = [1, 97, 0, 0, 1, 0, 1] as [UInt8]
        let header: [UInt8] = [0, 1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0]
        #expect(throws: MessageError.self) { try Message(decoding: header + question + question) }
        #expect(try Message(decoding: [0, 1, 0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0]).question == nil)
    }

    @Test func `what is no single question is refused by its header, and nothing of it comes back`() throws {
        // 8,204 questions in 49,231 octets: all their names point to the first.
        let count: UInt16 = 8_204
        var bomb: [UInt8] = [
            0x12, 0x34, 1, 0, UInt8(count >> 8), UInt8(count & 0xff), 0, 0, 0, 0, 0, 0, 1, 97, 0, 0, 1, 0, 1,
        ]
        bomb += Array(repeatElement([0xc0, 12, 0, 1, 0, 1], count: Int(count) - 1).joined())
        let cases: [(octets: [UInt8], code: ResponseCode)] = [
            (bomb, .formatError),
            ([0, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], .formatError),
            ([0, 7, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0], .formatError),
            ([0, 7, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0], .formatError),
            ([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0], .formatError),
            ([0, 7, 0x28, 0, 0, 1, 0, 0, 0, 0, 0, 0], .notImplemented),
            ([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 5_000), .formatError),
        ]
        for (octets, code) in cases {
            guard case .refusal(let refusal) = Resolver.admission(of: octets, length: octets.count) else {
                Issue.record("not refused: \(octets.prefix(12))")
                continue
            }
            let reply = try Message(decoding: refusal)
            #expect(refusal.count == 12 && refusal.prefix(2) == octets.prefix(2))
            #expect(reply.isResponse && reply.code == code && reply.question == nil)
        }
        #expect(Resolver.admission(of: [0, 7, 0x81, 0, 0, 1, 0, 0, 0, 0, 0, 0], length: 12) == .ignore)
        #expect(Resolver.admission(of: [0, 7, 1], length: 3) == .ignore)
        #expect(Resolver.admission(of: [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1], length: 200) == .query)
    }

    @Test func `nothing makes the encoder exceed its limit`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = Sequence64(seed)
        for round in 0..<300 {
            var message = Message()
            message.question = Question(
                try name(String(repeating: "abcdefg.", count: Int.random(in: 1...31, using: &generator))), .any)
            for _ in 0..<Int.random(in: 0...200, using: &generator) {
                let length = Int.random(in: 0...(round % 10 == 0 ? 70_000 : 600), using: &generator)
                let octets = [UInt8](repeating: 7, count: length)
                message.answers.append(
                    ResourceRecord(
                        try name("h\(UInt32.random(in: 0...99_999, using: &generator)).example.com"), timeToLive: 1,
                        Bool.random(using: &generator)
                            ? .other(RecordType(rawValue: 99), octets) : .text([octets, octets])))
            }
            message.additionals = message.answers
            message.edns = EDNS(payloadSize: 1232, options: .init(repeating: 1, count: round % 7 == 0 ? 66_000 : 40))
            for limit in [0, 12, 100, 512, 1_232, 4_096, 65_535, 200_000] {
                let octets = message.encoded(limit: limit)
                #expect(octets.count <= max(12, min(limit, 65_535)), "seed \(seed) round \(round) limit \(limit)")
                let read = try Message(decoding: octets)
                #expect(read.answers.count == message.answers.count || read.isTruncated)
            }
        }
    }

    @Test func `a reply that is too long is cut and says so`() throws {
        var message = Message()
        message.isResponse = true
        message.question = Question(try name("tasks.web"), .a)
        message.edns = EDNS(payloadSize: 1232)
        message.answers = try (0..<200).map {
            ResourceRecord(try name("tasks.web"), timeToLive: 1, .address(IPv4Address(number: 0x0a00_0000 + $0)))
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
        base.question = Question(try name("web.example.com"), .srv)
        base.answers = [
            ResourceRecord(try name("a.web.example.com"), timeToLive: 1, .text([[1, 2, 3]])),
            ResourceRecord(
                try name("web.example.com"), timeToLive: 1,
                .service(priority: 0, weight: 0, port: 1, target: try name("a.web.example.com"))),
            ResourceRecord(try name("web.example.com"), timeToLive: 1, .other(.mx, [0, 1, 1, 97, 0])),
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
                _ = Resolver.admission(of: octets, length: octets.count)
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
