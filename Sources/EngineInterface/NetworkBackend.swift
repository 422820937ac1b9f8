package import Model

/// What the network routes need of the engine; it answers for local networks and, through the swarm, for overlays.
///
/// Faults: `.notFound` with `network X not found`; see the recorded answers for the rest.
package protocol NetworkBackend: Sendable {
    /// Local ones, and of the swarm's those that this node knows: a manager all.
    func listNetworks(_ filters: Filters) async throws -> [NetworkResource]
    /// - Parameters:
    ///   - scope: `local` or `swarm`, where a name alone would not do.
    ///   - verbose: Services and their tasks as well.
    func inspectNetwork(_ reference: String, scope: String?, verbose: Bool) async throws -> NetworkResource
    /// An overlay is made by managers alone.
    /// - Throws: `.conflict` for a name that is taken, `.forbidden` for a subnet that is.
    func createNetwork(_ request: NetworkRequest) async throws -> (id: String, warning: String)
    /// - Throws: `.forbidden` for a network that a container has joined, or one of the engine's own.
    func removeNetwork(_ reference: String) async throws
    /// Names of the removed ones.
    func pruneNetworks(_ filters: Filters) async throws -> [String]
}

/// Joining networks and leaving them by hand.
///
/// Faults: `.notFound` with `network X not found` and `No such container: X`; `.forbidden` and `.invalidInput` in Docker's words.
package protocol NetworkConnectionBackend: Sendable {
    /// Also while the container runs: it has the network when this returns.
    func connectNetwork(_ reference: String, container: String, settings: EndpointSettings?) async throws
    /// - Parameter force: A container that is not there is taken out as well.
    func disconnectNetwork(_ reference: String, container: String, force: Bool) async throws
}
