import Addressing
import LinuxSystem
import Model
import Orchestration
import StateStore

extension ManagerRole {
    /// What a new swarm begins with.
    struct Bootstrap: Sendable {
        let authority: CertificateAuthority
        let cluster: ClusterObject
        let node: Node
        /// `nil`: of the swarm's pools.
        let ingressSubnet: IPNetwork?

        func write(to store: any ObjectStore) async throws {
            let stored = StoredAuthority(root: try authority.rootPEM, key: try authority.keyPEM)
            var state = SwarmState()
            state.cluster = cluster
            let ingress = NetworkAllocator(state: state).ingress(
                id: RandomID.swarm(), at: .now, subnet: ingressSubnet)
            // Refused when an earlier try has been here: what it wrote holds.
            _ = try await store.commit(
                StoreTransaction(
                    conditions: [.absent(StoredAuthority.storeKey), .absent(cluster.key)],
                    puts: [
                        .init(StoredAuthority.storeKey, Array(try WireJSON.encode(record: stored))),
                        .init(cluster.key, try cluster.storedBytes),
                        .init(node.key, try node.storedBytes),
                        .init(ingress.key, try ingress.storedBytes),
                        .init(.name(.networks, ingress.spec.name), Array(ingress.id.utf8)),
                    ]))
        }
    }
}

/// The authority as it is stored. It does not change as long as the swarm is.
struct StoredAuthority: VersionedRecord {
    static let recordKind = "authority"
    static let recordVersion = 1
    static let storeKey = StoreKey(path: "/apus/authority")

    var root: String
    var key: String

    /// Works without quorum.
    static func read(from store: any ObjectStore) async throws -> CertificateAuthority {
        let near = try await store.listStale(storeKey.path).values.first { $0.key == storeKey }
        let stored: StoredValue?
        if let near { stored = near } else { stored = try await store.get(storeKey) }
        guard let stored else {
            throw ClusterError(.badObject, "the store holds no certificate authority")
        }
        let pair = try WireJSON.decode(record: StoredAuthority.self, from: stored.value)
        return try CertificateAuthority(rootPEM: pair.root, keyPEM: pair.key)
    }
}
