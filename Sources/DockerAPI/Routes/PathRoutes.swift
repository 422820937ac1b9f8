import DockerTypes
import EngineInterface
import HTTPTypes
import HummingbirdCore

/// The ways between the swarm's nodes: a path of Apus' own, in the Engine API's spelling. docs/paths.md has it.
enum PathRoutes {
    /// - Returns: `nil` for any other path, and where nobody answers.
    static func answer(_ request: Request, path: String, _ paths: (any PathBackend)?) async throws -> Reply? {
        guard let paths, path == "/swarm/paths", request.method == .get else { return nil }
        return try .json(await paths.paths())
    }
}
