import DockerAPI
import EngineInterface
import Glibc
import LinuxSystem
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import TestKit
import Testing

/// Pages of metrics on the API's socket and over TCP.
@Suite(.timeLimit(.minutes(1))) struct MetricsServerTests {
    private struct Pages: MetricsBackend {
        var size = 5

        func metrics(_ page: MetricsPage, accept: String) async throws -> MetricsText? {
            if page == .cluster { return nil }
            return MetricsText(
                contentType: accept.isEmpty ? "text/plain" : accept,
                bytes: Array("\(page)".utf8) + Array(repeating: 0x2e, count: size))
        }
    }

    /// Runs `body` with a server on a port of the loopback that nobody else has.
    private func withServer(
        _ pages: Pages = Pages(), _ change: (inout MetricsServer.Configuration) -> Void = { _ in },
        _ body: @escaping @Sendable (Int) async throws -> Void
    ) async throws {
        var configuration = MetricsServer.Configuration(host: "127.0.0.1", port: 0)
        change(&configuration)
        let (ready, continuation) = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let server = MetricsServer(
            configuration, backend: pages, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger
        ) { address in
            continuation.yield(address?.port ?? 0)
            continuation.finish()
        }
        let group = ServiceGroup(services: [server], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { continuation.finish() }
                try await group.run()
            }
            var port = 0
            for await found in ready { port = found }
            do { try await body(port) } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    /// What one connection brings until its end; at most for some seconds.
    private func ask(_ port: Int, _ request: String) async throws -> String {
        try await onThread {
            let descriptor = try check(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), "socket")
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            try withUnsafePointer(to: &address) {
                try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = try check(connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)), "connect")
                }
            }
            var limit = timeval(tv_sec: 10, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            let bytes = Array(request.utf8)
            send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            var text = ""
            var chunk = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = recv(descriptor, &chunk, chunk.count, 0)
                if count < 0 { return text + "<errno \(errno)>" }
                if count == 0 { return text + "<end>" }
                text += String(decoding: chunk.prefix(count), as: UTF8.self)
            }
        }
    }

    private func get(_ path: String, _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"
    }

    @Test func `two pages are served over TCP and nothing else, a connection each`() async throws {
        try await withServer { port in
            let node = try await ask(port, get("/metrics"))
            #expect(node.hasPrefix("HTTP/1.1 200") && node.hasSuffix("node.....<end>"), "\(node)")
            #expect(node.lowercased().contains("connection: close"))
            let accept = try await ask(port, get("/metrics/cadvisor", "Accept: application/openmetrics-text\r\n"))
            #expect(accept.contains("application/openmetrics-text") && accept.hasSuffix("cadvisor.....<end>"))
            for path in ["/metrics/cluster", "/containers/json", "/", "/metrics/", "/v1.44/metrics"] {
                #expect(try await ask(port, get(path)).hasPrefix("HTTP/1.1 404"), "\(path)")
            }
            let post = try await ask(port, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
            #expect(post.hasPrefix("HTTP/1.1 404"))
            let head = try await ask(port, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(head.hasPrefix("HTTP/1.1 200") && head.hasSuffix("\r\n\r\n<end>"))
        }
    }

    @Test func `connections are bounded in number and in time`() async throws {
        try await withServer(Pages()) { configuration in
            configuration.maximumConnections = 3
            configuration.firstRequest = .milliseconds(1500)
        } _: { port in
            // Silent ones take all the room there is, for a while. On a busy machine they may be counted later than who
            // asks, or be gone by then.
            try await eventually("one too many is refused") { () async throws -> Bool in
                try await withThrowingTaskGroup(of: String.self, returning: Bool.self) { group in
                    for _ in 0..<3 { group.addTask { try await ask(port, "") } }
                    try await Task.sleep(for: .milliseconds(300))
                    let answer = try await ask(port, get("/metrics"))
                    for try await silent in group {
                        #expect(silent == "<end>" || silent.contains("errno 104"), "\(silent)")
                    }
                    return !answer.hasPrefix("HTTP/1.1 200")
                }
            }
            try await eventually("there is room again") {
                try await ask(port, get("/metrics")).hasPrefix("HTTP/1.1 200")
            }
        }
    }

    @Test func `a client that reads nothing is let go of`() async throws {
        try await withServer(Pages(size: 64 << 20)) {
            $0.longest = .milliseconds(700)
        } _: { port in
            let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(.autoRead, value: false).connect(host: "127.0.0.1", port: port).get()
            try await client.writeAndFlush(ByteBuffer(string: get("/metrics"))).get()
            try await Task.sleep(for: .seconds(1))
            // It has gone: what is left in the socket is read, and then its end, unless its end has come by itself.
            do { try await client.setOption(.autoRead, value: true).get() } catch ChannelError.ioOnClosedChannel {}
            try await client.closeFuture.get()
        }
    }

    @Test func `the socket of the API has them beside what Docker's has`() async throws {
        try await ServerFixture.with { server in
            let none = try await RawClient(server.socketPath)
            try await none.send(get("/metrics"))
            try await server.eventually("404 without a backend") { await none.text.contains("page not found") }
            let path = server.socketPath + "2"
            try await withThrowingTaskGroup(of: Void.self) { group in
                let (ready, continuation) = AsyncStream.makeStream(of: Void.self)
                var backends = Backends(server.engine)
                backends.metrics = Pages()
                var configuration = APIServer.Configuration()
                configuration.socketPath = path
                let second = APIServer(
                    configuration, backends: backends, eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
                    logger: Logger(label: "second"), onReady: { continuation.finish() })
                group.addTask { try await second.run() }
                for await _ in ready {}
                let client = try await RawClient(path)
                try await client.send(get("/metrics") + get("/v1.44/metrics/cluster") + get("/_ping"))
                try await server.eventually("all three") {
                    let text = await client.text
                    return text.contains("node.....") && text.contains("no manager of a swarm") && text.hasSuffix("OK")
                }
                group.cancelAll()
            }
        }
    }
}
