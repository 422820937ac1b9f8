package import Model

/// What the engine needs of the swarm to answer for overlays beside its own networks.
package protocol SwarmNetworkCatalog: Sendable {
    /// Whether this node is a manager and may create and list all swarm networks.
    func isManager() async -> Bool
    /// Whether this node is part of a swarm.
    func isMember() async -> Bool
    /// All swarm networks on a manager; on a worker only those that its tasks use.
    func swarmNetworks() async throws -> [SwarmNetwork]
    /// On a manager, the ids of networks that services or running tasks use, wherever in the swarm; else nothing.
    func networksInUse() async -> Set<String>
    /// On a manager, what a network has of addresses; `nil` elsewhere, and for one that is not there.
    func addressStatus(ofNetwork id: String) async -> NetworkStatus?
    /// Creates an overlay, allocated and stored, and answers its id.
    func createSwarmNetwork(_ request: NetworkRequest) async throws -> String
    /// Gives a container of this node a place on an attachable network, and returns when the node has been told of the network.
    ///
    /// The place lasts until ``TaskExecutor/waitForHolder(of:otherThan:)`` names nobody.
    /// - Parameters:
    ///   - id: Kept by the caller beforehand; asked again with it, the same place is answered.
    ///   - network: Name, id, or beginning of an id.
    /// - Throws: `.notFound`, `.forbidden` for a network that is not attachable, and others, in Docker's words.
    func attach(_ id: String, to network: String, _ spec: NetworkAttachmentSpec) async throws -> NetworkAttachment
    /// - Throws: `.invalidInput` with `network X is in use by service Y` as long as a service names it.
    func removeSwarmNetwork(id: String) async throws
}
