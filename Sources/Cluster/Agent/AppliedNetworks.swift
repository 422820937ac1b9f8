import Addressing
import Model

/// What is in force on this node of the swarm's networks, as far as the agent itself asks for it: the networks, and this node's own places in them.
struct AppliedNetworks: Sendable {
    private struct Known {
        var network: SwarmNetwork?
        /// Tasks of this node, by their first addresses.
        var tasks: [IPAddress: String] = [:]
    }

    private var known: [String: Known] = [:]

    /// - Parameter networks: Those that an earlier daemon had told the engine of.
    init(_ networks: [SwarmNetwork] = []) {
        for network in networks { known[network.id] = Known(network: network) }
    }

    /// Those of which the engine may know something.
    var ids: Set<String> { Set(known.keys) }

    /// The networks that this node takes part in.
    var networks: [SwarmNetwork] { known.values.compactMap(\.network) }

    /// Whether this node takes part in a network.
    func knows(_ networkID: String) -> Bool { known[networkID]?.network != nil }

    /// Whether a task of this node has its place in a network.
    func has(_ taskID: String, in networkID: String) -> Bool {
        known[networkID]?.tasks.values.contains(taskID) == true
    }

    /// - Parameter nodeID: This node's.
    mutating func take(_ set: NetworkChangeSet, nodeID: String) {
        guard case .network(let id) = set.scope else { return }
        if set.isSnapshot || set.isEnd { known[id] = nil }
        if set.isEnd { return }
        var known = known[id] ?? Known()
        for fact in set.upserts {
            switch fact {
            case .network(let network): known.network = network
            case .endpoint(_, let endpoint):
                guard let address = endpoint.addresses.all.first else { continue }
                known.tasks[address] = endpoint.nodeID == nodeID ? endpoint.taskID : nil
            case .settings, .peer, .subnets, .port, .meshBackend, .service, .backend: continue
            }
        }
        for key in set.removals {
            switch key {
            case .network: known.network = nil
            case .endpoint(_, let address): known.tasks[address] = nil
            case .settings, .peer, .subnets, .port, .meshBackend, .service, .backend: continue
            }
        }
        self.known[id] = known
    }
}
