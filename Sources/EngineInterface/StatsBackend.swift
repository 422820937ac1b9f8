package import Model

/// What the routes for `top` and `stats` need of the engine.
package protocol ContainerStatsBackend: Sendable {
    /// The processes as `ps` shows them: column titles and rows.
    func topContainer(_ reference: String, arguments: String) async throws -> (titles: [String], processes: [[String]])
    /// What the container uses at this moment; one that does not run uses nothing.
    func measureContainer(_ reference: String) async throws -> ContainerMeasurement
}
