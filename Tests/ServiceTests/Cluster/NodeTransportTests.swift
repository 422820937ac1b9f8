import Cluster
import EngineInterface
import GRPCCore
import LinuxSystem
import Model
import NIOPosix
import NodeProtocol
import SwiftASN1
import SwiftProtobuf
import TestKit
import Testing
import X509

/// Who may connect to a manager, and who may call what.
@Suite(.serialized, .timeLimit(.minutes(2))) struct NodeTransportTests {
    private static let group = MultiThreadedEventLoopGroup.singletonMultiThreadedEventLoopGroup

    private func credentials(
        _ authority: CertificateAuthority, _ role: Member.Role, cluster: String, node: String = RandomID.swarm()
    ) throws -> NodeCredentials {
        let key = NodeKey()
        let certificate = try authority.issue(
            CertificateSigningRequest(derEncoded: try key.signingRequest()),
            for: Member(nodeID: node, clusterID: cluster, role: role))
        return try NodeCredentials(key: key, certificate: certificate, roots: [authority.root])
    }

    /// The code that a call ends with; `nil` when it succeeds.
    private func code(
        of identity: TLSIdentity, to manager: TestNode,
        _ call: @Sendable @escaping (NodeTransport.Client) async throws -> Void
    ) async throws -> RPCError.Code? {
        do {
            try await NodeTransport.withClient(
                to: "\(manager.address):\(manager.port)", identity: identity, check: .none, group: Self.group, call)
            return nil
        } catch let error as RPCError {
            return error.code
        }
    }

    @Test
    func
        `unauthenticated peers may only fetch the root and join, foreign members nothing, members not without their session`()
        async throws
    {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            try await node.running { swarm in
                try await node.initialise(swarm)
                let cluster = try await swarm.inspectSwarm()
                let joiner = try TLSIdentity(joiner: NodeKey(), roots: [])
                let report: @Sendable (NodeTransport.Client) async throws -> Void = { client in
                    _ = try await Wire.Dispatcher.Client(wrapping: client).reportTasks(
                        Wire.ReportTasksRequest(), options: NodeTransport.callOptions)
                }
                let root: @Sendable (NodeTransport.Client) async throws -> Void = { client in
                    let pem = try await Wire.Certificates.Client(wrapping: client).rootCertificate(
                        Wire.RootCertificateRequest(), options: NodeTransport.callOptions
                    ).pem
                    #expect(
                        JoinToken.digest(ofRootPEM: pem) == (try JoinToken(cluster.joinTokens?.worker ?? "")).digest)
                }
                let renew: @Sendable (NodeTransport.Client) async throws -> Void = { client in
                    _ = try await Wire.Certificates.Client(wrapping: client).renew(
                        Wire.RenewRequest(), options: NodeTransport.callOptions)
                }
                #expect(try await code(of: joiner, to: node, root) == nil)
                #expect(try await code(of: joiner, to: node, report) == .permissionDenied)
                #expect(try await code(of: joiner, to: node, renew) == .permissionDenied)
                // A member of another swarm with the same id is not even let in.
                let foreign = try CertificateAuthority()
                let other = try TLSIdentity(try credentials(foreign, .manager, cluster: cluster.id))
                #expect(try await code(of: other, to: node, root) == .unavailable)
                // Its own certificate lets it in; a session is still needed.
                let files = CredentialFiles(directory: node.directory + "/swarm/certificates")
                let own = try TLSIdentity(try #require(try files.load()))
                #expect(try await code(of: own, to: node, report) == .aborted)
                #expect(try await code(of: own, to: node, renew) == .invalidArgument)
            }
        }
    }

    @Test func `a joiner must show the key that it asks a certificate for`() async throws {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            try await node.running { swarm in
                try await node.initialise(swarm)
                let token = try await swarm.inspectSwarm().joinTokens?.worker ?? ""
                let own = NodeKey()
                let join: @Sendable (NodeKey) -> @Sendable (NodeTransport.Client) async throws -> Void = { asked in
                    { client in
                        _ = try await Wire.Certificates.Client(wrapping: client).join(
                            .with {
                                $0.program = Capabilities.present.program
                                $0.token = token
                                $0.dataPathAddress = "127.0.0.9"
                                $0.signingRequest = .init(try asked.signingRequest())
                            }, options: NodeTransport.callOptions)
                    }
                }
                let identity = try TLSIdentity(joiner: own, roots: [])
                #expect(try await code(of: identity, to: node, join(NodeKey())) == .permissionDenied)
                #expect(try await swarm.listNodes(Filters()).count == 1)
                #expect(try await code(of: identity, to: node, join(own)) == nil)
                #expect(try await swarm.listNodes(Filters()).count == 2)
            }
        }
    }

    @Test func `a client refuses a server that is no manager of its swarm`() async throws {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            try await node.running { swarm in
                try await node.initialise(swarm)
                let files = CredentialFiles(directory: node.directory + "/swarm/certificates")
                let own = try TLSIdentity(try #require(try files.load()))
                let root: @Sendable (NodeTransport.Client) async throws -> String = { client in
                    try await Wire.Certificates.Client(wrapping: client).rootCertificate(
                        Wire.RootCertificateRequest(), options: NodeTransport.callOptions
                    ).pem
                }
                let address = "\(node.address):\(node.port)"
                let clusterID = try await swarm.inspectSwarm().id
                _ = try await NodeTransport.withClient(
                    to: address, identity: own, check: .manager(clusterID: clusterID), group: Self.group, root)
                await #expect(throws: RPCError.self) {
                    try await NodeTransport.withClient(
                        to: address, identity: own, check: .manager(clusterID: "another"), group: Self.group, root)
                }
            }
        }
    }
}
