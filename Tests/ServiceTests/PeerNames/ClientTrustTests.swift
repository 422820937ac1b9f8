import AsyncHTTPClient
import DockerClient
import EngineInterface
import LinuxSystem
import Logging
import Model
import NIOSSL
import TestKit
import Testing

@testable import Cluster
@testable import Images
@testable import LogDrivers

/// Clients over TLS that ask a server by its name: a certificate for the address that they have reached by it does not do.
@Suite(.timeLimit(.minutes(2))) struct ClientTrustTests {
    /// A client, and how it asks a server at a port of `localhost` whose authority's certificate is in a file.
    struct Client: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Given the port and the file's path. Throws when nothing has been answered.
        var ask: @Sendable (Int, String) async throws -> Void
    }

    private static let clients = [
        Client(testDescription: "posted metrics") { port, authority in
            let poster = try #require(
                OTLPPoster(
                    endpoint: "https://localhost:\(port)", path: "/v1/metrics", headers: "", authority: authority))
            try await cleaningUp {
                _ = try await poster.post([1])
            } by: {
                await poster.close()
            }
        },
        Client(testDescription: "awslogs") { port, authority in
            var trust = HTTPTrust()
            trust.authority = authority
            let clients = HTTPClients(trust)
            try await cleaningUp {
                _ = try await clients.send("https://localhost:\(port)/")
            } by: {
                await clients.close()
            }
        },
        Client(testDescription: "alerts", ask: postAlert),
        Client(testDescription: "a registry") { port, authority in
            let base = "https://localhost:\(port)"
            _ = try await RegistryHTTP.execute(
                HTTPClientRequest(url: base + "/v2/"),
                for: RegistryEndpoint(base: base, isMirror: false, isVerified: true, name: "."),
                certificates: String(authority.dropLast("/authority.crt".count)), deadline: .seconds(20),
                followingRedirects: true)
        },
        Client(testDescription: "the docker command") { port, authority in
            let tls = Endpoint.TLS(authority: authority, certificate: "", key: "", verifies: true)
            let client = DaemonClient(endpoint: try Endpoint("tcp://localhost:\(port)", tls: tls), version: nil)
            _ = try await client.stream(.get("/_ping")) { $0.status }
        },
    ]

    private struct Unanswered: Error {}

    /// Has an alert posted once.
    @Sendable private static func postAlert(_ port: Int, _ authority: String) async throws {
        var trust = TLSConfiguration.makeClientConfiguration()
        trust.trustRoots = .file(authority)
        let webhook = AlertWebhook(
            url: "https://localhost:\(port)/hook", trust: trust, log: Logger(label: "test"))
        webhook.tell(
            Alert(
                fingerprint: "f", name: "A", severity: .warning, summary: "s", labels: [:], value: 1,
                startsAt: Timestamp(seconds: 1), endsAt: nil))
        // Cancelled below.
        let posting = Task { try await webhook.run() }
        try await cleaningUp {
            try await eventually("an answer, or none") { webhook.state.accepted + webhook.state.failed > 0 }
        } by: {
            posting.cancel()
            _ = await posting.result
        }
        if webhook.state.accepted == 0 { throw Unanswered() }
    }

    @Test(arguments: clients) func `a certificate for the name that was asked for is taken`(client: Client) async throws
    {
        let authority = try TestAuthority()
        for names in [TestAuthority.localhost, TestAuthority.loopback + TestAuthority.localhost] {
            try await Self.with(authority, try authority.server(names)) { server, port, path in
                try await client.ask(port, path)
                #expect(server.received.contains { !$0.isEmpty })
            }
        }
    }

    @Test(arguments: clients) func `one for the address alone is not, and nothing is said`(client: Client) async throws
    {
        let authority = try TestAuthority()
        for shown in [
            try authority.server(TestAuthority.loopback),
            try authority.server(TestAuthority.loopback + [.dnsName("elsewhere.test")]),
            // Nor a subject's name.
            try authority.server([], subject: "localhost"),
        ] {
            try await Self.with(authority, shown) { server, port, path in
                await #expect(throws: (any Error).self) { try await client.ask(port, path) }
                // That it was reached shows that it was refused, and not missed.
                #expect(server.connections > 0 && server.received.allSatisfy(\.isEmpty))
            }
        }
    }

    /// A server that answers every request with nothing in it.
    private static func with(
        _ authority: TestAuthority, _ shown: NIOSSLContext, _ body: (LogReceiver, Int, String) async throws -> Void
    ) async throws {
        let server = LogReceiver(tls: shown) { said in
            guard String(decoding: said, as: UTF8.self).contains("\r\n\r\n") else { return [] }
            said = []
            return Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)
        }
        let port = try await server.listen()
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/authority.crt"
            try Files.writeAtomically(try authority.pem, to: path)
            try await body(server, port, path)
        }
        try await server.stop()
    }
}
