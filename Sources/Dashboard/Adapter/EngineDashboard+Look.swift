import Cluster
import Concurrency
import EngineInterface
import Model

// What has changed, for who is told of it: nothing is listed that somebody tells of by key.
extension EngineDashboard {
    package func look(since number: UInt64?) async throws -> DashboardChanges {
        let info = await sources.swarm.swarmInfo()
        guard info.controlAvailable, let manager = await extras.manager?() else {
            await keeper.forget()
            // Which refuses where there is no swarm.
            return DashboardChanges(whole: try await state())
        }
        let known = await extras.standalone?()
        let news = known?.news.value
        let due = await keeper.due(manager.model, news: news)
        var sight = DashboardIndex.Sight()
        sight.own = info.nodeID
        if due.networks {
            sight.networks = try await sources.networks.listNetworks(Filters(["scope": ["swarm"]]))
                .map { NetworkView($0) }
        }
        if due.others {
            let own = try await containers(on: info.nodeID)
            sight.containers = DashboardIndex.Containers(own: own.shown, more: own.more, others: known?.board)
            sight.paths = try await extras.paths?().paths.map { PathView($0) } ?? []
        }
        if let board = await extras.board?() { sight.board = board }
        sight.alerts = await alerts()
        sight.now = .now
        return await keeper.take(manager, sight, news: news, since: number) { managers, name in
            cluster(info, managers, name: name)
        }
    }

    /// The alerts that fire, each with its silence.
    func alerts() async -> [AlertView] {
        var alerts = extras.alerts?.views ?? []
        guard !alerts.isEmpty, let silenced = await extras.silencedUntil?() else { return alerts }
        for index in alerts.indices { alerts[index].silencedUntil = silenced[alerts[index].id]?.milliseconds }
        return alerts
    }

    /// - Parameters:
    ///   - managers: Those that count.
    ///   - name: This node's.
    func cluster(_ info: SwarmInfo, _ managers: [NodeView], name node: String) -> ClusterView {
        var cluster = ClusterView()
        cluster.id = info.cluster?.id ?? ""
        let name = info.cluster?.spec.name ?? ""
        cluster.name = name.isEmpty ? "default" : name
        cluster.node = node
        cluster.nodeID = info.nodeID
        cluster.version = version
        cluster.managers = managers.count
        // Without a quorum none is known to be reachable, but for the one of several that answers here.
        cluster.reachable = managers.count {
            $0.reachability == "reachable" || ($0.id == info.nodeID && managers.count > 1)
        }
        cluster.hasHistory = extras.curves != nil
        cluster.hasTerminal = extras.execs != nil
        return cluster
    }
}
