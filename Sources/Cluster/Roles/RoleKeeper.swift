import Concurrency
import EtcdStore
import Logging
import Model
import Orchestration
import StateStore

/// On the leader: compares roles, certificates and the store's members again and again, and makes them agree.
struct RoleKeeper: Sendable {
    /// The other managers are asked to lead.
    struct Resigned: Error {}

    /// How often it looks when nothing has changed.
    static let period = Duration.seconds(5)
    /// How often it looks while something is under way.
    static let haste = Duration.milliseconds(250)
    /// Changes that come within this time are looked at together.
    static let debounce = Duration.milliseconds(100)

    let store: any ObjectStore
    let model: ReadModel
    let live: ManagerPresence
    let members: EtcdMembers
    let nodeID: String
    let log: Logger

    /// What of the nodes matters here.
    private struct Fingerprint: Equatable {
        struct Entry: Equatable {
            let id: String
            let desired: NodeRole
            let granted: NodeRole
            let url: String?
            let isDown: Bool
        }
        let nodes: [Entry]
        let present: Set<String>
    }

    /// Runs until cancelled.
    /// - Throws: ``Resigned``; `.leadershipLost`.
    func run(under fence: LeaderFence) async throws {
        let wakes = ObservableValue(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in self.model.changes() { wakes.change { $0 += 1 } } }
            group.addTask {
                while true {
                    try await Task.sleep(for: Self.haste)
                    wakes.change { $0 += 1 }
                }
            }
            group.addTask { try await self.keep(wakes, fence) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func keep(_ wakes: ObservableValue<Int>, _ fence: LeaderFence) async throws {
        var seen = 0
        var last: Fingerprint?
        var lookedAt = ContinuousClock.now
        var isPending = true
        while true {
            seen = try await wakes.wait { [seen] in $0 > seen ? $0 : nil }
            let present = fingerprint()
            let now = ContinuousClock.now
            guard !model.isStale, isPending || present != last || now - lookedAt > Self.period else { continue }
            last = present
            lookedAt = now
            do {
                isPending = try await look(fence)
            } catch let error as StateStoreError where error.code != .leadershipLost {
                try Task.checkCancellation()
                isPending = true
                log.warning("managers' roles could not be settled", metadata: ["error": "\(error.debugDescription)"])
            }
            try await Task.sleep(for: Self.debounce)
        }
    }

    private func fingerprint() -> Fingerprint {
        let nodes = model.objects.managers.filter { $0.spec.role == .manager || $0.grantedRole == .manager }
        return Fingerprint(
            nodes: nodes.map {
                .init(
                    id: $0.id, desired: $0.spec.role, granted: $0.grantedRole, url: $0.membership?.storeURL,
                    isDown: $0.status.state == .down)
            }, present: live.state.present)
    }

    /// One comparison and what follows from it.
    /// - Returns: Whether something is still under way.
    private func look(_ fence: LeaderFence) async throws -> Bool {
        let members = try await members.list()
        var nodes = Array(model.objects.nodes.values)
        let present = live.state.present
        var steps = RolePlanner.steps(nodes: nodes, members: members, present: present, leader: nodeID)
        if steps.contains(where: { if case .remove = $0 { true } else { false } }) {
            // A member that has just come may belong to a node that this copy does not show yet: what the store says counts.
            nodes = try await store.list(StoreKey.prefix(of: .nodes)).values.map { try Node(stored: $0) }
            steps = RolePlanner.steps(nodes: nodes, members: members, present: present, leader: nodeID)
        }
        for step in steps { try await take(step, fence) }
        return !steps.isEmpty
    }

    private func take(_ step: RolePlanner.Step, _ fence: LeaderFence) async throws {
        switch step {
        case .resign: throw Resigned()
        case .wait(let member):
            log.debug("a manager stays until enough others are up", metadata: ["member": "\(member)"])
        case .grant(let id, let role): try await grant(role, to: id, fence)
        case .promote(let member):
            if try await members.tryToPromote(member) {
                log.notice("a manager counts for the quorum now", metadata: ["member": "\(member)"])
            }
        case .remove(let member):
            try await members.remove(member)
            log.notice("a manager is taken out of the store", metadata: ["member": "\(member)"])
        }
    }

    /// With the role go the certificates that say it.
    private func revoke(_ records: [CertificateRecord], in transaction: inout StoreTransaction) async throws {
        guard let stored = try await store.list(StoreKey.prefix(of: .clusters)).values.first else { return }
        var cluster = try ClusterObject(stored: stored)
        cluster.revoke(records)
        // The node knows what the store's values are sealed with: those of later are sealed with something else.
        if cluster.sealing?.current != nil { cluster.sealing?.isOld = true }
        transaction.require(.modified(cluster.key, at: stored.modifyRevision))
        transaction.put(cluster.key, try cluster.storedBytes)
    }

    private func grant(_ role: NodeRole, to id: String, _ fence: LeaderFence) async throws {
        guard let stored = try await store.get(StoreKey(.nodes, id: id)) else { return }
        var node = try Node(stored: stored)
        guard node.spec.role == role, node.grantedRole != role else { return }
        node.membership = node.membership ?? .init()
        node.membership?.role = role
        if role == .worker {
            node.managerStatus = nil
            node.membership?.storeURL = nil
        }
        node.updatedAt = .now
        var transaction = StoreTransaction(
            conditions: [fence.condition, .modified(node.key, at: stored.modifyRevision)],
            puts: [.init(node.key, try node.storedBytes)],
            deletes: role == .worker ? [LiveKey.drained(by: id)] : [])
        if role == .worker { try await revoke(node.managerCertificates, in: &transaction) }
        let outcome = try await store.commit(transaction)
        if fence.isBroken(by: outcome) { throw StateStoreError(.leadershipLost, "grant a role") }
        if outcome.revision != nil { log.notice("role granted", metadata: ["node": "\(id)", "role": "\(role)"]) }
    }
}
