package import Model

/// What the system routes need of the engine.
package protocol SystemBackend: Sendable {
    /// What `GET /info` shows, without what the edge adds.
    func systemInfo() async throws -> SystemInfo
    /// Events of before that are still kept, then new ones, in order.
    /// - Throws: ``FilterError``.
    func events(_ query: EventQuery) async throws -> AsyncStream<ToldEvent>
    /// Versions of the programs beneath: name → version.
    func componentVersions() async -> [(name: String, version: String)]
    /// What takes how much disk: sizes of layers, of what containers wrote, of volumes.
    func diskUsage(_ kinds: Set<DiskUsageKind>) async throws -> DiskUsage
}
