import DockerAPI
import Foundation
import LinuxSystem
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

/// The stock docker CLI: this machine's own, or the one that Scripts/packages has unpacked.
enum StockCLI {
    static let directories: [String] = {
        let top = URL(fileURLWithPath: #filePath).pathComponents.dropLast(4).joined(separator: "/").dropFirst()
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return path.split(separator: ":").map(String.init) + ["\(top)/.build/tools"]
    }()

    static var path: String? {
        directories.map { $0 + "/docker" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}

/// A running API server over a fake engine, in a directory of its own.
struct ServerFixture: Sendable {
    let socketPath: String
    let engine: FakeEngine
    let group: ServiceGroup

    /// Runs `body` while the server serves, and checks that it stops afterwards.
    static func with(
        _ change: (inout APIServer.Configuration) -> Void = { _ in },
        backends edit: (inout Backends) -> Void = { _ in },
        _ body: @escaping @Sendable (ServerFixture) async throws -> Void
    ) async throws {
        let directory = "/tmp/apus-api-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer {
            // What is left in the temporary directory does no harm.
            try? FileManager.default.removeItem(atPath: directory)
        }
        var configuration = APIServer.Configuration()
        configuration.socketPath = directory + "/docker.sock"
        configuration.productVersion = "0.1"
        change(&configuration)
        let engine = FakeEngine()
        var backends = Backends(engine)
        edit(&backends)
        let (ready, continuation) = AsyncStream.makeStream(of: Void.self)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let server = APIServer(
            configuration, backends: backends, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger,
            onReady: { continuation.finish() })
        let group = ServiceGroup(services: [server], logger: logger)
        let fixture = ServerFixture(socketPath: configuration.socketPath, engine: engine, group: group)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { continuation.finish() }
                try await group.run()
            }
            for await _ in ready {}
            do {
                try await body(fixture)
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    /// Another daemon that was told to serve the same socket.
    func secondServer() -> APIServer { server(at: socketPath) }

    /// A further server for the same engine.
    func server(
        at path: String, isOptional: Bool = false, onReady: @escaping @Sendable () async -> Void = {}
    ) -> APIServer {
        var configuration = APIServer.Configuration()
        configuration.socketPath = path
        configuration.isOptional = isOptional
        return APIServer(
            configuration,
            backends: Backends(engine),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: Logger(label: "second"),
            onReady: onReady)
    }

    /// Runs the stock CLI against this server for at most 30 seconds.
    func docker(_ arguments: [String], input: String? = nil) async throws -> (
        status: Int32, output: String, errors: String
    ) {
        let path = socketPath
        return try await onThread {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
            process.arguments = ["-k", "5", "30", "docker"] + arguments
            process.environment = [
                "DOCKER_HOST": "unix://" + path, "HOME": String(path.dropLast("/docker.sock".count)),
                "PATH": StockCLI.directories.joined(separator: ":"),
            ]
            let (standardInput, output, errors) = (Pipe(), Pipe(), Pipe())
            process.standardInput = input == nil ? FileHandle.nullDevice : standardInput
            process.standardOutput = output
            process.standardError = errors
            try process.run()
            if let input {
                try standardInput.fileHandleForWriting.write(contentsOf: Data(input.utf8))
                try standardInput.fileHandleForWriting.close()
            }
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return (process.terminationStatus, text, complaint)
        }
    }

    /// Waits until `condition` holds, at most half a minute.
    func eventually(_ what: Comment, _ condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try await !condition() {
            guard ContinuousClock.now < deadline else {
                Issue.record("\(what) did not happen")
                return
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

extension Backends {
    /// One that plays all of them.
    init(_ engine: FakeEngine) {
        self.init(
            system: engine, containers: engine, creation: engine, listing: engine, streams: engine, logs: engine,
            execs: engine, files: engine, stats: engine, images: engine, transfers: engine, registries: engine,
            networks: engine, connections: engine, volumes: engine, swarm: engine, nodes: engine, services: engine,
            tasks: engine)
    }
}
