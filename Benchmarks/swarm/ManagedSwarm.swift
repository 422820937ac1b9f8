import Cluster
import Concurrency
import Engine
import EngineInterface
import EtcdStore
import Foundation
import Logging
import Model
import NIOPosix

/// A manager in this process, with its store beside it.
struct ManagedSwarm: Sendable {
    let swarm: Swarm
    /// For workers.
    let token: String
    let managerToken: String
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
        configuration.events = executor.events
        configuration.publish = { executor.events.publish($0) }
        configuration.pulses = NodeMeter(executor: executor)
        configuration.decodedChanges = executor.table.decoded
        var log = Logger(label: address)
        log.logLevel = .critical
        return Swarm(configuration, executor: executor, group: group, log: log)
    }

    /// A manager's own node, which runs no tasks. Its log of events is in a file, as a daemon's is; for ``EventLog/run(_:)``.
    private static func manager(_ name: String, in root: String) async throws -> KernellessExecutor {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let events = await EventLog.open(root + "/events.db", log: quiet)
        return KernellessExecutor(hostname: name, table: FleetTable(), events: events)
    }

    private static var quiet: Logger {
        var log = Logger(label: "events")
        log.logLevel = .critical
        return log
    }

    static func running(
        _ place: SwarmBenchmark.Place, _ body: @escaping @Sendable (ManagedSwarm) async throws -> Void
    ) async throws {
        let directory = place.directory
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let root = directory + "/manager"
        let executor = try await manager("manager", in: root)
        let swarm = swarm(
            root, executor, at: address, port: place.port, .singletonMultiThreadedEventLoopGroup)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await executor.events.run(quiet) }
            group.addTask { try await swarm.run() }
            group.addTask {
                try await until(within: startLimit) { await swarm.isReady }
                var request = SwarmInitRequest()
                request.listenAddr = "\(address):\(place.port)"
                // No task is for the manager's own node.
                request.availability = "drain"
                _ = try await swarm.initialiseSwarm(request)
                let tokens = try await swarm.inspectSwarm().joinTokens
                try await body(
                    ManagedSwarm(
                        swarm: swarm, token: tokens?.worker ?? "", managerToken: tokens?.manager ?? "",
                        directory: root))
            }
            defer { group.cancelAll() }
            try await group.next()
        }
        try await stopStore(in: root)
        try FileManager.default.removeItem(atPath: directory)
    }

    /// Further managers in this process, which join the one at ``address``.
    static func joined(
        _ count: Int, _ place: SwarmBenchmark.Place, token: String,
        _ body: @escaping @Sendable ([ManagedSwarm]) async throws -> Void
    ) async throws {
        var joining: [(address: String, managed: ManagedSwarm, events: EventLog)] = []
        for index in 0..<count {
            let (root, own) = (place.directory + "/manager-\(index)", "127.0.0.\(index + 2)")
            let executor = try await manager("manager-\(index)", in: root)
            let swarm = swarm(root, executor, at: own, port: place.port, .singletonMultiThreadedEventLoopGroup)
            joining.append(
                (own, ManagedSwarm(swarm: swarm, token: "", managerToken: token, directory: root), executor.events))
        }
        let managers = joining
        try await withThrowingTaskGroup(of: Void.self) { group in
            for manager in managers {
                group.addTask { await manager.events.run(quiet) }
                group.addTask { try await manager.managed.swarm.run() }
            }
            group.addTask {
                // One after the other: the store takes in one member at a time.
                for (own, managed, _) in managers {
                    try await until(within: startLimit) { await managed.swarm.isReady }
                    var request = SwarmJoinRequest()
                    request.remoteAddrs = ["\(address):\(place.port)"]
                    request.listenAddr = "\(own):\(place.port)"
                    request.advertiseAddr = request.listenAddr
                    request.availability = "drain"
                    request.joinToken = token
                    try await managed.swarm.joinSwarm(request)
                    try await until(within: startLimit) {
                        // It is a manager once it answers as one.
                        do { return try await managed.swarm.listNodes(Filters()).count > 1 } catch { return false }
                    }
                }
                try await body(managers.map(\.managed))
            }
            defer { group.cancelAll() }
            try await group.next()
        }
        for manager in managers { try await stopStore(in: manager.managed.directory) }
    }

    private static func stopStore(in root: String) async throws {
        let store = EtcdConfiguration(
            name: "any", dataDirectory: root + "/swarm/store", runDirectory: root + "/run/etcd",
            logFile: root + "/swarm/store.log", clusterToken: "any")
        try await EtcdSupervisor(store, logger: Logger(label: "stop")).stop()
    }

    func scale(_ name: String, to replicas: Int) async throws {
        var service = try await swarm.inspectService(name, insertDefaults: false)
        service.spec.mode.replicated = .init(replicas: UInt64(clamping: replicas))
        _ = try await swarm.updateService(name, version: service.version.index, service.spec, rollback: false)
    }

    /// The store's process; `nil` while there is none.
    var storeProcess: Int32? { Self.storeProcess(in: directory) }

    /// - Parameter directory: A manager's.
    static func storeProcess(in directory: String) -> Int32? {
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
