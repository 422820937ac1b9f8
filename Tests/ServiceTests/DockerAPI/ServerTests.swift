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

@Suite(.timeLimit(.minutes(2))) struct ServerTests {
    static func get(_ path: String, method: String = "GET", body: String? = nil, headers: String = "") -> String {
        let length = body.map { "Content-Type: application/json\r\nContent-Length: \($0.utf8.count)\r\n" } ?? ""
        return "\(method) \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(headers)\(length)\r\n\(body ?? "")"
    }

    static func ask(
        _ server: ServerFixture, _ path: String, method: String = "GET", body: String? = nil, headers: String = ""
    ) async throws -> String {
        let client = try await RawClient(server.socketPath)
        try await client.send(get(path, method: method, body: body, headers: headers))
        return try await client.readToEnd()
    }

    @Test func `the ping names version, builder and the node's part in the swarm`() async throws {
        try await ServerFixture.with { server in
            let answer = try await Self.ask(server, "/_ping")
            for piece in [
                "HTTP/1.1 200 OK", "Api-Version: 1.50", "Builder-Version: 1", "Docker-Experimental: false",
                "Ostype: linux", "Server: Apus/0.1 (linux)", "Swarm: inactive", "Pragma: no-cache",
                "Content-Type: text/plain; charset=utf-8", "Content-Length: 2", "\r\n\r\nOK",
            ] { #expect(answer.contains(piece), "\(piece) in \(answer)") }
            var swarm = SwarmInfo()
            swarm.localNodeState = "active"
            swarm.controlAvailable = true
            await server.engine.set(swarm: swarm)
            #expect(try await Self.ask(server, "/v1.41/_ping").contains("Swarm: active/manager\r\n"))
            let head = try await Self.ask(server, "/_ping", method: "HEAD")
            #expect(head.contains("200 OK") && head.hasSuffix("\r\n\r\n"), "\(head)")
        }
    }

    @Test func `a client that asks nothing is let go, one that has asked may be silent, and one too many goes at once`()
        async throws
    {
        try await ServerFixture.with {
            $0.firstRequest = .milliseconds(300)
            $0.maximumConnections = 2
        } _: { server in
            let asking = try await RawClient(server.socketPath)
            try await asking.send("GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
            try await asking.read(until: "\r\n\r\nOK")
            let half = try await RawClient(server.socketPath)
            try await half.send("GET /_ping HTTP/1.1\r\nHos")
            // It may be let go before it has asked, or while it asks; it is not answered.
            let surplus = try await RawClient(server.socketPath)
            try? await surplus.send("GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect((try? await surplus.readToEnd()) ?? "" == "")
            #expect(try await !half.readToEnd().contains("200"))
            // Far longer silent than the other.
            try await asking.send("HEAD /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(try await asking.readToEnd().components(separatedBy: "200 OK").count == 3)
        }
    }

    @Test(arguments: [
        ("Content-Length: 50", #"{"Image":"#, "unexpected EOF"),
        ("Transfer-Encoding: chunked", "5\r\n{", "unexpected EOF"),
        ("Transfer-Encoding: chunked", "ZZ\r\n{", "invalid character in chunk size header"),
    ])
    func `a body that breaks off is the client's fault`(head: String, body: String, words: String) async throws {
        try await ServerFixture.with { server in
            let client = try await RawClient(server.socketPath)
            try await client.send("POST /containers/create HTTP/1.1\r\nHost: x\r\n\(head)\r\n\r\n\(body)")
            try await client.endInput()
            let answer = try await client.readToEnd()
            #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains(words), "\(answer)")
        }
    }

    @Test(arguments: [
        ("", "malformed Content-Type header (): mime: no media type"),
        ("Content-Type: text/plain\r\n", "unsupported Content-Type header (text/plain): must be 'application/json'"),
        (
            "Content-Type: application/x-www-form-urlencoded\r\n",
            "unsupported Content-Type header (application/x-www-form-urlencoded): must be 'application/json'"
        ),
        ("Content-Type: application/json; charset=utf-8\r\n", "No such image: nosuch:1"),
    ])
    func `a body has to say that it is JSON`(head: String, words: String) async throws {
        try await ServerFixture.with { server in
            let body = #"{"Image":"nosuch:1"}"#
            let client = try await RawClient(server.socketPath)
            try await client.send(
                "POST /containers/create HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(head)"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            let answer = try await client.readToEnd()
            #expect(answer.contains(#""message":"\#(words)""#), "\(answer)")
        }
    }

    @Test(arguments: [
        ("GET", "/networks/", "", 200, "["),
        ("GET", "/containers/json/", "", 404, #"{"message":"page not found"}"#),
        ("GET", "/v1.41/nosuch", "", 404, #"{"message":"page not found"}"#),
        ("DELETE", "/v1.41/info", "", 404, #"{"message":"page not found"}"#),
        (
            "GET", "/v1.99/info", "", 400,
            #"{"message":"client version 1.99 is too new. Maximum supported API version is 1.50"}"#
        ),
        (
            "GET", "/v1.1/info", "", 400,
            "client version 1.1 is too old. Minimum supported API version is 1.24, please upgrade"
        ),
        ("GET", "/v1.50/system/df?type=bogus", "", 400, "unknown object type: bogus"),
        ("GET", "/v1.50/system/df?type=image", "", 200, #"{"LayersSize":7}"#),
        ("POST", "/build", "", 501, "not implemented by apus"),
        ("GET", "/plugins", "", 200, "[]"),
        ("GET", "/images/a.example:5000/b/c/get", "", 200, "<a.example:5000/b/c>"),
        ("GET", "/images/get?names=a:1&names=b", "", 200, "<a:1>"),
        ("GET", "/images/get", "", 400, "no image names given"),
        ("GET", "/images/nosuch/get", "", 404, "No such image: nosuch:latest"),
        ("GET", "/images/x/get?platform=%7B%7D", "", 501, "saving one platform of an image is not implemented by apus"),
        ("POST", "/images/prune", "", 200, #"{"ImagesDeleted":null,"SpaceReclaimed":0}"#),
        ("POST", "/images/a/b/push?tag=1", "", 200, #""aux":{"#),
        ("POST", "/images/a/b/push?tag=1", "", 200, #""Tag":"1""#),
        ("POST", "/images/a/b/push?tag=1", "", 200, #""Digest":"nobody""#),
        (
            "POST", "/auth", #"{"username":"u","password":"wrong","serveraddress":"a.example"}"#, 401,
            "unauthorized: incorrect username or password"
        ),
        (
            "POST", "/auth", #"{"username":"u","password":"right","serveraddress":"a.example"}"#, 200,
            #"{"IdentityToken":"","Status":"Login Succeeded"}"#
        ),
        ("GET", "/containers/json?filters=bogus", "", 400, "invalid character 'b' looking for beginning of value"),
        ("GET", "/containers/json?filters=%7B%22bogus%22%3A%5B%22x%22%5D%7D", "", 400, "invalid filter 'bogus'"),
        ("GET", "/containers/json?limit=x", "", 400, #"strconv.Atoi: parsing \"x\": invalid syntax"#),
        ("POST", "/containers/create", "", 400, #"{"message":"invalid JSON: got EOF while reading request body"}"#),
        ("POST", "/containers/create", #"{"Image":"#, 400, #"{"message":"invalid JSON: unexpected EOF"}"#),
        ("POST", "/containers/create", "{}", 400, "Config cannot be empty in order to create a container"),
        ("POST", "/containers/create", #"{"Image":"nosuch:1"}"#, 404, "No such image: nosuch:1"),
        (
            "POST", "/networks/create", #"{"Name":5}"#, 400,
            "json: cannot unmarshal number into Go struct field NetworkCreateRequest.Name of type string"
        ),
        ("GET", "/containers/nosuch/json", "", 404, #"{"message":"No such container: nosuch"}"#),
        ("GET", "/exec/nosuch/json", "", 404, #"{"message":"No such exec instance: nosuch"}"#),
        ("GET", "/networks/nosuch", "", 404, #"{"message":"network nosuch not found"}"#),
        ("DELETE", "/networks/bridge", "", 403, "bridge is a pre-defined network and cannot be removed"),
        ("GET", "/services", "", 503, "This node is not a swarm manager."),
        ("GET", "/secrets", "", 503, "This node is not a swarm manager."),
        (
            "POST", "/services/x/update", "{}", 400,
            #"invalid service version '': strconv.ParseUint: parsing \"\": invalid syntax"#
        ),
        ("POST", "/images/create?fromSrc=http://x", "", 501, "importing images from a URL is not implemented by apus"),
        ("POST", "/images/create?fromSrc=-&repo=r&tag=t", "x", 200, #"{"status":"sha256:r:t"}"#),
        ("POST", "/images/create?fromImage=nosuch.invalid%2Fx&tag=1", "", 404, "pull access denied for nosuch"),
        ("GET", "/containers/a%2Fb/json", "", 404, "No such container: a/b"),
    ])
    func `a refusal has Docker's status and words`(
        method: String, path: String, body: String, status: Int, words: String
    ) async throws {
        try await ServerFixture.with { server in
            let answer = try await Self.ask(server, path, method: method, body: body.isEmpty ? nil : body)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
            #expect(answer.contains(words), "\(words) in \(answer)")
        }
    }

    @Test func `starting what runs is 304 without a body, and the connection goes on`() async throws {
        try await ServerFixture.with { server in
            _ = try await Self.ask(
                server, "/containers/create?name=web", method: "POST", body: #"{"Image":"b","Cmd":["sleep"]}"#)
            let client = try await RawClient(server.socketPath)
            for expected in ["204 No Content", "304 Not Modified"] {
                try await client.send("POST /containers/web/start HTTP/1.1\r\nHost: x\r\n\r\n")
                try await client.read(until: expected)
            }
            try await client.send("GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
            try await client.read(until: "\r\n\r\nOK")
            await client.close()
        }
    }

    @Test func `a refused upgrade closes the connection`() async throws {
        try await ServerFixture.with { server in
            let client = try await RawClient(server.socketPath)
            try await client.send(
                "POST /containers/nosuch/attach?stream=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                    + "Content-Length: 0\r\n\r\n")
            #expect(try await client.readToEnd().contains("404 Not Found"))
        }
    }

    @Test(arguments: [true, false])
    func `an attached client leaves HTTP, sends, ends its input and still reads`(upgrades: Bool) async throws {
        try await ServerFixture.with { server in
            _ = try await Self.ask(
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
            _ = try await Self.ask(server, "/containers/c/start", method: "POST")
            if upgrades { try await client.read(until: "\u{1}\0\0\0\0\0\0\u{6}early\n") }
            try await client.send("hello\n")
            try await client.read(until: "\u{1}\0\0\0\0\0\0\u{6}hello\n")
            try await client.endInput()
            #expect(try await client.readToEnd().hasSuffix("\u{1}\0\0\0\0\0\0\u{6}after\n"))
        }
    }

    @Test func `a terminal's user leaves with the detach keys and the process stays`() async throws {
        try await ServerFixture.with { server in
            _ = try await Self.ask(
                server, "/containers/create?name=t", method: "POST", body: #"{"Image":"b","Tty":true,"Cmd":["cat"]}"#)
            _ = try await Self.ask(server, "/containers/t/start", method: "POST")
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
            _ = try await Self.ask(
                server, "/containers/create?name=c", method: "POST", body: #"{"Image":"b","Cmd":["sleep"]}"#)
            for _ in 0..<20 {
                let created = try await Self.ask(
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
                #expect(try await Self.ask(server, "/exec/\(id)/json").contains(#""ExitCode":3"#))
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

    /// The route may begin its stream after the connection has closed: nobody tells it any more, it has to ask.
    @Test func `a stream whose client went before it began ends`() async throws {
        try await ServerFixture.with { server in
            let release = await server.engine.holdEvents()
            let client = try await RawClient(server.socketPath)
            try await client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
            try await server.eventually("the request's arrival") { await server.engine.heldEvents == 1 }
            await client.close()
            // Meanwhile the server sees the end of the connection.
            for _ in 0..<3 { _ = try await Self.ask(server, "/_ping") }
            release.finish()
            try await server.eventually("the request's going on") { await server.engine.heldEvents == 0 }
            try await server.eventually("the end of the events") { await server.engine.listenerCount == 0 }
        }
    }

    @Test func `a wait sends its head at once and its body when the container ends`() async throws {
        try await ServerFixture.with { server in
            _ = try await Self.ask(
                server, "/containers/create?name=c", method: "POST", body: #"{"Image":"b","Cmd":["exit","42"]}"#)
            let client = try await RawClient(server.socketPath)
            try await client.send(
                "POST /containers/c/wait?condition=next-exit HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            let head = try await client.read(until: "\r\n\r\n")
            #expect(head.contains("200 OK") && !head.contains("StatusCode"))
            _ = try await Self.ask(server, "/containers/c/start", method: "POST")
            try await client.read(until: #"{"StatusCode":42}"#)
            await client.close()
        }
    }

    @Test func `logs come in frames, without a stream asked for they are refused`() async throws {
        try await ServerFixture.with { server in
            _ = try await Self.ask(
                server, "/containers/create?name=c", method: "POST", body: #"{"Image":"b","Cmd":["sleep"]}"#)
            let answer = try await Self.ask(server, "/containers/c/logs?stdout=1&stderr=1")
            #expect(answer.contains("application/vnd.docker.multiplexed-stream"))
            #expect(answer.contains("\u{2}\0\0\0\0\0\0\u{4}err\n"))
            let refused = try await Self.ask(server, "/containers/c/logs")
            #expect(refused.contains("400 Bad Request") && refused.contains("you must choose at least one stream"))
        }
    }

    @Test func `a pull that fails on the way says so in its stream`() async throws {
        try await ServerFixture.with { server in
            let good = try await Self.ask(server, "/images/create?fromImage=a.example%2Fnginx&tag=1", method: "POST")
            #expect(good.contains(#""status":"Pulling from a.example/nginx:1""#) && good.contains("200 OK"))
            let bad = try await Self.ask(server, "/images/create?fromImage=broken&tag=sha256:12", method: "POST")
            #expect(bad.contains("200 OK"))
            #expect(bad.contains("Pulling from broken@sha256:12"))
            #expect(
                bad.contains(#""error":"digest mismatch""#)
                    && bad.contains(#""errorDetail":{"message":"digest mismatch"}"#))
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
            _ = try await Self.ask(
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
            _ = try await Self.ask(
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

    @Test func `the socket is the group's to use and a second daemon leaves it alone`() async throws {
        try await ServerFixture.with { server in
            let attributes = try FileManager.default.attributesOfItem(atPath: server.socketPath)
            #expect((attributes[.posixPermissions] as? Int) == 0o660)
            await #expect(throws: APIError(.conflict, "\(server.socketPath) belongs to a running daemon")) {
                try await server.secondServer().run()
            }
            #expect(try await Self.ask(server, "/_ping").contains("OK"))
        }
    }

    @Test func `a socket that is another kind of daemon's is left alone, one that nobody listens at is taken`()
        async throws
    {
        let directory = "/tmp/apus-socket-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer {
            // What is left in the temporary directory does no harm.
            try? FileManager.default.removeItem(atPath: directory)
        }
        let path = directory + "/docker.sock"
        let other = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(unixDomainSocketPath: path).get()
        let inode = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
        try await ServerFixture.with { server in
            await #expect(throws: APIError(.conflict, "\(path) belongs to a running daemon")) {
                try await server.server(at: path).run()
            }
            // Where it need not be served, the server waits for its end.
            let waiting = Task { try await server.server(at: path, isOptional: true).run() }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int == inode)
            // Closing it leaves the file, as a killed daemon does.
            try await other.close()
            if !FileManager.default.fileExists(atPath: path) {
                let bound = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
                var address = sockaddr_un()
                address.sun_family = sa_family_t(AF_UNIX)
                withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
                _ = withUnsafePointer(to: &address) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        bind(bound, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                    }
                }
                close(bound)
            }
            #expect(FileManager.default.fileExists(atPath: path))
            let (ready, continuation) = AsyncStream.makeStream(of: Void.self)
            let next = ServiceGroup(
                services: [server.server(at: path, isOptional: true) { continuation.finish() }],
                logger: Logger(label: "fourth"))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await next.run() }
                for await _ in ready {}
                #expect(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int != inode)
                await next.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }
}
