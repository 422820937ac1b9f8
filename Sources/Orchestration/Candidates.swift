import HeapModule
import Model

/// The nodes that will do for tasks of one service that ask for the same, the best first.
///
/// While tasks are placed nodes only fill: the rank that a node had when it was looked at last is never worse than its present one. So only
/// those that come up are looked at anew, and a task costs O(log n) instead of all nodes. It looks at all nodes once, though: a task or two
/// find theirs by ``NodeOrder``.
struct Candidates {
    private let spec: TaskSpec
    private let ports: Set<PortIdentity>
    /// `nil` until it pays.
    private var ranks: Heap<NodeLoad.Rank>?
    /// How many nodes have been looked at one after the other.
    private var looks = 0
    /// Why there is no node, and how many tasks had been placed by then.
    var refusal: (text: String, placed: Int)?

    init(for task: SwarmTask) {
        spec = task.spec
        ports = task.hostPorts
    }

    /// Whether another task of the same service may have the same nodes.
    func fit(_ task: SwarmTask) -> Bool { ports == task.hostPorts && spec == task.spec }

    /// The id of the best node for a task.
    ///
    /// - Parameters:
    ///   - load: Turned to the task.
    ///   - total: How many nodes have been looked at; counted on.
    mutating func best(
        for task: SwarmTask, _ load: NodeLoad, _ order: inout NodeOrder, _ state: SwarmState, looks total: inout Int
    ) -> String? {
        let filters = NodeFilter.all(for: task)
        func isFit(_ id: String) -> Bool {
            state.nodes.shared(id).map { node in filters.allSatisfy { $0.accepts(node, load, state) } } ?? false
        }
        // As long as this has cost no more than all nodes once, and is not sure to.
        if ranks == nil, looks < order.count, load.wanted.count * 2 <= order.count {
            let before = looks
            let best = order.best(load, state, looks: &looks, isFit: isFit)
            total += looks - before
            return best?.node
        }
        var ranks = self.ranks ?? all(isFit, load, state, &total)
        self.ranks = nil
        defer { self.ranks = ranks }
        // Where a task of the place is, it counts otherwise.
        var best = load.nodesOfPlace.filter(isFit).map { load.rankOfTask(on: $0, state) }.min()
        var passedOver: [NodeLoad.Rank] = []
        while let known = ranks.min {
            if let best, best < known { break }
            if load.isOfPlace(known.node) {
                passedOver.append(ranks.removeMin())
                continue
            }
            total += 1
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

    /// Those where a task of the place is are among them whether they are fit for it or not: for the next task they may be.
    private func all(
        _ isFit: (String) -> Bool, _ load: NodeLoad, _ state: SwarmState, _ total: inout Int
    ) -> Heap<NodeLoad.Rank> {
        total += state.nodes.count
        let ids = state.nodes.keys.filter { load.isOfPlace($0) || isFit($0) }
        return Heap(ids.map { load.rank($0, state) })
    }
}
