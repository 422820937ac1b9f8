import Addressing
import Faults
import Foundation
import GRPCCore
import Logging
import Model
import NodeProtocol
import Orchestration
import StateStore
import X509

/// Joining, which may be asked for again: see `docs/decisions/0080-joining-can-be-repeated.md`.
extension CertificateService {
    static let noToken = "A valid join token is necessary to join this cluster"
    /// How often it is looked again whether the node is there, when others write it at the same time.
    private static let joinAttempts = 4

    func join(request: Wire.JoinRequest, context: ServerContext) async throws -> Wire.CertificateReply {
        let newcomer = try newcomer(request, context)
        do {
            for _ in 0..<Self.joinAttempts {
                let node = try await writer.get(Node.self, newcomer.member.nodeID)
                let reply: Wire.CertificateReply?
                if let node {
                    reply = try await answerAgain(newcomer, as: node)
                } else {
                    reply = try await add(newcomer)
                }
                if let reply { return reply }
            }
        } catch let error as any Fault {
            // What the store cannot do now another manager may be asked for.
            throw RPCError(error)
        }
        throw RPCError(code: .aborted, message: "the node could not be added, try again")
    }

    /// Looks at what a node says that joins, before anything is compared with the swarm's nodes.
    /// - Throws: `RPCError`.
    private func newcomer(_ request: Wire.JoinRequest, _ context: ServerContext) throws -> Newcomer {
        try admission.admit(context)
        guard case .unauthenticated(let own) = try Peer(context) else {
            throw RPCError(code: .failedPrecondition, message: "the node is a member of the swarm already")
        }
        guard let cluster = manager.model.objects.cluster, let tokens = cluster.joinTokens else {
            throw RPCError(code: .unavailable, message: "the swarm's state is not known yet")
        }
        // Both are compared, so that the time does not tell which one is nearly right.
        let isWorker = JoinToken.equal(request.token, tokens.worker)
        let isManager = JoinToken.equal(request.token, tokens.manager)
        guard isWorker || isManager else { throw RPCError(code: .invalidArgument, message: Self.noToken) }
        if let reason = capabilities.refusal(of: try NodeReports.program(request.program), called: "the node") {
            throw RPCError(code: .failedPrecondition, message: reason)
        }
        let signingRequest = try Self.parse(request.signingRequest)
        guard signingRequest.publicKey == own.publicKey else {
            throw RPCError(code: .permissionDenied, message: "the certificate shown is not for the requested key")
        }
        let place = NodeAddress(nil, context)
        let dataPath = try place.parse(request.dataPathAddress)
        let advertised =
            request.advertiseAddress.isEmpty ? nil : try place.parse(withPort: request.advertiseAddress)
        let id = try Member.nodeID(joiningWith: signingRequest.publicKey, clusterID: cluster.id)
        return Newcomer(
            member: Member(nodeID: id, clusterID: cluster.id, role: isManager ? .manager : .worker), cluster: cluster,
            signingRequest: signingRequest, place: place, dataPath: dataPath, advertised: advertised,
            availability: NodeAvailability(rawValue: request.availability) ?? .active)
    }

    /// - Returns: `nil` when the node has been added meanwhile, by a call beside this one.
    private func add(_ newcomer: Newcomer) async throws -> Wire.CertificateReply? {
        try checkAddresses(of: newcomer)
        let certificate = try certificate(for: newcomer)
        var node = Node(id: newcomer.member.nodeID)
        node.createdAt = .now
        node.updatedAt = node.createdAt
        node.spec.role = newcomer.member.role.nodeRole
        node.membership = Node.Membership()
        node.membership?.role = newcomer.member.role.nodeRole
        try newcomer.describe(&node, certificate)
        let outcome = try await writer.store.commit(
            StoreTransaction(conditions: [.absent(node.key)], puts: [.init(node.key, try node.storedBytes)]))
        guard let revision = outcome.revision else { return nil }
        await manager.model.catchUp(to: revision)
        log.info("node joins", metadata: ["node": "\(node.id)", "address": "\(newcomer.dataPath)"])
        return try reply(newcomer.member, certificate, newcomer.cluster)
    }

