import DockerTypes
import EngineInterface
import Faults
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes

/// Takes a request to its route and writes the answer.
struct RequestDispatcher: Sendable {
    private let backends: Backends
    private let common: CommonFields
    private let logger: Logger
    private let routes: RouteTable

    init(backends: Backends, productVersion: String, logger: Logger) {
        self.backends = backends
        self.logger = logger
        common = CommonFields(productVersion: productVersion)
        routes = Self.allRoutes()
    }

    static func allRoutes() -> RouteTable {
        var routes = RouteTable()
        SystemRoutes.add(to: &routes)
        ContainerRoutes.add(to: &routes)
        ContainerStreamRoutes.add(to: &routes)
        ArchiveRoutes.add(to: &routes)
        ExecRoutes.add(to: &routes)
        ImageRoutes.add(to: &routes)
        ImageTransferRoutes.add(to: &routes)
        NetworkRoutes.add(to: &routes)
        VolumeRoutes.add(to: &routes)
        SwarmRoutes.add(to: &routes)
        ServiceRoutes.add(to: &routes)
        return routes
    }

    /// Answers one request. Whatever goes wrong is answered or, when the client is gone, told in the log.
    func serve(_ request: Request, on connection: ServerConnection) async {
        let reply: Reply
        do {
            reply = try await answer(request, on: connection)
        } catch {
            reply = .failure(error)
            let level: Logger.Level = FaultStatus.answer(to: error).status == .internalServerError ? .error : .debug
            logger.log(
                level: level, "request failed",
                metadata: ["method": "\(request.method)", "path": "\(request.uri.path)", "error": "\(error)"])
        }
        guard case .whole(let status, let fields, let body) = reply else { return }
        do {
            try await write(status, fields, body, isHead: request.method == .head, on: connection)
        } catch {
            logger.debug("an answer could not be written", metadata: ["error": "\(error)"])
        }
    }

    private func answer(_ request: Request, on connection: ServerConnection) async throws -> Reply {
        let (asked, path) = APIVersion.split(path: request.uri.path)
        try asked?.requireSupported()
        // Of any path, as with Docker: clients ask with it whether somebody is there.
        if request.method == .options { return .empty(.ok) }
        if let reply = try await MetricsRoutes.answer(request, path: path, backends.metrics) { return reply }
        if let reply = try await DashboardAccountRoutes.answer(request, path: path, backends.dashboard) { return reply }
        if let reply = try await AlertRoutes.answer(request, path: path, backends.alerts) { return reply }
        if let reply = try await UsageRoutes.answer(request, path: path, backends.usage) { return reply }
        if let reply = try await PathRoutes.answer(request, path: path, backends.paths) { return reply }
        switch routes.match(request.method, path: path) {
        case .unknown: return .failure(.notFound, "page not found")
        case .notBuilt:
            throw APIError(.notImplemented, "\(request.method) \(path) is not implemented by apus")
        case .route(let handler, let parameters):
            let call = Call(
                request: request, parameters: parameters, query: Query(parsing: request.uri.query ?? ""),
                version: asked ?? .newest, connection: connection, backends: backends, common: common, logger: logger)
            return try await APIClient.$current.withValue(APIClient { await connection.clientName() }) {
                try await handler(call)
            }
        }
    }

    private func write(
        _ status: HTTPResponse.Status, _ fields: HTTPFields, _ body: ByteBuffer, isHead: Bool,
        on connection: ServerConnection
    ) async throws {
        var all = common.fields
        for field in fields { all[field.name] = field.value }
        if status != .notModified && status != .noContent { all[.contentLength] = "\(isHead ? 0 : body.readableBytes)" }
        let channel = connection.channel
        channel.write(HTTPResponsePart.head(HTTPResponse(status: status, headerFields: all)), promise: nil)
        if body.readableBytes > 0, !isHead { channel.write(HTTPResponsePart.body(body), promise: nil) }
        try await connection.write(.end(nil))
    }
}

extension APIOperation {
    /// All of them.
    package static var all: [APIOperation] { RequestDispatcher.allRoutes().operations }
}
