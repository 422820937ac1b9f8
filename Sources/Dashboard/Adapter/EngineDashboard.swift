package import Cluster
import Concurrency
package import EngineInterface
import Foundation
package import Logging
package import Model
import OCI

/// The dashboard's view of this node's engine and of the swarm that it manages, through what the Engine API is answered with.
package struct EngineDashboard: DashboardBackend {
    /// What it asks.
    package struct Sources: Sendable {
        package var system: any SystemBackend
        package var swarm: any SwarmBackend
        package var nodes: any NodeBackend
        package var services: any ServiceBackend
        package var tasks: any TaskBackend
        package var networks: any NetworkBackend
        package var listing: any ContainerListBackend
        package var logs: any LogBackend

        package init(
            system: any SystemBackend, swarm: any SwarmBackend, nodes: any NodeBackend, services: any ServiceBackend,
            tasks: any TaskBackend, networks: any NetworkBackend, listing: any ContainerListBackend,
            logs: any LogBackend
        ) {
            self.listing = listing
            self.logs = logs
            self.networks = networks
            self.nodes = nodes
            self.services = services
            self.swarm = swarm
            self.system = system
            self.tasks = tasks
        }
    }

    /// What is known beyond that, as far as somebody keeps it; each may be absent.
    package struct Extras: Sendable {
        /// What nodes keep of their containers and of themselves; charts are made out of it.
        package var curves: (@Sendable (ChartRequest) async throws -> ChartAnswer)?
        /// What nodes, services and tasks use now; `nil` when this node does not know.
        package var board: (@Sendable () async -> PulseBoard?)?
        /// What is known of containers of other nodes that belong to no task; `nil` when this node does not know.
        package var standalone: (@Sendable () async -> StandaloneKnowledge?)?
        /// The log of a container that belongs to no task, by its whole id, on whichever node it is.
        package var standaloneLogs: (@Sendable (String, LogQuery) async throws -> LogStream)?
        /// The ways between nodes.
        package var paths: (@Sendable () async throws -> SwarmPaths)?
        package var alerts: FiringAlerts?
        /// The manager that this node is; without it each look lists all objects. `nil` when it is none.
        package var manager: (@Sendable () async -> Manager?)?
        /// Silences an alert by its fingerprint for so many minutes, for an operator.
        package var silence: (@Sendable (String, Int, String) async throws -> Void)?
        /// Ends a silence by its id.
        package var unsilence: (@Sendable (String) async throws -> Void)?
        /// Rules, silences and what is over.
        package var alertBook: (@Sendable () async throws -> DashboardAlertBook)?
        /// Until when alerts that fire are silenced, by their fingerprints.
        package var silencedUntil: (@Sendable () async -> [String: Timestamp])?
        /// Begins terminals in containers; `nil` where operators may not.
        package var execs: (any ExecBackend)?
        /// Keeps what operators did: an event of type `audit`.
        package var record: (@Sendable (EngineEvent) -> Void)?
        package init() {}
    }

    let sources: Sources
    let extras: Extras
    let version: String
    let logger: Logger
    /// What was looked at last, and when: charts of one page have the same objects.
    let recent = RecentState()
    /// What is shown, kept up for who is told of changes.
    let keeper = DashboardKeeper()

    package init(_ sources: Sources, extras: Extras = Extras(), version: String, logger: Logger) {
        self.extras = extras
        self.logger = logger
        self.sources = sources
        self.version = version
    }

    package func state() async throws -> DashboardState {
        let info = await sources.swarm.swarmInfo()
        guard info.controlAvailable else { throw DashboardError(.noSwarm) }
        let nodes = try await sources.nodes.listNodes(Filters())
        let services = try await sources.services.listServices(Filters(), withStatus: true)
        let tasks = try await sources.tasks.listTasks(Filters())
        let networks = try await sources.networks.listNetworks(Filters(["scope": ["swarm"]]))
        var state = DashboardState(cluster: ClusterView())
        state.nodes = nodes.map(NodeView.init)
        state.services = services.map(ServiceView.init)
        state.tasks = tasks.map(TaskView.init)
        state.networks = networks.map(NetworkView.init)
        state.networks.countAddresses(of: tasks, services)
        let own = state.nodes.first { $0.id == info.nodeID }
        let listed = try await containers(on: info.nodeID)
        state.containers = listed.shown
        for index in state.nodes.indices where state.nodes[index].id == info.nodeID {
            state.nodes[index].moreContainers = listed.more > 0 ? listed.more : nil
        }
        if let known = await extras.standalone?() { state.add(known.board, but: info.nodeID, now: .now) }
        let managers = state.nodes.filter { $0.role == "manager" && $0.reachability != nil }
        state.cluster = cluster(info, managers, name: own?.name ?? "")
        if let board = await extras.board?() { state.fill(from: board, now: Timestamp.now.seconds) }
        state.paths = try await extras.paths?().paths.map(PathView.init) ?? []
        state.alerts = await alerts()
        recent.keep(state)
        return state
    }

    /// Of this node those that belong to no task, as many as another node would tell of, and how many there are beside.
    /// - Parameter node: This node's id.
    func containers(on node: String) async throws -> (shown: [ContainerView], more: Int) {
        var query = ContainerQuery()
        query.all = true
        let all = try await sources.listing.listContainers(query).filter {
            $0.labels["com.docker.swarm.task.id"] == nil
        }
        let shown = all.prefix(StandaloneNews.most)
        return (shown.map { ContainerView($0, node: node) }, all.count - shown.count)
    }

    package func changes() async -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        do {
            let events = try await sources.system.events(Self.ofCluster)
            let tasks = OwnedTasks()
            continuation.onTermination = { _ in tasks.cancel() }
            tasks.begin {
                for await _ in events { continuation.yield() }
                continuation.finish()
            }
            if let news = await extras.standalone?()?.news {
                tasks.begin { await Self.pass(news, to: continuation) }
            }
            return stream
        } catch {
            logger.warning("the dashboard is not told of changes", metadata: ["error": "\(error)"])
            continuation.finish()
            return stream
        }
    }

    /// Until cancelled.
    private static func pass(_ news: ObservableValue<UInt64>, to wakes: AsyncStream<Void>.Continuation) async {
        var seen = news.value
        do {
            while true {
                seen = try await news.wait { [seen] in $0 != seen ? $0 : nil }
                wakes.yield()
            }
        } catch {
            // Nobody listens any more.
        }
    }

    package func alertBook() async throws -> DashboardAlertBook {
        guard let alertBook = extras.alertBook else { throw DashboardError(.notKept) }
        return try await alertBook()
    }

    package func perform(_ action: DashboardAction, by user: String) async throws {
        var outcome = "done"
        defer {
            logger.notice(
                "an action from the dashboard",
                metadata: ["user": "\(user)", "action": "\(action.summary)", "outcome": "\(outcome)"])
        }
        do {
            try await carryOut(action, by: user)
        } catch {
            outcome = "refused"
            record(action, by: user, outcome)
            throw error
        }
        record(action, by: user, outcome)
    }

    private func record(_ action: DashboardAction, by user: String, _ outcome: String) {
        record(action.word, of: action.subject, by: user, outcome, summary: action.summary)
    }

    package func refused(_ refusal: DashboardRefusal) {
        logger.notice(
            "refused at the dashboard",
            metadata: [
                "user": "\(refusal.user ?? "")", "action": "\(refusal.summary)", "from": "\(refusal.address)",
                "reason": "\(refusal.reason)",
            ])
        var more = ["reason": refusal.reason, "address": refusal.address]
        if refusal.leftOut > 0 { more["leftOut"] = "\(refusal.leftOut)" }
        record(
            refusal.action, of: refusal.subject, by: refusal.user, "refused", summary: refusal.summary, more)
    }

    func record(
        _ word: String, of subject: String, by user: String?, _ outcome: String, summary: String,
        _ more: [String: String] = [:]
    ) {
        var attributes = ["name": subject, "outcome": outcome, "summary": summary].merging(more) { $1 }
        attributes["user"] = user
        extras.record?(
            EngineEvent(
                type: LoggedEvent.auditType, action: word, actorID: subject, attributes: attributes, scope: "swarm"))
    }

    private func carryOut(_ action: DashboardAction, by user: String) async throws {
        switch action {
        case .scale(let service, let version, let replicas):
            try await change(service, version) { spec in
                guard
                    spec.mode.replicated != nil
                        || (spec.mode.global == nil && spec.mode.replicatedJob == nil && spec.mode.globalJob == nil)
                else { throw DashboardError(.badRequest) }
                spec.mode.replicated = ServiceMode.Replicated(replicas: replicas)
            }
        case .restart(let service, let version):
            try await change(service, version) { $0.taskTemplate.forceUpdate &+= 1 }
        case .update(let service, let version, let image):
            try await change(service, version) { spec in
                guard spec.taskTemplate.containerSpec != nil else { throw DashboardError(.badRequest) }
                // The command line looks at it before it asks; here nobody has.
                do { _ = try ImageReference(image) } catch { throw DashboardError(.badImage) }
                spec.taskTemplate.containerSpec?.image = image
            }
        case .rollBack(let service, let version):
            let now = try await sources.services.inspectService(service, insertDefaults: false)
            _ = try await sources.services.updateService(
                service, version: version, now.spec, rollback: true, credentialsFrom: .spec)
        case .availability(let node, let version, let word):
            guard let availability = NodeAvailability(rawValue: word) else { throw DashboardError(.badRequest) }
            var spec = try await sources.nodes.inspectNode(node).spec
            spec.availability = availability
            try await sources.nodes.updateNode(node, version: version, spec)
        case .silence(let alert, let minutes):
            guard let silence = extras.silence else { throw DashboardError(.notKept) }
            try await silence(alert, minutes, user)
        case .unsilence(let silence):
            guard let unsilence = extras.unsilence else { throw DashboardError(.notKept) }
            try await unsilence(silence)
        }
    }

    /// The version that the operator saw goes along: who changed it meanwhile wins, and the operator is told.
    private func change(_ service: String, _ version: UInt64, _ body: (inout ServiceSpec) throws -> Void) async throws {
        var spec = try await sources.services.inspectService(service, insertDefaults: false).spec
        try body(&spec)
        _ = try await sources.services.updateService(
            service, version: version, spec, rollback: false, credentialsFrom: .spec)
    }
}
