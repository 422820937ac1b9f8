package import EngineInterface
import Foundation
import LinuxSystem
package import Model

/// Accounts that the swarm keeps: one that is made at a manager is good at each of them.
package struct SwarmAccountStore: DashboardAccountStore {
    private let vault: any DashboardVault

    package init(_ vault: any DashboardVault) { self.vault = vault }

    package func accounts() async -> [DashboardAccount] { vault.accounts.compactMap(DashboardAccount.init) }
    package func signingKey() async throws -> [UInt8] { try await vault.signingKey() }
    package func save(_ account: DashboardAccount) async throws { try await vault.save(KeptDashboardAccount(account)) }
    package func remove(_ name: String) async throws -> Bool { try await vault.remove(name) }
    package func changes() async -> AsyncStream<Void> { vault.changes() }
}

extension DashboardAccount {
    /// `nil` for one of a role that this version does not know.
    init?(_ kept: KeptDashboardAccount) {
        guard let role = DashboardRole(rawValue: kept.role), Self.isName(kept.id) else { return nil }
        self.init(
            name: kept.id, role: role, generation: kept.generation, password: PasswordHash(kept.password))
    }
}

extension KeptDashboardAccount {
    init(_ account: DashboardAccount) {
        self.init(
            name: account.name, role: account.role.rawValue, generation: account.generation,
            password: account.password.kept)
    }
}

/// The files in which a manager kept accounts for itself before the swarm did: `accounts.json` and `session.key` in a directory.
package struct AccountFiles: DashboardInheritance {
    private struct Kept: Codable { var accounts: [DashboardAccount] }

    private let directory: String

    package init(directory: String) { self.directory = directory }

    private var list: String { "\(directory)/accounts.json" }
    private var key: String { "\(directory)/session.key" }

    package func read() async throws -> (accounts: [KeptDashboardAccount], key: String?)? {
        try await onThread { [list, key] in
            guard let bytes = try Files.read(list, limit: 4 << 20) else { return nil }
            let accounts = try JSONDecoder().decode(Kept.self, from: Data(bytes)).accounts
            let secret = try Files.read(key, limit: 1024).map { Data($0).base64EncodedString() }
            return (accounts.map(KeptDashboardAccount.init), secret)
        }
    }

    /// The key goes, too: nothing signs with it here any more.
    package func discard() async throws {
        try await onThread { [list, key] in
            for path in [list, key] where Files.exists(path) { try Files.remove(path) }
        }
    }
}
