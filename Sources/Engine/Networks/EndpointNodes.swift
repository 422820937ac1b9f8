import Model

/// Which nodes have endpoints in the swarm's networks: counted, so that an endpoint that comes or goes costs nothing of the others.
struct EndpointNodes: Equatable {
    /// By network and node, always more than none.
    private var counts: [String: [String: Int]] = [:]

    init(_ facts: NetworkFacts? = nil) {
        for (id, network) in facts?.networks ?? [:] { set(network.endpoints.values.map(\.nodeID), in: id) }
    }

    /// Those with an endpoint in a network.
    func nodes(in network: String) -> Set<String> { Set((counts[network] ?? [:]).keys) }

    /// Takes the nodes of all endpoints of a network in place of those of before.
    /// - Returns: Whether other nodes have some now.
    @discardableResult
    mutating func set(_ all: [String], in network: String) -> Bool {
        let before = nodes(in: network)
        let now = Dictionary(all.map { ($0, 1) }, uniquingKeysWith: +)
        counts[network] = now.isEmpty ? nil : now
        return before != Set(now.keys)
    }

    /// An endpoint that was a node's, or not there, is another's now, or gone.
    /// - Returns: Whether other nodes have some now.
    mutating func move(from old: String?, to new: String?, in network: String) -> Bool {
        if old == new { return false }
        var isOther = false
        if let new {
            let count = (counts[network]?[new] ?? 0) + 1
            counts[network, default: [:]][new] = count
            isOther = count == 1
        }
        if let old, let count = counts[network]?[old] {
            counts[network]?[old] = count > 1 ? count - 1 : nil
            if count == 1 { isOther = true }
            if counts[network]?.isEmpty == true { counts[network] = nil }
        }
        return isOther
    }
}