    /// The same key, and nobody has used what it was given: the answer was lost. It is given again as it was; another one is signed if that does
    /// not fit any more.
    ///
    /// - Returns: `nil` when the node has been removed meanwhile.
    /// - Throws: `RPCError` with `.alreadyExists` when the node is not to be had by joining any more.
    private func answerAgain(_ newcomer: Newcomer, as node: Node) async throws -> Wire.CertificateReply? {
        try newcomer.check(isOwn: node)
        // While nobody heard of it another one may have got the address.
        try checkAddresses(of: newcomer)
        if let certificate = newcomer.certificate(toRepeatFor: node) {
            await manager.model.catchUp(to: Int64(clamping: node.version.index))
            log.info("node asks again to join", metadata: ["node": "\(node.id)"])
            return try reply(newcomer.member, certificate, newcomer.cluster)
        }
        guard pace.take(node.id) else {
            throw RPCError(code: .resourceExhausted, message: "node \(node.id) asks too often")
        }
        let certificate = try certificate(for: newcomer)
        try await makeRoom(in: node)
        let revision = try await writer.update(Node.self, node.id) { node in
            // It may have begun a session, or have got another role, since it was looked at.
            try newcomer.check(isOwn: node)
            try newcomer.describe(&node, certificate)
            return true
        }
        guard let revision else { return nil }
        await manager.model.catchUp(to: revision)
        log.info(
            "node asks again to join, otherwise than before",
            metadata: ["node": "\(node.id)", "address": "\(newcomer.dataPath)"])
        return try reply(newcomer.member, certificate, newcomer.cluster)
    }

    /// - Throws: `RPCError` with `.permissionDenied` when the node names another one's address.
    private func checkAddresses(of newcomer: Newcomer) throws {
        // Its own, of a try before, is no other one's.
        let others = manager.model.objects.nodes.values.lazy.filter { $0.id != newcomer.member.nodeID }
        for address in Set(newcomer.addresses) {
            try newcomer.place.check(joining: address, beside: others)
        }
    }

    private func certificate(for newcomer: Newcomer) throws -> Certificate {
        try issue(newcomer.signingRequest, for: newcomer.member, newcomer.cluster, newcomer.addresses)
    }
}

/// A node that joins, as far as it can be judged by its own words and its token.
private struct Newcomer {
    /// With the id that follows from its key, and the role that its token gives.
    let member: Member
    let cluster: ClusterObject
    let signingRequest: CertificateSigningRequest
    let place: NodeAddress
    let dataPath: IPAddress
    /// Where it is reached as a manager; `nil` when it named no such place.
    let advertised: TransportAddress?
    let availability: NodeAvailability

    var addresses: [IPAddress] { [dataPath, advertised?.address].compactMap(\.self) }

    /// Whether a node in the store is what this one has become by a try before, and nothing has come of it: no session, no member of the store,
    /// no other certificate, and no other role than its token gives.
    ///
    /// - Throws: `RPCError` with `.alreadyExists`.
    func check(isOwn node: Node) throws {
        guard let membership = node.membership, membership.session == nil, membership.storeURL == nil,
            node.grantedRole == member.role.nodeRole, Self.certificate(of: node)?.publicKey == signingRequest.publicKey
        else {
            throw RPCError(code: .alreadyExists, message: "the key is that of node \(node.id), which is no new one")
        }
    }

    /// The certificate that the node was given, if it can be given once more: it counts, and what the node says of itself is what it said then.
    func certificate(toRepeatFor node: Node) -> Certificate? {
        guard let membership = node.membership, membership.dataPathAddress == dataPath,
            membership.advertiseAddress == advertised,
            node.spec.availability == availability || membership.specSince != nil,
            let certificate = Self.certificate(of: node), certificate.notValidAfter > Date()
        else { return nil }
        let serial = certificate.serialText
        guard cluster.revoked?.contains(where: { $0.serial == serial }) != true else { return nil }
        // Unreadable: none of ours.
        return (try? Member(of: certificate)) == member ? certificate : nil
    }

    /// Writes down what the node says of itself, and its certificate. A specification that a user has changed since stays.
    func describe(_ node: inout Node, _ certificate: Certificate) throws {
        var membership = node.membership ?? .init()
        if membership.specSince == nil { node.spec.availability = availability }
        node.status.addr = dataPath
        membership.dataPathAddress = dataPath
        membership.advertiseAddress = advertised
        membership.note(certificate, pem: try certificate.canonicalPEM)
        node.membership = membership
    }

    private static func certificate(of node: Node) -> Certificate? {
        // Unreadable: none, as if it were another's.
        node.membership.flatMap { try? Certificate.bundle(pem: $0.certificate).first }
    }
}
