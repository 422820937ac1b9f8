package import Addressing
import Concurrency
import LinuxSystem
package import Model
import Synchronization
import X509

/// What a node keeps of its membership: enough to resume its role after a restart without any command.
package struct Membership: VersionedRecord, Equatable {
    package static let recordKind = "membership"
    package static let recordVersion = 1

    package var nodeID: String
    package var clusterID: String
    package var role: NodeRole
    /// Where this node listens as a manager.
    package var listenAddress: TransportAddress
    /// Where others reach it.
    package var advertiseAddress: TransportAddress
    /// Where VXLAN reaches this node.
    package var dataPathAddress: IPAddress
    package var dataPathPort: Int
    package var managers: [SwarmInfo.RemoteManager]
}

/// The file with a node's membership, and its value.
package final class MembershipFile: Sendable {
    /// The directory with everything of the membership.
    package let directory: String
    private let state: Mutex<Membership>
    /// Grows with each change.
    let changes = ObservableValue(0)

    package init(directory: String, _ membership: Membership) {
        self.directory = directory
        state = Mutex(membership)
    }

    private static func path(_ directory: String) -> String { directory + "/membership.json" }

    /// The membership of before; `nil` on a node that is in no swarm.
    package static func load(directory: String) async throws -> MembershipFile? {
        try await onThread {
            guard let bytes = try Files.read(path(directory)) else { return nil }
            do {
                return MembershipFile(directory: directory, try WireJSON.decode(record: Membership.self, from: bytes))
            } catch {
                throw ClusterError(.badMembership, "\(path(directory)) cannot be read: \(error)")
            }
        }
    }

    package var value: Membership { state.withLock { $0 } }

    /// Writes it to disk, the whole at once.
    package func save() async throws {
        let value = value
        let directory = directory
        try await onThread {
            try Files.makeDirectories(directory, mode: 0o700)
            try Files.writeAtomically(try WireJSON.encode(record: value), to: Self.path(directory), mode: 0o600)
        }
    }

    func change(_ body: @Sendable (inout Membership) -> Void) async throws {
        state.withLock { body(&$0) }
        changes.change { $0 += 1 }
        try await save()
    }

    /// Forgets everything of the membership.
    package static func erase(directory: String) async throws {
        try await onThread {
            // The membership first: what is left of the rest means nothing without it.
            try Files.remove(path(directory))
            try Files.removeTree(directory)
        }
    }
}
