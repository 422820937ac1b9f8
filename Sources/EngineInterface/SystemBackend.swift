package import Model

/// What the system routes need of the engine.
package protocol SystemBackend: Sendable {
    /// What `GET /info` shows, without what the edge adds.
    func systemInfo() async throws -> SystemInfo
    /// Events after `since` that are still remembered, then new ones until `until`, in order.
    func events(since: Timestamp?, until: Timestamp?, _ filters: Filters) async throws -> AsyncStream<EngineEvent>
    /// Versions of the programs beneath: name → version.
    func componentVersions() async -> [(name: String, version: String)]
    /// What takes how much disk: sizes of layers, of what containers wrote, of volumes.
    func diskUsage(_ kinds: Set<DiskUsageKind>) async throws -> DiskUsage
}
