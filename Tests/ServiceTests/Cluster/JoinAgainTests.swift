import Addressing
import EngineInterface
import LinuxSystem
import Model
import NIOPosix
import TestKit
import Testing
import X509

@testable import Cluster

/// Nodes that ask again to join: one key is one node. Real TLS on loopback and a real etcd each; all connections come from 127.0.0.1, so that
/// a node's address is known by its own word alone.
@Suite(.serialized, .timeLimit(.minutes(3))) struct JoinAgainTests {
    private static let group = MultiThreadedEventLoopGroup.singletonMultiThreadedEventLoopGroup

    /// Joins with a key, and has nothing of the answer but what is returned, as if it had been lost.
    private func join(
        _ manager: TestNode, _ token: String, as key: NodeKey, at address: String, availability: String = "active"
    ) async throws -> NodeCredentials {
        let own = try #require(IPAddress(address))
        var description = NodeDescription()
        description.hostname = "again"
        return try await Joiner(token: try JoinToken(token), group: Self.group, key: key).join(
            ["\(manager.address):\(manager.port)"], description: description,
            advertiseAddress: TransportAddress(own, port: 2377), dataPathAddress: own, availability: availability
        ).credentials
    }

    /// The code that a manager refuses a node with; `nil` when it does not.
    private func refusal(
        _ manager: TestNode, _ token: String, as key: NodeKey, at address: String
    ) async throws -> String? {
        do {
            _ = try await join(manager, token, as: key, at: address)
            return nil
        } catch SwarmError.joinRefused(let refusal) {
            return refusal.code
        }
    }

    @Test func `a node whose answer was lost joins as the same one, and as another one once it has left`()
        async throws
    {
        try await withNodes(2) { nodes in
            let (first, second) = (nodes[0], nodes[1])
            let kept = JoinKey(runDirectory: second.directory + "/run")
            try await first.running { manager in
                try await first.initialise(manager)
                let token = try await manager.inspectSwarm().joinTokens?.worker ?? ""
                // By the node's daemon of before, which had written its key down, and with another port.
                let key = try kept.take()
                let lost = try await join(first, token, as: key, at: second.address)
                try await second.running { worker in
                    try await second.join(worker, token: token, manager: first)
                    #expect(await worker.swarmInfo().nodeID == lost.member.nodeID)
                    try await eventually("both nodes are ready") { try await ready(manager) == 2 }
                    #expect(try await manager.listNodes(Filters()).count == 2)
                    #expect(!Files.exists(kept.path))
                    // Whoever has the key now finds a node that is at work, and is not given another certificate.
                    #expect(try await refusal(first, token, as: key, at: second.address) == "AlreadyExists")

                    try await worker.leaveSwarm(force: false)
                    try await eventually(within: .seconds(30), "the node is down") {
                        try await manager.inspectNode(lost.member.nodeID).status.state == .down
                    }
                    // As if the daemon had ended before it forgot the key: it is of no use any more, and another one takes its place.
                    try Files.writeAtomically(try key.pem, to: kept.path)
                    try await second.join(worker, token: token, manager: first)
                    #expect(await worker.swarmInfo().nodeID != lost.member.nodeID)
                    try await eventually("both nodes are ready again") { try await ready(manager) == 2 }
                    #expect(try await manager.listNodes(Filters()).count == 3)
                }
            }
        }
    }

    @Test func `the same key gets the same answer, and nobody else gets its address`() async throws {
        // However slow the machine is, a node that has joined and says nothing counts as one that may still come.
        try await withNodes(1, heartbeat: .seconds(60)) { nodes in
            let node = nodes[0]
            try await node.running { swarm in
                try await node.initialise(swarm)
                let tokens = try #require(try await swarm.inspectSwarm().joinTokens)
                let (key, other) = (NodeKey(), NodeKey())
                let lost = try await join(node, tokens.worker, as: key, at: "127.0.0.9")
                let id = lost.member.nodeID
                #expect(try await refusal(node, tokens.worker, as: other, at: "127.0.0.9") == "PermissionDenied")
                let again = try await join(node, tokens.worker, as: key, at: "127.0.0.9")
                #expect(again.certificate == lost.certificate)
                // Another role is another node's, as it would be with another key.
                #expect(try await refusal(node, tokens.manager, as: key, at: "127.0.0.9") == "AlreadyExists")

                // What it says of itself now counts, as far as it could say so the first time.
                let neighbour = try await join(node, tokens.worker, as: other, at: "127.0.0.11")
                #expect(neighbour.member.nodeID != id)
                #expect(try await refusal(node, tokens.worker, as: key, at: "127.0.0.11") == "PermissionDenied")
                let moved = try await join(node, tokens.worker, as: key, at: "127.0.0.10", availability: "drain")
                #expect(moved.member == lost.member && moved.certificate != lost.certificate)
                let shown = try await swarm.inspectNode(id)
                #expect(shown.status.addr?.description == "127.0.0.10" && shown.spec.availability == .drain)
                #expect(try await swarm.listNodes(Filters()).count == 3)
            }
        }
    }

    @Test func `a node that comes back late does not get an address that is another one's by then`() async throws {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            try await node.running { swarm in
                try await node.initialise(swarm)
                let token = try await swarm.inspectSwarm().joinTokens?.worker ?? ""
                let (key, other) = (NodeKey(), NodeKey())
                let id = try await join(node, token, as: key, at: "127.0.0.9").member.nodeID
                try await eventually(within: .seconds(30), "the node is down") {
                    try await swarm.inspectNode(id).status.state == .down
                }
                let next = try await join(node, token, as: other, at: "127.0.0.9")
                #expect(next.member.nodeID != id)
                #expect(try await refusal(node, token, as: key, at: "127.0.0.9") == "PermissionDenied")
                #expect(try await join(node, token, as: key, at: "127.0.0.10").member.nodeID == id)
            }
        }
    }

    @Test func `a node joins again with a token that was changed meanwhile, and after it was removed`() async throws {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            try await node.running { swarm in
                try await node.initialise(swarm)
                let cluster = try await swarm.inspectSwarm()
                let old = cluster.joinTokens?.worker ?? ""
                let key = NodeKey()
                let lost = try await join(node, old, as: key, at: "127.0.0.9")
                let id = lost.member.nodeID
                try await swarm.updateSwarm(
                    version: cluster.version.index, cluster.spec, rotateWorkerToken: true, rotateManagerToken: false,
                    rotateUnlockKey: false)
                let new = try await swarm.inspectSwarm().joinTokens?.worker ?? ""
                #expect(try await refusal(node, old, as: key, at: "127.0.0.9") == "InvalidArgument")
                #expect(try await join(node, new, as: key, at: "127.0.0.9").certificate == lost.certificate)

                try await swarm.removeNode(id, force: true)
                let anew = try await join(node, new, as: key, at: "127.0.0.9")
                #expect(anew.member == lost.member && anew.certificate != lost.certificate)
                #expect(try await swarm.listNodes(Filters()).contains { $0.id == id })
            }
        }
    }

    @Test func `calls with one key at once, to two managers, make one node`() async throws {
        try await withNodes(2) { nodes in
            try await nodes[0].running { one in
                try await nodes[0].initialise(one)
                let tokens = try #require(try await one.inspectSwarm().joinTokens)
                try await nodes[1].running { two in
                    try await nodes[1].join(two, token: tokens.manager, manager: nodes[0])
                    try await eventually(within: .seconds(30), "two managers are up") {
                        let states = try await two.listNodes(Filters()).compactMap(\.managerStatus)
                        return states.count == 2
                            && states.allSatisfy { $0.leader == true || $0.reachability == "reachable" }
                    }
                    let key = NodeKey()
                    let ids = try await withThrowingTaskGroup(of: String.self) { group in
                        for index in 0..<8 {
                            group.addTask {
                                let manager = nodes[index % 2]
                                return try await join(manager, tokens.worker, as: key, at: "127.0.0.9").member.nodeID
                            }
                        }
                        var ids: Set<String> = []
                        for try await id in group { ids.insert(id) }
                        return ids
                    }
                    #expect(ids.count == 1)
                    for swarm in [one, two] {
                        try await eventually("each manager has three nodes") {
                            try await swarm.listNodes(Filters()).count == 3
                        }
                    }
                    #expect(try await Set(one.listNodes(Filters()).map(\.id)).isSuperset(of: ids))
                }
            }
        }
    }

    @Test func `a key is kept for its owner alone, until it is forgotten`() async throws {
        try await withTemporaryDirectory { directory in
            let kept = JoinKey(runDirectory: directory + "/run")
            let key = try kept.take()
            #expect(try kept.take().key.publicKey == key.key.publicKey)
            #expect(try fileMode(kept.path) == 0o600)
            try Files.writeAtomically("no key", to: kept.path)
            let next = try kept.take()
            #expect(next.key.publicKey != key.key.publicKey)
            try kept.forget()
            try kept.forget()
            let last = try kept.take()
            #expect(last.key.publicKey != next.key.publicKey)

            // In another swarm it is another node.
            let ids = try ["a", "b"].map { try Member.nodeID(joiningWith: key.key.publicKey, clusterID: $0) }
            #expect(ids[0] != ids[1] && ids.allSatisfy { $0.count == 25 })
            #expect(try Member.nodeID(joiningWith: key.key.publicKey, clusterID: "a") == ids[0])
        }
    }
}
