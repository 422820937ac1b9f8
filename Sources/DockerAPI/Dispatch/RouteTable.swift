import DockerTypes
import Faults
import HTTPTypes

typealias RouteHandler = @Sendable (Call) async throws -> Reply

/// Finds the handler for a method and path.
///
/// Templates are those of the API definition. A parameter is one segment of the path; names of images, plugins and networks, and of
/// containers by links, which may contain slashes, take as many as there are.
struct RouteTable: Sendable {
    private struct Route {
        let method: HTTPRequest.Method
        let template: PathTemplate
        var handler: RouteHandler?
        /// Why the handler always refuses.
        var refusal: String?
    }

    enum Match {
        case route(RouteHandler, parameters: [String: String])
        /// The definition has the operation, Apus does not.
        case notBuilt
        case unknown
    }

    private var routes: [Route] = DefinedPaths.all.map { Route(method: $0.method, template: PathTemplate($0.template)) }

    /// Gives an operation of the definition its handler.
    mutating func on(_ method: HTTPRequest.Method, _ template: String, _ handler: @escaping RouteHandler) {
        guard let index = routes.firstIndex(where: { $0.method == method && $0.template.text == template }) else {
            preconditionFailure("\(method) \(template) is not in the API's definition")
        }
        routes[index].handler = handler
    }

    /// Gives an operation of the definition a refusal with a reason of its own.
    /// - Parameter check: What is to be said before: that the node is in no swarm, for example.
    mutating func refuse(
        _ method: HTTPRequest.Method, _ template: String, _ reason: String,
        after check: @escaping @Sendable (Call) async throws -> Void = { _ in }
    ) {
        on(method, template) { call in
            try await check(call)
            throw APIError(.notImplemented, reason)
        }
        for index in routes.indices where routes[index].method == method && routes[index].template.text == template {
            routes[index].refusal = reason
        }
    }

    /// Every operation of the definition, in its order, and what becomes of it.
    var operations: [APIOperation] {
        routes.map { route in
            let state: APIOperation.State =
                route.handler == nil ? .missing : route.refusal.map { .refused($0) } ?? .works
            return APIOperation(method: route.method.rawValue, path: route.template.text, state: state)
        }
    }

    /// - Parameter path: Without version and query, still escaped.
    func match(_ method: HTTPRequest.Method, path: String) -> Match {
        // The one list that Docker answers under this name as well.
        let path = path == "/networks/" && method == .get ? "/networks" : path
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            .map { Query.unescape($0) }
        var best: (route: Route, parameters: [String: String])?
        for route in routes where route.method == method {
            guard let parameters = route.template.match(segments) else { continue }
            if let known = best, known.route.template.literals >= route.template.literals { continue }
            best = (route, parameters)
        }
        guard let best else { return .unknown }
        guard let handler = best.route.handler else { return .notBuilt }
        return .route(handler, parameters: best.parameters)
    }
}

/// A path with parameters in braces.
struct PathTemplate: Sendable {
    let text: String
    private let segments: [Substring]
    /// Position of the parameter that may span several segments.
    private let wide: Int?

    /// How many segments are given, which decides between two that match.
    let literals: Int

    init(_ text: String) {
        self.text = text
        segments = text.dropFirst().split(separator: "/").map { $0 }
        wide =
            switch segments.first {
            case "images", "distribution", "plugins": segments.firstIndex(of: "{name}")
            case "containers", "networks": segments.firstIndex(of: "{id}")
            default: nil
            }
        literals = segments.count { !$0.hasPrefix("{") }
    }

    /// The parameters, or `nil` when the path does not fit.
    func match(_ path: [String]) -> [String: String]? {
        let extra = path.count - segments.count
        guard extra == 0 || (extra > 0 && wide != nil) else { return nil }
        var parameters: [String: String] = [:]
        var position = 0
        for (index, segment) in segments.enumerated() {
            let width = index == wide ? 1 + extra : 1
            let value = path.dropFirst(position).prefix(width).joined(separator: "/")
            position += width
            if segment.hasPrefix("{") {
                guard !value.isEmpty else { return nil }
                parameters[String(segment.dropFirst().dropLast())] = value
            } else if segment != value {
                return nil
            }
        }
        return parameters
    }
}
