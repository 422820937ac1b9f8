import Cluster
import Concurrency
import EtcdStore
import Foundation
import Logging
import Model
import NIOPosix

/// A manager in this process, with its store beside it.
struct ManagedSwarm: Sendable {
    let swarm: Swarm
    let token: String
    let directory: String

    private static let address = "127.0.0.1"
    private static let startLimit = Duration.seconds(60)

    static func swarm(
        _ directory: String, _ executor: KernellessExecutor, at address: String, port: Int,
        _ group: MultiThreadedEventLoopGroup
    ) -> Swarm {
        var configuration = SwarmConfiguration(rootDirectory: directory, runDirectory: directory + "/run")
        configuration.storeWithoutFsync = true
        configuration.storePort = port + 1
        configuration.advertiseAddress = "\(address):\(port)"
        var log = Logger(label: address)
        log.logLevel = .critical
        return Swarm(configuration, executor: executor, group: group, log: log)
    }

    static func running(
        _ place: SwarmBenchmark.Place, _ body: @escaping @Sendable (ManagedSwarm) async throws -> Void
    ) async throws {
        let directory = place.directory
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let root = directory + "/manager"
        let swarm = swarm(
            root, KernellessExecutor(hostname: "manager"), at: address, port: place.port,
            .singletonMultiThreadedEventLoopGroup)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await swarm.run() }
            group.addTask {
                try await until(within: startLimit) { await swarm.isReady }
                var request = SwarmInitRequest()
                request.listenAddr = "\(address):\(place.port)"
                // No task is for the manager's own node.
                request.availability = "drain"
                _ = try await swarm.initialiseSwarm(request)
                let token = try await swarm.inspectSwarm().joinTokens?.worker ?? ""
                try await body(ManagedSwarm(swarm: swarm, token: token, directory: root))
            }
            defer { group.cancelAll() }
            try await group.next()
        }
        let store = EtcdConfiguration(
            name: "any", dataDirectory: root + "/swarm/store", runDirectory: root + "/run/etcd",
            logFile: root + "/swarm/store.log", clusterToken: "any")
        try await EtcdSupervisor(store, logger: Logger(label: "stop")).stop()
        try FileManager.default.removeItem(atPath: directory)
    }

    /// The store's process; `nil` while there is none.
    var storeProcess: Int32? {
        let text = try? String(contentsOfFile: directory + "/run/etcd/etcd.pid", encoding: .utf8)
        return text?.split(separator: " ").first.flatMap { Int32($0) }
    }
}

/// It was not reached in time.
struct TimeIsUp: Error {}

/// Returns when the condition holds, which is looked at again and again.
func until(
    within limit: Duration, every pause: Duration = .milliseconds(20), _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else { throw TimeIsUp() }
        try await Task.sleep(for: pause)
    }
}
