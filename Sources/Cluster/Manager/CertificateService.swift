import Addressing
import Faults
import Foundation
import GRPCCore
import Logging
import Model
import NodeProtocol
import Orchestration
import SwiftASN1
import SwiftProtobuf
import Synchronization
import X509

/// Lets nodes into the swarm and renews their certificates.
struct CertificateService: Wire.Certificates.SimpleServiceProtocol {
    /// Bytes of a signing request; ours have 250.
    private static let maximumRequest = 4096

    let authority: CertificateAuthority
    let manager: Manager
    /// Patient as calls of nodes are.
    let writer: ObjectWriter
    let managers: @Sendable () -> [Wire.Manager]
    let admission: CallAdmission
    let capabilities: Capabilities
    let pace = RenewalLimit()
    let log: Logger

    func rootCertificate(
        request: Wire.RootCertificateRequest, context: ServerContext
    ) async throws -> Wire.RootCertificateReply {
        try admission.admit(context)
        let pem = try authority.rootPEM
        return .with { $0.pem = pem }
    }

    func renew(request: Wire.RenewRequest, context: ServerContext) async throws -> Wire.CertificateReply {
        let member = try await renewing(try Peer(context), context)
        guard pace.take(member.nodeID) else {
            throw RPCError(code: .resourceExhausted, message: "node \(member.nodeID) asks too often")
        }
        let signingRequest = try Self.parse(request.signingRequest)
        guard let cluster = manager.model.objects.cluster,
            let node = try await writer.get(Node.self, member.nodeID)
        else { throw RPCError(code: .permissionDenied, message: "node \(member.nodeID) is not part of the swarm") }
        // The role is the swarm's to say, not the old certificate's.
        let renewed = Member(
            nodeID: member.nodeID, clusterID: cluster.id, role: node.grantedRole == .manager ? .manager : .worker)
        var address = node.membership?.advertiseAddress
        // What is on record for it is not looked at again.
        if !request.advertiseAddress.isEmpty, request.advertiseAddress != address?.description {
            let place = NodeAddress(node.id, context)
            let told = try place.parse(withPort: request.advertiseAddress)
            try place.check(told.address, of: node)
            address = told
        }
        let advertised = address
        let certificate = try issue(
            signingRequest, for: renewed, cluster,
            [advertised?.address, node.membership?.dataPathAddress].compactMap(\.self))
        let pem = try certificate.canonicalPEM
        try await makeRoom(in: node)
        _ = try await writer.update(Node.self, node.id) { node in
            // Demoted meanwhile: what was revoked then is all that there was.
            guard (node.grantedRole == .manager) == (renewed.role == .manager) else {
                throw RPCError(code: .aborted, message: "the node's role has changed, try again")
            }
            node.membership = node.membership ?? .init()
            node.membership?.note(certificate, pem: pem)
            node.membership?.advertiseAddress = advertised
            return true
        }
        return try reply(renewed, certificate, cluster)
    }

    /// Of too many certificates of one manager the oldest go out of force: none may be forgotten that still counts.
    func makeRoom(in node: Node) async throws {
        let issued = (node.membership?.issued ?? []).filter { $0.until > .now }
        guard issued.count >= Node.maximumIssued, let cluster = manager.model.objects.cluster else { return }
        let kept = Node.maximumIssued - 1
        let oldest = issued.dropLast(kept)
        _ = try await writer.update(ClusterObject.self, cluster.id) { cluster in
            cluster.revoke(Array(oldest))
            return true
        }
        _ = try await writer.update(Node.self, node.id) { node in
            node.membership?.issued?.removeAll { oldest.contains($0) }
            return true
        }
    }

    /// Who asks for a renewal: a member; a node that was off until its certificate had expired, and still has the very one that it was
    /// given last, and its key; or one that was a manager, until it has been seen with a worker's certificate.
    private func renewing(_ peer: Peer, _ context: ServerContext) async throws -> Member {
        let refusal = RPCError(code: .permissionDenied, message: "only members of the swarm may call this")
        switch peer {
        case .member(let member): return member
        case .unauthenticated(let certificate):
            try admission.admit(context)
            // One that is not a member's is refused like others.
            guard !certificate.isSelfSigned, let member = try? Member(of: certificate),
                let node = try await writer.get(Node.self, member.nodeID),
                try node.membership?.certificate == certificate.canonicalPEM
                    || node.membership?.issued?.contains(certificate.record) == true
            else { throw refusal }
            return member
        }
    }

