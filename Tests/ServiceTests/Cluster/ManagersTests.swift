import Addressing
import DockerMessages
import EngineInterface
import EtcdStore
import Faults
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import LinuxSystem
import Logging
import Model
import NIOPosix
import NodeProtocol
import SwiftASN1
import SwiftProtobuf
import Synchronization
import TestKit
import Testing
import X509

@testable import Cluster

/// Several managers in one process, with real TLS on loopback and a real etcd each.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ManagersTests {
    /// How long the store may refuse changes after a member came or went.
    private static let settled = Duration.seconds(30)

    /// Three managers, all running while `body` runs.
    private func withManagers(_ body: @escaping @Sendable ([TestNode], [Swarm]) async throws -> Void) async throws {
        try await withNodes(3) { nodes in
            try await nodes[0].running { one in
                try await nodes[0].initialise(one)
                let token = try await one.inspectSwarm().joinTokens?.manager ?? ""
                try await nodes[1].running { two in
                    try await nodes[1].join(two, token: token, manager: nodes[0])
                    try await nodes[2].running { three in
                        // By way of one that has just joined.
                        try await nodes[2].join(three, token: token, manager: nodes[1])
                        try await eventually(within: Self.settled, "three managers are up") {
                            try await states(one) == ["leader", "reachable", "reachable"]
                        }
                        try await body(nodes, [one, two, three])
                    }
                }
            }
        }
    }

    /// How the managers are, as one of them sees it.
    private func states(_ manager: Swarm) async throws -> [String] {
        try await manager.listNodes(Filters()).compactMap(\.managerStatus).map {
            $0.leader == true ? "leader" : $0.reachability
        }.sorted()
    }

    private func change(_ manager: Swarm, _ node: String, to role: NodeRole) async throws {
        let present = try await manager.inspectNode(node)
        var spec = present.spec
        spec.role = role
        try await manager.updateNode(node, version: present.version.index, spec)
    }

    @Test func `three managers answer alike, run one swarm, and one of them can be a worker and a manager again`()
        async throws
    {
        try await withManagers { nodes, swarms in
            for swarm in swarms {
                // Each reads from its own copy of the store, which follows.
                try await eventually(within: Self.settled, "every manager sees three") {
                    try await states(swarm) == ["leader", "reachable", "reachable"]
                }
                let info = await swarm.swarmInfo()
                #expect(info.controlAvailable && info.managers == 3 && info.localNodeState == "active")
            }
            // Written by one, seen by the others; tasks on all, reported by way of any.
            _ = try await swarms[2].createService(service("web", replicas: 3, published: 8080))
            try await eventually(within: .seconds(15), "3 tasks run") {
                try await swarms[1].listServices(Filters(), withStatus: true).first?.serviceStatus?.runningTasks == 3
            }
            let placed = nodes.map(\.executor.running)
            #expect(placed.allSatisfy { $0.count == 1 })
            await #expect {
                try await swarms[1].leaveSwarm(force: false)
            } throws: {
                DockerMessage.text(of: $0).hasPrefix(
                    "You are attempting to leave the swarm on a node that is participating as a manager. ")
            }

            try await change(swarms[0], "node-3", to: .worker)
            try await eventually(within: Self.settled, "node-3 is a worker") {
                let info = await swarms[2].swarmInfo()
                return !info.controlAvailable && !Files.exists(nodes[2].directory + "/swarm/store")
            }
            await #expect(
                throws: APIError(
                    .unavailable,
                    "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager."
                )
            ) { try await told { try await swarms[2].listNodes(Filters()) } }
            #expect(try await swarms[0].inspectNode("node-3").managerStatus == nil)
            let files = CredentialFiles(directory: nodes[2].directory + "/swarm/certificates")
            #expect(try files.load()?.member.role == .worker)
            try await eventually(within: .seconds(15), "two managers, three nodes") {
                let managers = try await states(swarms[0]).count
                let nodes = try await ready(swarms[1])
                return managers == 2 && nodes == 3
            }
            // With one more the swarm would be without a quorum only if the other were down.
            try await change(swarms[1], "node-3", to: .manager)
            try await eventually(within: Self.settled, "node-3 is a manager again") {
                let all = try await states(swarms[2])
                return all == ["leader", "reachable", "reachable"]
            }
            #expect(nodes.map(\.executor.running) == placed, "no task has moved")
            for node in nodes { #expect(node.executor.state.withLock { $0.starts.values.allSatisfy { $0 == 1 } }) }
        }
    }

    /// The code that a call as a manager ends with.
    private static func joinStore(_ client: NodeTransport.Client) async -> RPCError.Code? {
        do {
            _ = try await Wire.Managers.Client(wrapping: client).joinStore(
                .with {
                    $0.address = "127.0.0.3:1"
                    $0.peerURL = "https://127.0.0.4:1"
                }, options: NodeTransport.callOptions)
            return nil
        } catch {
            return (error as? RPCError)?.code
        }
    }

    @Test func `the certificate of a manager that is demoted opens no port, and no node believes it`() async throws {
        try await withManagers { nodes, swarms in
            let group = MultiThreadedEventLoopGroup.singletonMultiThreadedEventLoopGroup
            let files = nodes.map { CredentialFiles(directory: $0.directory + "/swarm/certificates") }
            let old = try #require(try files[2].load())
            let clusterID = old.member.clusterID
            for node in nodes.prefix(2) {
                #expect(try await PeerPort.answer(node, to: old).contains("etcdserver"), "as a manager it is let in")
            }
            let identity = try TLSIdentity(old)
            let secret = try #require(try SealingFile.load(files[0]).keys.ring.current)
            #expect(try SealingFile.load(files[2]).keys.ring.current == secret, "managers have the same")
            try await NodeTransport.withClient(
                to: "\(nodes[0].address):\(nodes[0].port)", identity: identity, check: .none, group: group
            ) { open in
                // What it asks for is nonsense, and for a manager to ask.
                #expect(await Self.joinStore(open) == .invalidArgument)
                try await change(swarms[0], "node-3", to: .worker)
                try await eventually(within: Self.settled, "node-3 is a worker") {
                    let nodes = try await ready(swarms[0])
                    return try files[2].load()?.member.role == .worker && nodes == 3
                }
                try await eventually("it may do nothing on a connection of before") {
                    await Self.joinStore(open) == .permissionDenied
                }
            }
            for node in nodes.prefix(2) {
                try await eventually("the store's port is closed to it") {
                    try await PeerPort.answer(node, to: old).isEmpty
                }
                let code = try await NodeTransport.withClient(
                    to: "\(node.address):\(node.port)", identity: identity, check: .none, group: group
                ) { await Self.joinStore($0) }
                #expect(code == .permissionDenied)
            }
            #expect(try await PeerPort.answer(nodes[0], to: try #require(try files[1].load())).contains("etcdserver"))
            // Every node that has heard of it lets no such manager tell it anything, the demoted one included.
            let server = GRPCServer(
                transport: try NodeTransport.server(
                    at: TransportAddress(IPAddress(127, 0, 0, 9), port: 0), identity: identity, clusterID: clusterID,
                    connections: ConnectionGuard(), group: group), services: [])
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await server.serve() }
                let port = try #require(try await server.listeningAddress?.ipv4?.port)
                for file in files {
                    let believed = try TLSIdentity(try #require(try file.load()))
                    let own = try TLSIdentity(try #require(try file.load()), revoked: try file.loadRevoked())
                    func answer(_ identity: TLSIdentity) async throws -> RPCError.Code? {
                        try await NodeTransport.withClient(
                            to: "127.0.0.9:\(port)", identity: identity, check: .manager(clusterID: clusterID),
                            group: group
                        ) { await Self.joinStore($0) }
                    }
                    #expect(try await answer(believed) == .unimplemented, "the handshake is fine without the list")
                    #expect(try await answer(own) == .unavailable)
                }
                server.beginGracefulShutdown()
                try await tasks.waitForAll()
            }
            #expect(try SealingFile.load(files[2]).keys.ring == .init(), "it has no secret of the store any more")
            try await eventually(within: .seconds(20), "the others have another one") {
                let rings = try files.prefix(2).map { try SealingFile.load($0).keys.ring.current }
                return Set(rings).count == 1 && rings[0] != secret
            }
            // The certificate that it has now is a worker's, and it is a manager again with a new one.
            try await change(swarms[0], "node-3", to: .manager)
            try await eventually(within: Self.settled, "node-3 is a manager again") {
                try await states(swarms[1]) == ["leader", "reachable", "reachable"]
            }
            #expect(try await PeerPort.answer(nodes[0], to: try #require(try files[2].load())).contains("etcdserver"))
            #expect(try await PeerPort.answer(nodes[0], to: old).isEmpty)
        }
    }

    @Test func `tasks are stopped only when the nodes of every manager send them nothing any more`() async throws {
        try await withManagers { nodes, swarms in
            _ = try await swarms[0].createService(service("web", replicas: 3, published: 8080))
            try await eventually(within: .seconds(15), "3 backends everywhere") {
                nodes.allSatisfy { $0.backendCount == 3 }
            }
            // Each node's session is with its own manager.
            nodes[2].executor.state.withLock { $0.holdsNetworks = true }
            let present = try await swarms[1].inspectService("web", insertDefaults: false)
            var spec = present.spec
            spec.mode.replicated = .init(replicas: 0)
            _ = try await swarms[1].updateService("web", version: present.version.index, spec, rollback: false)
            for node in nodes.prefix(2) {
                try await eventually("they are taken out") {
                    node.executor.network?.ports.first?.backends.isEmpty == true
                }
            }
            #expect(nodes.allSatisfy { $0.executor.state.withLock { $0.stops.isEmpty } })
            nodes[2].executor.state.withLock { $0.holdsNetworks = false }
            try await eventually(within: .seconds(4), "all are stopped") {
                nodes.allSatisfy(\.executor.running.isEmpty)
            }
        }
    }

    @Test func `the leader's daemon and store are killed: another leads within seconds and no task moves`() async throws
    {
        try await withNodes(3) { nodes in
            try await nodes[1].running { two in
                try await nodes[2].running { three in
                    try await nodes[0].running { one in
                        try await nodes[0].initialise(one)
                        let token = try await one.inspectSwarm().joinTokens?.manager ?? ""
                        try await nodes[1].join(two, token: token, manager: nodes[0])
                        try await nodes[2].join(three, token: token, manager: nodes[0])
                        _ = try await one.createService(service("web", replicas: 3, published: 8080))
                        try await eventually(within: .seconds(15), "3 tasks run") {
                            try await three.listServices(Filters(), withStatus: true).first?.serviceStatus?
                                .runningTasks == 3
                        }
                    }
                    // The first daemon is gone; now its store, too.
                    let before = nodes.map(\.executor.running)
                    try nodes[0].killStore()
                    let begun = ContinuousClock.now
                    try await eventually(within: .seconds(15), "another leads") {
                        try await states(two) == ["leader", "reachable", "unreachable"]
                    }
                    #expect(ContinuousClock.now - begun < .seconds(12))
                    let present = try await three.inspectService("web", insertDefaults: false)
                    var spec = present.spec
                    spec.labels["seen"] = "yes"
                    _ = try await three.updateService("web", version: present.version.index, spec, rollback: false)
                    try await nodes[0].running { one in
                        try await eventually(within: Self.settled, "it is back") {
                            try await states(one) == ["leader", "reachable", "reachable"]
                        }
                        #expect(try await one.inspectService("web", insertDefaults: false).spec.labels["seen"] == "yes")
                        #expect(nodes.map(\.executor.running) == before)
                    }
                }
            }
        }
    }

    @Test func `without a quorum reads are answered, writes are refused, and one manager can go on alone`() async throws
    {
        try await withNodes(2) { nodes in
            try await nodes[0].running { one in
                try await nodes[0].initialise(one)
                let token = try await one.inspectSwarm().joinTokens?.manager ?? ""
                try await nodes[1].running { two in
                    try await nodes[1].join(two, token: token, manager: nodes[0])
                    _ = try await two.createService(service("web", replicas: 2))
                    try await eventually(within: .seconds(15), "2 tasks run") {
                        try await one.listServices(Filters(), withStatus: true).first?.serviceStatus?.runningTasks == 2
                    }
                    // Refused as long as the other manager is all there is.
                    await #expect {
                        try await one.leaveSwarm(force: false)
                    } throws: {
                        DockerMessage.text(of: $0).contains("Removing this node leaves 1 managers out of 2.")
                    }
                }
                try nodes[1].killStore()
                try await eventually(within: .seconds(15), "it knows") { await !one.swarmInfo().error.isEmpty }
                #expect(try await one.listServices(Filters(), withStatus: false).map(\.spec.name) == ["web"])
                try await eventually("nobody can say how the nodes are") {
                    try await states(one) == ["unknown", "unknown"]
                }
                await #expect {
                    try await one.createService(service("more", replicas: 1))
                } throws: {
                    DockerMessage.text(of: $0).hasPrefix(
                        "rpc error: code = Unknown desc = The swarm does not have a leader.")
                }
            }
            // Started again it answers all the same.
            try await nodes[0].running { one in
                // What the node's own networks hang on is never waited for.
                _ = try await one.swarmNetworks()
                try await eventually(within: .seconds(20), "it answers from what it knows") {
                    try await one.listServices(Filters(), withStatus: false).map(\.spec.name) == ["web"]
                }
                var request = SwarmInitRequest()
                request.forceNewCluster = true
                _ = try await one.initialiseSwarm(request)
                try await eventually(within: Self.settled, "it leads") { try await states(one) == ["leader"] }
                _ = try await one.createService(service("more", replicas: 1))
                #expect(try await one.inspectNode("node-2").spec.role == .worker)
                try await nodes[1].running { two in
                    try await eventually(within: Self.settled, "the other is a worker") {
                        let isReady = try await one.inspectNode("node-2").status.state == .ready
                        let info = await two.swarmInfo()
                        return isReady && !info.controlAvailable && info.localNodeState == "active"
                    }
                }
            }
        }
    }

    @Test func `nodes whose certificates expired while they were off renew them when they start`() async throws {
        try await withNodes(2) { nodes in
            try await nodes[0].running { one in
                try await nodes[0].initialise(one)
                let token = try await one.inspectSwarm().joinTokens?.worker ?? ""
                try await nodes[1].running { two in
                    try await nodes[1].join(two, token: token, manager: nodes[0])
                    try await eventually(within: .seconds(15), "both are ready") { try await ready(one) == 2 }
                }
            }
            let files = nodes.map { CredentialFiles(directory: $0.directory + "/swarm/certificates") }
            let connection = try EtcdConnection(
                socket: nodes[0].directory + "/run/etcd/client:0", logger: Logger(label: "age"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await connection.run() }
                group.addTask {
                    let store = EtcdObjectStore(connection, keys: try SealingFile.load(files[0]).keys)
                    let authority = try await StoredAuthority.read(from: store)
                    for file in files { try await Self.age(file, authority, store) }
                }
                defer { group.cancelAll() }
                try await group.next()
            }
            try await nodes[0].running { one in
                try await nodes[1].running { _ in
                    try await eventually(within: .seconds(20), "both are ready again") {
                        let valid = try files.allSatisfy {
                            try ($0.load()?.certificate.notValidAfter ?? .distantPast) > .now
                        }
                        let count = try await ready(one)
                        return valid && count == 2
                    }
                }
            }
        }
    }

    /// Gives a node that is off a certificate of which the time is over.
    private static func age(_ files: CredentialFiles, _ authority: CertificateAuthority, _ store: EtcdObjectStore)
        async throws
    {
        let own = try #require(try files.load())
        let certificate = try authority.issue(
            CertificateSigningRequest(derEncoded: try own.key.signingRequest()), for: own.member, lifetime: 60,
            now: Date(timeIntervalSinceNow: -7200))
        try files.save(NodeCredentials(key: own.key, certificate: certificate, roots: own.roots))
        let pem = try certificate.canonicalPEM
        _ = try await ObjectWriter(store: store).update(Node.self, own.member.nodeID) { node in
            node.membership?.certificate = pem
            node.status.state = .down
            return true
        }
    }
}
