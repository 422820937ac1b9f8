import Concurrency
import ContainerRuntime
import DataPlane
import Glibc
import Images
import LinuxSystem
import Logging
import Model
import TestKit
import Testing

@testable import Engine

/// A node's engine in a network namespace and directories of its own, with an image `box` made of busybox.
struct EngineFixture: Sendable {
    let engine: NodeEngine
    let directory: String
    /// That of the node.
    let namespace: NetworkNamespace
    /// What the engine has warned of.
    let log: Kept<[String]>

    /// - Parameters:
    ///   - logBound: For all logs together.
    ///   - later: What the restarted daemon is told of its networks' addresses.
    ///   - next: Goes on with what a restarted daemon has: the same directories, nothing in memory.
    static func run(
        logBound: LogBound = .usual, later: NodeAddressing = NodeAddressing(),
        _ body: (EngineFixture) async throws -> Void,
        restarted next: ((EngineFixture) async throws -> Void)? = nil
    ) async throws {
        try await withNetworkNamespace { namespace in
            try await withTemporaryDirectory { directory in
                let first = try await open(directory, namespace, logBound)
                _ = try await first.engine.images.importImage(ImageFixture.body(try root()), name: "box", comment: "")
                try await cleaningUp {
                    try await first.whileRunning { try await body(first) }
                    guard let next else { return }
                    let second = try await open(directory, namespace, logBound, later)
                    try await second.whileRunning { try await next(second) }
                } by: {
                    // By the runtime alone: a test may have left the engine without a store.
                    let runtime = first.engine.runtime
                    for id in try await runtime.containers() { try await runtime.delete(id) }
                    try await first.engine.network.dataPlane.teardown()
                }
            }
        }
    }

    /// Runs what the engine has to do, as long as `body`.
    private func whileRunning(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await engine.background.run() }
            group.addTask { await engine.quota.run() }
            group.addTask { await engine.packer.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    private static func open(
        _ directory: String, _ namespace: NetworkNamespace, _ logBound: LogBound,
        _ addressing: NodeAddressing = NodeAddressing()
    ) async throws -> EngineFixture {
        let lines = Kept<[String]>([])
        var configuration = EngineConfiguration(
            rootDirectory: directory + "/lib", runDirectory: directory + "/run", version: "test")
        configuration.addressing = addressing
        configuration.logBound = logBound
        let engine = try await NodeEngine.open(
            configuration, namespace: namespace, log: Logger(label: "engine") { _ in KeptLog(lines: lines) })
        return EngineFixture(engine: engine, directory: directory, namespace: namespace, log: lines)
    }

    /// An archive of a root file system.
    private static func root() throws -> [UInt8] {
        var archive = TarBuilder()
        for name in ["bin/", "etc/"] { archive.add(name, .directory, mode: 0o755) }
        archive.add("etc/passwd", text: "root:x:0:0::/root:/bin/sh\nwww:x:34:34::/srv:/bin/sh\n")
        archive.add("bin/busybox", content: try #require(try Files.read("/bin/busybox")), mode: 0o755)
        for name in ["sh", "true", "cat", "sleep"] { archive.add("bin/\(name)", .symbolicLink, link: "busybox") }
        return archive.bytes
    }

    /// Makes a container without a network.
    func create(_ command: [String], _ change: (inout ContainerCreateRequest) -> Void = { _ in }) async throws -> String
    {
        var request = ContainerCreateRequest()
        request.configuration.image = "box"
        request.configuration.cmd = StringList(command)
        request.hostConfig.networkMode = "none"
        change(&request)
        return try await engine.factory.createContainer(name: nil, platform: nil, request).id
    }

    func start(_ command: [String], _ change: (inout ContainerCreateRequest) -> Void = { _ in }) async throws -> String
    {
        let id = try await create(command, change)
        try await engine.containers.startContainer(id)
        return id
    }

    func record(_ id: String) throws -> ContainerRecord { try #require(engine.table.record(id)) }

    func bundle(_ id: String) -> String { RuntimePaths(root: engine.paths.bundles).bundle(id) }

    /// Makes a directory that cannot be removed before ``release(_:)``.
    func hold(_ path: String) throws {
        try Files.makeDirectories(path)
        try Mounts.mount(type: "tmpfs", at: path)
    }

    func release(_ path: String) throws { try Mounts.unmount(path) }

    func waitForLog(_ text: String) async throws {
        try await eventually(within: .seconds(20), text) { log.withLock { $0.contains { $0.hasPrefix(text) } } }
    }
}

/// Keeps warnings and errors.
struct KeptLog: LogHandler {
    let lines: Kept<[String]>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") } }
}
