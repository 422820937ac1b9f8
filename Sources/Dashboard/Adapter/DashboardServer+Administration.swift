package import EngineInterface

extension DashboardServer: DashboardAdministration {
    package func dashboardAccounts() async -> [DashboardAccountSummary] {
        await accounts.store.accounts().map { DashboardAccountSummary(name: $0.name, role: $0.role.rawValue) }
    }

    package func saveDashboardAccount(_ account: DashboardAccountSummary, password: String) async throws {
        guard let role = DashboardRole(rawValue: account.role) else { throw DashboardError(.badRole) }
        try await accounts.add(name: account.name, role: role, password: password)
    }

    package func removeDashboardAccount(_ name: String) async throws {
        guard try await accounts.store.remove(name) else { throw DashboardError(.noSuchAccount) }
    }

    package func makeDashboardLink() async throws -> DashboardLink {
        let link = try makeLink()
        return DashboardLink(url: link.url, fingerprint: link.fingerprint)
    }
}
