import HashTreeCollections
import Model

/// What one pass of planning looks at: whatever a change may have an effect on.
struct PlanScope {
    /// Ids of services, also of those that are gone and have left tasks.
    private(set) var services: Set<String> = []
    private(set) var tasks: Set<String> = []
    private(set) var nodes: Set<String> = []
    private(set) var networks: Set<String> = []
    /// Everything is looked at.
    private(set) var isWhole = false

    /// Everything.
    init(all state: SwarmState) {
        services = Set(state.services.keys).union(state.tasks.lookup.serviceIDs)
        tasks = Set(state.tasks.keys)
        nodes = Set(state.nodes.keys)
        networks = Set(state.networks.keys)
        isWhole = true
    }

    /// What objects that have changed bear on, as they were and as they are now.
    init(_ changes: SwarmChanges, from former: SwarmState, to state: SwarmState) {
        services = changes.services
        tasks = changes.tasks
        nodes = changes.nodes
        networks = changes.networks
        for state in [former, state] {
            for id in changes.tasks { state.tasks.shared(id).map { _ = services.insert($0.value.serviceID) } }
            for id in changes.nodes {
                for task in state.tasks.lookup.byNode[id].values {
                    tasks.insert(task.value.id)
                    services.insert(task.value.serviceID)
                }
            }
            // Nodes decide where services with a task on each of them are.
            if !changes.nodes.isEmpty { services.formUnion(state.services.lookup.perNode.keys) }
            for id in changes.networks {
                services.formUnion(state.services.lookup.byNetwork[id].keys)
                guard state.networks.shared(id)?.value.spec.ingress == true else { continue }
                services.formUnion(state.services.lookup.onMesh.keys)
                nodes.formUnion(state.nodes.keys)
            }
        }
    }

    mutating func add(_ subject: PlanSubject) {
        switch subject {
        case .service(let id): services.insert(id)
        case .task(let id): tasks.insert(id)
        }
    }
}
