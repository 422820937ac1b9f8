import Addressing
import Concurrency
import EngineInterface
import Foundation
import GRPCCore
import LinuxSystem
import Logging
import Model
import NIOPosix
import NodeProtocol
import ServiceLifecycle
import SwiftProtobuf
import X509

/// A node's side of its session with a manager: takes assignments, drives tasks and networks, reports.
///
/// Without a manager it goes on with what it was last told.
struct Agent: ServiceLifecycle.Service {
    static let initialBackoff = Duration.milliseconds(200)
    static let maximumBackoff = Duration.seconds(5)
    /// Reports of one message; more go into the next.
    static let reportsPerMessage = 200
    /// How long a manager may take to answer a heartbeat. Another manager is found before this node counts as down.
    static let answerDeadline = Duration.seconds(4)
    /// Between signs of life that bring news.
    static let shortestPause = Duration.milliseconds(250)
    static let silenceCheck = Duration.milliseconds(500)
    /// How long the executor may take to describe the node or to apply networks before it is tried anew.
    static let networkRetry = Duration.seconds(2)

    let membership: MembershipFile
    let identity: TLSIdentity
    /// The role of the certificate: set when a new one is of another.
    let role: ObservableValue<NodeRole>
    let credentials: CredentialFiles
    let executor: any TaskExecutor
    let board: AssignedTasks
    let group: MultiThreadedEventLoopGroup
    let log: Logger
    /// See ``SwarmConfiguration/decodedChanges``.
    let decodedChanges: DecodedChanges?
    private let logs: LogPublisher
    /// The connection of the session of the moment.
    let connection = ObservableValue<NodeTransport.Client?>(nil)

    init(
        membership: MembershipFile, identity: TLSIdentity, role: ObservableValue<NodeRole>,
        credentials: CredentialFiles,
        executor: any TaskExecutor, group: MultiThreadedEventLoopGroup,
        publish: @escaping @Sendable (EngineEvent) -> Void = { _ in }, feed: FeedPublisher, tunnels: TunnelOpener,
        decodedChanges: DecodedChanges?, log: Logger
    ) {
        self.credentials = credentials
        self.decodedChanges = decodedChanges
        self.executor = executor
        self.group = group
        self.identity = identity
        self.log = log
        self.membership = membership
        logs = LogPublisher(
            membership: membership, identity: identity, executor: executor, feed: feed, tunnels: tunnels, group: group,
            log: log)
        self.role = role
        board = AssignedTasks(
            executor: executor, directory: membership.directory, publish: publish, log: log)
    }

