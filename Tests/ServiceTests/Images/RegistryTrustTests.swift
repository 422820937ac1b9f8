import AsyncHTTPClient
import LinuxSystem
import NIOCore
import NIOHTTP1
import NIOSSL
import PeerNames
import TestKit
import Testing

@testable import Images

/// Where a registry's answers lead, and to whom.
@Suite(.timeLimit(.minutes(2))) struct RegistryTrustTests {
    @Test(arguments: [true, false])
    func `a host that a registry leads to has to be the one that was named, too`(isNamed: Bool) async throws {
        let authority = try TestAuthority()
        let other = Self.server(
            "200 OK\r\nContent-Length: 4\r\n\r\nblob",
            try authority.server(isNamed ? TestAuthority.localhost : TestAuthority.loopback))
        let otherPort = try await other.listen()
        let registry = Self.server(
            "307 X\r\nLocation: https://localhost:\(otherPort)/blob\r\nContent-Length: 0\r\n\r\n",
            try authority.server(TestAuthority.loopback))
        let base = "https://127.0.0.1:\(try await registry.listen())"
        let endpoint = RegistryEndpoint(base: base, isMirror: false, isVerified: true, name: "own")
        try await withTemporaryDirectory { directory in
            try Files.makeDirectories(directory + "/own")
            try Files.writeAtomically(try authority.pem, to: directory + "/own/ca.crt")
            @Sendable func ask() async throws -> String {
                var request = HTTPClientRequest(url: base + "/v2/")
                request.headers.add(name: "Authorization", value: "Bearer secret")
                let response = try await RegistryHTTP.execute(
                    request, for: endpoint, certificates: directory, deadline: .seconds(20), followingRedirects: true)
                return String(buffer: try await response.body.collect(upTo: 100))
            }
            if isNamed {
                #expect(try await ask() == "blob")
                let said = String(decoding: other.received.joined(), as: UTF8.self)
                #expect(said.hasPrefix("GET /blob HTTP/1.1\r\n") && !said.contains("secret"))
            } else {
                await #expect(throws: PeerNameError.otherName(asked: "localhost")) { try await ask() }
                #expect(other.connections > 0 && other.received.allSatisfy(\.isEmpty))
            }
            #expect(String(decoding: registry.received.joined(), as: UTF8.self).contains("Bearer secret"))
        }
        try await registry.stop()
        try await other.stop()
    }

    /// Answers each request's head with the same.
    private static func server(_ answer: String, _ shown: NIOSSLContext) -> LogReceiver {
        LogReceiver(tls: shown) { said in
            guard String(decoding: said, as: UTF8.self).contains("\r\n\r\n") else { return [] }
            said = []
            return Array("HTTP/1.1 \(answer)".utf8)
        }
    }

    // MARK: What is asked next

    private static func request(_ method: HTTPMethod) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: "https://a.test/v2/")
        request.method = method
        request.headers = ["Authorization": "Bearer secret", "Content-Type": "text/plain", "Range": "bytes=1-"]
        request.body = .bytes(ByteBuffer(string: "content"))
        return request
    }

    private static func next(_ method: HTTPMethod, _ status: HTTPResponseStatus, _ location: String) throws
        -> HTTPClientRequest?
    {
        var redirects = RegistryRedirects(from: "https://a.test/v2/")
        let answer = HTTPClientResponse(status: status, headers: ["Location": location], history: [])
        return try redirects.next(after: answer, to: request(method))
    }

    @Test func `what another host is asked has no login, whatever else it has`() throws {
        for elsewhere in ["https://b.test/x", "https://a.test:5000/x", "http://a.test/x", "//b.test/x"] {
            let next = try #require(try Self.next(.GET, .temporaryRedirect, elsewhere))
            #expect(next.headers["Authorization"] == [] && next.headers["Range"] == ["bytes=1-"], "\(elsewhere)")
        }
        let same = try #require(try Self.next(.GET, .found, "/x?a=b"))
        #expect(same.url == "https://a.test/x?a=b" && same.headers["Authorization"] == ["Bearer secret"])
    }

    @Test func `a method and a body go on as the status says`() throws {
        let cases: [(HTTPMethod, HTTPResponseStatus, HTTPMethod)] = [
            (.POST, .seeOther, .GET), (.POST, .found, .GET),
            (.POST, .movedPermanently, .GET), (.PUT, .seeOther, .GET), (.PATCH, .seeOther, .GET),
            (.HEAD, .seeOther, .HEAD), (.POST, .temporaryRedirect, .POST), (.PUT, .permanentRedirect, .PUT),
        ]
        for (method, status, expected) in cases {
            let next = try #require(try Self.next(method, status, "/x"))
            let isOther = method != expected
            let hasBody = next.body != nil
            #expect(next.method == expected && hasBody != isOther, "\(method) \(status)")
            #expect(next.headers.contains(name: "Content-Type") == !isOther, "\(method) \(status)")
        }
        // What is read once cannot be sent again.
        #expect(try Self.next(.PATCH, .temporaryRedirect, "/x")?.url == nil)
    }

    @Test func `an answer leads to the web alone, and neither in a circle nor too far`() throws {
        for nowhere in ["http+unix://%2Frun%2Fapus.sock/x", "unix:///run/apus.sock", "file:///etc/passwd"] {
            #expect(try Self.next(.GET, .found, nowhere)?.url == nil, "\(nowhere)")
        }
        #expect(try Self.next(.GET, .ok, "/x")?.url == nil)
        #expect(try Self.next(.GET, .notModified, "/x")?.url == nil)
        #expect(throws: HTTPClientError.redirectCycleDetected) { try Self.next(.GET, .found, "/v2/") }
        var redirects = RegistryRedirects(from: "https://a.test/v2/")
        var steps = 0
        #expect(throws: HTTPClientError.redirectLimitReached) {
            while steps < 100 {
                let answer = HTTPClientResponse(status: .found, headers: ["Location": "/\(steps)"], history: [])
                _ = try redirects.next(after: answer, to: Self.request(.GET))
                steps += 1
            }
        }
        #expect(steps == 5)
    }
}
