import Concurrency
package import EngineInterface
import LinuxSystem
package import Logging
import Model
package import NIOPosix
import ServiceLifecycle

/// A node's part in a swarm: none, worker or manager, taken up by a command or resumed at start, and given up by `leave`.
///
/// ``run()`` drives whatever part there is; the backends' methods answer from it.
package actor Swarm: ServiceLifecycle.Service {
    /// How long `init` waits for the store and the server.
    static let startDeadline = Duration.seconds(40)
    /// How many tasks are stopped at once when the node leaves.
    static let parallelStops = 16

    let configuration: SwarmConfiguration
    let executor: any TaskExecutor
    let group: MultiThreadedEventLoopGroup
    let log: Logger

    /// The part of the moment; `nil` on a node that is in no swarm.
    var part: MembershipRuntime? { didSet { parts.set(part) } }
    /// The same for those who wait for it.
    nonisolated let parts = ObservableValue<MembershipRuntime?>(nil)
    /// Why what is on disk of a membership cannot be taken up. It is left as it is.
    private(set) var unread: String?
    /// A command that changes the membership is under way.
    var isChanging = false
    /// Set once the part of before has been taken up: only then commands are taken.
    private var resumed = false
    private var isClosed = false
    private let beginnings: AsyncStream<MembershipRuntime>
    private let beginning: AsyncStream<MembershipRuntime>.Continuation

    package init(
        _ configuration: SwarmConfiguration, executor: any TaskExecutor, group: MultiThreadedEventLoopGroup, log: Logger
    ) {
        self.configuration = configuration
        self.executor = executor
        self.group = group
        self.log = log
        // Parts follow each other: at most one waits while the one before ends.
        (beginnings, beginning) = AsyncStream.makeStream(
            of: MembershipRuntime.self, bufferingPolicy: .bufferingNewest(4))
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await self.resume()
            for await part in self.beginnings { await part.run() }
            await self.close()
        }
    }

    /// The daemon stops: what has not begun by now does not begin any more, and nobody may wait for its end.
    private func close() {
        isClosed = true
        part?.giveUp()
    }

    /// Whether commands are taken: what the node was before is known.
    package var isReady: Bool { resumed }

    /// Takes up the part that the node had, if any. Called by ``run()``. One that cannot be read is told of, and keeps nothing else from
    /// running.
    private func resume() async throws {
        defer { resumed = true }
        do { try await takeUp() } catch let error as ClusterError {
            unread = error.message
            tell(of: [UnreadRecord(type: "daemon", id: configuration.directory, reason: error.message)])
        }
    }

    private func tell(of unread: [UnreadRecord]) {
        for record in unread {
            log.error(
                "what is kept of the swarm cannot be read",
                metadata: ["path": "\(record.id)", "reason": "\(record.reason)"])
            configuration.publish(record.event(scope: "local"))
        }
    }

    private func takeUp() async throws {
        guard let file = try await MembershipFile.load(directory: configuration.directory) else {
            configuration.events?.keep(asManager: false)
            return await endLeftoverTasks()
        }
        let files = configuration.credentials
        guard let credentials = try await onThread({ try files.load() }) else {
            throw ClusterError(.badMembership, "\(files.nodePath) is missing: the node cannot prove who it is")
        }
        tell(of: try await onThread { try files.setAsideUnread() })
        let (revoked, sealing) = try await onThread {
            try files.ensureRevocationList(by: credentials.key)
            return (try files.loadRevoked(), try SealingFile.load(files))
        }
        // The certificate says what the node is: a daemon may have ended between getting a new one and writing the rest down.
        let role = credentials.member.role.nodeRole
        if file.value.role != role { try await file.change { $0.role = role } }
        if role == .manager, Files.exists(configuration.forcingMark) { try await forceNewStore(file.value, sealing) }
        log.info("resuming", metadata: ["node": "\(file.value.nodeID)", "role": "\(role)"])
        begin(try makePart(file, credentials, revoked: revoked, sealing, bootstrap: nil))
    }

    /// A node that is in no swarm runs no tasks: what one has left that was left half way is ended.
    private func endLeftoverTasks() async {
        do {
            let ids = try await executor.presentTasks().keys.sorted()
            guard !ids.isEmpty else { return }
            log.warning("tasks of a swarm that this node is not part of are removed", metadata: ["tasks": "\(ids)"])
            try await executor.leaveNetworks()
        } catch {
            log.error("what is left of a swarm could not be removed", metadata: ["error": "\(error)"])
        }
    }

    func makePart(
        _ file: MembershipFile, _ credentials: NodeCredentials, revoked: Set<String>, _ sealing: SealingFile,
        bootstrap: ManagerRole.Bootstrap?
    ) throws -> MembershipRuntime {
        let identity = try TLSIdentity(credentials, revoked: revoked)
        let role = ObservableValue(file.value.role)
        configuration.events?.keep(asManager: role.value == .manager)
        return MembershipRuntime(
            file: file, identity: identity, role: role,
            manager: ManagerRole(
                file: file, identity: identity, sealing: sealing, configuration: configuration, group: group, log: log),
            bootstrap: bootstrap,
            agent: Agent(
                membership: file, identity: identity, role: role, credentials: configuration.credentials,
                executor: executor, group: group, publish: configuration.publish,
                feed: FeedPublisher(
                    events: configuration.events, pulses: configuration.pulses, history: configuration.history,
                    containers: configuration.standalone, log: log),
                tunnels: TunnelOpener(
                    containers: configuration.containers, events: configuration.events, membership: file, log: log),
                decodedChanges: configuration.decodedChanges, log: log), log: log)
    }

    func begin(_ part: MembershipRuntime) {
        self.part = part
        if isClosed { part.giveUp() } else { beginning.yield(part) }
    }

    /// Makes one change of the membership at a time.
    func changing<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        guard resumed, !isChanging else {
            throw SwarmError.changing
        }
        if let unreadRefusal { throw unreadRefusal }
        isChanging = true
        defer { isChanging = false }
        return try await body()
    }

    private var unreadRefusal: SwarmError? {
        unread.map {
            SwarmError.unreadable(reason: $0, directory: configuration.directory)
        }
    }

    /// The manager that answers here.
    /// - Throws: ``SwarmError`` on a node that is none.
    func manager() throws -> Manager {
        guard let part else { throw unreadRefusal ?? SwarmError.notMember }
        guard part.isManager else { throw SwarmError.notManager }
        guard let manager = part.state.value.manager else {
            throw SwarmError.leaderless
        }
        return manager
    }
}
