import EtcdStore
import Faults
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import LinuxSystem
import Logging
import Model
import NIOPosix
import NodeProtocol
import Orchestration
import StateStore
import SwiftProtobuf

/// All that a manager runs beside its agent: the store, the read model, the edge to the nodes, and, on the leader, orchestration.
struct ManagerRole: Sendable {
    /// The role whose leader orchestrates.
    static let leadership = "orchestration"
    static let lease = Duration.seconds(5)
    /// Before a role that failed is taken up anew.
    static let pause = Duration.seconds(1)
    private static let authorityKey = StoreKey(path: "/apus/authority")

    /// The authority as it is stored.
    private struct StoredAuthority: Codable {
        var root: String
        var key: String
    }

    let file: MembershipFile
    let identity: TLSIdentity
    let configuration: SwarmConfiguration
    let group: MultiThreadedEventLoopGroup
    let log: Logger

    static func supervisor(_ configuration: SwarmConfiguration, _ membership: Membership, log: Logger) throws
        -> EtcdSupervisor
    {
        try EtcdSupervisor(
            EtcdConfiguration(
                name: membership.nodeID, dataDirectory: configuration.directory + "/store",
                runDirectory: configuration.runDirectory + "/etcd", logFile: configuration.directory + "/store.log",
                clusterToken: membership.clusterID, withoutFsync: configuration.storeWithoutFsync),
            logger: log)
    }

    /// Runs until cancelled; the store's process goes on.
    ///
    /// - Parameters:
    ///   - founding: What a new swarm begins with; written when the store has no swarm yet.
    ///   - ready: Called with the manager once it answers.
    func run(founding: Founding?, ready: @escaping @Sendable (Manager) async throws -> Void) async throws {
        let supervisor = try Self.supervisor(configuration, file.value, log: log)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await supervisor.run() }
            tasks.addTask {
                try await supervisor.waitUntilReady()
                try await self.run(on: supervisor.store, founding: founding, ready: ready)
            }
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
    }

    /// The same over a store that is there already.
    func run(
        on store: any StateStore, founding: Founding?, ready: @escaping @Sendable (Manager) async throws -> Void
    ) async throws {
        if let founding { try await found(founding, in: store) }
        let authority = try await storedAuthority(in: store)
        let model = ReadModel(store: store)
        let manager = Manager(store: store, model: model, nodeID: file.value.nodeID)
        let dispatcher = Dispatcher(model: model, writer: manager.writer, heartbeat: configuration.heartbeat, log: log)
        let server = try makeServer(manager, dispatcher, authority)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await model.run() }
            for await _ in model.changes() where !model.objects.isStale { break }
            try Task.checkCancellation()
            tasks.addTask { try await dispatcher.run() }
            tasks.addTask { await manager.logs.run() }
            tasks.addTask {
                await model.announce(self.configuration.announce)
                try Task.checkCancellation()
            }
            tasks.addTask { try await Self.serve(server) }
            tasks.addTask { try await self.lead(store) }
            _ = try await server.listeningAddress
            try await ready(manager)
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
    }

    /// Serves until cancelled, and then until every call has ended; the dispatcher ends its streams when it ends itself.
    private static func serve(_ server: GRPCServer<HTTP2ServerTransport.Posix>) async throws {
        // A task of its own, which cancellation does not reach: a server that is cancelled traps in NIO when a stream arrives at that
        // very moment, since nobody finishes the new stream's writer.
        let serving = Task { try await server.serve() }
        try await withTaskCancellationHandler {
            try await serving.value
        } onCancel: {
            server.beginGracefulShutdown()
        }
    }

    private func makeServer(
        _ manager: Manager, _ dispatcher: Dispatcher, _ authority: CertificateAuthority
    ) throws -> GRPCServer<HTTP2ServerTransport.Posix> {
        let membership = file.value
        let (host, port) = try NodeTransport.split(membership.listenAddress)
        let transport = try NodeTransport.server(
            host: host, port: port, identity: identity, clusterID: membership.clusterID, group: group)
        let model = manager.model
        let managers: @Sendable () -> [Wire.Manager] = {
            model.objects.nodes.values.sorted { $0.id < $1.id }.compactMap { node in
                guard node.spec.role == .manager, let address = node.managerStatus?.addr else { return nil }
                return .with {
                    $0.nodeID = node.id
                    $0.address = address
                }
            }
        }
        let roots = try authority.rootPEM
        return GRPCServer(
            transport: transport,
            services: [
                CertificateService(
                    authority: authority, manager: manager, managers: managers, admission: Admission(), log: log),
                DispatcherService(dispatcher, managers: managers, roots: { roots }),
                LogBrokerService(manager.logs),
                AttachmentService(manager: manager),
            ],
            interceptors: [RoleGate()])
    }

    /// Leads whenever no other manager does.
    private func lead(_ store: any StateStore) async throws {
        let loop = OrchestrationLoop(store: store, log: log, makeID: { RandomID.swarm() })
        while true {
            do {
                try await store.withLeadership(
                    of: Self.leadership, candidate: Array(file.value.nodeID.utf8), lease: Self.lease
                ) { fence in
                    self.log.info("this manager leads", metadata: ["since": "\(fence.revision)"])
                    try await loop.run(under: fence)
                }
            } catch {
                try Task.checkCancellation()
                log.warning("leadership ended", metadata: ["error": "\(error)"])
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    // MARK: Founding

    /// What a new swarm begins with.
    struct Founding: Sendable {
        let authority: CertificateAuthority
        let cluster: ClusterObject
        let node: Node
    }

    private func found(_ founding: Founding, in store: any StateStore) async throws {
        let authority = StoredAuthority(root: try founding.authority.rootPEM, key: try founding.authority.keyPEM)
        let ingress = NetworkAllocator(state: SwarmState()).ingress(id: RandomID.swarm(), at: .now)
        let outcome = try await store.commit(
            StoreTransaction(
                conditions: [.absent(Self.authorityKey), .absent(founding.cluster.key)],
                puts: [
                    .init(Self.authorityKey, Array(try WireJSON.encode(authority))),
                    .init(founding.cluster.key, try founding.cluster.storedBytes),
                    .init(founding.node.key, try founding.node.storedBytes),
                    .init(ingress.key, try ingress.storedBytes),
                    .init(.name(.networks, ingress.spec.name), Array(ingress.id.utf8)),
                ]))
        // Refused when an earlier try has been here: what it wrote holds.
        if outcome.revision == nil { log.notice("the store holds a swarm already") }
    }

    private func storedAuthority(in store: any StateStore) async throws -> CertificateAuthority {
        guard let stored = try await store.get(Self.authorityKey) else {
            throw ClusterError(.badObject, "the store holds no certificate authority")
        }
        let pair = try WireJSON.decode(StoredAuthority.self, from: stored.value)
        return try CertificateAuthority(rootPEM: pair.root, keyPEM: pair.key)
    }
}
