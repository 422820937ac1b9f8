import Synchronization
import TestKit
import Testing

@testable import LogDrivers

/// Requests of OpenTelemetry's protocol on their way to a receiver.
@Suite(.timeLimit(.minutes(1))) struct OTLPPosterTests {
    /// A receiver that answers each request with what is next.
    private func receiver(_ answers: [String], _ asked: Asked) -> LogReceiver {
        LogReceiver { said in
            guard let end = Self.end(of: said) else { return [] }
            let head = String(decoding: said.prefix(end), as: UTF8.self)
            let length = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                .flatMap { Int($0.dropFirst(15).drop { $0 == " " }) }
            guard let length, said.count >= end + length else { return [] }
            let body = Array(said.dropFirst(end).prefix(length))
            said = []
            let index = asked.add(head, body)
            return Array((answers.dropFirst(index).first ?? "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n").utf8)
        }
    }

    private final class Asked: Sendable {
        private let all = Mutex<[(head: String, body: [UInt8])]>([])
        var requests: [(head: String, body: [UInt8])] { all.withLock { $0 } }
        func add(_ head: String, _ body: [UInt8]) -> Int {
            all.withLock { all in
                all.append((head, body))
                return all.count - 1
            }
        }
    }

    /// Behind the head.
    private static func end(of said: [UInt8]) -> Int? {
        let mark = Array("\r\n\r\n".utf8)
        return said.indices.first { said.dropFirst($0).starts(with: mark) }.map { $0 + mark.count }
    }

    @Test func `every answer is what the protocol says it is`() async throws {
        // field 1 (partial success): 3 points refused, "no".
        let partial = "\n\u{06}\u{08}\u{03}\u{12}\u{02}no"
        let asked = Asked()
        let receiver = receiver(
            [
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: \(partial.utf8.count)\r\n\r\n\(partial)",
                "HTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            ], asked)
        let port = try await receiver.listen()
        let poster = try #require(
            OTLPPoster(
                endpoint: "http://user:word@127.0.0.1:\(port)", path: "/v1/metrics", headers: "x-key=a%20b, y=2",
                authority: nil))
        #expect(poster.shownAddress == "http://127.0.0.1:\(port)/v1/metrics")
        var outcomes: [OTLPPoster.Outcome] = []
        for _ in 0..<5 { outcomes.append(try await poster.post(Array(repeating: 65, count: 5000))) }
        #expect(
            outcomes == [
                .accepted, .partly(refused: 3, reason: "no"), .later(.seconds(7), reason: "status 503"),
                .refused(reason: "status 400"), .refused(reason: "status 302"),
            ])
        let first = try #require(asked.requests.first)
        #expect(first.head.hasPrefix("POST /v1/metrics HTTP/1.1\r\n"))
        let head = first.head.lowercased()
        for header in [
            "content-type: application/x-protobuf\r\n", "content-encoding: gzip\r\n", "x-key: a b\r\n", "y: 2\r\n",
            "authorization: basic ",
        ] { #expect(head.contains(header), "\(header)") }
        #expect(first.body.prefix(2) == [0x1f, 0x8b])
        try await receiver.stop()
        await #expect(throws: (any Error).self) { try await poster.post([1]) }
        await poster.close()
    }

    @Test func `what is no receiver is refused`() {
        for (endpoint, headers) in [
            ("ftp://a", ""), ("a:4318", ""), ("", ""), ("http://a", "x"), ("http://a", "x=a%0ab"),
            ("http://a", "a b=c"),
        ] {
            #expect(
                OTLPPoster(endpoint: endpoint, path: "/v1/metrics", headers: headers, authority: nil) == nil,
                "\(endpoint) \(headers)")
        }
    }
}
