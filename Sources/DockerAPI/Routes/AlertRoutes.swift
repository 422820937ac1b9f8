import DockerTypes
import EngineInterface
import Faults
import Foundation
import HTTPTypes
import HummingbirdCore
import Model
import NIOCore
import NIOFoundationCompat

/// Alerts, silences and rules: paths of Apus' own, beside those of the Engine API, in its spelling. docs/alerts.md has them.
enum AlertRoutes {
    /// The most that a body may have.
    private static let largestBody = 64 << 10

    private struct Created: Encodable { var id: String }

    /// - Returns: `nil` for a path that is none of these, and where nobody answers.
    static func answer(_ request: Request, path: String, _ alerts: (any AlertBackend)?) async throws -> Reply? {
        guard let alerts, path == "/alerts" || path.hasPrefix("/alerts/") else { return nil }
        let parts = path.split(separator: "/").dropFirst().map { Query.unescape($0) }
        switch (request.method, parts.first, parts.count) {
        case (.get, nil, _):
            let query = Query(parsing: request.uri.query ?? "")
            return try .json(await alerts.alerts(all: query.flag("all")))
        case (.get, "silences", 1): return try .json(await alerts.alertSilences())
        case (.post, "silences", 1):
            let silence = try await body(AlertSilenceRequest.self, of: request, "a silence")
            return try .json(Created(id: await alerts.silenceAlerts(silence)), status: .created)
        case (.delete, "silences", 2):
            try await alerts.endAlertSilence(parts.last ?? "")
            return .empty(.noContent)
        case (.get, "rules", 1): return try .json(await alerts.alertRules())
        case (.post, "rules", 1):
            try await alerts.saveAlertRule(body(AlertRuleRequest.self, of: request, "an alert rule"))
            return .empty(.noContent)
        case (.delete, "rules", 2):
            try await alerts.removeAlertRule(parts.last ?? "")
            return .empty(.noContent)
        case (.post, "rules", 3) where parts.last == "enable" || parts.last == "disable":
            try await alerts.switchAlertRule(parts.dropFirst().first ?? "", on: parts.last == "enable")
            return .empty(.noContent)
        default: return .failure(.notFound, "page not found")
        }
    }

    private static func body<Body: Decodable>(
        _ type: Body.Type, of request: Request, _ what: String
    ) async throws -> Body {
        do {
            let bytes = try await request.body.collect(upTo: largestBody)
            return try WireJSON.decode(type, from: Data(buffer: bytes))
        } catch is DecodingError {
            throw APIError(.invalidInput, "the body is not \(what)")
        } catch is NIOTooManyBytesError {
            throw APIError(.invalidInput, "\(what) has at most \(largestBody) bytes")
        }
    }
}