    func issue(
        _ request: CertificateSigningRequest, for member: Member, _ cluster: ClusterObject, _ addresses: [IPAddress]
    ) throws -> Certificate {
        let expiry = cluster.spec.caConfig?.nodeCertExpiry ?? 0
        let lifetime = expiry > 0 ? Double(expiry) / 1e9 : CertificateAuthority.nodeLifetime
        // Only managers' addresses are compared: etcd does.
        let addresses = member.role == .manager ? CertificateAuthority.octets(of: addresses) : []
        do {
            return try authority.issue(request, for: member, addresses: addresses, lifetime: lifetime)
        } catch let error as ClusterError {
            throw RPCError(error)
        }
    }

    static func parse(_ bytes: Data) throws -> CertificateSigningRequest {
        do {
            guard bytes.count <= maximumRequest else { throw RPCError(code: .invalidArgument, message: "too long") }
            return try CertificateSigningRequest(derEncoded: Array(bytes))
        } catch {
            throw RPCError(code: .invalidArgument, message: "not a certificate signing request")
        }
    }

    func reply(
        _ member: Member, _ certificate: Certificate, _ cluster: ClusterObject
    ) throws -> Wire.CertificateReply {
        let pem = try certificate.canonicalPEM
        let roots = try authority.rootPEM
        return .with {
            $0.nodeID = member.nodeID
            $0.clusterID = member.clusterID
            $0.certificatePem = pem
            $0.rootsPem = roots
            $0.dataPathPort = UInt32(clamping: cluster.dataPathPort)
            $0.managers = managers()
            $0.revoked = (cluster.revoked ?? []).map(\.serial)
        }
    }
}

/// How many calls of unauthenticated peers are taken: so many of each address, so that none takes the others' share, and so many of all together.
final class CallAdmission: Sendable {
    static let burst = 60.0
    static let perSecond = 10.0
    static let totalBurst = 600.0
    static let totalPerSecond = 100.0
    /// Addresses that are remembered; those that have not asked for long are forgotten first.
    static let maximumAddresses = 4096

    private struct State {
        var ofAll: Allowance
        var perAddress: [IPAddress?: Allowance] = [:]
    }

    private let state: Mutex<State>

    init(at now: ContinuousClock.Instant = .now) {
        state = Mutex(State(ofAll: Allowance(burst: Self.totalBurst, perSecond: Self.totalPerSecond, at: now)))
    }

    /// - Throws: `RPCError` with `.resourceExhausted`.
    func admit(_ context: ServerContext) throws {
        guard admits(NodeAddress.source(of: context), at: .now) else {
            throw RPCError(code: .resourceExhausted, message: "too many nodes join at once, try again")
        }
    }

    /// - Parameter address: `nil` for all that have none of IPv4.
    func admits(_ address: IPAddress?, at now: ContinuousClock.Instant) -> Bool {
        state.withLock { state in
            if state.perAddress[address] == nil, state.perAddress.count >= Self.maximumAddresses {
                state.perAddress = state.perAddress.filter { !$0.value.isFull(at: now) }
                // As many askers at once as that share what all may have.
                if state.perAddress.count >= Self.maximumAddresses { return state.ofAll.take(at: now) }
            }
            let new = Allowance(burst: Self.burst, perSecond: Self.perSecond, at: now)
            guard state.perAddress[address, default: new].take(at: now) else { return false }
            return state.ofAll.take(at: now)
        }
    }
}

/// How often each node gets a new certificate. Holds members of the swarm only.
final class RenewalLimit: Sendable {
    private let paces = Mutex<[String: Allowance]>([:])

    func take(_ nodeID: String) -> Bool {
        paces.withLock { paces in
            let now = ContinuousClock.now
            paces = paces.filter { !$0.value.isFull(at: now) }
            return paces[nodeID, default: NodePace(at: now).renewals].take(at: now)
        }
    }
}

extension TLSInfo {
    /// What Docker shows of a swarm's root.
    init(root: Certificate) throws {
        self.init()
        trustRoot = try root.canonicalPEM
        var subject = DER.Serializer()
        try subject.serialize(root.subject)
        certIssuerSubject = Data(subject.serializedBytes).base64EncodedString()
        var key = DER.Serializer()
        try key.serialize(root.publicKey)
        certIssuerPublicKey = Data(key.serializedBytes).base64EncodedString()
    }
}
