import Cluster
import Orchestration

/// Keeps up what is shown of the swarm that this node manages, from look to look.
actor DashboardKeeper {
    /// What nobody tells of by key, or what time alone changes, is listed this often.
    private static let pause: Duration = .seconds(5)

    /// What is to be listed for a look.
    struct Due: Sendable {
        var networks: Bool
        var others: Bool
    }

    private var index = DashboardIndex()
    private var model: ReadModel?
    private var look: SwarmLook?
    private var listedAt: ContinuousClock.Instant?
    /// What was told of containers when they were listed.
    private var news: UInt64?
    /// Whether networks have changed after they were listed.
    private var lacksNetworks = false

    init() {}

    /// The swarm is no more, or nobody manages it here.
    func forget() {
        index.forget()
        (model, look, listedAt, news, lacksNetworks) = (nil, nil, nil, nil, false)
    }

    /// - Parameter news: Counts what nodes have told of containers that belong to no task.
    func due(_ model: ReadModel, news: UInt64?) -> Due {
        // Another swarm's numbers say nothing about this one's.
        if self.model !== model { forget() }
        self.model = model
        let isLate = listedAt.map { ContinuousClock.now - $0 >= Self.pause } ?? true
        let hasChanged = lacksNetworks || !model.look(after: look).changes.networks.isEmpty
        return Due(networks: isLate || hasChanged, others: isLate || self.news != news)
    }

    /// Takes in what has changed by now.
    /// - Parameters:
    ///   - known: The number of what was told last.
    ///   - news: As it was before containers were listed.
    func take(
        _ manager: Manager, _ sight: DashboardIndex.Sight, news: UInt64?, since known: UInt64?,
        cluster: @Sendable (_ managers: [NodeView], _ name: String) -> ClusterView
    ) -> DashboardChanges {
        if model !== manager.model { forget() }
        model = manager.model
        let now = manager.model.look(after: look)
        look = now
        index.take(now.state, now.changes, sight) { manager.shown($0) }
        lacksNetworks = sight.networks == nil && !now.changes.networks.isEmpty
        if sight.containers != nil {
            self.news = news
            // What only the containers' news asked for does not put off the rest.
            if sight.networks != nil { listedAt = ContinuousClock.now }
        }
        return index.tell(since: known, cluster(index.managers, index.name(ofNode: sight.own)))
    }
}
