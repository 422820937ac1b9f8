import Addressing
import Concurrency
import GRPCCore
import Logging
import Model
import NodeProtocol
import Orchestration
import ServiceLifecycle

/// Keeps the nodes' sessions on one manager: tells each node its tasks and networks, takes its reports, and declares it down when it is silent.
///
/// With several managers each keeps the sessions of its own nodes. A node's object says which manager that is (``Node/Session``), so that one
/// manager at a time speaks for it; what others need to know of a node's networks they tell each other by ``ManagerPresence``.
///
/// What a node is told is computed from the read model after each change, for all nodes at once; a session that reads slowly gets the newest
/// state only, so nothing piles up.
package actor Dispatcher: ServiceLifecycle.Service {
    /// Nodes are not asked for more, whatever the swarm's specification says: none could keep up, and all would count as down.
    static let shortestHeartbeat = Duration.milliseconds(500)
    /// After how many heartbeat periods of silence a node is down.
    static let timeout = 2.5
    /// Changes that come within this time are told together.
    static let debounce = Duration.milliseconds(20)
    static let tickInterval = Duration.milliseconds(200)
    /// After how long without the store this manager lets its nodes go to others.
    static let staleLimit = Duration.seconds(3)

    struct Plan: Sendable {
        var tasks: [String: SwarmTask] = [:]
        var network = SwarmNetworkState()
    }

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

    private struct Session {
        let id: String
        var lastHeard: ContinuousClock.Instant
        var acknowledged: UInt64 = 0
        var plan: Plan?
        var wakeAssignments: AsyncStream<Void>.Continuation?
        var toldRole: NodeRole?
        /// What the node's program does not understand, and is not told.
        let lacking: [Capability]
        /// What is said of that to whoever looks at the node.
        let note: String?
        /// Said too soon after others: it is written when its time has come.
        var waiting: NodeDescription?
        var isReporting = false
        /// An element makes the handler tell how things are; finished when the session is over, for the handler to end.
        let answers: AsyncStream<Void>.Continuation
    }

    let model: ReadModel
    let writer: ObjectWriter
    let live: ManagerPresence
    /// What nodes are asked to understand.
    let capabilities: Capabilities
    private let ownID: String
    private let log: Logger
    private let heartbeatOverride: Duration?
    private let clock = ContinuousClock()
    private var sessions: [String: Session] = [:]
    /// When a node without a session was last heard.
    private var lastHeard: [String: ContinuousClock.Instant] = [:]
    /// How often each node may ask, across its sessions.
    private var paces: [String: NodePace] = [:]
    private var silence: HeartbeatMonitor
    private var drains = DrainPlanner()
    private var backends = BackendPlanner()
    /// Which stopping tasks this manager's nodes send nothing to any more, for the other managers.
    private let cleared = ObservableValue(Set<String>())
    private var staleSince: ContinuousClock.Instant?
    private var isClosing = false
    private let triggers: AsyncStream<Void>
    private let trigger: AsyncStream<Void>.Continuation

    /// - Parameter heartbeat: Instead of what the swarm's specification says; for tests.
    init(
        model: ReadModel, writer: ObjectWriter, live: ManagerPresence, nodeID: String, heartbeat: Duration? = nil,
        capabilities: Capabilities = .present, log: Logger
    ) {
        self.capabilities = capabilities
        self.live = live
        self.log = log
        self.model = model
        self.writer = writer
        ownID = nodeID
        heartbeatOverride = heartbeat
        silence = HeartbeatMonitor(listeningSince: clock.now)
        (triggers, trigger) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Runs until cancelled; then every session is over.
    package func run() async throws {
        defer { shutDown() }
        try await cancelWhenGracefulShutdown {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in self.model.changes() { self.trigger.yield() } }
                group.addTask {
                    var seen = 0
                    while true {
                        seen = try await self.live.latest.wait { $0.changes > seen ? $0.changes : nil }
                        self.trigger.yield()
                    }
                }
                group.addTask { try await self.tellCleared() }
                group.addTask {
                    for await _ in self.triggers {
                        await self.plan()
                        try await Task.sleep(for: Self.debounce)
                    }
                }
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

    private var grace: Duration { heartbeat * Self.timeout }

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
        if let new = description, Self.differs(new, from: node.description), !allows(\.descriptions, of: nodeID) {
            (description, waiting) = (nil, new)
        }
        // From the very write that makes the node this manager's, before the session is there.
        lastHeard[nodeID] = clock.now
        let note = capabilities.note(on: program)
        try await markReady(
            nodeID, session: session, description: description, dataPathAddress: address, note: note,
            isWorker: member.role == .worker)
        guard !isClosing else { throw RPCError(code: .unavailable, message: "this manager is ending") }
        if let former = sessions[nodeID] { finish(former) }
        sessions[nodeID] = Session(
            id: session, lastHeard: clock.now, lacking: capabilities.missing(in: program), note: note, waiting: waiting,
            answers: answers)
        log.info("session begins", metadata: ["node": "\(nodeID)", "session": "\(session)"])
        trigger.yield()
    }

    /// Takes a sign of life.
    /// - Throws: `RPCError` with `.aborted` when the session is over; others as ``open(_:session:description:place:answers:)`` does.
    func heard(_ nodeID: String, session: String, description: NodeDescription?, place: ClaimedPlace) async throws {
        try check(nodeID, session)
        try spend(\.messages, of: nodeID)
        sessions[nodeID]?.lastHeard = clock.now
        let known = model.objects.nodes[nodeID]
        let address = try known.flatMap { try place.address(of: $0) }
        if let description { sessions[nodeID]?.waiting = description }
        // A sign of life after the node was declared down, as when the store was slow, makes it ready again.
        try await write(nodeID, session: session, address, evenSo: known?.status.state != .ready)
    }

    /// Writes what a node says of itself, if that is news and its time has come.
    private func write(
        _ nodeID: String, session: String, _ address: IPAddress? = nil, evenSo isWanted: Bool = false
    ) async throws {
        var description = sessions[nodeID]?.waiting
        if let new = description {
            if !Self.differs(new, from: model.objects.nodes[nodeID]?.description) {
                sessions[nodeID]?.waiting = nil
                description = nil
            } else if allows(\.descriptions, of: nodeID) {
                sessions[nodeID]?.waiting = nil
            } else {
                description = nil
            }
        }
        guard isWanted || description != nil else { return }
        try await markReady(
            nodeID, session: session, description: description, dataPathAddress: address, note: sessions[nodeID]?.note)
    }

    /// A node has said what cannot be read here.
    func tell(of unread: UnreadRecord) {
        log.warning(
            "what a node says cannot be read", metadata: ["node": "\(unread.id)", "reason": "\(unread.reason)"])
    }

    // MARK: Pace

    private func allows(_ what: WritableKeyPath<NodePace, Allowance>, of nodeID: String) -> Bool {
        paces[nodeID, default: NodePace(at: clock.now)][keyPath: what].take(at: clock.now)
    }

    /// - Throws: `RPCError` with `.resourceExhausted`.
    private func spend(_ what: WritableKeyPath<NodePace, Allowance>, of nodeID: String) throws {
        guard allows(what, of: nodeID) else {
            throw RPCError(code: .resourceExhausted, message: "node \(nodeID) asks too often")
        }
    }

    /// Forgets the paces of nodes that are gone.
    private func forgetPaces(_ objects: SwarmState) {
        for id in paces.keys where objects.nodes[id] == nil && sessions[id] == nil { paces[id] = nil }
    }

    func close(_ nodeID: String, session: String) {
        guard let own = sessions[nodeID], own.id == session else { return }
        lastHeard[nodeID] = own.lastHeard
        sessions[nodeID] = nil
        finish(own)
        log.info("session ends", metadata: ["node": "\(nodeID)", "session": "\(session)"])
        trigger.yield()
    }

    private func finish(_ session: Session) {
        session.answers.finish()
        session.wakeAssignments?.finish()
    }

    private func check(_ nodeID: String, _ session: String) throws {
        guard sessions[nodeID]?.id == session else {
            throw RPCError(code: .aborted, message: "the session is over")
        }
    }

    private static func differs(_ new: NodeDescription, from old: NodeDescription?) -> Bool {
        var new = new
        new.tlsInfo = old?.tlsInfo
        return new != old
    }

    /// What a node is told from now on is at least as new as what any manager has told it before: this manager's copy has seen the write
    /// that made the session this manager's.
    private func markReady(
        _ nodeID: String, session: String, description: NodeDescription?, dataPathAddress: IPAddress?, note: String?,
        isWorker: Bool = false
    ) async throws {
        let own = Node.Session(manager: ownID, id: session)
        let tlsInfo = model.objects.cluster?.tlsInfo
        let revision = try await writer.update(Node.self, nodeID) { node in
            let before = node
            if var description {
                description.tlsInfo = tlsInfo
                node.description = description
            }
            node.status.state = .ready
            node.status.message = note
            node.membership = node.membership ?? .init()
            node.membership?.session = own
            // It has a worker's certificate: those of the manager that it was are good for nothing any more.
            if isWorker, node.grantedRole == .worker { node.membership?.issued = nil }
            if let dataPathAddress {
                node.status.addr = dataPathAddress.description
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

    // MARK: Assignments

    /// An element whenever there is something to tell the node; ends with the session.
    func assignments(_ nodeID: String, session: String) throws -> AsyncStream<Void> {
        try check(nodeID, session)
        try spend(\.streams, of: nodeID)
        guard !isClosing else { throw RPCError(code: .unavailable, message: "this manager is ending") }
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        sessions[nodeID]?.wakeAssignments?.finish()
        sessions[nodeID]?.wakeAssignments = continuation
        // Whoever asks anew is told everything anew.
        sessions[nodeID]?.acknowledged = 0
        if sessions[nodeID]?.plan != nil { continuation.yield() }
        trigger.yield()
        return stream
    }

    /// What a node's program does not understand.
    func lacking(_ nodeID: String, session: String) throws -> [Capability] {
        try check(nodeID, session)
        return sessions[nodeID]?.lacking ?? []
    }

    func currentPlan(_ nodeID: String, session: String) throws -> Plan? {
        try check(nodeID, session)
        return sessions[nodeID]?.plan
    }

    /// The node's new connections follow a version of its network state.
    func acknowledge(_ nodeID: String, session: String, version: UInt64) throws {
        try check(nodeID, session)
        // It cannot have in force what it was never told.
        let told = sessions[nodeID]?.plan?.network.version ?? 0
        let newest = max(min(version, told), sessions[nodeID]?.acknowledged ?? 0)
        sessions[nodeID]?.acknowledged = newest
        if isWaiting { trigger.yield() }
    }

    /// Whether an acknowledgement, or a deadline that passes, changes what nodes are told.
    private var isWaiting: Bool { drains.isWaiting || backends.isWaiting }

    private func plan() {
        let objects = model.objects
        let others = live.state.present.subtracting([ownID])
        guard objects.revision > 0, !sessions.isEmpty || !others.isEmpty else { return }
        endSessionsOfOthers(objects)
        forgetPaces(objects)
        let now = clock.now
        let acknowledged = sessions.mapValues(\.acknowledged)
        let serving = backends.decide(
            objects, versions: sessions.compactMapValues { $0.plan?.network.version }, acknowledged: acknowledged,
            now: now)
        let planner = NetworkStatePlanner(objects, backends: serving)
        for nodeID in sessions.keys {
            var state = planner.state(of: nodeID)
            let former = sessions[nodeID]?.plan?.network
            state.version = former?.version ?? 0
            if state != former { state.version = nextVersion(after: state.version, objects) }
            var plan = sessions[nodeID]?.plan ?? Plan()
            plan.network = state
            sessions[nodeID]?.plan = plan
        }
        let versions = sessions.compactMapValues { $0.plan?.network.version }
        let networks = sessions.keys.map { ($0, planner.networkIDs(of: $0)) }
        func nodes(of task: SwarmTask) -> Set<String> {
            let own = Set((task.networksAttachments ?? []).map(\.network.id))
            return Set(networks.filter { !$0.1.isDisjoint(with: own) }.map(\.0))
        }
        backends.note(objects, versions: versions, nodes: nodes)
        // Running tasks that are to stop, with the nodes of this manager that may send connections to them.
        let stopping = objects.tasks.values.filter { $0.status.state == .running && !$0.isWanted }
        let leaving = stopping.filter { !serving.contains($0.id) }
        let told = live.state.cleared
        let drained = drains.hold(
            stopping: Dictionary(leaving.map { ($0.id, nodes(of: $0)) }) { $0.union($1) }, versions: versions,
            acknowledged: acknowledged, others: others.map { told[$0] ?? [] }, now: now)
        if !others.isEmpty, cleared.value != drained.cleared { cleared.set(drained.cleared) }
        let held = drained.held.union(stopping.map(\.id).filter(serving.contains))
        var tasks: [String: [String: SwarmTask]] = [:]
        for task in objects.tasks.values {
            guard let nodeID = task.nodeID, sessions[nodeID] != nil, task.status.state >= .assigned else { continue }
            var task = task
            if held.contains(task.id) { task.desiredState = .running }
            tasks[nodeID, default: [:]][task.id] = task
        }
        for nodeID in sessions.keys {
            sessions[nodeID]?.plan?.tasks = tasks[nodeID] ?? [:]
            sessions[nodeID]?.wakeAssignments?.yield()
            let role = objects.nodes[nodeID]?.grantedRole
            if role != sessions[nodeID]?.toldRole {
                sessions[nodeID]?.toldRole = role
                sessions[nodeID]?.answers.yield()
            }
        }
    }

    /// The store's revision, or one more than before when what nodes are told changes without a change in the store.
    private func nextVersion(after former: UInt64, _ objects: SwarmState) -> UInt64 {
        max(UInt64(clamping: objects.revision), former + 1)
    }

    /// Sessions of nodes that have been removed, or that have begun one with another manager since.
    private func endSessionsOfOthers(_ objects: SwarmState) {
        for (nodeID, session) in sessions
        where objects.nodes[nodeID]?.membership?.session?.id != session.id && !objects.isUnread(node: nodeID) {
            lastHeard[nodeID] = session.lastHeard
            sessions[nodeID] = nil
            finish(session)
        }
    }

    /// Tells the other managers what is cleared here, the newest each time.
    private func tellCleared() async throws {
        var told = Set<String>()
        while true {
            told = try await cleared.wait { [told] in $0 != told ? $0 : nil }
            do { try await live.tell(cleared: told) } catch {
                try Task.checkCancellation()
                // Tasks are stopped after the drain's deadline then.
                log.warning("other managers do not know what is drained here", metadata: ["error": "\(error)"])
            }
        }
    }

    // MARK: Reports

    /// Writes what a node reports of its tasks. States only advance; reports on other nodes' tasks are ignored.
    ///
    /// - Throws: `RPCError`: `.aborted` when the session is over, `.resourceExhausted` while an earlier call of it is being taken.
    func report(_ nodeID: String, session: String, _ reports: [(taskID: String, status: TaskStatus)]) async throws {
        try check(nodeID, session)
        guard sessions[nodeID]?.isReporting == false else {
            throw RPCError(code: .resourceExhausted, message: "an earlier report is still being taken")
        }
        sessions[nodeID]?.isReporting = true
        defer { if sessions[nodeID]?.id == session { sessions[nodeID]?.isReporting = false } }
        for report in reports {
            if let known = model.objects.tasks[report.taskID], known.status.state == report.status.state,
                NodeReports.isNews(report.status, after: known.status)
            {
                try await waitForUpdate(nodeID, session)
            }
            _ = try await writer.update(SwarmTask.self, report.taskID) { task in
                guard task.nodeID == nodeID, NodeReports.isNews(report.status, after: task.status) else { return false }
                let status = NodeReports.settled(report.status, after: task.status, at: .now)
                task.status = status
                if status.state == .running, task.assignment?.runningSince == nil {
                    task.assignment?.runningSince = status.timestamp
                }
                return true
            }
        }
    }

    /// A task's steps are few; what else a node says of it has a pace, and waits for it.
    private func waitForUpdate(_ nodeID: String, _ session: String) async throws {
        while true {
            let pause = paces[nodeID, default: NodePace(at: clock.now)].updates.pause(at: clock.now)
            if pause == .zero { break }
            try await Task.sleep(for: pause)
            try check(nodeID, session)
        }
        _ = allows(\.updates, of: nodeID)
    }

    // MARK: Silence

    /// Descriptions whose time has come.
    private func writeWaiting() async {
        for (nodeID, session) in sessions where session.waiting != nil {
            do { try await write(nodeID, session: session.id) } catch {
                log.debug(
                    "a node's description is not written yet", metadata: ["node": "\(nodeID)", "error": "\(error)"])
            }
        }
    }

    private func tick() async {
        if isWaiting { trigger.yield() }
        let now = clock.now
        for session in sessions.values where now - session.lastHeard > grace { finish(session) }
        guard !model.isStale else {
            // Others may have a quorum; nodes that find none come back here.
            let since = staleSince ?? now
            staleSince = since
            if now - since > Self.staleLimit { for session in sessions.values { finish(session) } }
            return
        }
        if staleSince != nil {
            // Cut off from the others it may have been cut off from its nodes, too, and has let them go in any case.
            silence.listening = now
            staleSince = nil
        }
        await writeWaiting()
        let live = live.state
        for node in model.objects.nodes.values where node.status.state != .down {
            let heard = sessions[node.id]?.lastHeard ?? lastHeard[node.id]
            guard let last = silence.lastSign(of: node, heardHere: heard, live, own: ownID, now: now),
                now - last > grace
            else { continue }
            let session = node.membership?.session
            do {
                _ = try await writer.update(Node.self, node.id) { node in
                    guard node.status.state != .down, node.membership?.session == session else { return false }
                    node.status.state = .down
                    node.status.message = "heartbeat failure"
                    return true
                }
                log.warning("node is down", metadata: ["node": "\(node.id)"])
            } catch {
                log.error("cannot declare a node down", metadata: ["node": "\(node.id)", "error": "\(error)"])
            }
        }
    }
}
