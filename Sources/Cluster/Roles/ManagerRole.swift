import Addressing
import Concurrency
import EngineInterface
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
    static let lease = Duration.seconds(5)
    /// Before a role that failed is taken up anew.
    static let pause = Duration.seconds(1)

    let file: MembershipFile
    let identity: TLSIdentity
    /// What the store's values are sealed with.
    let sealing: SealingFile
    let configuration: SwarmConfiguration
    let group: MultiThreadedEventLoopGroup
    let log: Logger

    var nodeID: String { file.value.nodeID }

    static func supervisor(
        _ configuration: SwarmConfiguration, _ membership: Membership, _ keys: SealingKeys = SealingKeys(),
        beginning: EtcdConfiguration.Beginning = .new, log: Logger
    ) throws -> EtcdSupervisor {
        let files = configuration.credentials
        let listen = membership.listenAddress.address
        return try EtcdSupervisor(
            EtcdConfiguration(
                name: membership.nodeID, dataDirectory: configuration.storeDirectory,
                runDirectory: configuration.runDirectory + "/etcd", logFile: configuration.directory + "/store.log",
                clusterToken: membership.clusterID,
                peers: .tls(
                    listen: "https://" + HostText.join(listen, configuration.storePort),
                    advertise: configuration.storeURL(membership),
                    .init(
                        authority: files.rootPath, certificate: files.nodePath, key: files.nodePath,
                        revocations: files.revocationListPath)),
                beginning: beginning, withoutFsync: configuration.storeWithoutFsync),
            keys: keys, logger: log)
    }

    /// Runs until cancelled; the store's process goes on.
    ///
    /// - Parameters:
    ///   - beginning: What the store begins with when it has no data, see ``StoreJoiner``.
    ///   - bootstrap: What a new swarm begins with; written when the store has no swarm yet.
    ///   - ready: Called with the manager once it answers.
    /// - Throws: ``EtcdError`` with `.removed` when the other managers have removed this one's member.
    func run(
        from beginning: EtcdConfiguration.Beginning, bootstrap: Bootstrap?,
        ready: @escaping @Sendable (Manager) async throws -> Void
    ) async throws {
        let supervisor = try Self.supervisor(
            configuration, file.value, sealing.keys, beginning: beginning, log: log)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await supervisor.run() }
            tasks.addTask {
                let hasQuorum = try await supervisor.waitForAnswer()
                try await self.run(on: supervisor, hasQuorum: hasQuorum, bootstrap: bootstrap, ready: ready)
            }
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
    }

    /// - Parameter hasQuorum: Otherwise it begins with what its own member of the store knows.
    private func run(
        on supervisor: EtcdSupervisor, hasQuorum: Bool, bootstrap: Bootstrap?,
        ready: @escaping @Sendable (Manager) async throws -> Void
    ) async throws {
        let store = supervisor.store
        if let bootstrap { try await bootstrap.write(to: store) }
        let authority = try await StoredAuthority.read(from: store)
        let tellOfTask = configuration.events.map { events in
            { @Sendable (event: EngineEvent, id: EventID) in events.publish(event, id: id) }
        }
        let model = ReadModel(store: store, tellOfTask: tellOfTask)
        let live = ManagerPresence(store: store, nodeID: nodeID, log: log)
        let gated = GatedStore(base: store, model: model)
        let manager = Manager(
            store: gated, model: model, live: live, members: supervisor.members, nodeID: nodeID,
            events: configuration.events, webhook: configuration.alertWebhook.map { AlertWebhook(url: $0, log: log) },
            storeMetrics: { [socket = supervisor.configuration.socket, log] in await Self.metrics(at: socket, log) },
            log: log)
        configuration.events?.keep(asManager: true)
        let forNodes = ObjectWriter(store: GatedStore(base: store, model: model, timeout: GatedStore.nodeTimeout))
        let dispatcher = Dispatcher(
            model: model, writer: forNodes, live: live, nodeID: nodeID, heartbeat: configuration.heartbeat,
            capabilities: configuration.capabilities, log: log, publish: configuration.publish)
        if !hasQuorum {
            log.warning("the store has no quorum: this manager answers from what it knows, and refuses changes")
            try await model.prime()
        }
        try await LocalRenewal(role: self, authority: authority, model: model).renewIfExpired()
        let server = try makeServer(manager, dispatcher, forNodes, authority)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await model.run() }
            tasks.addTask { try await live.run() }
            for await _ in model.changes() where !(hasQuorum && model.objects.isStale) { break }
            try Task.checkCancellation()
            tasks.addTask { try await self.keepRevocations(model) }
            tasks.addTask { try await dispatcher.run() }
            tasks.addTask { await manager.logs.run() }
            tasks.addTask { try await manager.tunnels.run() }
            tasks.addTask {
                await manager.addresses.run()
                try Task.checkCancellation()
            }
            tasks.addTask {
                await manager.feeds.run()
                try Task.checkCancellation()
            }
            tasks.addTask {
                await self.publish(model)
                try Task.checkCancellation()
            }
            tasks.addTask { try await Self.serve(server) }
            let keeper = SealKeeper(role: self, manager: manager, store: store)
            tasks.addTask { try await keeper.follow() }
            tasks.addTask { try await self.lead(store, manager, keeper) }
            tasks.addTask { try await live.publish() }
            tasks.addTask { try await self.keepAddress(manager, supervisor) }
            _ = try await server.listeningAddress
            try await ready(manager)
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
    }

    /// Tells what happens in the swarm until cancelled, and logs which objects cannot be read.
    private func publish(_ model: ReadModel) async {
        await model.publish { event in
            if event.action == UnreadRecord.action {
                log.error(
                    "an object of the swarm cannot be read and is left as it is",
                    metadata: [
                        "type": "\(event.type)", "id": "\(event.actorID)",
                        "reason": "\(event.attributes["reason"] ?? "")",
                    ])
            }
            configuration.publish(event)
        }
    }

    /// What the member of the store tells of itself; `nil` while it does not answer.
    private static func metrics(at socket: String, _ log: Logger) async -> StoreMetrics? {
        do { return try await EtcdMetrics.read(from: socket) } catch {
            log.debug("the store's metrics are left out", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Serves until cancelled, and then until every call has ended; the dispatcher ends its streams when it ends itself.
    private static func serve(_ server: GRPCServer<HTTP2ServerTransport.Posix>) async throws {
        // A server that is cancelled traps in NIO when a stream arrives at that very moment, since nobody finishes the new stream's writer.
        try await withTaskCancellationHandler {
            try await uncancelled { try await server.serve() }
        } onCancel: {
            server.beginGracefulShutdown()
        }
    }

    private func makeServer(
        _ manager: Manager, _ dispatcher: Dispatcher, _ forNodes: ObjectWriter, _ authority: CertificateAuthority
    ) throws -> GRPCServer<HTTP2ServerTransport.Posix> {
        let membership = file.value
        let transport = try NodeTransport.server(
            at: membership.listenAddress, identity: identity, clusterID: membership.clusterID,
            connections: ConnectionGuard(), group: group)
        let model = manager.model
        let managers: @Sendable () -> [Wire.Manager] = {
            model.objects.sharedManagers.compactMap { node in
                guard node.value.grantedRole == .manager, let address = node.value.managerStatus?.addr?.description
                else {
                    return nil
                }
                return .with {
                    $0.nodeID = node.value.id
                    $0.address = address
                }
            }
        }
        let roots = try authority.rootPEM
        return GRPCServer(
            transport: transport,
            services: [
                CertificateService(
                    authority: authority, manager: manager, writer: forNodes, managers: managers,
                    admission: CallAdmission(), capabilities: configuration.capabilities, log: log),
                DispatcherService(dispatcher, managers: managers, roots: { roots }),
                LogBrokerService(manager.logs),
                FeedService(manager.feeds),
                TunnelService(manager.tunnels),
                AttachmentService(manager: manager),
                ManagersService(
                    writer: forNodes, members: manager.members, keys: sealing.keys, log: log),
            ],
            interceptors: [
                RoleGate(identity) { id in
                    // A node that has just joined at another manager is in the store before it is in this one's copy.
                    if model.objects.nodes[id] != nil { return true }
                    do { return try await forNodes.get(Node.self, id) != nil } catch let error as StateStoreError {
                        throw RPCError(error)
                    }
                }
            ])
    }

    /// Leads whenever no other manager does, unless this one is to be a worker.
    private func lead(_ store: any ObjectStore, _ manager: Manager, _ seals: SealKeeper) async throws {
        let loop = OrchestrationLoop(store: store, copy: manager.model, log: log, makeID: { RandomID.swarm() })
        let keeper = RoleKeeper(
            store: store, model: manager.model, live: manager.live, members: manager.members, nodeID: nodeID, log: log)
        let keys = OverlayKeyKeeper(store: store, model: manager.model, log: log)
        let alerts = configuration.events.map { events in
            AlertWatch(
                model: manager.model, feeds: manager.feeds, live: manager.live, events: events,
                webhook: manager.webhook, log: log)
        }
        while true {
            let nodeID = nodeID
            for await _ in manager.model.changes()
            where manager.model.objects.nodes[nodeID]?.spec.role == .manager { break }
            try Task.checkCancellation()
            do {
                try await store.withLeadership(
                    of: LiveKey.orchestration, candidate: Array(nodeID.utf8), lease: Self.lease
                ) { fence in
                    self.log.info("this manager leads", metadata: ["since": "\(fence.revision)"])
                    try await withThrowingTaskGroup(of: Void.self) { tasks in
                        tasks.addTask { try await loop.run(under: fence) }
                        tasks.addTask { try await keeper.run(under: fence) }
                        tasks.addTask { try await seals.lead(under: fence) }
                        tasks.addTask { try await keys.run(under: fence) }
                        if let alerts { tasks.addTask { try await alerts.run() } }
                        defer { tasks.cancelAll() }
                        try await tasks.next()
                    }
                }
            } catch is RoleKeeper.Resigned {
                log.notice("this manager is to be a worker: another one leads")
            } catch {
                try Task.checkCancellation()
                log.warning("leadership ended", metadata: ["error": "\(error)"])
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// Believes no certificate that has been taken out of force, at this manager's ports.
    private func keepRevocations(_ model: ReadModel) async throws {
        let files = configuration.credentials
        var known: [String] = []
        for await _ in model.changes() {
            let serials = (model.objects.cluster?.revoked ?? []).map(\.serial)
            if serials != known { try await onThread { try self.identity.revoke(serials, in: files) } }
            known = serials
        }
        try Task.checkCancellation()
    }

    /// Sees to it that the store's members and this node's object tell where this manager is, again until it has worked once.
    private func keepAddress(_ manager: Manager, _ supervisor: EtcdSupervisor) async throws {
        let membership = file.value
        let url = configuration.storeURL(membership)
        while true {
            do {
                if let own = try await manager.members.list().first(where: { $0.name == nodeID }),
                    own.peerURLs != [url]
                {
                    try await manager.members.update(own.id, peerURL: url)
                }
                _ = try await manager.writer.update(Node.self, nodeID) { node in
                    guard node.grantedRole == .manager else { return false }
                    let before = node
                    node.membership = node.membership ?? .init()
                    node.membership?.role = .manager
                    node.membership?.storeURL = url
                    node.membership?.advertiseAddress = membership.advertiseAddress
                    // One that this manager has made itself, see ``LocalRenewal``.
                    if let own = self.identity.credentials?.certificate, own.record != before.membership?.issued?.last {
                        node.membership?.note(own, pem: try own.canonicalPEM)
                    }
                    var status = node.managerStatus ?? ManagerStatus()
                    status.addr = membership.advertiseAddress
                    node.managerStatus = status
                    return node != before
                }
                break
            } catch {
                try Task.checkCancellation()
                log.info("this manager's address is not known to others yet", metadata: ["error": "\(error)"])
                try await Task.sleep(for: Self.pause)
            }
        }
        // The group that runs this ends with the first of its tasks.
        while true { try await Task.sleep(for: .seconds(3600)) }
    }
}