    /// Runs until cancelled. Containers, networks and traffic stay as they are then.
    func run() async throws {
        await board.restore()
        await identify()
        defer { logs.feed.events?.identify(as: nil) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.board.run() }
            group.addTask { try await self.sessions() }
            group.addTask { try await self.logs.run() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Says in the node's own events which node it is.
    private func identify() async {
        let id = membership.value.nodeID
        // One that cannot be described is called by its id.
        let name = (try? await executor.describeNode().hostname) ?? id
        logs.feed.events?.identify(as: EventNode(id: id, name: name))
    }

    /// One session after the other; the next with another manager.
    private func sessions() async throws {
        var pause = Self.initialBackoff
        var pace = RenewalPace()
        // A manager that does not take this node for what its certificate says has another one for it, or none.
        var isDoubted = false
        var managers = Self.order(membership.value.managers, own: membership.value.nodeID)
        while true {
            try Task.checkCancellation()
            guard let address = managers.first else {
                // Quickly from one manager to the next, slowly from one round to the next.
                try await Task.sleep(for: pause * Double.random(in: 0.8...1.2))
                pause = min(pause * 2, Self.maximumBackoff)
                managers = Self.order(membership.value.managers, own: membership.value.nodeID)
                continue
            }
            let begun = ContinuousClock.now
            do {
                try await session(with: address, renewingFirst: isDoubted)
            } catch let error as SessionEnd where error == .renewed {
                isDoubted = false
                try await Task.sleep(for: pace.pause(at: .now))
                continue
            } catch {
                try Task.checkCancellation()
                // Other ends say nothing of it: the next manager is asked in the same way.
                if (error as? RPCError)?.code == .permissionDenied { isDoubted.toggle() }
                log.warning("session ended", metadata: ["manager": "\(address)", "error": "\(Self.reason(error))"])
            }
            managers = Array(managers.dropFirst())
            if ContinuousClock.now - begun > Self.maximumBackoff { pause = Self.initialBackoff }
        }
    }

    /// A manager's own agent tries its own manager first; other nodes spread.
    static func order(_ managers: [SwarmInfo.RemoteManager], own nodeID: String) -> [String] {
        let own = managers.filter { $0.nodeID == nodeID }
        return (own + managers.filter { $0.nodeID != nodeID }.shuffled()).map(\.addr)
    }

    /// A refused certificate shows only in the error's cause.
    private static func reason(_ error: any Error) -> String {
        guard let error = error as? RPCError else { return "\(error)" }
        return "\(error.code): \(error.message)" + (error.cause.map { " (\($0))" } ?? "")
    }

    enum SessionEnd: Error, Equatable { case renewed, silent, ended }

    private func session(with address: String, renewingFirst: Bool) async throws {
        let description = try await executor.describeNode()
        let clusterID = membership.value.clusterID
        try await NodeTransport.withClient(
            to: address, identity: identity, check: .manager(clusterID: clusterID), group: group
        ) { client in
            // Without a certificate that is valid nothing else is allowed; one that has been revoked may look valid here.
            if let own = identity.credentials {
                let isOver = own.certificate.notValidAfter < Date() || identity.isRevoked(own.certificate)
                if isOver || renewingFirst { try await renew(client) }
            }
            let dispatcher = Wire.Dispatcher.Client(wrapping: client)
            let session = SessionState()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await self.beat(dispatcher, session, description) }
                tasks.addTask { try await self.watch(session) }
                tasks.addTask {
                    try await self.assignments(dispatcher, session)
                }
                tasks.addTask {
                    let id = try await session.id()
                    try await self.reports(dispatcher, id)
                }
                tasks.addTask {
                    _ = try await session.id()
                    self.connection.set(client)
                    defer { self.connection.set(nil) }
                    try await self.renewal(client, session)
                }
                defer { tasks.cancelAll() }
                try await tasks.next()
                throw SessionEnd.ended
            }
        }
    }

    // MARK: Heartbeats

    private func beat(
        _ dispatcher: Wire.Dispatcher.Client<some ClientTransport>, _ session: SessionState,
        _ description: NodeDescription
    ) async throws {
        let dataPathAddress = membership.value.dataPathAddress
        try await dispatcher.session(options: NodeTransport.streamOptions) { writer in
            let described = try Wire.payload(description)
            try await writer.write(
                .with {
                    $0.description_p = described
                    $0.dataPathAddress = dataPathAddress.description
                    $0.program = Capabilities.present.program
                })
            // How often is the manager's to say: its answer is waited for.
            _ = try await session.id()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.signs(of: description, at: dataPathAddress, session, to: writer) }
                group.addTask {
                    while true {
                        let applied = try await session.progress()
                        try await writer.write(.with { $0.applied = applied })
                    }
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        } onResponse: { response in
            var roots = ""
            for try await message in response.messages {
                if let reason = Capabilities.present.refusal(of: message.program, called: "the manager") {
                    throw ClusterError(.badMessage, reason)
                }
                session.take(message)
                try await self.take(message, roots: &roots)
            }
        }
    }

    /// Says again and again that the node lives, and what has changed since it said how it is.
    private func signs(
        of description: NodeDescription, at dataPathAddress: IPAddress, _ session: SessionState,
        to writer: RPCWriter<Wire.SessionRequest>
    ) async throws {
        var told = description
        while true {
            try await pause(session.heartbeat, telling: told.encryption)
            let present = try await executor.describeNode()
            let news = present == told ? Data() : try Wire.payload(present)
            told = present
            try await writer.write(
                .with {
                    $0.description_p = news
                    $0.dataPathAddress = dataPathAddress.description
                })
        }
    }

