import Addressing
import Concurrency
import EngineInterface
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import Glibc
import LinuxSystem
import Model
import NIOPosix
import NodeProtocol
import SwiftASN1
import SwiftProtobuf
import TestKit
import Testing
import X509

@testable import Cluster

/// What a manager makes of those who have no certificate, and of a worker that uses its own for other than it is meant for.
@Suite(.serialized, .timeLimit(.minutes(3))) struct UnauthenticatedPeerTests {
    private static let group = MultiThreadedEventLoopGroup.singletonMultiThreadedEventLoopGroup

    /// A worker's credentials, and no worker behind them.
    private func join(_ manager: TestNode, token: String, address: String) async throws -> NodeCredentials {
        let own = try #require(IPAddress(address))
        var description = NodeDescription()
        description.hostname = "mallory"
        return try await Joiner(token: try JoinToken(token), group: Self.group).join(
            ["\(manager.address):\(manager.port)"], description: description,
            advertiseAddress: TransportAddress(own, port: 2377), dataPathAddress: own, availability: "active"
        ).credentials
    }

    /// Shorter than what a manager waits for in these tests.
    private static let beat = Duration.milliseconds(500)

    /// Sends these messages in one session, each after the answer to the one before, and signs of life from then on.
    /// - Returns: How many were answered, and the code that the session ended with.
    /// - Throws: What `body` threw, which gRPC makes another error of.
    private func session(
        _ identity: TLSIdentity, _ manager: TestNode, _ messages: [Wire.SessionRequest],
        _ body: @Sendable @escaping (String, NodeTransport.Client) async throws -> Void = { _, _ in }
    ) async throws -> (answered: Int, end: RPCError.Code?) {
        let answered = ObservableValue(0)
        let id = ObservableValue("")
        let failure = ObservableValue<(any Error)?>(nil)
        do {
            try await NodeTransport.withClient(
                to: "\(manager.address):\(manager.port)", identity: identity, check: .none, group: Self.group
            ) { client in
                try await Wire.Dispatcher.Client(wrapping: client).session(options: NodeTransport.streamOptions) {
                    writer in
                    for (index, message) in messages.enumerated() {
                        try await writer.write(message)
                        try await answered.wait { $0 > index ? true : nil }
                    }
                    // However long the body takes, the node is heard.
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            while true {
                                try await Task.sleep(for: Self.beat)
                                try await writer.write(.with { $0.dataPathAddress = messages[0].dataPathAddress })
                            }
                        }
                        group.addTask {
                            do { try await body(id.value, client) } catch {
                                if !(error is CancellationError) { failure.set(error) }
                                throw error
                            }
                        }
                        defer { group.cancelAll() }
                        try await group.next()
                    }
                } onResponse: { response in
                    for try await message in response.messages {
                        id.set(message.sessionID)
                        answered.change { $0 += 1 }
                    }
                }
            }
            return (answered.value, nil)
        } catch let error as RPCError {
            if let failure = failure.value { throw failure }
            return (answered.value, error.code)
        }
    }

    private func message(_ address: String, hostname: String = "mallory") throws -> Wire.SessionRequest {
        var description = NodeDescription()
        description.hostname = hostname
        description.platform = .init(architecture: "x86_64", system: "linux")
        description.resources.nanoCPUs = 4_000_000_000
        description.resources.memoryBytes = 8 << 30
        let payload = try Wire.payload(description)
        return .with {
            $0.description_p = payload
            $0.dataPathAddress = address
            $0.program = Capabilities.present.program
        }
    }

    @Test func `a worker's word counts for its own address and tasks, at a bearable pace, and in the present`()
        async throws
    {
        try await withNodes(1, heartbeat: .seconds(5)) { nodes in
            let node = nodes[0]
            try await node.running { swarm in
                try await node.initialise(swarm)
                let token = try await swarm.inspectSwarm().joinTokens?.worker ?? ""
                let credentials = try await join(node, token: token, address: "127.0.0.9")
                let id = credentials.member.nodeID
                let identity = try TLSIdentity(credentials)
                for address in ["0.0.0.0;drop", "0.0.0.0"] {
                    let end = try await session(identity, node, [try message(address)])
                    #expect(end.answered == 0 && end.end == .invalidArgument)
                }
                let foreign = try await session(identity, node, [try message("10.9.9.9")])
                #expect(foreign.answered == 0 && foreign.end == .permissionDenied)
                #expect(try await swarm.inspectNode(id).status.addr?.description == "127.0.0.9")

                let large = try await session(
                    identity, node, [try message("127.0.0.9", hostname: String(repeating: "x", count: 900_000))])
                #expect(large.end == .invalidArgument)
                let many = try (0..<20).map { try message("127.0.0.9", hostname: "h\($0)") }
                let paced = try await session(identity, node, many) { _, _ in
                    // What is shown follows what is written; further ones come when their time does, ten seconds apart.
                    try await eventually("as many as are allowed at once are written") {
                        ["h4", "h19"].contains(try await swarm.inspectNode(id).description?.hostname)
                    }
                }
                #expect(paced.answered >= 20 && paced.end == nil)

                var spec = service("web", replicas: 4)
                spec.taskTemplate.restartPolicy = TaskRestartPolicy()
                spec.taskTemplate.restartPolicy?.delay = 10_000_000
                let wanted = spec
                let last = try await session(identity, node, [try message("127.0.0.9")]) { session, client in
                    // Else all tasks are this node's.
                    try await eventually("the manager's own node is ready") { try await ready(swarm) == 2 }
                    _ = try await swarm.createService(wanted)
                    @Sendable func own() async throws -> [SwarmTask] {
                        try await swarm.listTasks(Filters()).filter { $0.nodeID == id }
                    }
                    let foreign = try await eventually("another node has one, too") {
                        try await swarm.listTasks(Filters()).first { $0.nodeID != id && $0.status.state == .running }
                    }
                    try await eventually("it has a task") { try await own().contains { $0.status.state >= .assigned } }
                    let task = try #require(try await own().first { $0.status.state >= .assigned })
                    var status = TaskStatus(.failed, "failed", at: try #require(Timestamp("9999-01-01T00:00:00Z")))
                    status.err = String(repeating: "e", count: 10_000)
                    let payload = try Wire.payload(status)
                    _ = try await Wire.Dispatcher.Client(wrapping: client).reportTasks(
                        .with {
                            $0.sessionID = session
                            $0.reports = [foreign.id, task.id].map { task in
                                .with {
                                    $0.taskID = task
                                    $0.status = payload
                                }
                            }
                        }, options: NodeTransport.callOptions)
                    try await eventually("it is written") {
                        try await swarm.inspectTask(task.id).status.state == .failed
                    }
                    #expect(try await swarm.inspectTask(foreign.id).status.state == .running)
                    let kept = try await swarm.inspectTask(task.id)
                    #expect(kept.status.timestamp <= .now && kept.status.err?.count == NodeReports.maximumError)
                    try await eventually("the slot has a task that is to run") {
                        try await swarm.listTasks(Filters()).contains {
                            $0.slot == task.slot && $0.id != task.id && $0.desiredState == .running
                        }
                    }
                }
                #expect(last.answered >= 1 && last.end == nil, "\(last)")
            }
        }
    }

    @Test func `silent connections of unauthenticated peers are few and short, and others join meanwhile`() async throws
    {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            try await node.running { swarm in
                try await node.initialise(swarm)
                let token = try await swarm.inspectSwarm().joinTokens?.worker ?? ""
                let silent = try (0..<200).map { _ in try Self.connect(node.address, node.port) }
                defer { for descriptor in silent { close(descriptor) } }
                try await eventually("most of them are let go") {
                    silent.count { !Self.hasEnded($0) } <= ConnectionGuard.Limits().unauthenticatedOfOne
                }
                _ = try await join(node, token: token, address: "127.0.0.9")
                try await eventually(within: .seconds(15), "all of them are let go") {
                    silent.allSatisfy(Self.hasEnded)
                }
                #expect(try await ready(swarm) == 1)
            }
        }
    }

    /// A manager's port without services behind it. Nothing is implemented there: the connection is what counts.
    private struct BarePort: Sendable {
        let connections: ConnectionGuard
        let port: Int
        let worker: TLSIdentity
        let joiner: TLSIdentity
        /// A manager's that is one no more.
        let former: TLSIdentity

        /// Connects and calls once before `body`.
        func connected(
            _ identity: TLSIdentity, _ body: @Sendable @escaping (NodeTransport.Client) async throws -> Void
        ) async throws {
            try await NodeTransport.withClient(
                to: "127.0.0.9:\(port)", identity: identity, check: .none, group: UnauthenticatedPeerTests.group
            ) { client in
                _ = await Self.call(client)
                try await body(client)
            }
        }

        /// - Returns: What the call ends with, as there is nobody to answer it.
        static func call(_ client: NodeTransport.Client) async -> RPCError.Code? {
            do {
                _ = try await Wire.Certificates.Client(wrapping: client).rootCertificate(
                    Wire.RootCertificateRequest(), options: NodeTransport.callOptions)
                return nil
            } catch { return (error as? RPCError)?.code }
        }
    }

    private func withBarePort(
        _ limits: ConnectionGuard.Limits, _ body: @Sendable (BarePort) async throws -> Void
    ) async throws {
        let authority = try CertificateAuthority()
        func credentials(_ node: String, _ role: Member.Role) throws -> NodeCredentials {
            let key = NodeKey()
            let certificate = try authority.issue(
                CertificateSigningRequest(derEncoded: try key.signingRequest()),
                for: Member(nodeID: node, clusterID: "c", role: role))
            return try NodeCredentials(key: key, certificate: certificate, roots: [authority.root])
        }
        let former = try credentials("f", .manager)
        let manager = try TLSIdentity(try credentials("m", .manager), revoked: [former.certificate.serialText])
        let connections = ConnectionGuard(limits)
        let server = GRPCServer(
            transport: try NodeTransport.server(
                at: TransportAddress(IPAddress(127, 0, 0, 9), port: 0), identity: manager, clusterID: "c",
                connections: connections, group: Self.group), services: [])
        let (worker, joiner) = (try credentials("w", .worker), try TLSIdentity(joiner: NodeKey(), roots: []))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.serve() }
            let port = try #require(try await server.listeningAddress?.ipv4?.port)
            try await body(
                BarePort(
                    connections: connections, port: port, worker: try TLSIdentity(worker), joiner: joiner,
                    former: try TLSIdentity(former)))
            server.beginGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test func `a member is no unauthenticated peer: its connection stays, however long it is there`() async throws {
        var limits = ConnectionGuard.Limits()
        limits.handshake = .seconds(2)
        limits.unauthenticatedLifetime = .seconds(3)
        try await withBarePort(limits) { port in
            let connections = port.connections
            try await port.connected(port.former) { _ in
                try await eventually("who is a member no more is unauthenticated") { connections.counts == (1, 0) }
            }
            try await eventually("the unauthenticated peer has gone") { connections.counts == (0, 0) }
            try await port.connected(port.worker) { _ in
                try await eventually("it is a member's") { connections.counts == (0, 1) }
                let since = ContinuousClock.now
                try await port.connected(port.joiner) { _ in
                    try await eventually("an unauthenticated peer's is there") { connections.counts == (1, 1) }
                    // A client connects anew at once; each is let go when its time is over.
                    try await eventually("its time is over several times") {
                        ContinuousClock.now - since > .seconds(4)
                    }
                }
                try await eventually("unauthenticated peers have gone, the member has not") {
                    connections.counts == (0, 1)
                }
            }
        }
    }

    @Test func `unauthenticated peers of all addresses together, and the connections of one member, are bounded`()
        async throws
    {
        var limits = ConnectionGuard.Limits()
        limits.unauthenticated = 3
        limits.ofMember = 2
        try await withBarePort(limits) { port in
            let silent = try (0..<8).map { _ in try Self.connect("127.0.0.9", port.port) }
            defer { for descriptor in silent { close(descriptor) } }
            try await eventually("all but the newest are let go") { silent.count { Self.hasEnded($0) } == 5 }
            #expect(port.connections.counts == (3, 0))
            try await port.connected(port.worker) { _ in
                try await port.connected(port.worker) { _ in
                    try await port.connected(port.worker) { _ in #expect(port.connections.counts.members == 2) }
                }
            }
        }
    }

    @Test func `an unauthenticated peer that goes on sending is let go`() async throws {
        var limits = ConnectionGuard.Limits()
        limits.unauthenticatedBytes = 2_000
        try await withBarePort(limits) { port in
            try await port.connected(port.joiner) { client in
                var ends: Set<RPCError.Code?> = []
                for _ in 0..<200 where !ends.contains(.unavailable) { ends.insert(await BarePort.call(client)) }
                #expect(ends == [.unimplemented, .unavailable])
            }
            try await port.connected(port.worker) { client in
                for _ in 0..<200 { #expect(await BarePort.call(client) == .unimplemented) }
            }
        }
    }

    /// A connection that says nothing; to be closed by the caller.
    private static func connect(_ address: String, _ port: Int) throws -> CInt {
        let descriptor = try check(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), "make a socket")
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = in_port_t(clamping: port).bigEndian
        inet_pton(AF_INET, address, &name.sin_addr)
        let result = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try check(result, "connect")
        return descriptor
    }

    /// Whether the other end has closed the connection.
    @Sendable private static func hasEnded(_ descriptor: CInt) -> Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) >= 0 || errno != EAGAIN
    }
}
