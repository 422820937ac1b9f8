import Addressing
import EngineInterface
import Foundation
import GRPCCore
import Model
import NIOPosix
import NodeProtocol
import SwiftProtobuf
import X509

/// Makes a node a member: fetches the root, compares it with the token, and only then tells the secret.
///
/// Whichever managers are asked with the same key, and however often, it is one node that joins (`CertificateService`).
struct Joiner {
    /// What a manager answers when the key is that of a node that is not this one any more: another key is necessary.
    static let keyIsUsed = name(of: .alreadyExists)

    let token: JoinToken
    let group: MultiThreadedEventLoopGroup
    var key = NodeKey()

    struct Outcome: Sendable {
        let credentials: NodeCredentials
        let clusterID: String
        let dataPathPort: Int
        let managers: [SwarmInfo.RemoteManager]
        /// Serial numbers of certificates that are not to be believed.
        let revoked: Set<String>
    }

    /// Tries the managers in turn until one answers.
    /// - Throws: ``SwarmError`` for what managers refuse, and when none can be reached.
    func join(
        _ addresses: [String], description: NodeDescription, advertiseAddress: TransportAddress,
        dataPathAddress: IPAddress, availability: String
    ) async throws -> Outcome {
        var last = SwarmError.noManagerNamed
        for address in addresses {
            do {
                return try await join(address, description, advertiseAddress, dataPathAddress, availability)
            } catch let error as RPCError where [.unavailable, .deadlineExceeded].contains(error.code) {
                last = .managerUnreachable(address: address, reason: error.message)
            } catch let error as RPCError {
                throw SwarmError.joinRefused(
                    ManagerRefusal(error.faultKind, code: Self.name(of: error.code), error.message))
            }
        }
        throw last
    }

    private func join(
        _ address: String, _ description: NodeDescription, _ advertiseAddress: TransportAddress,
        _ dataPathAddress: IPAddress, _ availability: String
    ) async throws -> Outcome {
        let pem = try await fetchRoot(address)
        guard JoinToken.equal(JoinToken.digest(ofRootPEM: pem), token.digest) else {
            throw SwarmError.rootMismatch(digest: token.digest)
        }
        let roots = try Certificate.bundle(pem: pem)
        let request = Data(try key.signingRequest())
        let described = try Wire.payload(description)
        let text = token.description
        let identity = try TLSIdentity(joiner: key, roots: roots)
        let reply = try await NodeTransport.withClient(
            to: address, identity: identity, check: .manager(clusterID: nil), group: group
        ) { client in
            try await Wire.Certificates.Client(wrapping: client).join(
                .with {
                    $0.token = text
                    $0.signingRequest = request
                    $0.description_p = described
                    $0.advertiseAddress = advertiseAddress.description
                    $0.dataPathAddress = dataPathAddress.description
                    $0.availability = availability
                    $0.program = Capabilities.present.program
                }, options: NodeTransport.callOptions)
        }
        guard let certificate = try Certificate.bundle(pem: reply.certificatePem).first else {
            throw ClusterError(.badMessage, "the manager sent no certificate")
        }
        let credentials = try NodeCredentials(key: key, certificate: certificate, roots: roots)
        guard await CertificateCheck.chain(of: [certificate], roots: roots) != nil,
            credentials.member.nodeID == reply.nodeID, credentials.member.clusterID == reply.clusterID
        else { throw ClusterError(.badMessage, "the manager sent a certificate that is not this swarm's") }
        return Outcome(
            credentials: credentials, clusterID: reply.clusterID, dataPathPort: Int(clamping: reply.dataPathPort),
            managers: reply.managers.map { .init(nodeID: $0.nodeID, addr: $0.address) },
            revoked: Set(reply.revoked.filter(RevocationList.isSerial)))
    }

    /// The root that whoever answers there sends: trusted only by the token's digest. The secret is not on this connection.
    private func fetchRoot(_ address: String) async throws -> String {
        let identity = try TLSIdentity(joiner: key, roots: [])
        return try await NodeTransport.withClient(to: address, identity: identity, check: .none, group: group) {
            client in
            try await Wire.Certificates.Client(wrapping: client)
                .rootCertificate(Wire.RootCertificateRequest(), options: NodeTransport.callOptions).pem
        }
    }

    /// gRPC's names as Docker's messages have them.
    private static func name(of code: RPCError.Code) -> String {
        switch code {
        case .invalidArgument: "InvalidArgument"
        case .permissionDenied: "PermissionDenied"
        case .unimplemented: "Unimplemented"
        case .failedPrecondition: "FailedPrecondition"
        case .resourceExhausted: "ResourceExhausted"
        case .aborted: "Aborted"
        case .alreadyExists: "AlreadyExists"
        default: "Unknown"
        }
    }
}
