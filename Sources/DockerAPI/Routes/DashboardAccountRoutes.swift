import DockerTypes
import EngineInterface
import Faults
import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOFoundationCompat

/// The dashboard's accounts and one-use links: paths of Apus' own, beside those of the Engine API. Whoever may open the socket may do all of it.
enum DashboardAccountRoutes {
    private struct NewAccount: Decodable {
        var name: String
        var role: String
        var password: String
    }

    /// - Returns: `nil` for a path that is none of these.
    static func answer(
        _ request: Request, path: String, _ dashboard: (any DashboardAdministration)?
    ) async throws -> Reply? {
        guard path.hasPrefix("/dashboard/") else { return nil }
        guard let dashboard else { throw APIError(.unavailable, "this daemon serves no dashboard") }
        let parts = path.split(separator: "/").dropFirst()
        switch (request.method, parts.first, parts.count) {
        case (.get, "accounts", 1): return try .verbatim(await dashboard.dashboardAccounts())
        case (.post, "accounts", 1):
            let body = try await request.body.collect(upTo: 64 << 10)
            let account: NewAccount
            do {
                account = try JSONDecoder().decode(NewAccount.self, from: Data(buffer: body))
            } catch {
                throw APIError(.invalidInput, "an account has a name, a role and a password")
            }
            try await dashboard.saveDashboardAccount(
                DashboardAccountSummary(name: account.name, role: account.role), password: account.password)
            return .empty(.noContent)
        case (.delete, "accounts", 2):
            try await dashboard.removeDashboardAccount(Query.unescape(parts.last ?? ""))
            return .empty(.noContent)
        case (.post, "link", 1): return try .verbatim(try await dashboard.makeDashboardLink())
        default: return .failure(.notFound, "page not found")
        }
    }
}
