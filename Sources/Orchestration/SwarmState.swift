import HashTreeCollections
package import Model
package import StateStore

/// Everything that the store holds of a swarm, decoded: the read model that planners work on.
package struct SwarmState: Sendable, Equatable {
    /// Each by its id; the same below.
    package var nodes = ObjectMap<Node>()
    /// By id.
    package var services = ObjectMap<Service>()
    /// By id.
    package var tasks = ObjectMap<SwarmTask>()
    /// By id.
    package var networks = ObjectMap<SwarmNetwork>()
    /// By the rules' names.
    package var alertRules: [String: OperatorAlertRule] = [:]
    /// By id; those that are over are among them for a while.
    package var alertSilences: [String: AlertSilence] = [:]
    /// By the accounts' names.
    package var dashboardAccounts: [String: KeptDashboardAccount] = [:]
    /// By id.
    package var dashboardKeys: [String: DashboardSigningKey] = [:]
    /// `nil` until the store has been read.
    package var cluster: ClusterObject?
    /// Objects that are in the store and cannot be read, as what a newer version has written. Each is as it last could be read, if ever, and
    /// is not written.
    package private(set) var unread: [StoreKey: UnreadRecord] = [:]
    /// The store's revision that this is the state of.
    package var revision: Int64 = 0
    /// Without a quorum the state is what it last was.
    package var isStale = false

    package init() {}

    /// Takes in what the store tells. What cannot be read is in ``unread``.
    /// - Parameter note: Told of each write of a task, in order; after a gap of what came of those that it has in it.
    /// - Returns: What has changed by it.
    @discardableResult
    package mutating func take(_ update: StoreUpdate, tasks note: ((TaskStep) -> Void)? = nil) -> SwarmChanges {
        var changes = SwarmChanges()
        switch update {
        case .snapshot(let listing):
            let former = self
            changes = replace(by: listing)
            // The first one is no news.
            if let note, former.revision > 0 { tell(note, of: changes.tasks, since: former) }
        case .events(let events):
            for event in events {
                changes.note(event.key)
                let before = note == nil ? nil : task(at: event.key)
                switch event {
                case .put(let value): take(value)
                case .delete(let key, _): forget(key)
                }
                revision = max(revision, event.revision)
                if let note, let step = step(from: before, to: task(at: event.key)) { note(step) }
            }
        case .stale: isStale = true
        }
        return changes
    }

    private func task(at key: StoreKey) -> SwarmTask? {
        guard let (kind, id) = key.object, kind == .tasks else { return nil }
        return tasks[id]
    }

    private func step(from before: SwarmTask?, to now: SwarmTask?) -> TaskStep? {
        let nodeID = now?.nodeID ?? before?.nodeID
        return TaskStep(from: before, to: now, clusterID: cluster?.id, node: nodeID.flatMap { nodes[$0] })
    }

    /// What differs between two states, in the order in which it was written as far as that is known.
    private func tell(_ note: (TaskStep) -> Void, of ids: Set<String>, since former: SwarmState) {
        let steps = ids.compactMap { step(from: former.tasks[$0], to: tasks[$0]) }
        func place(_ step: TaskStep) -> (UInt64, String) {
            (step.now?.version.index ?? .max, step.now?.id ?? step.before?.id ?? "")
        }
        for step in steps.sorted(by: { place($0) < place($1) }) { note(step) }
    }

    /// Objects that are as they were remain the same in memory.
    private mutating func replace(by listing: StoreListing) -> SwarmChanges {
        let former = self
        unread = [:]
        var present: Set<StoreKey> = []
        for value in listing.values {
            present.insert(value.key)
            take(value)
        }
        let keys =
            former.nodes.keys.map { StoreKey(.nodes, id: $0) }
            + former.services.keys.map { StoreKey(.services, id: $0) }
            + former.tasks.keys.map { StoreKey(.tasks, id: $0) }
            + former.networks.keys.map { StoreKey(.networks, id: $0) }
            + former.alertRules.keys.map { StoreKey(.alertRules, id: $0) }
            + former.alertSilences.keys.map { StoreKey(.alertSilences, id: $0) }
            + former.dashboardAccounts.keys.map { StoreKey(.dashboardAccounts, id: $0) }
            + former.dashboardKeys.keys.map { StoreKey(.dashboardKeys, id: $0) }
        for key in keys where !present.contains(key) { forget(key) }
        if !listing.values.contains(where: { $0.key.object?.kind == .clusters }) { cluster = nil }
        revision = listing.revision
        isStale = false
        return SwarmChanges(from: former, to: self)
    }

    /// An object that cannot be read stays as it was.
    private mutating func take(_ stored: StoredValue) {
        guard let (kind, id) = stored.key.object else { return }
        do {
            try read(stored, kind, id)
            if !unread.isEmpty { unread[stored.key] = nil }
        } catch {
            let type = String(kind.rawValue.dropLast())
            unread[stored.key] = UnreadRecord(type: type, id: id, reason: "\(error)")
        }
    }

    private mutating func read(_ stored: StoredValue, _ kind: StoreKind, _ id: String) throws {
        let version = ObjectVersion(index: UInt64(clamping: stored.modifyRevision))
        switch kind {
        case .nodes:
            var node = try WireJSON.decode(record: Node.self, from: stored.value)
            node.version = version
            nodes[id] = node
        case .services:
            var service = try WireJSON.decode(record: Service.self, from: stored.value)
            service.version = version
            if let former = services.shared(id) { service.share(with: former.value) }
            services[id] = service
        case .tasks:
            var task = try WireJSON.decode(record: SwarmTask.self, from: stored.value)
            task.version = version
            let known = tasks.shared(id) ?? tasks.lookup.any(of: task.serviceID)
            task.share(with: services.shared(task.serviceID)?.value, known.map { [$0.value] } ?? [])
            tasks[id] = task
        case .networks:
            var network = try WireJSON.decode(record: SwarmNetwork.self, from: stored.value)
            network.version = version
            networks[id] = network
        case .clusters:
            var object = try WireJSON.decode(record: ClusterObject.self, from: stored.value)
            object.version = version
            cluster = object
        case .alertRules:
            var rule = try WireJSON.decode(record: OperatorAlertRule.self, from: stored.value)
            rule.version = version
            alertRules[id] = rule
        case .alertSilences:
            var silence = try WireJSON.decode(record: AlertSilence.self, from: stored.value)
            silence.version = version
            alertSilences[id] = silence
        case .dashboardAccounts:
            var account = try WireJSON.decode(record: KeptDashboardAccount.self, from: stored.value)
            account.version = version
            dashboardAccounts[id] = account
        case .dashboardKeys:
            var key = try WireJSON.decode(record: DashboardSigningKey.self, from: stored.value)
            key.version = version
            dashboardKeys[id] = key
        case .secrets, .configs: break
        }
    }

    private mutating func forget(_ key: StoreKey) {
        guard let (kind, id) = key.object else { return }
        unread[key] = nil
        switch kind {
        case .nodes: nodes[id] = nil
        case .services: services[id] = nil
        case .tasks: tasks[id] = nil
        case .networks: networks[id] = nil
        case .clusters: cluster = nil
        case .alertRules: alertRules[id] = nil
        case .alertSilences: alertSilences[id] = nil
        case .dashboardAccounts: dashboardAccounts[id] = nil
        case .dashboardKeys: dashboardKeys[id] = nil
        case .secrets, .configs: break
        }
    }

    /// Whether an object is there and cannot be read.
    func isUnread(_ kind: StoreKind, _ id: String) -> Bool { !unread.isEmpty && unread[StoreKey(kind, id: id)] != nil }
    /// Whether nobody knows of a node but that it is there.
    package func isUnread(node id: String) -> Bool { isUnread(.nodes, id) }
    /// Whether nobody knows of a service but that it is there.
    package func isUnread(service id: String) -> Bool { isUnread(.services, id) }
    /// Whether nobody knows of a network but that it is there.
    package func isUnread(network id: String) -> Bool { isUnread(.networks, id) }

    package var ingressNetwork: SwarmNetwork? { networks.lookup.ingress.values.first?.value }
    /// There is none: somebody has removed it. Not so where networks cannot be read, of which it may be one.
    package var lacksIngress: Bool {
        networks.lookup.ingress.isEmpty && !unread.values.contains { $0.type == "network" }
    }
}

