import HeapModule
import Model

/// The nodes that will do for tasks of one service that ask for the same, the best first.
///
/// While tasks are placed nodes only fill: the rank that a node had when it was looked at last is never worse than its present one. So only
/// those that come up are looked at anew, and a task costs O(log n) instead of all nodes.
struct Candidates {
    private let spec: TaskSpec
    private let ports: Set<PortIdentity>
    private var ranks: Heap<NodeLoad.Rank>
    /// Why there is no node, and how many tasks had been placed by then.
    var refusal: (text: String, placed: Int)?

    init(for task: SwarmTask, _ load: NodeLoad, _ state: SwarmState) {
        spec = task.spec
        ports = task.hostPorts
        let filters = NodeFilter.all(for: task)
        let nodes = state.nodes.shared.filter { node in filters.allSatisfy { $0.accepts(node, load, state) } }
        ranks = Heap(nodes.map { load.rank($0.value.id, state) })
    }

    /// Whether another task of the same service may have the same nodes.
    func fit(_ task: SwarmTask) -> Bool { ports == task.hostPorts && spec == task.spec }

    /// The id of the best node for a task.
    mutating func best(for task: SwarmTask, _ load: NodeLoad, _ state: SwarmState) -> String? {
        let filters = NodeFilter.all(for: task)
        func isFit(_ id: String) -> Bool {
            state.nodes.shared(id).map { node in filters.allSatisfy { $0.accepts(node, load, state) } } ?? false
        }
        // Where a task of the place is, it counts otherwise.
        let own = load.nodes(ofPlaceOf: task)
        var best = own.filter(isFit).map { load.rank($0, for: task, state) }.min()
        var passedOver: [NodeLoad.Rank] = []
        while let known = ranks.min {
            if let best, best < known { break }
            if own.contains(known.node) {
                passedOver.append(ranks.removeMin())
                continue
            }
            let present = load.rank(known.node, state)
            if present != known {
                ranks.removeMin()
                ranks.insert(present)
            } else if isFit(known.node) {
                best = known
                break
            } else {
                ranks.removeMin()
            }
        }
        ranks.insert(contentsOf: passedOver)
        return best?.node
    }
}
