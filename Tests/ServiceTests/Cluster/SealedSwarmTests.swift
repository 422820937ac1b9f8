import EngineInterface
import EtcdStore
import Foundation
import LinuxSystem
import Logging
import Model
import StateStore
import TestKit
import Testing

@testable import Cluster

/// What a swarm's secrets look like in the files of its store.
@Suite(.serialized, .timeLimit(.minutes(3))) struct SealedSwarmTests {
    /// Whether any file of a node's store has this text.
    private func isInClear(_ text: String, _ node: TestNode) throws -> Bool {
        let directory = node.directory + "/swarm/store"
        let files = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
        #expect(files.contains { $0.hasSuffix(".wal") })
        return files.contains { file in
            FileManager.default.contents(atPath: "\(directory)/\(file)")?.range(of: Data(text.utf8)) != nil
        }
    }

    /// Asks a node's store itself.
    private func withStore<Result: Sendable>(
        _ node: TestNode, _ body: @escaping @Sendable (EtcdConnection) async throws -> Result
    ) async throws -> Result {
        let connection = try EtcdConnection(
            socket: node.directory + "/run/etcd/client:0", logger: Logger(label: "store"))
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                try await connection.run()
                return nil
            }
            group.addTask { try await body(connection) }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw NotReached(description: "the connection ended")
        }
    }

    private func files(_ node: TestNode) -> CredentialFiles {
        CredentialFiles(directory: node.directory + "/swarm/certificates")
    }

    @Test func `neither the authority's key nor a token nor a service's secret is in the store's files`() async throws {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            try await node.running { swarm in
                try await node.initialise(swarm)
                var spec = service("web", replicas: 1)
                spec.taskTemplate.containerSpec?.env = ["PASSWORD=correct-horse-battery"]
                spec.taskTemplate.registryAuth = "harbour-lantern-staple"
                _ = try await swarm.createService(spec)
                try await eventually("it runs") {
                    try await swarm.listServices(Filters(), withStatus: true).first?.serviceStatus?.runningTasks == 1
                }
                let told = node.executor.state.withLock { Set($0.credentials.values) }
                #expect(told == ["harbour-lantern-staple"])
                let token = try JoinToken(try await swarm.inspectSwarm().joinTokens?.manager ?? "")
                let keys = try SealingFile.load(files(node)).keys
                let pem = try await withStore(node) { connection in
                    try await StoredAuthority.read(from: EtcdObjectStore(connection, keys: keys)).keyPEM
                }
                let line = try #require(pem.split(separator: "\n").dropFirst().first)
                for secret in [
                    "correct-horse", "harbour-lantern", token.secret, String(line.prefix(40)), "JoinTokens", "node-1",
                ] {
                    #expect(try !isInClear(secret, node), "\(secret)")
                }
                #expect(try fileMode(files(node).sealingPath) == 0o600)
            }
        }
    }

    @Test func `a swarm that an earlier build has stored in clear goes on, and is sealed`() async throws {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            try await node.running { swarm in
                try await node.initialise(swarm)
                _ = try await swarm.createService(service("web", replicas: 1))
                try await eventually("it runs") {
                    try await swarm.listServices(Filters(), withStatus: true).first?.serviceStatus?.runningTasks == 1
                }
            }
            // The daemon is gone, its store is not: what it has is written as it was before there were secrets.
            let path = files(node).sealingPath
            let keys = try SealingFile.load(files(node)).keys
            try await withStore(node) { connection in
                let clear = EtcdObjectStore(connection)
                for value in try await EtcdObjectStore(connection, keys: keys).list(StoreKey.all).values
                where !value.key.path.hasPrefix(StoreKey.leaders) {
                    var bytes = value.value
                    switch value.key.object?.kind {
                    case .clusters:
                        var cluster = try ClusterObject(stored: value)
                        cluster.sealing = nil
                        bytes = try cluster.storedBytes
                    case .nodes:
                        var object = try Node(stored: value)
                        object.membership?.storeSecret = nil
                        object.membership?.issued = nil
                        bytes = try object.storedBytes
                    default: break
                    }
                    _ = try await clear.commit(StoreTransaction(puts: [.init(value.key, bytes)]))
                }
                for key in try await EtcdObjectStore(connection, keys: keys).leaderKeys() {
                    _ = try await clear.commit(StoreTransaction(deletes: [key]))
                }
            }
            try Files.remove(path)
            #expect(try isInClear("JoinTokens", node))
            try await node.running { swarm in
                try await eventually(within: .seconds(20), "everything is sealed") {
                    let keys = try SealingFile.load(files(node)).keys
                    guard keys.ring.current != nil else { return false }
                    return try await withStore(node) { connection in
                        try await EtcdObjectStore(connection, keys: keys).unsealed(StoreKey.everything).isEmpty
                    }
                }
                #expect(try await swarm.listServices(Filters(), withStatus: false).map(\.spec.name) == ["web"])
                let running = node.executor.running
                #expect(running.count == 1)
                var request = try await swarm.inspectService("web", insertDefaults: false)
                request.spec.labels["sealed"] = "yes"
                _ = try await swarm.updateService(
                    "web", version: request.version.index, request.spec, rollback: false)
                #expect(node.executor.running == running)
            }
            // And again, with the secret that is on disk.
            try await node.running { swarm in
                try await eventually(within: .seconds(20), "it answers") {
                    try await swarm.listServices(Filters(), withStatus: false).first?.spec.labels["sealed"] == "yes"
                }
            }
        }
    }
}

extension EtcdObjectStore {
    /// What leads at this moment.
    fileprivate func leaderKeys() async throws -> [StoreKey] { try await list(StoreKey.leaders).values.map(\.key) }
}
