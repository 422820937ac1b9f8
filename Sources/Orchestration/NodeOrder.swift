import HeapModule
import Model

/// All nodes that may get tasks, those with the fewest tasks first, kept from one pass to the next.
///
/// A task of a service that is on few nodes gets one of the first: the others are not looked at.
struct NodeOrder {
    private struct Entry: Comparable {
        var total: Int
        var node: String
        static func < (left: Self, right: Self) -> Bool { (left.total, left.node) < (right.total, right.node) }
    }

    /// Also entries that are true no more: those that ``totals`` has otherwise.
    private var entries = Heap<Entry>()
    private var totals: [String: Int] = [:]
    /// Nodes that are here as a plan has them, which may be refused.
    private var planned: Set<String> = []

    init() {}

    init(all state: SwarmState) {
        for node in state.nodes.shared { put(node.value.id, state) }
    }

    /// How many nodes there are.
    var count: Int { totals.count }

    /// Takes in what has changed since the last pass, and what this one has planned so far.
    mutating func follow(_ scope: PlanScope, _ draft: SwarmDraft, _ former: SwarmState?) {
        var nodes = scope.nodes.union(draft.changes.nodes).union(planned)
        planned = draft.changes.nodes
        for (ids, isPlanned) in [(scope.tasks, false), (draft.changes.tasks, true)] {
            for id in ids {
                for state in [former, draft.base, draft.state] {
                    guard let node = state?.tasks.shared(id)?.value.nodeID else { continue }
                    nodes.insert(node)
                    if isPlanned { planned.insert(node) }
                }
            }
        }
        for id in nodes { put(id, draft.state) }
    }

    /// A task gets a node.
    mutating func place(on node: String, _ state: SwarmState) {
        planned.insert(node)
        put(node, state)
    }

    private mutating func put(_ id: String, _ state: SwarmState) {
        guard let node = state.nodes.shared(id), NodeFilter.takesTasks(node.value, state) else {
            totals[id] = nil
            return
        }
        let total = state.tasks.lookup.use(of: id).wanted
        guard totals[id] != total else { return }
        totals[id] = total
        entries.insert(Entry(total: total, node: id))
        // As many more as there are nodes, so that it costs each change the same.
        guard entries.count > 2 * totals.count + 64 else { return }
        entries = Heap(totals.map { Entry(total: $0.value, node: $0.key) })
    }

    /// The best node for the task that the load is turned to.
    ///
    /// - Parameters:
    ///   - isFit: Whether a node will do.
    ///   - looks: How many nodes have been looked at; counted on.
    mutating func best(
        _ load: NodeLoad, _ state: SwarmState, looks: inout Int, isFit: (String) -> Bool
    ) -> NodeLoad.Rank? {
        // Where a task of the place is, it counts otherwise.
        let own = load.nodesOfPlace.filter(isFit)
        var best = own.map { load.rankOfTask(on: $0, state) }.min()
        looks += own.count
        var visited: [Entry] = []
        defer { entries.insert(contentsOf: visited) }
        while let entry = entries.popMin() {
            guard totals[entry.node] == entry.total, visited.last != entry else { continue }
            visited.append(entry)
            // The best that this node and any after it can be.
            let bound = NodeLoad.Rank(isFailing: false, ofService: 0, total: entry.total, node: entry.node)
            if let best, best < bound { break }
            if load.isOfPlace(entry.node) { continue }
            looks += 1
            let rank = load.rank(entry.node, state)
            if let best, best < rank { continue }
            if isFit(entry.node) { best = rank }
        }
        return best
    }
}
