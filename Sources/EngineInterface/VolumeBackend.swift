package import Model

/// What the volume routes need of the engine. Faults: `.notFound` with `get X: no such volume`; `.conflict` for one in use.
package protocol VolumeBackend: Sendable {
    /// In order of their names.
    func listVolumes(_ filters: Filters) async throws -> [VolumeResource]
    /// A volume of that name that is there with the same options is answered.
    func createVolume(_ request: VolumeRequest) async throws -> VolumeResource
    /// One volume; sizes are not told.
    func inspectVolume(_ name: String) async throws -> VolumeResource
    /// - Parameter force: One that is not there is fine.
    /// - Throws: `.conflict` while a container uses it.
    func removeVolume(_ name: String, force: Bool) async throws
    /// Anonymous volumes that no container uses or, with the filter `all`, named ones as well.
    func pruneVolumes(_ filters: Filters) async throws -> (removed: [String], reclaimedBytes: Int64)
}
