import Addressing
import NameService
import TestKit
import Testing

@Suite struct PlainQueryTests {
    private static let many = (0..<60).map { IPAddress(10, 1, 1, UInt8($0)) }
    private static let table = NameTable(
        networks: [
            NameTable.Network(
                name: "my-net",
                names: [
                    "web": [IPAddress(10, 1, 0, 5)], "tasks.web": Array(many.prefix(3)), "many": many, "empty": [],
                    "Mixed-Case_1": [IPAddress(10, 1, 0, 6)],
                ])
        ], forwards: true)
    private static let names = [
        "web", "WEB", "web.my-net", "tasks.web", "many", "empty", "mixed-case_1", "unknown", "a.b.c.example.org", ".",
    ]

    /// What is said without a message is what is said with one; `nil` when it is not said here.
    private func compare(_ octets: [UInt8], isDatagram: Bool = true) throws -> [UInt8]? {
        var (fast, slow) = (SeededGenerator(seed: 5), SeededGenerator(seed: 5))
        guard
            let answer = Resolver.plainAnswer(
                to: octets, in: Self.table, isDatagram: isDatagram, using: &fast)
        else { return nil }
        let query = try Message(decoding: octets)
        guard case .answer(let message) = Resolver.resolve(query, in: Self.table, using: &slow) else {
            Issue.record("\(query) is not answered here")
            return answer
        }
        #expect(answer == message.encoded(limit: isDatagram ? query.replyLimit : MessageEncoder.largestMessage))
        return answer
    }

    @Test func `what is answered in short is what is answered at length`() throws {
        var random = SeededGenerator(seed: 11)
        var answered = 0
        for _ in 0..<3000 {
            var query = Message()
            query.id = UInt16.random(in: 0...UInt16.max, using: &random)
            query.recursionDesired = Bool.random(using: &random)
            query.checkingDisabled = Bool.random(using: &random)
            query.authenticData = Bool.random(using: &random)
            let name = try #require(DomainName(Self.names.randomElement(using: &random) ?? ""))
            query.question = Question(name, [.a, .aaaa, .mx, .any].randomElement(using: &random) ?? .a)
            if Bool.random(using: &random) {
                query.edns = EDNS(
                    payloadSize: UInt16.random(in: 0...5000, using: &random),
                    version: Bool.random(using: &random) ? 0 : 1,
                    wantsSignatures: Bool.random(using: &random),
                    options: Bool.random(using: &random) ? [] : [0, 10, 0, 1, 7])
            }
            if try compare(query.encoded(), isDatagram: Bool.random(using: &random)) != nil { answered += 1 }
        }
        #expect(answered > 300)
    }

    @Test func `octets that were changed are answered the same way, or not here`() throws {
        var random = SeededGenerator(seed: 23)
        var query = Message()
        query.question = Question(try #require(DomainName("tasks.web")), .a)
        query.edns = EDNS(payloadSize: 1232)
        let octets = query.encoded()
        for _ in 0..<20_000 {
            var changed = octets
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                changed[Int.random(in: 0..<changed.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { changed.removeLast(Int.random(in: 0...changed.count, using: &random)) }
            _ = try compare(changed)
        }
    }

    @Test func `what has no room in a datagram is left to whoever says so`() throws {
        var query = Message()
        query.question = Question(try #require(DomainName("many")), .a)
        #expect(try compare(query.encoded()) == nil)
        #expect(try compare(query.encoded(), isDatagram: false) != nil)
        query.edns = EDNS(payloadSize: 4096)
        #expect(try compare(query.encoded()) != nil)
    }
}
