import HashTreeCollections
import Model

/// What one pass of planning looks at: whatever a change may have an effect on.
struct PlanScope {
    /// Ids of services of which every place is looked at, also of those that are gone and have left tasks.
    private(set) var services: Set<String> = []
    /// Places of other services, by the service's id: where tasks have changed, and nothing else that the service depends on.
    private(set) var places: [String: Set<ServiceOrchestrator.Place>] = [:]
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
            for id in changes.tasks { if let task = state.tasks.shared(id) { add(task) } }
            for id in changes.nodes {
                for task in state.tasks.lookup.byNode[id].values {
                    tasks.insert(task.value.id)
                    add(task)
                }
                // Nodes decide where services with a task on each of them are.
                for service in state.services.lookup.perNode.keys { places[service, default: []].insert(.node(id)) }
            }
            for id in changes.networks {
                services.formUnion(state.services.lookup.byNetwork[id].keys)
                guard state.networks.shared(id)?.value.spec.ingress == true else { continue }
                services.formUnion(state.services.lookup.onMesh.keys)
                nodes.formUnion(state.nodes.keys)
            }
        }
    }

    private mutating func add(_ task: SharedObject<SwarmTask>) {
        places[task.value.serviceID, default: []].insert(task.value.place)
    }

    mutating func add(_ subject: PlanSubject) {
        switch subject {
        case .service(let id): services.insert(id)
        case .place(let place, let service): places[service, default: []].insert(place)
        case .task(let id): tasks.insert(id)
        }
    }

    mutating func add(_ more: [String: Set<ServiceOrchestrator.Place>]) {
        places.merge(more) { $0.union($1) }
    }
}
