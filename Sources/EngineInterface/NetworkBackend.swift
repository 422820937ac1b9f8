package import Model

/// What the network routes need of the engine; it answers for local networks and, through the swarm, for overlays.
///
/// Faults: `.notFound` with `network X not found`; see the recorded answers for the rest.
package protocol NetworkBackend: Sendable {
    func listNetworks(_ filters: Filters) async throws -> [NetworkResource]
    func inspectNetwork(_ reference: String, scope: String?, verbose: Bool) async throws -> NetworkResource
    func createNetwork(_ request: NetworkRequest) async throws -> (id: String, warning: String)
    func removeNetwork(_ reference: String) async throws
    /// Names of the removed ones.
    func pruneNetworks(_ filters: Filters) async throws -> [String]
}

/// Joining networks and leaving them by hand.
///
/// Faults: `.notFound` with `network X not found` and `No such container: X`; `.forbidden` and `.invalidInput` in Docker's words.
package protocol NetworkConnectionBackend: Sendable {
    func connectNetwork(_ reference: String, container: String, settings: EndpointSettings?) async throws
    func disconnectNetwork(_ reference: String, container: String, force: Bool) async throws
}
