import EtcdStore
import Logging
import Model
import Orchestration
import StateStore

/// Sees to it that the store's values are sealed, with a secret that every manager has.
///
/// The leader makes a secret and says which one is to come; each manager gets it from another over their mutually authenticated connection and says
/// that it has it; when all do, the leader says that it is the one in use, and seals anew whatever is not sealed with it. The secrets themselves are
/// never in the store. A swarm's first secret is there from its beginning, except where an earlier build has stored in clear.
struct SealKeeper: Sendable {
    /// Before a secret is asked for again, and before what others may have written meanwhile is looked through.
    static let pause = Duration.seconds(5)

    let role: ManagerRole
    let manager: Manager
    let store: EtcdObjectStore

    private var keys: SealingKeys { role.sealing.keys }

    /// On every manager, until cancelled.
    func follow() async throws {
        for await _ in manager.model.changes() {
            while !manager.model.isStale, let sealing = manager.model.objects.cluster?.sealing {
                do {
                    try await take(sealing)
                    break
                } catch {
                    try Task.checkCancellation()
                    role.log.info("the store's secret is not known here yet", metadata: ["error": "\(error)"])
                    try await Task.sleep(for: Self.pause)
                }
            }
        }
        try Task.checkCancellation()
    }

    private func take(_ sealing: ClusterObject.Sealing) async throws {
        if let desired = sealing.next ?? sealing.current {
            if !keys.has(desired) { try await StoreJoiner(role: role).fetchSecrets() }
            guard keys.has(desired) else {
                throw ClusterError(.managerUnreachable, "no manager has secret \(desired)")
            }
            if manager.model.objects.nodes[role.nodeID]?.membership?.storeSecret != desired {
                _ = try await manager.writer.update(Node.self, role.nodeID) { node in
                    guard node.grantedRole == .manager, node.membership?.storeSecret != desired else { return false }
                    node.membership = node.membership ?? .init()
                    node.membership?.storeSecret = desired
                    return true
                }
            }
        }
        if let current = sealing.current, keys.use(current) { try await role.sealing.save() }
    }

    // MARK: The leader

    /// - Throws: `.leadershipLost`.
    func lead(under fence: LeaderFence) async throws {
        var sealed: String?
        for await _ in manager.model.changes() where !manager.model.isStale {
            do { try await step(&sealed, fence) } catch let error as StateStoreError where error.code != .leadershipLost
            {
                try Task.checkCancellation()
                role.log.warning("the store is not sealed yet", metadata: ["error": "\(error.debugDescription)"])
                try await Task.sleep(for: Self.pause)
            }
        }
        try Task.checkCancellation()
    }

    /// - Parameter sealed: The secret that everything is known to be sealed with.
    private func step(_ sealed: inout String?, _ fence: LeaderFence) async throws {
        guard let cluster = manager.model.objects.cluster else { return }
        let sealing = cluster.sealing ?? .init()
        let managers = manager.model.objects.managers.filter { $0.grantedRole == .manager }
        guard let next = sealing.next else {
            guard let current = sealing.current, sealing.isOld != true else { return try await propose(cluster) }
            guard sealed != current, keys.ring.current == current else { return }
            let count = try await store.reseal(StoreKey.all, under: fence)
            if count == 0 {
                sealed = current
            } else {
                role.log.notice("values of the store are sealed anew", metadata: ["count": "\(count)"])
                // A manager that hears of the secret later may have written with the one before.
                try await Task.sleep(for: Self.pause)
            }
            return
        }
        let present = manager.live.state.present
        let isKnown = managers.contains { $0.membership?.storeSecret == next && present.contains($0.id) }
        // Whoever has made it is gone, and nobody else has got it.
        if !keys.has(next), !isKnown { return try await propose(cluster) }
        guard keys.has(next), managers.allSatisfy({ $0.membership?.storeSecret == next }) else { return }
        try await change(cluster) { $0 = .init(current: next) }
        if keys.use(next) { try await role.sealing.save() }
    }

    /// Makes a secret and says that it is to come.
    private func propose(_ cluster: ClusterObject) async throws {
        let secret = SealingKeys.Secret()
        // Kept here before anybody can ask for it.
        try await role.sealing.take([secret], current: nil)
        try await change(cluster) { sealing in
            sealing.next = secret.id
            sealing.isOld = nil
        }
    }

    private func change(_ seen: ClusterObject, _ body: (inout ClusterObject.Sealing) -> Void) async throws {
        let revision = try await manager.writer.update(ClusterObject.self, seen.id) { cluster in
            guard cluster.sealing == seen.sealing else { return false }
            var sealing = cluster.sealing ?? .init()
            body(&sealing)
            cluster.sealing = sealing
            return true
        }
        if let revision { await manager.model.catchUp(to: revision) }
    }
}
