import DockerClient
import Testing

/// Bodies that are made while they are sent, to a real server.
@Suite(.timeLimit(.minutes(1))) struct ClientBodyTests {
    @Test func `a body that cannot be made ends the request, with the reason`() async throws {
        try await ServerFixture.with { server in
            let client = DaemonClient(endpoint: try Endpoint("unix://" + server.socketPath), version: "1.50")
            let reason = DockerError.local("open /nosuch: no such file or directory")
            for pieces in [0, 2] {
                let body = Request.Body.stream(contentType: "application/x-tar") { writer in
                    for _ in 0..<pieces { try await writer.write([UInt8](repeating: 0, count: 512)) }
                    throw reason
                }
                await #expect(throws: reason) {
                    try await client.send(Request("POST", "/images/load", body: body))
                }
            }
        }
    }
}
