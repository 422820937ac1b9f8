import GRPCCore
package import Logging
import Model
import Orchestration
import ServiceLifecycle

/// Keeps the nodes' sessions on one manager: tells each node its tasks and networks, takes its reports, and declares it down when it is silent.
///
/// What a node is told is computed from the read model after each change, for all nodes at once; a session that reads slowly gets the newest
/// state only, so nothing piles up.
package actor Dispatcher: ServiceLifecycle.Service {
    /// Docker's default.
    static let defaultHeartbeat = Duration.seconds(5)
    /// After how many heartbeat periods of silence a node is down.
    static let patience = 2.5
    /// Changes that come within this time are told together.
    static let settling = Duration.milliseconds(20)
    static let tickInterval = Duration.milliseconds(200)

    struct Plan: Sendable {
        var tasks: [String: SwarmTask] = [:]
        var network = SwarmNetworkState()
    }

    private struct Session {
        let id: String
        var lastHeard: ContinuousClock.Instant
        var acknowledged: UInt64 = 0
        var plan: Plan?
        var wakeAssignments: AsyncStream<Void>.Continuation?
        /// Finished when the session is over, for its handler to end.
        let end: AsyncStream<Void>.Continuation
    }

    let model: ReadModel
    let writer: ObjectWriter
    private let log: Logger
    private let heartbeatOverride: Duration?
    private let clock = ContinuousClock()
    private var sessions: [String: Session] = [:]
    /// When a node without a session was last heard; nodes never heard count from this manager's start.
    private var lastHeard: [String: ContinuousClock.Instant] = [:]
    private let started: ContinuousClock.Instant
    private var drains = DrainPlanner()
    private var backends = BackendPlanner()
    private var isClosing = false
    private let kicks: AsyncStream<Void>
    private let kick: AsyncStream<Void>.Continuation

    /// - Parameter heartbeat: Instead of what the swarm's specification says; for tests.
    package init(model: ReadModel, writer: ObjectWriter, heartbeat: Duration? = nil, log: Logger) {
        self.log = log
        self.model = model
        self.writer = writer
        heartbeatOverride = heartbeat
        started = clock.now
        (kicks, kick) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Runs until cancelled; then every session is over.
    package func run() async throws {
        defer { shutDown() }
        try await cancelWhenGracefulShutdown {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in self.model.changes() { self.kick.yield() } }
                group.addTask {
                    for await _ in self.kicks {
                        await self.plan()
                        try await Task.sleep(for: Self.settling)
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
        return heartbeatOverride ?? (wanted > 0 ? .nanoseconds(wanted) : Self.defaultHeartbeat)
    }

    private var grace: Duration { heartbeat * Self.patience }

    // MARK: Sessions

    private func shutDown() {
        isClosing = true
        for session in sessions.values { finish(session) }
    }

    /// Begins a node's session; an older one of the same node ends.
    ///
    /// - Parameter end: Finished when the session is over, for its handler to end.
    /// - Throws: `RPCError` with `.permissionDenied` when the node has been removed from the swarm.
    func open(
        _ nodeID: String, session: String, description: NodeDescription?, dataPathAddress: String,
        end: AsyncStream<Void>.Continuation
    ) async throws {
        guard try await writer.get(Node.self, nodeID) != nil else {
            throw RPCError(code: .permissionDenied, message: "node \(nodeID) is not part of the swarm")
        }
        try await markReady(nodeID, description: description, dataPathAddress: dataPathAddress)
        guard !isClosing else { throw RPCError(code: .unavailable, message: "this manager is ending") }
        if let former = sessions[nodeID] { finish(former) }
        sessions[nodeID] = Session(id: session, lastHeard: clock.now, end: end)
        log.info("session begins", metadata: ["node": "\(nodeID)", "session": "\(session)"])
        kick.yield()
    }

    /// Takes a sign of life.
    /// - Throws: `RPCError` with `.aborted` when the session is over.
    func heard(_ nodeID: String, session: String, description: NodeDescription?, dataPathAddress: String) async throws {
        try check(nodeID, session)
        sessions[nodeID]?.lastHeard = clock.now
        let known = model.objects.nodes[nodeID]
        let isNew = description.map { new in Self.differs(new, from: known?.description) } ?? false
        // A sign of life after the node was declared down, as when the store was slow, makes it ready again.
        if isNew || known?.status.state != .ready {
            try await markReady(nodeID, description: description, dataPathAddress: dataPathAddress)
        }
    }

    func close(_ nodeID: String, session: String) {
        guard let own = sessions[nodeID], own.id == session else { return }
        lastHeard[nodeID] = own.lastHeard
        sessions[nodeID] = nil
        finish(own)
        log.info("session ends", metadata: ["node": "\(nodeID)", "session": "\(session)"])
        kick.yield()
    }

    private func finish(_ session: Session) {
        session.end.finish()
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

    private func markReady(_ nodeID: String, description: NodeDescription?, dataPathAddress: String) async throws {
        let tlsInfo = model.objects.cluster?.tlsInfo
        let revision = try await writer.update(Node.self, nodeID) { node in
            let before = node
            if var description {
                description.tlsInfo = tlsInfo
                node.description = description
            }
            node.status.state = .ready
            node.status.message = nil
            if !dataPathAddress.isEmpty {
                node.status.addr = dataPathAddress
                node.membership = node.membership ?? .init()
                node.membership?.dataPathAddress = dataPathAddress
            }
            return node != before
        }
        if let revision { await model.catchUp(to: revision) }
    }

    // MARK: Assignments

    /// An element whenever there is something to tell the node; ends with the session.
    func assignments(_ nodeID: String, session: String) throws -> AsyncStream<Void> {
        try check(nodeID, session)
        guard !isClosing else { throw RPCError(code: .unavailable, message: "this manager is ending") }
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        sessions[nodeID]?.wakeAssignments?.finish()
        sessions[nodeID]?.wakeAssignments = continuation
        // Whoever asks anew is told everything anew.
        sessions[nodeID]?.acknowledged = 0
        if sessions[nodeID]?.plan != nil { continuation.yield() }
        kick.yield()
        return stream
    }

    func currentPlan(_ nodeID: String, session: String) throws -> Plan? {
        try check(nodeID, session)
        return sessions[nodeID]?.plan
    }

    /// The node's new connections follow a version of its network state.
    func acknowledge(_ nodeID: String, session: String, version: UInt64) throws {
        try check(nodeID, session)
        let newest = max(version, sessions[nodeID]?.acknowledged ?? 0)
        sessions[nodeID]?.acknowledged = newest
        if isWaiting { kick.yield() }
    }

    /// Whether an acknowledgement, or a deadline that passes, changes what nodes are told.
    private var isWaiting: Bool { drains.isWaiting || backends.isWaiting }

    private func plan() {
        let objects = model.objects
        guard objects.revision > 0, !sessions.isEmpty else { return }
        // A node that was removed from the swarm has no session any more; it may not open another.
        for (nodeID, session) in sessions where objects.nodes[nodeID] == nil { finish(session) }
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
        // Running tasks that are to stop, with the nodes that may send connections to them.
        let stopping = objects.tasks.values.filter {
            $0.status.state == .running && !$0.isWanted && sessions[$0.nodeID ?? ""] != nil
        }
        let drained = stopping.filter { !serving.contains($0.id) }
        let held = drains.hold(
            stopping: Dictionary(uniqueKeysWithValues: drained.map { ($0.id, nodes(of: $0)) }), versions: versions,
            acknowledged: acknowledged, now: now
        ).union(stopping.map(\.id).filter(serving.contains))
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
        }
    }

    /// The store's revision, or one more than before when what nodes are told changes without a change in the store.
    private func nextVersion(after former: UInt64, _ objects: SwarmState) -> UInt64 {
        max(UInt64(objects.revision), former + 1)
    }

    // MARK: Reports

    /// Writes what a node reports of its tasks. States only advance; reports on other nodes' tasks are ignored.
    func report(_ nodeID: String, session: String, _ reports: [(taskID: String, status: TaskStatus)]) async throws {
        try check(nodeID, session)
        for report in reports {
            _ = try await writer.update(SwarmTask.self, report.taskID) { task in
                guard task.nodeID == nodeID, !task.status.state.isTerminal,
                    report.status.state >= task.status.state, report.status != task.status
                else { return false }
                task.status = report.status
                if report.status.state == .running, task.assignment?.runningSince == nil {
                    task.assignment?.runningSince = report.status.timestamp
                }
                return true
            }
        }
    }

    // MARK: Silence

    private func tick() async {
        if isWaiting { kick.yield() }
        let now = clock.now
        for session in sessions.values where now - session.lastHeard > grace { finish(session) }
        guard !model.isStale else { return }
        for node in model.objects.nodes.values where node.status.state != .down {
            let last = sessions[node.id]?.lastHeard ?? lastHeard[node.id] ?? started
            guard now - last > grace else { continue }
            do {
                _ = try await writer.update(Node.self, node.id) { node in
                    guard node.status.state != .down else { return false }
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
