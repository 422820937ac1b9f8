import NIOCore
import TestKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct GateFuzzTests {
    static let rounds = 200

    private static let requests = [
        "POST /containers/c/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nabc",
        "POST /containers/c/attach?stream=1 HTTP/1.0\r\n\r\n",
        "GET /_ping HTTP/1.1\r\nHost: x\r\n\r\nGET /events?until=1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"Ima\r\n0\r\n\r\n",
        "GET /containers/json?filters=%7B%22name%22%3A%5B%22x%22%5D%7D HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
        "HEAD /_ping HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n",
    ]

    /// Whatever bytes come, the server lives, answers the next client, and ends when it is told to. The seed
    /// 11387355450700590311 once left a stream of events whose client had gone before the route began.
    @Test(arguments: [1, 2, 3, 11_387_355_450_700_590_311, .random(in: .min ... .max)] as [UInt64])
    func `no bytes of a client stop the server`(seed: UInt64) async throws {
        print("gate fuzz: seed \(seed)")
        try await ServerFixture.with { server in
            var numbers = SeededGenerator(seed: seed)
            _ = try await ServerTests.ask(
                server, "/containers/create?name=c", method: "POST", body: #"{"Image":"b","Cmd":["cat"]}"#)
            for round in 0..<Self.rounds {
                var bytes = Array(Self.requests[Int(numbers.next() % UInt64(Self.requests.count))].utf8)
                for _ in 0..<Int(numbers.next() % 6) where !bytes.isEmpty {
                    let position = Int(numbers.next() % UInt64(bytes.count))
                    switch numbers.next() % 4 {
                    case 0: bytes[position] = UInt8(truncatingIfNeeded: numbers.next())
                    case 1: bytes.remove(at: position)
                    case 2: bytes.insert(contentsOf: bytes.prefix(Int(numbers.next() % 40)), at: position)
                    default: bytes.removeLast(min(bytes.count, Int(numbers.next() % 20)))
                    }
                }
                let client = try await RawClient(server.socketPath)
                // The server may have closed by the time all is sent.
                try? await client.send(bytes)
                if round % 3 == 0 { try? await client.endInput() }  // As above.
                if round % 5 == 0 { await Task.yield() }
                await client.close()
            }
            #expect(try await ServerTests.ask(server, "/_ping").contains("200 OK"))
        }
    }
}
