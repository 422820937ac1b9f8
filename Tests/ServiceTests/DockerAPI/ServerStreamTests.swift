import DockerAPI
import EngineInterface
import Faults
import Foundation
import LinuxSystem
import Logging
import Model
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

/// Answers that go on: attached clients, events, logs, archives.
@Suite(.timeLimit(.minutes(2))) struct ServerStreamTests {
    @Test(arguments: [true, false])
    func `an attached client leaves HTTP, sends, ends its input and still reads`(upgrades: Bool) async throws {
        try await ServerFixture.with { server in
            _ = try await ServerTests.ask(
                server, "/containers/create?name=c", method: "POST", body: #"{"Image":"b","Cmd":["cat","after\n"]}"#)
            let client = try await RawClient(server.socketPath)
            // On a connection that has served a request before.
            try await client.send("GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
            try await client.read(until: "\r\n\r\nOK")
            let asks = upgrades ? "Connection: Upgrade\r\nUpgrade: tcp\r\n" : ""
            try await client.send(
                "POST /v1.41/containers/c/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\(asks)Content-Length: 0\r\n\r\n"
                    + (upgrades ? "early\n" : ""))
            let head = try await client.read(until: "\r\n\r\n")
            try await client.read(until: upgrades ? "HTTP/1.1 101 UPGRADED\r\n" : "application/vnd.docker")
            #expect(!head.lowercased().contains("transfer-encoding"))
            _ = try await ServerTests.ask(server, "/containers/c/start", method: "POST")
            if upgrades { try await client.read(until: "\u{1}\0\0\0\0\0\0\u{6}early\n") }
            try await client.send("hello\n")
            try await client.read(until: "\u{1}\0\0\0\0\0\0\u{6}hello\n")
            try await client.endInput()
            #expect(try await client.readToEnd().hasSuffix("\u{1}\0\0\0\0\0\0\u{6}after\n"))
        }
    }

    @Test func `a terminal's user leaves with the detach keys and the process stays`() async throws {
        try await ServerFixture.with { server in
            _ = try await ServerTests.ask(
                server, "/containers/create?name=t", method: "POST", body: #"{"Image":"b","Tty":true,"Cmd":["cat"]}"#)
            _ = try await ServerTests.ask(server, "/containers/t/start", method: "POST")
            let client = try await RawClient(server.socketPath)
            try await client.send(
                "POST /containers/t/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-a,x HTTP/1.1\r\nHost: x\r\n"
                    + "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
            try await client.read(until: "application/vnd.docker.raw-stream")
            try await client.send([1, 0x79])
            try await client.read(until: "\u{1}y")
            try await client.send([1])
            try await client.send([0x78])
            _ = try await client.readToEnd()
            let container = try await server.engine.find("t")
            try await server.eventually("the viewer's going") { container.process.isDetached }
            #expect(container.status == "running")
            #expect(!container.process.inputHasEnded)
        }
    }

    @Test func `an exec's stream ends after its exit code is on record`() async throws {
        try await ServerFixture.with { server in
            _ = try await ServerTests.ask(
                server, "/containers/create?name=c", method: "POST", body: #"{"Image":"b","Cmd":["sleep"]}"#)
            for _ in 0..<20 {
                let created = try await ServerTests.ask(
                    server, "/containers/c/exec", method: "POST", body: #"{"Cmd":["exit","3"],"AttachStdout":true}"#)
                let pieces: [Substring] = created.split(separator: "\"")
                let id = try #require(pieces.first { $0.count == 64 })
                let client = try await RawClient(server.socketPath)
                let body = #"{"Detach":false,"Tty":false}"#
                try await client.send(
                    "POST /exec/\(id)/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: Upgrade\r\n"
                        + "Upgrade: tcp\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
                let answer = try await client.readToEnd()
                #expect(answer.hasSuffix("\u{1}\0\0\0\0\0\0\u{2}o\n\u{2}\0\0\0\0\0\0\u{2}e\n"))
                #expect(try await ServerTests.ask(server, "/exec/\(id)/json").contains(#""ExitCode":3"#))
            }
        }
    }

    @Test func `events reach a client at once and its going is noticed`() async throws {
        try await ServerFixture.with { server in
            let client = try await RawClient(server.socketPath)
            try await client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
            try await client.read(until: "transfer-encoding: chunked")
            #expect(await server.engine.listenerCount == 1)
            await server.engine.emit("network", "create", "abc", ["name": "n"])
            try await client.read(until: #""ID":"abc""#)
            await client.close()
            try await server.eventually("the end of the events") { await server.engine.listenerCount == 0 }
        }
    }

    @Test func `a client of HTTP 1.0 gets a stream without chunks, up to the end of the connection`() async throws {
        try await ServerFixture.with { server in
            let client = try await RawClient(server.socketPath)
            try await client.send("GET /events HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let head = try await client.read(until: "\r\n\r\n")
            #expect(head.hasPrefix("HTTP/1.0 200 OK\r\n") && !head.lowercased().contains("transfer-encoding"))
            await server.engine.emit("network", "create", "abc", ["name": "n"])
            let text = try await client.read(until: "}\n")
            #expect(text.contains("\r\n\r\n{"))
            await client.close()
            let whole = try await RawClient(server.socketPath)
            try await whole.send("GET /_ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try await whole.readToEnd().hasSuffix("\r\n\r\nOK"))
        }
    }

    /// The route may begin its stream after the connection has closed: nobody tells it any more, it has to ask.
    @Test func `a stream whose client went before it began ends`() async throws {
        try await ServerFixture.with { server in
            let release = await server.engine.holdEvents()
            let client = try await RawClient(server.socketPath)
            try await client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
            try await server.eventually("the request's arrival") { await server.engine.heldEvents == 1 }
            await client.close()
            // Meanwhile the server sees the end of the connection.
            for _ in 0..<3 { _ = try await ServerTests.ask(server, "/_ping") }
            release.finish()
            try await server.eventually("the request's going on") { await server.engine.heldEvents == 0 }
            try await server.eventually("the end of the events") { await server.engine.listenerCount == 0 }
        }
    }

    @Test func `a wait sends its head at once and its body when the container ends`() async throws {
        try await ServerFixture.with { server in
            _ = try await ServerTests.ask(
                server, "/containers/create?name=c", method: "POST", body: #"{"Image":"b","Cmd":["exit","42"]}"#)
            let client = try await RawClient(server.socketPath)
            try await client.send(
                "POST /containers/c/wait?condition=next-exit HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            let head = try await client.read(until: "\r\n\r\n")
            #expect(head.contains("200 OK") && !head.contains("StatusCode"))
            _ = try await ServerTests.ask(server, "/containers/c/start", method: "POST")
            try await client.read(until: #"{"StatusCode":42}"#)
            await client.close()
        }
    }

    @Test func `logs come in frames, without a stream asked for they are refused`() async throws {
        try await ServerFixture.with { server in
            _ = try await ServerTests.ask(
                server, "/containers/create?name=c", method: "POST", body: #"{"Image":"b","Cmd":["sleep"]}"#)
            let answer = try await ServerTests.ask(server, "/containers/c/logs?stdout=1&stderr=1")
            #expect(answer.contains("application/vnd.docker.multiplexed-stream"))
            let older = try await ServerTests.ask(server, "/v1.41/containers/c/logs?stdout=1&stderr=1")
            #expect(older.contains("application/vnd.docker.raw-stream"))
            #expect(answer.contains("\u{2}\0\0\0\0\0\0\u{4}err\n"))
            let refused = try await ServerTests.ask(server, "/containers/c/logs")
            #expect(refused.contains("400 Bad Request") && refused.contains("you must choose at least one stream"))
        }
    }

    @Test func `a pull that fails on the way says so in its stream`() async throws {
        try await ServerFixture.with { server in
            let good = try await ServerTests.ask(
                server, "/images/create?fromImage=a.example%2Fnginx&tag=1", method: "POST")
            #expect(good.contains(#""status":"Pulling from a.example/nginx:1""#) && good.contains("200 OK"))
            let bad = try await ServerTests.ask(server, "/images/create?fromImage=broken&tag=sha256:12", method: "POST")
            #expect(bad.contains("200 OK"))
            #expect(bad.contains("Pulling from broken@sha256:12"))
            #expect(
                bad.contains(#""error":"digest mismatch""#)
                    && bad.contains(#""errorDetail":{"message":"digest mismatch"}"#))
        }
    }

    @Test func `what is wrong with an archive is a line of the answer`() async throws {
        try await ServerFixture.with { server in
            let answer = try await ServerTests.ask(server, "/images/load", method: "POST", body: "abc")
            #expect(answer.contains("200 OK"))
            #expect(answer.contains(#""errorDetail":{"message":"archive/tar: invalid tar header"}"#))
        }
    }

    @Test func `an archive is loaded piece by piece, after leave to send it`() async throws {
        try await ServerFixture.with { server in
            let client = try await RawClient(server.socketPath)
            let size = 3 << 20
            try await client.send(
                "POST /images/load HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/x-tar\r\n"
                    + "Content-Length: \(size)\r\n\r\n")
            try await client.read(until: "HTTP/1.1 100 Continue\r\n\r\n")
            try await client.send([UInt8](repeating: 7, count: size))
            try await client.read(until: "Loaded image: x:1")
            #expect(await server.engine.loadedBytes == size)
            await client.close()
        }
    }

    @Test func `a client that does not read holds up its stream, not the memory`() async throws {
        try await ServerFixture.with { server in
            _ = try await ServerTests.ask(
                server, "/containers/create?name=c", method: "POST", body: #"{"Image":"b","Cmd":["flood","33554432"]}"#)
            let client = try await RawClient(server.socketPath)
            try await client.send(
                "POST /containers/c/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
            )
            try await client.read(until: "\r\n\r\n")
            try await client.setReading(false)
            let process = try await server.engine.find("c").process
            var before = -1
            try await server.eventually("the output's standing still") {
                defer { before = process.pulledBytes }
                try await Task.sleep(for: .milliseconds(50))
                return before == process.pulledBytes
            }
            #expect(process.pulledBytes < 8 << 20)
            try await client.setReading(true)
            _ = try await client.readToEnd()
            let frames = 33_554_432 / 65_536
            #expect(await client.count > 33_554_432 + frames * 8)
        }
    }

    @Test func `shutdown ends streams and raw sessions`() async throws {
        let begun = ContinuousClock.now
        try await ServerFixture.with { server in
            _ = try await ServerTests.ask(
                server, "/containers/create?name=c", method: "POST", body: #"{"Image":"b","Cmd":["cat"]}"#)
            let listener = try await RawClient(server.socketPath)
            try await listener.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
            try await listener.read(until: "chunked")
            let attached = try await RawClient(server.socketPath)
            try await attached.send(
                "POST /containers/c/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
            )
            try await attached.read(until: "101 UPGRADED")
            await server.group.triggerGracefulShutdown()
            _ = try await listener.readToEnd()
            _ = try await attached.readToEnd()
        }
        #expect(ContinuousClock.now - begun < .seconds(15))
    }
}
