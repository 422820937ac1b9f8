package import Model

/// What the volume routes need of the engine. Faults: `.notFound` with `get X: no such volume`; `.conflict` for one in use.
package protocol VolumeBackend: Sendable {
    func listVolumes(_ filters: Filters) async throws -> [VolumeResource]
    func createVolume(_ request: VolumeRequest) async throws -> VolumeResource
    func inspectVolume(_ name: String) async throws -> VolumeResource
    func removeVolume(_ name: String, force: Bool) async throws
    func pruneVolumes(_ filters: Filters) async throws -> (removed: [String], reclaimedBytes: Int64)
}