    /// Waits for the time of the next sign of life, or until other nodes wait for what this one has to say of its encryption.
    private func pause(_ heartbeat: Duration, telling told: NodeEncryption?) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Task.sleep(for: heartbeat) }
            group.addTask {
                try await Task.sleep(for: min(heartbeat, Self.shortestPause))
                try await self.executor.waitForEncryption(otherThan: told)
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func watch(_ session: SessionState) async throws {
        while true {
            try await Task.sleep(for: Self.silenceCheck)
            if session.silence > session.heartbeat + Self.answerDeadline {
                throw SessionEnd.silent
            }
        }
    }

    /// Takes the managers and roots that a manager tells of; what it does not name has not changed.
    /// - Parameter taken: The roots that were taken in this session, as they were told: older managers tell them with each answer.
    private func take(_ message: Wire.SessionMessage, roots taken: inout String) async throws {
        let managers = message.managers.map { SwarmInfo.RemoteManager(nodeID: $0.nodeID, addr: $0.address) }
        if !managers.isEmpty, managers != membership.value.managers {
            try await membership.change { $0.managers = managers }
        }
        if !message.revoked.isEmpty { try await revoke(message.revoked) }
        guard !message.rootsPem.isEmpty, message.rootsPem != taken, let own = identity.credentials else { return }
        let roots = try Certificate.bundle(pem: message.rootsPem)
        if roots != own.roots {
            try await install(NodeCredentials(key: own.key, certificate: own.certificate, roots: roots))
        }
        taken = message.rootsPem
    }

    /// Believes these certificates no more.
    private func revoke(_ serials: [String]) async throws {
        let files = credentials
        try await onThread { try self.identity.revoke(serials, in: files) }
    }

    private func install(_ new: NodeCredentials) async throws {
        let files = credentials
        try await onThread { try files.save(new) }
        try identity.replace(new)
    }

    // MARK: Reports

    private func reports(_ dispatcher: Wire.Dispatcher.Client<some ClientTransport>, _ session: String) async throws {
        try await board.report(atMost: Self.reportsPerMessage) { reports in
            let messages = try reports.map { report in
                let status = try Wire.payload(report.status)
                return Wire.TaskReport.with {
                    $0.taskID = report.id
                    $0.status = status
                }
            }
            _ = try await dispatcher.reportTasks(
                .with {
                    $0.sessionID = session
                    $0.reports = messages
                }, options: NodeTransport.callOptions)
        }
    }

    // MARK: Renewal

    /// Renews the certificate when its time has come, or when the node is to have another role.
    private func renewal(_ client: NodeTransport.Client, _ session: SessionState) async throws {
        guard let own = identity.credentials else { return }
        let due = own.renewalDate(at: Double.random(in: 0...1))
        let role = own.member.role.nodeRole
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await Task.sleep(for: .seconds(max(0, due.timeIntervalSinceNow))) }
            tasks.addTask { try await session.waitForRole(otherThan: role) }
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
        try await renew(client)
    }

    /// Gets a new certificate for a new key; then the session ends, so that the next one shows the new identity.
    /// - Throws: ``SessionEnd/renewed``.
    private func renew(_ client: NodeTransport.Client) async throws {
        let key = NodeKey()
        let request = Data(try key.signingRequest())
        let address = membership.value.advertiseAddress.description
        let reply = try await Wire.Certificates.Client(wrapping: client).renew(
            .with {
                $0.signingRequest = request
                $0.advertiseAddress = address
            }, options: NodeTransport.callOptions)
        guard let certificate = try Certificate.bundle(pem: reply.certificatePem).first else {
            throw ClusterError(.badMessage, "the manager sent no certificate")
        }
        let new = try NodeCredentials(
            key: key, certificate: certificate, roots: try Certificate.bundle(pem: reply.rootsPem))
        try await install(new)
        let role = new.member.role.nodeRole
        log.info("certificate renewed", metadata: ["until": "\(certificate.notValidAfter)", "role": "\(role)"])
        if role != self.role.value {
            try await membership.change { $0.role = role }
            self.role.set(role)
        }
        throw SessionEnd.renewed
    }
}
