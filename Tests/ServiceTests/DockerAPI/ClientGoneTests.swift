import DockerAPI
import Testing

/// A client that goes frees at once what its answer had, though there is nothing to be written that would find out.
@Suite(.timeLimit(.minutes(2))) struct ClientGoneTests {
    private static func container(_ server: ServerFixture, _ command: String = "sleep") async throws {
        _ = try await ServerTests.ask(
            server, "/containers/create?name=c", method: "POST", body: #"{"Image":"b","Cmd":["\#(command)"]}"#)
        _ = try await ServerTests.ask(server, "/containers/c/start", method: "POST")
    }

    /// Asks, and reads the head of the answer.
    private static func ask(
        _ server: ServerFixture, _ request: String, upgrades: Bool = false, body: String = "", until piece: String
    ) async throws -> RawClient {
        let client = try await RawClient(server.socketPath)
        let upgrade = upgrades ? "Connection: Upgrade\r\nUpgrade: tcp\r\n" : ""
        try await client.send(
            "\(request) HTTP/1.1\r\nHost: x\r\n\(upgrade)Content-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        try await client.read(until: piece)
        return client
    }

    @Test(arguments: [true, false])
    func `a log is followed no more`(closesItsSideAlone: Bool) async throws {
        try await ServerFixture.with { server in
            try await Self.container(server)
            let client = try await Self.ask(
                server, "GET /containers/c/logs?stdout=1&stderr=1&follow=1", until: "out\n")
            #expect(server.engine.followedLogs.withLock { $0 } == 1)
            if closesItsSideAlone { try await client.endInput() } else { await client.close() }
            try await server.eventually("the log's end") { server.engine.followedLogs.withLock { $0 } == 0 }
            await client.close()
        }
    }

    @Test func `nothing is measured any more`() async throws {
        try await ServerFixture.with { server in
            try await Self.container(server)
            let client = try await Self.ask(server, "GET /containers/c/stats", until: "pids_stats")
            await client.close()
            try await server.eventually("the end of measuring") {
                let before = await server.engine.measured
                // Longer than two measurements are apart.
                try await Task.sleep(for: .milliseconds(1600))
                return await server.engine.measured == before
            }
        }
    }

    @Test(arguments: [true, false])
    func `an attached client is let go, also one that has ended its input`(endsInput: Bool) async throws {
        try await ServerFixture.with { server in
            try await Self.container(server)
            let client = try await Self.ask(
                server, "POST /containers/c/attach?stream=1&stdin=1&stdout=1", upgrades: true, until: "\r\n\r\n")
            let process = try await server.engine.find("c").process
            if endsInput {
                try await client.endInput()
                try await server.eventually("the input's end") { process.inputHasEnded }
                #expect(!process.isDetached, "who has ended its input still reads")
            }
            await client.close()
            try await server.eventually("the viewer's going") { process.isDetached }
        }
    }

    @Test func `an exec's client is let go, and its process stays`() async throws {
        try await ServerFixture.with { server in
            try await Self.container(server)
            let created = try await ServerTests.ask(
                server, "/containers/c/exec", method: "POST", body: #"{"Cmd":["sleep"],"AttachStdout":true}"#)
            let pieces: [Substring] = created.split(separator: "\"")
            let id = try #require(pieces.first { $0.count == 64 })
            let client = try await Self.ask(
                server, "POST /exec/\(id)/start", upgrades: true, body: #"{"Detach":false,"Tty":false}"#,
                until: "\r\n\r\n")
            await client.close()
            let process = try #require(await server.engine.process(of: String(id)))
            try await server.eventually("the viewer's going") { process.isDetached }
            #expect(process.exitCode == nil)
        }
    }
}
