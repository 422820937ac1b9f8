import Concurrency
import EngineInterface
import EtcdStore
import LinuxSystem
import Logging
import Model
import Orchestration
import StateStore

/// What concerns a swarm of several managers: leaving one, and going on alone.
extension Swarm {
    /// How long a manager that leaves tries to be taken out of the store.
    static let farewellDeadline = Duration.seconds(8)

    /// Why a manager is not to leave without being forced.
    func leaveWarning(_ part: MembershipRuntime) -> SwarmError {
        guard let manager = part.state.value.manager, !manager.model.isStale else { return .leavesUnknownManagers }
        let managers = manager.model.objects.managers.filter { $0.managerStatus != nil }
        let present = manager.live.state.present
        let reachable = managers.count { present.contains($0.id) || $0.id == manager.nodeID }
        let unreachable = managers.count - reachable
        guard reachable - 2 <= unreachable else { return .leavesManagers }
        if managers.count <= 1 { return .leavesLastManager }
        return .leavesWithoutQuorum(remaining: reachable - 1, all: managers.count)
    }

    /// A manager that leaves takes its member out of the store, if the others are there to agree: they need not count with it any more.
    func takeLeave(_ part: MembershipRuntime) async {
        guard part.isManager, let manager = part.state.value.manager, !manager.model.isStale else { return }
        do {
            let members = try await manager.members.list()
            guard members.count > 1, let own = members.first(where: { $0.name == manager.nodeID }) else { return }
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await manager.members.remove(own.id) }
                tasks.addTask { try await Task.sleep(for: Self.farewellDeadline) }
                defer { tasks.cancelAll() }
                try await tasks.next()
            }
        } catch {
            // The user forces it: demoting the node on another manager takes the member out later.
            log.warning("this manager leaves without the others' agreement", metadata: ["error": "\(error)"])
        }
    }

    // MARK: --force-new-cluster

    /// Goes on as the swarm's only manager, with all that its own copy of the store has. The other managers' nodes stay as workers.
    func forceNewCluster() async throws -> String {
        guard let part, part.isManager else { throw SwarmError.notManager }
        let membership = part.file.value
        let mark = configuration.forcingMark
        // From here on a daemon that is killed does it again when it starts.
        try await onThread { try Files.writeAtomically("", to: mark) }
        guard let credentials = part.identity.credentials else {
            throw ClusterError(.badMembership, "the node's certificate is missing")
        }
        try await part.end()
        let files = configuration.credentials
        let sealing = try await onThread { try SealingFile.load(files) }
        do {
            try await forceNewStore(membership, sealing)
        } catch {
            let revoked = try await onThread { try files.loadRevoked() }
            begin(try makePart(part.file, credentials, revoked: revoked, sealing, bootstrap: nil))
            throw error
        }
        let revoked = try await onThread { try files.loadRevoked() }
        let next = try makePart(part.file, credentials, revoked: revoked, sealing, bootstrap: nil)
        begin(next)
        try await started(next)
        return membership.nodeID
    }

    /// Makes a store of this manager's copy alone, and workers of the other managers.
    func forceNewStore(_ membership: Membership, _ sealing: SealingFile) async throws {
        log.notice("making a swarm of this manager alone")
        let supervisor = try ManagerRole.supervisor(configuration, membership, sealing.keys, log: log)
        try await supervisor.forceNewCluster()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try await supervisor.run()
                try Task.checkCancellation()
                // Nothing is demoted then, and the mark has to stay.
                throw EtcdError(.notReady, "the store has ended while it was made")
            }
            tasks.addTask {
                try await supervisor.waitUntilReady()
                try await Self.demoteOthers(than: membership.nodeID, in: supervisor.store)
            }
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
        let mark = configuration.forcingMark
        try await onThread { try Files.remove(mark) }
    }

    private static func demoteOthers(than nodeID: String, in store: any ObjectStore) async throws {
        let writer = ObjectWriter(store: store)
        var revoked: [CertificateRecord] = []
        for value in try await store.list(StoreKey.prefix(of: .nodes)).values {
            let node = try Node(stored: value)
            guard node.id != nodeID else { continue }
            revoked += node.managerCertificates
            _ = try await writer.update(Node.self, node.id) { node in
                guard node.spec.role == .manager || node.grantedRole == .manager else { return false }
                node.spec.role = .worker
                node.membership = node.membership ?? .init()
                node.membership?.role = .worker
                node.membership?.storeURL = nil
                node.managerStatus = nil
                return true
            }
        }
        let taken = revoked
        for value in try await store.list(StoreKey.prefix(of: .clusters)).values {
            _ = try await writer.update(ClusterObject.self, ClusterObject(stored: value).id) { cluster in
                cluster.revoke(taken)
                return !taken.isEmpty
            }
        }
    }
}

extension Swarm {
    /// What the nodes tell this one of themselves; `nil` on a node that is no manager, or does not answer as one yet.
    package var feeds: FeedHub? { activeManager?.feeds }

    /// The manager that answers here; `nil` on a node that is none, or does not answer as one yet.
    package var activeManager: Manager? { part?.state.value.manager }
}
