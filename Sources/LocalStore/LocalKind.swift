/// The kinds of facts that a node keeps for itself.
package enum LocalKind: String, Sendable, CaseIterable {
    case containers
    case networks
    case volumes
    /// A container's attachments to networks.
    case endpoints
    /// Addresses taken out of a network's pool.
    case leases
    case execs
    case images
    /// The node's own identity and its membership of a swarm.
    case node
    /// Tasks of the swarm that this node has been given.
    case tasks
    /// What managers have told of the swarm's networks, a row for each fact.
    case facts
    /// How far containers' logs have been sent, by the containers' ids.
    case logPositions
    /// Whatever else one object holds.
    case settings
}
