package import Model

/// What the network routes need of the engine; it answers for local networks and, through the swarm, for overlays.
///
/// Faults: `.notFound` with `network X not found`; see the recorded answers for the rest.
package protocol NetworkBackend: Sendable {
    func listNetworks(_ filters: Filters) async throws -> [NetworkResource]
    func inspectNetwork(_ reference: String, scope: String?, verbose: Bool) async throws -> NetworkResource
    func createNetwork(_ request: NetworkRequest) async throws -> (id: String, warning: String)
    func removeNetwork(_ reference: String) async throws
    func connectNetwork(_ reference: String, container: String, settings: EndpointSettings?) async throws
    func disconnectNetwork(_ reference: String, container: String, force: Bool) async throws
    /// Names of the removed ones.
    func pruneNetworks(_ filters: Filters) async throws -> [String]
}

package protocol VolumeBackend: Sendable {
    func listVolumes(_ filters: Filters) async throws -> [VolumeResource]
    func createVolume(_ request: VolumeRequest) async throws -> VolumeResource
    func inspectVolume(_ name: String) async throws -> VolumeResource
    func removeVolume(_ name: String, force: Bool) async throws
    func pruneVolumes(_ filters: Filters) async throws -> (removed: [String], reclaimedBytes: Int64)
}
