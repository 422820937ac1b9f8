import Concurrency
package import EngineInterface
import Foundation
import LinuxSystem
package import Logging
package import Model
import Orchestration
import ServiceLifecycle
import StateStore

/// The dashboard's accounts and the key of its sessions in the swarm's store, which every manager has a copy of.
///
/// Read from memory, so that signing in works without a quorum; written as other objects are.
package final class DashboardLedger: DashboardVault, ServiceLifecycle.Service {
    /// At most so many accounts are kept.
    package static let mostAccounts = 1000
    /// Before what could not be taken over is tried again.
    private static let pause = Duration.seconds(30)

    private struct Known {
        /// The one that answers here.
        var manager: Manager?
        var accounts: [String: KeptDashboardAccount] = [:]
    }

    private let swarm: Swarm
    private let inheritance: (any DashboardInheritance)?
    private let log: Logger
    private let known = ObservableValue(Known())

    /// - Parameter inheritance: What this node has kept by itself before; taken over once.
    package init(_ swarm: Swarm, inheritance: (any DashboardInheritance)?, log: Logger) {
        self.inheritance = inheritance
        self.log = log
        self.swarm = swarm
    }

    // MARK: What is known

    package var accounts: [KeptDashboardAccount] { known.value.accounts.values.sorted { $0.id < $1.id } }

    package func changes() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let tasks = OwnedTasks()
        continuation.onTermination = { _ in tasks.cancel() }
        tasks.begin { [known] in
            var seen: Known?
            do {
                while true {
                    let now = try await known.wait { value in Self.differs(value, seen) ? value : nil }
                    seen = now
                    continuation.yield()
                }
            } catch {
                continuation.finish()
            }
        }
        return stream
    }

    private static func differs(_ value: Known, _ seen: Known?) -> Bool {
        guard let seen else { return true }
        return value.accounts != seen.accounts || value.manager?.model !== seen.manager?.model
    }

    // MARK: Following the swarm

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            do {
                while true {
                    let part = try await self.swarm.parts.wait { $0 }
                    await self.live(part)
                    try await self.swarm.parts.wait { $0 !== part ? () : nil }
                }
            } catch {
                // Cancelled: the daemon ends.
            }
        }
    }

    /// Until the membership has ended or this is cancelled.
    private func live(_ part: MembershipRuntime) async {
        do {
            while true {
                let manager: Manager? = try await part.state.wait { progress -> Manager?? in
                    progress.hasEnded ? .some(nil) : progress.manager.map { .some($0) }
                }
                guard let manager else { return }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await part.state.wait { $0.manager?.model !== manager.model ? () : nil } }
                    group.addTask { try await self.follow(manager) }
                    group.addTask { try await self.takeOver(manager) }
                    defer { group.cancelAll() }
                    // The first that ends is the manager's side; the other two go on for as long as it does.
                    try await group.next()
                }
                known.set(Known())
            }
        } catch {
            known.set(Known())
        }
    }

    private func follow(_ manager: Manager) async throws {
        for await _ in manager.model.changes() {
            let accounts = manager.model.objects.dashboardAccounts
            let before = known.value
            if before.manager == nil || before.accounts != accounts {
                known.set(Known(manager: manager, accounts: accounts))
            }
        }
        try Task.checkCancellation()
    }

    // MARK: Writing

    package func signingKey() async throws -> [UInt8] {
        try await signingKey(proposing: nil, try await swarm.manager())
    }

    /// - Parameter proposed: In base64: taken when there is none yet.
    private func signingKey(proposing proposed: String?, _ manager: Manager) async throws -> [UInt8] {
        if let key = Self.bytes(manager.model.objects.dashboardKeys[DashboardSigningKey.sessionID]) { return key }
        let fresh = Data(RandomID.bytes(32)).base64EncodedString()
        var key = DashboardSigningKey(secret: Self.isKey(proposed) ? proposed ?? fresh : fresh)
        key.createdAt = .now
        key.updatedAt = key.createdAt
        let outcome = try await manager.store.commit(
            StoreTransaction(conditions: [.absent(key.key)], puts: [.init(key.key, try key.storedBytes)]))
        // Another manager may have been faster: what the store has is what counts.
        if let revision = outcome.revision { await manager.model.catchUp(to: revision) }
        let stored = try await manager.writer.get(DashboardSigningKey.self, DashboardSigningKey.sessionID)
        guard let bytes = Self.bytes(stored) else {
            throw ClusterError(.badObject, "the key of the dashboard's sessions cannot be read")
        }
        return bytes
    }

    private static func bytes(_ key: DashboardSigningKey?) -> [UInt8]? {
        guard let key, isKey(key.secret), let data = Data(base64Encoded: key.secret) else { return nil }
        return Array(data)
    }

    private static func isKey(_ text: String?) -> Bool {
        text.flatMap { Data(base64Encoded: $0) }.map { (32...1024).contains($0.count) } ?? false
    }

    package func save(_ account: KeptDashboardAccount) async throws {
        try await save([account], try await swarm.manager())
    }

    /// All of them, or none.
    /// - Parameter replacing: Otherwise those that there are stay as they are.
    private func save(_ accounts: [KeptDashboardAccount], replacing: Bool = true, _ manager: Manager) async throws {
        for account in accounts where !Self.isName(account.id) { throw DashboardVaultError.invalidName(account.id) }
        try await manager.guarded { state in
            var transaction = StoreTransaction()
            var count = state.dashboardAccounts.count
            for account in accounts {
                var kept = account
                let present = state.dashboardAccounts[account.id]
                if let unread = state.unread[account.key] {
                    throw ClusterError(.badObject, "account \(account.id) cannot be read: \(unread.reason)")
                }
                if present != nil, !replacing { continue }
                if present == nil { count += 1 }
                kept.updatedAt = .now
                kept.createdAt = present?.createdAt ?? kept.updatedAt
                transaction.put(kept.key, try kept.storedBytes)
            }
            guard count <= Self.mostAccounts else { throw DashboardVaultError.tooMany(most: Self.mostAccounts) }
            return transaction
        }
        await caughtUp(manager)
    }

    package func remove(_ name: String) async throws -> Bool {
        let manager = try await swarm.manager()
        var isThere = false
        try await manager.guarded { state in
            let key = StoreKey(.dashboardAccounts, id: name)
            isThere = state.dashboardAccounts[name] != nil || state.unread[key] != nil
            return isThere ? StoreTransaction(deletes: [key]) : StoreTransaction()
        }
        await caughtUp(manager)
        return isThere
    }

    /// What was written is known when the call returns: who adds an account can sign in at once.
    private func caughtUp(_ manager: Manager) async {
        let accounts = manager.model.objects.dashboardAccounts
        known.change { known in
            if known.manager?.model === manager.model { known.accounts = accounts }
        }
    }

    /// As the store's keys take it, which a path has parts of.
    private static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }
    }

    // MARK: What was kept before

    /// Until it has been taken over, and then for as long as the manager's side lives.
    private func takeOver(_ manager: Manager) async throws {
        while let inheritance {
            do {
                guard let found = try await inheritance.read() else { break }
                for await _ in manager.model.changes() where !manager.model.isStale { break }
                try Task.checkCancellation()
                _ = try await signingKey(proposing: found.key, manager)
                // So many fit into one write.
                for start in stride(from: 0, to: found.accounts.count, by: 100) {
                    try await save(Array(found.accounts.dropFirst(start).prefix(100)), replacing: false, manager)
                }
                try await inheritance.discard()
                log.notice(
                    "the swarm keeps the dashboard's accounts of this node now",
                    metadata: ["accounts": "\(found.accounts.map(\.id))"])
                break
            } catch {
                try Task.checkCancellation()
                log.warning("the dashboard's accounts were not taken over yet", metadata: ["error": "\(error)"])
                try await Task.sleep(for: Self.pause)
            }
        }
        while true { try await Task.sleep(for: .seconds(3600)) }
    }
}