extension SwarmTask {
    /// The task may still hold its addresses and run its container.
    package var isLive: Bool { !status.state.isTerminal }
    /// The swarm wants the task to run, now or soon, or to complete.
    package var isWanted: Bool { desiredState <= .complete }
    /// It runs, as far as its node is known to, and the swarm wants it to.
    var runsAsWanted: Bool { status.state == .running && isWanted }
}

extension ServiceSpec {
    /// Networks of the swarm that tasks join: the template's, or the service's older field; each once, with all the aliases on it.
    package var attachedNetworks: [NetworkAttachmentConfig] {
        let own = taskTemplate.networks ?? []
        var once: [NetworkAttachmentConfig] = []
        for config in own.isEmpty ? networks ?? [] : own where config.predefined == nil {
            if let index = once.firstIndex(where: { $0.target == config.target }) {
                if let more = config.aliases { once[index].aliases = (once[index].aliases ?? []) + more }
            } else {
                once.append(config)
            }
        }
        return once
    }
    package var ports: [PortConfig] { endpointSpec?.ports ?? [] }
    /// Its name leads to an address of its own in each network, not to its tasks' (`dnsrr`).
    package var usesVirtualIPs: Bool { endpointSpec?.mode != .dnsrr }
    package var isGlobal: Bool { mode.global != nil }
    /// How many replicas; 1 when not said, 0 for services that are not replicated.
    package var replicas: Int {
        isGlobal || isJob ? 0 : Int(clamping: mode.replicated?.replicas ?? 1)
    }
}
