import Cluster
import EngineInterface
import Foundation
import LinuxSystem
import Model
import Synchronization
import TestKit
import Testing

@testable import NodeProtocol

/// What the keys of encrypted networks are derived from, on its way to the nodes that need it.
@Suite struct OverlayKeyTests {
    private func keyring(_ numbers: [UInt64], sending: UInt64) throws -> OverlayKeyring {
        OverlayKeyring(
            version: 12,
            generations: try numbers.map { number in
                let bytes = Data(repeating: UInt8(truncatingIfNeeded: number), count: OverlaySecret.length)
                return .init(
                    number: number, secret: try #require(OverlaySecret(bytes: bytes)), createdAt: .zero, removals: 0)
            }, sending: sending)
    }

    @Test func `keys arrive as they were sent, and what no manager sends is refused`() throws {
        for keyring in [try keyring([3, 7, 9], sending: 7), OverlayKeyring(version: 4)] {
            let message = Wire.AssignmentsMessage.with { $0.overlayKeys = Wire.OverlayKeys(keyring) }
            var reader = AssignmentReader()
            guard case .keys(let read) = try reader.read(try .init(serializedBytes: message.serializedData())) else {
                Issue.record("keys are something else")
                return
            }
            #expect(read == keyring)
        }
        func refused(_ change: (inout Wire.OverlayKeys) -> Void) throws -> Bool {
            var keys = Wire.OverlayKeys(try keyring([3, 7, 9], sending: 7))
            change(&keys)
            do {
                _ = try keys.keyring()
                return false
            } catch let error as NetworkChangesFailure {
                // Nothing of a key is in the text.
                return !error.description.contains("3, 3") && !error.description.contains("AwMD")
            }
        }
        #expect(try refused { $0.sending = 8 })
        #expect(try refused { $0.generations[1].secret = Data(repeating: 3, count: 31) })
        #expect(try refused { $0.generations[1].number = 3 })
        #expect(try refused { $0.generations[0].number = 0 })
        #expect(try refused { $0.generations.append(.with { $0.number = 10 }) })
        for (number, lanes) in [(0, 1), (1 << 20, 1), (1, 0), (1, 9)] as [(UInt32, UInt32)] {
            let place = Wire.NetworkPeerEncryption.with { ($0.number, $0.lanes) = (number, lanes) }
            let peer = Wire.NetworkPeer.with {
                ($0.nodeID, $0.address, $0.encryption) = ("n", Data([10, 0, 0, 1]), place)
            }
            let set = Wire.NetworkChanges.with { $0.upserts = [.with { $0.peer = peer }] }
            let changes = try set.serializedData() as Data
            let message = Wire.AssignmentsMessage.with { $0.networkChanges = changes }
            var reader = AssignmentReader()
            #expect(throws: NetworkChangesFailure.self, "\(number) \(lanes)") { try reader.read(message) }
        }
    }

    /// The keyring in force at a node that takes part in an encrypted network.
    private func keys(_ node: TestNode) -> OverlayKeyring? { node.executor.state.withLock { $0.keys } }

    private func places(_ node: TestNode) -> [EncryptionPlace] {
        let peers = node.executor.state.withLock { $0.facts?.peers ?? [:] }
        return peers.values.compactMap(\.encryption).sorted { $0.page < $1.page }
    }

    private func pages(_ node: TestNode) -> [UInt64] { places(node).map(\.page) }

    /// All bytes of all files of a node.
    private func contents(of node: TestNode) throws -> [Data] {
        let files = FileManager.default.enumerator(atPath: node.directory)
        return (files?.compactMap { $0 as? String } ?? []).compactMap { path in
            // Sockets and what goes meanwhile have no content.
            try? Data(contentsOf: URL(filePath: node.directory + "/" + path))
        }
    }

    @Test func `nodes in an encrypted network are told its keys, others none, and a removed node's are replaced`()
        async throws
    {
        try await withSwarm { manager, first, _, second in
            for (number, node) in [first, second].enumerated() {
                node.executor.encryption.set(NodeEncryption(page: NodeEncryption.page(UInt64(number) + 0xa0), lanes: 2))
            }
            var request = NetworkRequest()
            request.name = "secret"
            request.driver = "overlay"
            request.options = ["encrypted": ""]
            let id = try await manager.createSwarmNetwork(request)
            let network = try #require(try await manager.swarmNetworks().first { $0.id == id })
            #expect(network.driverState?.options?["encrypted"] == "" && network.isEncrypted)
            #expect(keys(first) == nil && keys(second) == nil)

            _ = try await manager.createService(service("web", replicas: 2, networks: [id]))
            try await eventually("both nodes have the same keys") {
                guard let keyring = keys(first) else { return false }
                return keyring.generations.count == 1 && keyring.version == keys(second)?.version
            }
            try await eventually("both nodes know each other's place") {
                pages(first) == [0xa0, 0xa1] && pages(second) == [0xa0, 0xa1]
            }
            #expect(Set(places(first).map(\.number)).count == 2)
            #expect(places(first).allSatisfy { $0.lanes == 2 && $0.restarts == 0 })
            // A page that is lost is told, and counts as another start.
            second.executor.encryption.change { $0?.page = NodeEncryption.page(0xb0) }
            try await eventually("the other page is known") {
                pages(first) == [0xa0, 0xb0] && places(first).last?.restarts == 1
            }

            let old = try #require(keys(second))
            let shown = try await manager.inspectSwarm()
            #expect(shown.overlayKeys == nil)
            #expect(try await manager.listNodes(Filters()).allSatisfy { $0.description?.encryption == nil })
            // Neither the node that was told of a secret nor the manager's store, which seals it, has it on disk.
            for secret in old.generations.map(\.secret.bytes) {
                for content in try contents(of: first) + contents(of: second) {
                    #expect(content.range(of: secret) == nil)
                    #expect(content.range(of: Data(secret.base64EncodedString().utf8)) == nil)
                }
            }

            let worker = try #require(
                try await manager.listNodes(Filters()).first { $0.description?.hostname == second.executor.hostname })
            try await manager.removeNode(worker.id, force: true)
            try await eventually("what is sent with is nothing that the removed node knows") {
                guard let now = keys(first) else { return false }
                let known: [UInt64] = old.generations.map(\.number)
                let present: [UInt64] = now.generations.map(\.number)
                return !known.contains(now.sending) && present.contains(now.sending)
            }
        }
    }
}
