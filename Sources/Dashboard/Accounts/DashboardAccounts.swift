import Concurrency
import LinuxSystem
import Model
import Synchronization

/// Signing in, and who a session belongs to.
package final class DashboardAccounts: Sendable {
    package let store: any DashboardAccountStore
    private let worker: PasswordWorker
    private let gate = Mutex(LoginGate())
    private let links = Mutex(OneUseLinks())
    /// Sessions from one-use links are good for this process.
    private let localGeneration = RandomID.hex(bytes: 16)
    private let now: @Sendable () -> Double

    /// - Parameter now: Seconds of a clock that does not jump; tests hand in another.
    package init(
        store: any DashboardAccountStore, cost: PasswordHash.Cost = .standard,
        now: @escaping @Sendable () -> Double = { DashboardAccounts.uptime() }
    ) {
        self.now = now
        self.store = store
        worker = PasswordWorker(cost: cost)
    }

    /// Seconds of CLOCK_MONOTONIC.
    package static func uptime() -> Double {
        let time = ContinuousClock.Instant.now - started
        return Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
    }
    private static let started = ContinuousClock.Instant.now

    /// How a try to sign in ended.
    package enum Login: Sendable {
        case signedIn(cookie: String, DashboardUser)
        case wrong
        /// Seconds until the next try.
        case wait(Double)
    }

    /// - Parameter address: Whom the gate counts against, without a port.
    package func signIn(name: String, password: String, address: String) async throws -> Login {
        let time = now()
        if let delay = gate.withLock({ $0.admit(name: name, address: address, at: time) }) { return .wait(delay) }
        let account = await store.accounts().first { $0.name == name }
        guard try await worker.matches(password, account?.password), let account else { return .wrong }
        gate.withLock { $0.letIn(name: name, address: address, at: time) }
        let user = DashboardUser(name: account.name, role: account.role)
        return .signedIn(cookie: try await cookie(name: account.name, generation: account.generation), user)
    }

    /// - Parameter isLocal: Whether who asks is on this machine; others have no use of a link.
    package func signIn(link token: String, isLocal: Bool) async throws -> Login {
        let time = now()
        guard isLocal, links.withLock({ $0.use(token, at: time) }) else { return .wrong }
        let cookie = try await cookie(name: DashboardAccount.localName, generation: localGeneration)
        return .signedIn(cookie: cookie, DashboardUser(name: DashboardAccount.localName, role: .operator))
    }

    /// A token for one sign-in from this machine within a minute.
    package func makeLink() -> String {
        let time = now()
        return links.withLock { $0.make(at: time) }
    }

    /// - Returns: `nil` when the cookie is not, or no more, good.
    package func user(of cookie: String, isLocal: Bool) async throws -> DashboardUser? {
        let signer = SessionSigner(key: try await store.signingKey())
        guard let session = signer.session(from: cookie, at: Timestamp.now.seconds) else { return nil }
        if session.name == DashboardAccount.localName {
            guard isLocal, session.generation == localGeneration else { return nil }
            return DashboardUser(name: session.name, role: .operator)
        }
        let account = await store.accounts().first { $0.name == session.name }
        guard let account, account.generation == session.generation else { return nil }
        return DashboardUser(name: account.name, role: account.role)
    }

    /// Adds an account, or gives the one of its name another password and role; its sessions are over.
    package func add(name: String, role: DashboardRole, password: String) async throws {
        guard DashboardAccount.isName(name) else { throw DashboardError(.badAccountName) }
        guard (8...PasswordWorker.longest).contains(password.utf8.count) else { throw DashboardError(.badPassword) }
        guard await store.accounts().count < 1000 else { throw DashboardError(.tooMany) }
        let hash = try await worker.hash(password)
        try await store.save(
            DashboardAccount(name: name, role: role, generation: RandomID.hex(bytes: 8), password: hash))
    }

    private func cookie(name: String, generation: String) async throws -> String {
        let signer = SessionSigner(key: try await store.signingKey())
        let expires = Timestamp.now.advanced(bySeconds: SessionSigner.lifetime).seconds
        return try signer.text(of: DashboardSession(name: name, generation: generation, expires: expires))
    }
}

/// Who asks.
package struct DashboardUser: Codable, Sendable, Equatable {
    package let name: String
    package let role: DashboardRole
}
