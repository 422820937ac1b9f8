import Addressing
import Concurrency
import GRPCCore
import Logging
import Model
import NodeProtocol
import Orchestration
import ServiceLifecycle
import StateStore

/// Keeps the nodes' sessions on one manager: hears each node, takes its reports, and declares it down when it is silent. What nodes are told is
/// ``AssignmentPlanner``'s.
///
/// With several managers each keeps the sessions of its own nodes. A node's object says which manager that is (``Node/Session``), so that one
/// manager at a time speaks for it; what others need to know of a node's networks they tell each other by ``ManagerPresence``.
///
/// A sign of life waits for nothing: not for what nodes are told, and not for the store that something of it may have to be written to.
package actor Dispatcher: ServiceLifecycle.Service {
    /// Nodes are not asked for more, whatever the swarm's specification says: none could keep up, and all would count as down.
    static let shortestHeartbeat = Duration.milliseconds(500)
    /// After how many heartbeat periods of silence a node is down.
    static let timeout = 2.5
    static let tickInterval = Duration.milliseconds(200)
    /// A session is looked at so often at least.
    static let longestSessionLook = Duration.seconds(5)
    /// After how long without the store this manager lets its nodes go to others.
    static let staleLimit = Duration.seconds(3)

    /// The address that a node names as its own, and where its session comes from.
    struct ClaimedPlace: Sendable {
        let claim: String
        let source: NodeAddress

        /// - Throws: `RPCError` when the address cannot be the node's.
        func address(of node: Node) throws -> IPAddress? {
            if claim.isEmpty { return nil }
            let address = try source.parse(claim)
            try source.check(address, of: node)
            return address
        }
    }

    struct Session {
        let id: String
        var lastHeard: ContinuousClock.Instant
        var toldRole: NodeRole?
        /// What is said, to whoever looks at the node, of what its program does not understand.
        let note: String?
        /// Said too soon after others: it is written when its time has come.
        var waiting: NodeDescription?
        /// Named by its last sign of life.
        var address: IPAddress?
        var isReporting = false
        /// An element makes the handler tell how things are; finished when the session is over, for the handler to end.
        let answers: AsyncStream<Void>.Continuation
    }

    let model: ReadModel
    let writer: ObjectWriter
    let live: ManagerPresence
    /// What nodes are asked to understand.
    let capabilities: Capabilities
    let ownID: String
    let log: Logger
    private let heartbeatOverride: Duration?
    let clock = ContinuousClock()
    var sessions: [String: Session] = [:]
    /// When a node without a session was last heard.
    private(set) var lastHeard: [String: ContinuousClock.Instant] = [:]
    /// How often each node may ask, across its sessions.
    var paces: [String: NodePace] = [:]
    var failures: FailureDetector
    /// When sessions may have been silent for too long.
    var sessionLooks = LookSchedule()
    /// Nodes that have said something too soon after others.
    var waitingNodes: Set<String> = []
    let reports: ReportWriter
    let publish: @Sendable (EngineEvent) -> Void
    var staleSince: ContinuousClock.Instant?
    private var isClosing = false
    /// What was looked at last when nodes had changed.
    private var look: SwarmLook?
    /// And when the nodes' silence was judged.
    var silenceLook: SwarmLook?
    /// What the nodes are told.
    let assignments: AssignmentPlanner

    /// - Parameter heartbeat: Instead of what the swarm's specification says; for tests.
    init(
        model: ReadModel, writer: ObjectWriter, live: ManagerPresence, nodeID: String, heartbeat: Duration? = nil,
        capabilities: Capabilities = .present, log: Logger,
        publish: @escaping @Sendable (EngineEvent) -> Void = { _ in }
    ) {
        self.publish = publish
        reports = ReportWriter(store: writer.store, model: model)
        self.capabilities = capabilities
        self.live = live
        self.log = log
        self.model = model
        self.writer = writer
        ownID = nodeID
        heartbeatOverride = heartbeat
        failures = FailureDetector(nodeID, listeningSince: clock.now)
        assignments = AssignmentPlanner(model: model, live: live, nodeID: nodeID, log: log)
    }

    /// Runs until cancelled; then every session is over.
    package func run() async throws {
        defer { shutDown() }
        try await cancelWhenGracefulShutdown {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.assignments.run() }
                group.addTask { for await _ in self.model.changes() { await self.lookAtNodes() } }
                group.addTask { try await self.lookAtRefusals() }
                group.addTask {
                    while true {
                        try await Task.sleep(for: Self.tickInterval)
                        await self.tick()
                    }
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        }
    }

    /// How often nodes are to give a sign of life.
    package var heartbeat: Duration {
        let wanted = model.objects.cluster?.spec.dispatcher?.heartbeatPeriod ?? 0
        if let heartbeatOverride { return heartbeatOverride }
        return wanted > 0 ? max(.nanoseconds(wanted), Self.shortestHeartbeat) : NodeTimeouts.heartbeat
    }

    var grace: Duration { heartbeat * Self.timeout }

    // MARK: Sessions

    private func shutDown() {
        isClosing = true
        for session in sessions.values { finish(session) }
    }

    /// Begins a node's session; an older one of the same node ends, here and at other managers.
    ///
    /// - Parameters:
    ///   - place: What address the node names, and where it comes from.
    ///   - program: What the node runs.
    ///   - answers: An element makes the handler tell how things are; finished when the session is over, for the handler to end.
    /// - Throws: `RPCError`: `.permissionDenied` when the node has been removed from the swarm, or names an address that is not its own;
    ///   `.failedPrecondition` when its program is too old.
    func open(
        _ member: Member, session: String, description: NodeDescription?, place: ClaimedPlace, program: Wire.Program,
        answers: AsyncStream<Void>.Continuation
    ) async throws {
        let nodeID = member.nodeID
        try spend(\.sessions, of: nodeID)
        if let reason = capabilities.refusal(of: program, called: "node \(nodeID)") {
            log.warning("a node is refused", metadata: ["node": "\(nodeID)", "reason": "\(reason)"])
            throw RPCError(code: .failedPrecondition, message: reason)
        }
        guard staleSince == nil else { throw RPCError(code: .unavailable, message: "the store cannot be reached") }
        guard let node = try await writer.get(Node.self, nodeID) else {
            throw RPCError(code: .permissionDenied, message: "node \(nodeID) is not part of the swarm")
        }
        let address = try place.address(of: node)
        var description = description
        var waiting: NodeDescription?
        if let new = description, Self.differs(new, from: node.description),
            !allows(Self.pace(of: new, after: node.description), of: nodeID)
        {
            (description, waiting) = (nil, new)
        }
        // From the very write that makes the node this manager's, before the session is there.
        lastHeard[nodeID] = clock.now
        let note = capabilities.note(on: program)
        try await markReady(
            nodeID, session: session, begins: true, description: description, dataPathAddress: address, note: note,
            isWorker: member.role == .worker, hasDualMesh: Capabilities.has(Capabilities.dualMesh, program))
        guard !isClosing else { throw RPCError(code: .unavailable, message: "this manager is ending") }
        if let former = sessions[nodeID] { finish(former) }
        sessions[nodeID] = Session(
            id: session, lastHeard: clock.now, toldRole: model.objects.nodes.shared(nodeID)?.value.grantedRole,
            note: note, waiting: waiting, answers: answers)
        if waiting != nil { waitingNodes.insert(nodeID) }
        sessionLooks.set(clock.now + grace, for: nodeID)
        log.info("session begins", metadata: ["node": "\(nodeID)", "session": "\(session)"])
        await assignments.begin(nodeID, session: session, lacking: capabilities.missing(in: program))
        // Another session of the node may have begun meanwhile, here or with another manager, or this one have ended.
        await look(at: [nodeID])
        if sessions[nodeID]?.id != session { await assignments.end(nodeID, session: session) }
    }

    /// Takes a sign of life, and waits for nothing: what is to be written of it is ``writeHeard(_:session:)``'s.
    /// - Throws: `RPCError` with `.aborted` when the session is over; others as ``open(_:session:description:place:answers:)`` does.
    func heard(_ nodeID: String, session: String, description: NodeDescription?, place: ClaimedPlace) throws {
        try check(nodeID, session)
        try spend(\.messages, of: nodeID)
        sessions[nodeID]?.lastHeard = clock.now
        sessions[nodeID]?.address = try model.objects.nodes.shared(nodeID).flatMap { try place.address(of: $0.value) }
        if let description {
            sessions[nodeID]?.waiting = description
            waitingNodes.insert(nodeID)
        }
    }

    /// Writes what was heard of a node, if that is news. A sign of life after the node was declared down, as when the store was slow, makes it
    /// ready again. What the store does not take now is written later; it is no reason to let go of a node that is heard.
    ///
    /// - Throws: `RPCError` with `.aborted` when the session is over.
    func writeHeard(_ nodeID: String, session: String) async throws {
        try check(nodeID, session)
        let isReady = model.objects.nodes.shared(nodeID)?.value.status.state == .ready
        do {
            try await write(nodeID, session: session, sessions[nodeID]?.address, evenSo: !isReady)
        } catch let error as RPCError {
            throw error
        } catch {
            log.debug("what a node says is not written yet", metadata: ["node": "\(nodeID)", "error": "\(error)"])
        }
    }

    /// Writes what a node says of itself, if that is news and its time has come.
    func write(
        _ nodeID: String, session: String, _ address: IPAddress? = nil, evenSo isWanted: Bool = false
    ) async throws {
        var description = sessions[nodeID]?.waiting
        if let new = description {
            let described = model.objects.nodes.shared(nodeID)?.value.description
            if !Self.differs(new, from: described) {
                sessions[nodeID]?.waiting = nil
                description = nil
            } else if allows(Self.pace(of: new, after: described), of: nodeID) {
                sessions[nodeID]?.waiting = nil
            } else {
                description = nil
            }
        }
        guard isWanted || description != nil else { return }
        do {
            try await markReady(
                nodeID, session: session, description: description, dataPathAddress: address,
                note: sessions[nodeID]?.note)
        } catch {
            // It is still to be written, unless the node has said something else since, or the session is another.
            if let description, sessions[nodeID]?.id == session, sessions[nodeID]?.waiting == nil {
                sessions[nodeID]?.waiting = description
                waitingNodes.insert(nodeID)
            }
            throw error
        }
    }

    /// A node has said what cannot be read here.
    func tell(of unread: UnreadRecord) {
        log.warning(
            "what a node says cannot be read", metadata: ["node": "\(unread.id)", "reason": "\(unread.reason)"])
    }

    // MARK: Pace

    func allows(_ what: WritableKeyPath<NodePace, Allowance>, of nodeID: String) -> Bool {
        paces[nodeID, default: NodePace(at: clock.now)][keyPath: what].take(at: clock.now)
    }

    /// - Throws: `RPCError` with `.resourceExhausted`.
    private func spend(_ what: WritableKeyPath<NodePace, Allowance>, of nodeID: String) throws {
        guard allows(what, of: nodeID) else {
            throw RPCError(code: .resourceExhausted, message: "node \(nodeID) asks too often")
        }
    }

    func close(_ nodeID: String, session: String) async {
        await assignments.end(nodeID, session: session)
        guard let own = sessions[nodeID], own.id == session else { return }
        lastHeard[nodeID] = own.lastHeard
        sessions[nodeID] = nil
        finish(own)
        log.info("session ends", metadata: ["node": "\(nodeID)", "session": "\(session)"])
    }

    func finish(_ session: Session) {
        session.answers.finish()
    }

    func check(_ nodeID: String, _ session: String) throws {
        guard sessions[nodeID]?.id == session else { throw Self.isOver }
    }

    private static var isOver: RPCError { RPCError(code: .aborted, message: "the session is over") }

    private static func pace(
        of new: NodeDescription, after old: NodeDescription?
    ) -> WritableKeyPath<NodePace, Allowance> {
        var same = new
        same.encryption = old?.encryption
        return differs(same, from: old) ? \.descriptions : \.encryption
    }

    private static func differs(_ new: NodeDescription, from old: NodeDescription?) -> Bool {
        var new = new
        new.tlsInfo = old?.tlsInfo
        return new != old
    }

    /// What a node is told from now on is at least as new as what any manager has told it before: this manager's copy has seen the write
    /// that made the session this manager's.
    ///
    /// - Parameter begins: The node is this session's from now on. Any later write of a session leaves a node alone that has begun another since:
    ///   it may have waited for the store meanwhile, and would take the node back.
    /// - Throws: `RPCError` with `.aborted` when the node has begun another session.
    private func markReady(
        _ nodeID: String, session: String, begins: Bool = false, description: NodeDescription?,
        dataPathAddress: IPAddress?, note: String?, isWorker: Bool = false, hasDualMesh: Bool = false
    ) async throws {
        let own = Node.Session(manager: ownID, id: session)
        let tlsInfo = model.objects.cluster?.tlsInfo
        let revision = try await writer.update(Node.self, nodeID) { node in
            let before = node
            guard begins || node.membership?.session == own else { throw Self.isOver }
            if var description {
                description.tlsInfo = tlsInfo
                node.description = description
            }
            node.status.state = .ready
            node.status.message = note
            node.membership = node.membership ?? .init()
            node.membership?.session = own
            if begins { node.membership?.hasDualMesh = hasDualMesh ? true : nil }
            // It has a worker's certificate: those of the manager that it was are good for nothing any more.
            if isWorker, node.grantedRole == .worker { node.membership?.issued = nil }
            if let dataPathAddress {
                node.status.addr = dataPathAddress
                node.membership?.dataPathAddress = dataPathAddress
            }
            return node != before
        }
        if let revision {
            guard await model.hasCaughtUp(to: revision) else {
                throw RPCError(code: .unavailable, message: "this manager does not keep up with the store")
            }
        }
    }

    // MARK: Changes

    /// A node's stream of assignments is to begin.
    /// - Throws: `RPCError`: `.aborted` when the session is over, `.resourceExhausted` when it asks too often.
    func allowStream(_ nodeID: String, session: String) throws {
        try check(nodeID, session)
        try spend(\.streams, of: nodeID)
    }

    /// Looks at the nodes that have changed: sessions of those that have been removed, or that have begun one with another manager since,
    /// are over; a node is told of another role.
    private func lookAtNodes() async {
        let look = model.look(after: look)
        self.look = look
        await self.look(at: look.changes.nodes)
    }

    private func look(at ids: Set<String>) async {
        let objects = model.objects
        guard objects.revision > 0 else { return }
        var over: [(String, String)] = []
        for id in ids {
            // Of one that has been removed nothing is kept; one that cannot be read is still there.
            if objects.nodes.shared(id) == nil, sessions[id] == nil, !objects.isUnread(node: id) {
                (paces[id], lastHeard[id]) = (nil, nil)
            }
            guard let session = sessions[id] else { continue }
            let node = objects.nodes.shared(id)
            if node?.value.membership?.session?.id != session.id, !objects.isUnread(node: id) {
                if node == nil {
                    (paces[id], lastHeard[id]) = (nil, nil)
                } else {
                    lastHeard[id] = session.lastHeard
                }
                sessions[id] = nil
                finish(session)
                over.append((id, session.id))
            } else if node?.value.grantedRole != session.toldRole {
                sessions[id]?.toldRole = node?.value.grantedRole
                session.answers.yield()
            }
        }
        for (id, session) in over { await assignments.end(id, session: session) }
    }
}
