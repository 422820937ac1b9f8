package import Model

/// Where the swarm keeps the dashboard's accounts. Faults: ``SwarmError`` on a node that is no manager, or has not come to it yet.
package protocol DashboardVault: Sendable {
    /// In the order of their names, from memory; none on a node that is no manager.
    var accounts: [KeptDashboardAccount] { get }
    /// At least 32 bytes, the same at all managers; made when there is none yet.
    func signingKey() async throws -> [UInt8]
    /// Adds an account, or replaces the one of its name. Faults: ``DashboardVaultError``.
    func save(_ account: KeptDashboardAccount) async throws
    /// - Returns: Whether there was one.
    func remove(_ name: String) async throws -> Bool
    /// Yields once at the beginning, and when accounts have come or gone, or the node has become a manager or is none any more.
    func changes() -> AsyncStream<Void>
}

/// Accounts of before the swarm kept them.
package protocol DashboardInheritance: Sendable {
    /// - Returns: `nil` when there is nothing to take over. The key is in base64.
    func read() async throws -> (accounts: [KeptDashboardAccount], key: String?)?
    /// They have been taken over: they are not read again.
    func discard() async throws
}
