package import StateStore

/// Which objects are not what they were: ids of those that came, went, were written, or could not be read any more or again.
package struct SwarmChanges: Sendable, Equatable {
    package var nodes: Set<String> = []
    package var services: Set<String> = []
    package var tasks: Set<String> = []
    package var networks: Set<String> = []
    package var cluster = false

    package init() {}

    /// Every object there is.
    package init(all state: SwarmState) {
        nodes = Set(state.nodes.keys)
        services = Set(state.services.keys)
        tasks = Set(state.tasks.keys)
        networks = Set(state.networks.keys)
        cluster = true
        for key in state.unread.keys { note(key) }
    }

    /// What differs between two states, found by looking at all objects.
    package init(from former: SwarmState, to state: SwarmState) {
        nodes = ObjectMap.difference(former.nodes, state.nodes)
        services = ObjectMap.difference(former.services, state.services)
        tasks = ObjectMap.difference(former.tasks, state.tasks)
        networks = ObjectMap.difference(former.networks, state.networks)
        cluster = former.cluster != state.cluster
        for (key, record) in former.unread where state.unread[key] != record { note(key) }
        for key in state.unread.keys where former.unread[key] == nil { note(key) }
    }

    package var isEmpty: Bool {
        nodes.isEmpty && services.isEmpty && tasks.isEmpty && networks.isEmpty && !cluster
    }
    package var count: Int { nodes.count + services.count + tasks.count + networks.count + (cluster ? 1 : 0) }

    /// Adds what has changed besides.
    package mutating func formUnion(_ other: SwarmChanges) {
        nodes.formUnion(other.nodes)
        services.formUnion(other.services)
        tasks.formUnion(other.tasks)
        networks.formUnion(other.networks)
        cluster = cluster || other.cluster
    }

    /// Adds an object; other keys are none.
    package mutating func note(_ key: StoreKey) {
        if let (kind, id) = key.object { note(kind, id) }
    }

    mutating func note(_ kind: StoreKind, _ id: String) {
        switch kind {
        case .nodes: nodes.insert(id)
        case .services: services.insert(id)
        case .tasks: tasks.insert(id)
        case .networks: networks.insert(id)
        case .clusters: cluster = true
        // Nothing is planned by them.
        case .secrets, .configs, .alertRules, .alertSilences, .dashboardAccounts, .dashboardKeys: break
        }
    }
}
