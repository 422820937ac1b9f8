import Addressing
import EtcdStore
import GRPCCore
import LinuxSystem
import Logging
import Model
import NodeProtocol
import SwiftProtobuf

/// Makes this manager's member of the store ready to start.
struct StoreJoiner {
    /// How long a manager may take to add a member: the store refuses for some seconds after another one joined.
    static let deadline = EtcdMembers.timeout + .seconds(5)

    let role: ManagerRole

    /// What the member begins with. Data that is there decides by itself; without data, or with data that the others have thrown away, a
    /// manager is asked to add this one.
    ///
    /// - Throws: ``ClusterError`` when no manager can be asked; `RPCError` with `.permissionDenied` when this node is no manager any more.
    /// - Parameter lacksSecret: The store has values that this manager cannot open: another one is asked.
    func prepare(
        isBootstrap: Bool, wasRemoved: Bool, lacksSecret: Bool = false
    ) async throws -> EtcdConfiguration.Beginning {
        if isBootstrap { return .new }
        let membership = role.file.value
        let supervisor = try ManagerRole.supervisor(role.configuration, membership, log: role.log)
        let store = supervisor.configuration
        if !wasRemoved, try await onThread({ try store.hasData() }) {
            if lacksSecret { try await fetchSecrets() }
            return .new
        }
        let members = try await attach(membership)
        if wasRemoved {
            try await supervisor.stop()
            let directory = role.configuration.storeDirectory
            try await onThread { try Files.removeTree(directory) }
        }
        return .existing(
            members: members.map { (name: $0.peerURL == store.peerURL ? store.name : $0.name, peerURL: $0.peerURL) })
    }

    /// Gets the secrets that this manager, which is a member of the store, lacks.
    func fetchSecrets() async throws { _ = try await ask(role.file.value, url: "") }

    private func attach(_ membership: Membership) async throws -> [Wire.StoreMember] {
        try await ask(membership, url: role.configuration.storeURL(membership))
    }

    /// Asks one manager after the other; the secrets that it tells are kept.
    private func ask(_ membership: Membership, url: String) async throws -> [Wire.StoreMember] {
        var options = NodeTransport.callOptions
        options.timeout = Self.deadline
        let patient = options
        var last: any Error = ClusterError(
            .managerUnreachable, "this manager has no data of the swarm, and knows no other manager")
        for manager in membership.managers.shuffled() where manager.nodeID != membership.nodeID {
            do {
                let reply = try await NodeTransport.withClient(
                    to: manager.addr, identity: role.identity, check: .manager(clusterID: membership.clusterID),
                    group: role.group
                ) { client in
                    try await Wire.Managers.Client(wrapping: client).joinStore(
                        .with {
                            $0.peerURL = url
                            $0.address = membership.advertiseAddress.description
                        }, options: patient)
                }
                try await role.sealing.take(
                    reply.secrets.compactMap { SealingKeys.Secret(id: $0.id, secret: $0.secret) },
                    current: reply.currentSecret.isEmpty ? nil : reply.currentSecret)
                return reply.members
            } catch {
                try Task.checkCancellation()
                role.log.info(
                    "a manager does not let this one into the store yet",
                    metadata: ["manager": "\(manager.addr)", "error": "\(error)"])
                last = error
            }
        }
        throw last
    }
}
