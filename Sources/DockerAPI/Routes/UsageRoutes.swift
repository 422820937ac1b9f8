import DockerTypes
import EngineInterface
import HTTPTypes
import HummingbirdCore

/// What nodes and tasks of the swarm use: a path of Apus' own, in the Engine API's spelling. docs/usage.md has it.
enum UsageRoutes {
    /// - Returns: `nil` for any other path, and where nobody answers.
    static func answer(_ request: Request, path: String, _ usage: (any UsageBackend)?) async throws -> Reply? {
        guard let usage, path == "/usage", request.method == .get else { return nil }
        let services = Query(parsing: request.uri.query ?? "").values["service"] ?? []
        return try .json(await usage.usage(ofServices: services))
    }
}
