import EngineInterface
import HTTPTypes
import HummingbirdCore
import NIOCore

/// Pages of metrics. The Engine API's definition does not have them: dockerd serves `/metrics` at an address of its own.
enum MetricsRoutes {
    static let pages: [String: MetricsPage] = [
        "/metrics": .node, "/metrics/cadvisor": .cadvisor, "/metrics/cluster": .cluster,
        "/metrics/targets": .targets,
    ]

    /// - Returns: `nil` for what is no page of metrics, and where there are none.
    static func answer(
        _ request: Request, path: String, _ backend: (any MetricsBackend)?
    ) async throws -> Reply? {
        guard let backend, let page = pages[path], [.get, .head].contains(request.method) else { return nil }
        // Prometheus may spread it over several fields.
        let accept = request.headers[values: .accept].joined(separator: ",")
        guard let text = try await backend.metrics(page, accept: accept) else {
            return .failure(.notFound, "this node has no such metrics: it is no manager of a swarm")
        }
        return .whole(
            status: .ok, fields: [.contentType: text.contentType], body: ByteBuffer(bytes: text.bytes))
    }
}
