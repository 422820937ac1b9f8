/// An account of the dashboard as lists show it.
package struct DashboardAccountSummary: Codable, Sendable, Equatable {
    package var name: String
    /// `viewer` or `operator`.
    package var role: String
    package init(name: String, role: String) {
        self.name = name
        self.role = role
    }
}

/// A way into the dashboard from this machine, good once and for a minute.
package struct DashboardLink: Codable, Sendable, Equatable {
    /// `https://127.0.0.1:2378/open#…`.
    package var url: String
    /// SHA-256 of the certificate that it shows.
    package var fingerprint: String
    package init(url: String, fingerprint: String) {
        self.fingerprint = fingerprint
        self.url = url
    }
}

/// The dashboard's accounts and the way in, for whoever may open the API's socket.
package protocol DashboardAdministration: Sendable {
    /// In the order of their names.
    func dashboardAccounts() async -> [DashboardAccountSummary]
    /// Adds an account, or gives the one of its name another password and role; its sessions are over.
    func saveDashboardAccount(_ account: DashboardAccountSummary, password: String) async throws
    /// Its sessions are over.
    func removeDashboardAccount(_ name: String) async throws
    /// Faults: `.unavailable` on a node that serves no dashboard at present.
    func makeDashboardLink() async throws -> DashboardLink
}
