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
import TestKit
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

    @Test func `OPTIONS of any path is answered with nothing`() async throws {
        try await ServerFixture.with { server in
            for path in ["/v1.50/info", "/containers/nosuch/json", "/nosuch"] {
                let answer = try await Self.ask(server, path, method: "OPTIONS")
                #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\n"), "\(answer)")
            }
            #expect(try await Self.ask(server, "/v1.99/info", method: "OPTIONS").contains("400 Bad Request"))
        }
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

    @Test func `services and tasks name isolation, runtime and ports where Docker does`() async throws {
        try await ServerFixture.with { server in
            var swarm = SwarmInfo()
            swarm.controlAvailable = true
            await server.engine.set(swarm: swarm)
            for path in ["/services", "/services/web"] {
                let answer = try await Self.ask(server, path)
                #expect(answer.contains(#""Isolation":"default""#) && answer.contains(#""Runtime":"container""#))
            }
            let tasks = try await Self.ask(server, "/tasks")
            #expect(tasks.contains(#""Isolation":"default""#) && tasks.contains(#""PortStatus":{}"#), "\(tasks)")
            #expect(!tasks.contains("Runtime"), "\(tasks)")
        }
    }

    @Test func `who is on a network its inspect tells, and a list to clients before 1.28 alone`() async throws {
        try await ServerFixture.with { server in
            for path in ["/v1.27/networks", "/networks/bridge"] {
                let answer = try await Self.ask(server, path)
                #expect(answer.contains(#""Containers":{"ef":"#), "\(path)")
            }
            let answer = try await Self.ask(server, "/networks")
            #expect(answer.contains(#""Containers":{}"#), "\(answer)")
        }
    }

    @Test func `clients of versions before 1.45 are shown a container's configuration of an image`() async throws {
        try await ServerFixture.with { server in
            for path in ["/v1.44/images/x/json", "/v1.45/images/x/json", "/images/x/json"] {
                let answer = try await Self.ask(server, path)
                #expect(answer.contains("ContainerConfig") == path.contains("v1.44"), "\(path)")
            }
        }
    }

    @Test func `a client that asks nothing is let go, one that has asked may be silent, and one too many goes at once`()
        async throws
    {
        try await ServerFixture.with {
            // Long enough for the one too many to come meanwhile, whatever else the machine does.
            $0.firstRequest = .seconds(2)
            $0.maximumConnections = 2
        } _: { server in
            let asking = try await RawClient(server.socketPath)
            try await asking.send("GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
            try await asking.read(until: "\r\n\r\nOK")
            let half = try await eventually("one too many is let go") { () async throws -> RawClient? in
                let half = try await RawClient(server.socketPath)
                try await half.send("GET /_ping HTTP/1.1\r\nHos")
                let surplus = try await RawClient(server.socketPath)
                // It may be let go before it has asked, or while it asks; it is not answered.
                try? await surplus.send("GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                if ((try? await surplus.readToEnd()) ?? "").isEmpty { return half }
                // The one before was counted later than this one, or was gone by then.
                await half.close()
                return nil
            }
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

    /// What is asked for, with which body, and what the answer's status and some of its words are.
    private static let refusals: [(method: String, path: String, body: String, status: Int, words: String)] = [
        ("GET", "/networks/", "", 200, "["),
        ("GET", "/containers/json/", "", 404, #"{"message":"page not found"}"#),
        // A link's name is one, too.
        ("GET", "/containers/web/db/json", "", 404, #"{"message":"No such container: web/db"}"#),
        // As clients send what a list calls it, with its slash before it.
        ("GET", "/containers//web/db/json", "", 404, #"{"message":"No such container: /web/db"}"#),
        ("GET", "/containers/web/db/nosuch", "", 404, #"{"message":"page not found"}"#),
        ("POST", "/containers/web/db/start", "", 404, #"{"message":"No such container: web/db"}"#),
        ("DELETE", "/containers/web/db", "", 404, #"{"message":"No such container: web/db"}"#),
        ("DELETE", "/containers/web/db?link=1", "", 204, "No Content"),
        ("DELETE", "/containers/web?link=1", "", 409, "cannot remove the default link name of the container"),
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
        ("GET", "/plugins?filters=%7B%22bogus%22%3A%5B%22x%22%5D%7D", "", 400, "invalid filter 'bogus'"),
        ("GET", "/images/a.example:5000/b/c/get", "", 200, "<a.example:5000/b/c>"),
        ("GET", "/images/get?names=a:1&names=b", "", 200, "<a:1>"),
        ("GET", "/images/get", "", 400, "no image names given"),
        ("GET", "/images/nosuch/get", "", 404, "No such image: nosuch:latest"),
        ("GET", "/images/x/get?platform=%7B%7D", "", 400, "both OS and Architecture must be provided"),
        (
            "POST", "/images/load?platform=x", "", 501, "loading one platform of an image is not implemented by apus"
        ),
        ("POST", "/containers/prune", "", 200, #"{"ContainersDeleted":null,"SpaceReclaimed":0}"#),
        ("POST", "/images/prune", "", 200, #"{"ImagesDeleted":null,"SpaceReclaimed":0}"#),
        ("POST", "/build/prune", "", 200, #"{"CachesDeleted":null,"SpaceReclaimed":0}"#),
        ("POST", "/build/prune?filters=%7B%22bogus%22%3A%5B%22x%22%5D%7D", "", 400, "invalid filter 'bogus'"),
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
        ("GET", "/containers/json?filters=null", "", 200, "["),
        ("GET", "/containers/json?filters=bogus", "", 400, "invalid character 'b' looking for beginning of value"),
        ("GET", "/containers/json?filters=%7B%22bogus%22%3A%5B%22x%22%5D%7D", "", 400, "invalid filter 'bogus'"),
        ("GET", "/containers/json?limit=x", "", 400, #"strconv.Atoi: parsing \"x\": invalid syntax"#),
        ("POST", "/containers/create", "", 400, #"{"message":"invalid JSON: got EOF while reading request body"}"#),
        ("POST", "/containers/create", #"{"Image":"#, 400, #"{"message":"invalid JSON: unexpected EOF"}"#),
        ("POST", "/containers/create", " ", 400, #"{"message":"invalid JSON: got EOF while reading request body"}"#),
        ("POST", "/networks/create", #"{"Name":"n"} x"#, 400, #"{"message":"unexpected content after JSON"}"#),
        ("POST", "/networks/create", #"{"Name":5} x"#, 400, "Go struct field NetworkCreateRequest.Name of type string"),
        ("POST", "/containers/create", "null", 400, "Config cannot be empty in order to create a container"),
        ("POST", "/containers/create", "nul", 400, #"{"message":"invalid JSON: unexpected EOF"}"#),
        ("POST", "/containers/create", "{} }", 400, "Config cannot be empty in order to create a container"),
        ("POST", "/containers/create", "{}", 400, "Config cannot be empty in order to create a container"),
        ("POST", "/containers/create", #"{"Image":"nosuch:1"}"#, 404, "No such image: nosuch:1"),
        (
            "POST", "/networks/create", #"{"Name":5}"#, 400,
            "json: cannot unmarshal number into Go struct field NetworkCreateRequest.Name of type string"
        ),
        ("POST", "/networks/bridge/connect", "{}", 400, #"{"message":"invalid name or ID supplied: \"\""}"#),
        ("POST", "/networks/bridge/disconnect", "{}", 400, #"{"message":"invalid name or ID supplied: \"\""}"#),
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
        (
            "POST", "/services/x/update?version=1&registryAuthFrom=bogus", "{}", 400,
            "unsupported registryAuthFrom value"
        ),
        (
            "POST", "/images/create?fromSrc=-&changes=&changes=CMD", "", 501,
            "importing images with changes is not implemented by apus"
        ),
        ("POST", "/images/create?fromSrc=http://x", "", 501, "importing images from a URL is not implemented by apus"),
        ("POST", "/images/create?fromSrc=-&repo=r&tag=t", "x", 200, #"{"status":"sha256:r:t"}"#),
        ("POST", "/images/create?fromImage=nosuch.invalid%2Fx&tag=1", "", 404, "pull access denied for nosuch"),
        (
            "POST", "/images/create?fromImage=x&platform=linux%2Ffoo", "", 404,
            "no matching manifest for linux/foo in the manifest list entries"
        ),
        ("GET", "/containers/a%2Fb/json", "", 404, "No such container: a/b"),
    ]

    @Test(arguments: refusals)
    func `a refusal has Docker's status and words`(
        method: String, path: String, body: String, status: Int, words: String
    ) async throws {
        try await ServerFixture.with { server in
            let answer = try await Self.ask(server, path, method: method, body: body.isEmpty ? nil : body)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
            #expect(answer.contains(words), "\(words) in \(answer)")
        }
    }

    private static let own = "%7B%22os%22:%22linux%22,%22architecture%22:%22amd64%22%7D"
    private static let other = "%7B%22os%22:%22linux%22,%22architecture%22:%22arm64%22%7D"

    @Test(arguments: [
        ("GET", "/images/x/json?platform="), ("GET", "/images/x/history?platform="), ("GET", "/images/x/get?platform="),
        ("GET", "/images/get?names=x&platform="), ("POST", "/images/x/push?tag=1&platform="),
        ("DELETE", "/images/x?platforms="),
    ])
    func `a platform that an image is not for is told, and nothing is done`(method: String, path: String) async throws {
        try await ServerFixture.with { server in
            let done = try await Self.ask(server, path + Self.own, method: method)
            #expect(done.hasPrefix("HTTP/1.1 200 "), "\(done)")
            let refused = try await Self.ask(server, path + Self.other, method: method)
            #expect(refused.hasPrefix("HTTP/1.1 404 "), "\(refused)")
            let words = "image with reference x was found but does not provide the specified platform (linux/arm64)"
            #expect(refused.contains(words), "\(refused)")
            let wrong = try await Self.ask(server, path + "x", method: method)
            #expect(wrong.hasPrefix("HTTP/1.1 400 ") && wrong.contains("failed to parse platform: "), "\(wrong)")
        }
    }

    @Test(arguments: [
        (
            "GET", "/images/x/json?manifests=1&platform=" + own,
            "conflicting options: manifests and platform options cannot both be set"
        ),
        ("DELETE", "/images/x?platforms=" + own + "&platforms=" + other, "multiple platforms are not supported"),
    ])
    func `platforms that contradict are refused`(method: String, path: String, words: String) async throws {
        try await ServerFixture.with { server in
            let answer = try await Self.ask(server, path, method: method)
            #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains(words), "\(answer)")
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
                try check(try UnixSocketAddress(path).withPointer { bind(bound, $0, $1) }, "bind \(path)")
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
