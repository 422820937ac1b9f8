import Concurrency
package import GRPCCore
import GRPCNIOTransportHTTP2
import NodeProtocol
package import X509

/// The one who calls, as the connection's handshake has proved.
package enum Peer: Sendable {
    case member(Member)
    /// Anyone who has a key: the certificate is the caller's own, or one of the swarm's that has expired or been revoked.
    case unauthenticated(Certificate)

    /// - Throws: `RPCError` with `.unauthenticated` where the transport knows no certificate.
    package init(_ context: ServerContext) throws {
        guard let transport = context.transportSpecific as? HTTP2ServerTransport.Posix.Context else {
            throw RPCError(code: .unauthenticated, message: "the connection is not one of mutual TLS")
        }
        // Only the validated chain is an identity.
        if let leaf = transport.peerCertificateChain?.leaf {
            self = .member(try Member(of: leaf))
        } else if let own = transport.peerCertificate {
            self = .unauthenticated(own)
        } else {
            throw RPCError(code: .unauthenticated, message: "no certificate was shown")
        }
    }

    /// The certificate that a member has shown.
    static func certificate(of context: ServerContext) -> Certificate? {
        (context.transportSpecific as? HTTP2ServerTransport.Posix.Context)?.peerCertificateChain?.leaf
    }

    /// - Throws: `RPCError` with `.permissionDenied` for an unauthenticated peer.
    package var member: Member {
        get throws {
            guard case .member(let member) = self else {
                throw RPCError(code: .permissionDenied, message: "only members of the swarm may call this")
            }
            return member
        }
    }
}

/// The one place that says who may call what.
package struct RoleGate: ServerInterceptor {
    enum Caller: Hashable { case unauthenticated, worker, manager }

    /// Methods that are not listed nobody may call.
    static let allowed: [MethodDescriptor: Set<Caller>] = [
        Wire.Certificates.Method.RootCertificate.descriptor: [.unauthenticated, .worker, .manager],
        Wire.Certificates.Method.Join.descriptor: [.unauthenticated],
        // A node whose certificate has expired is an unauthenticated peer; the method looks closely.
        Wire.Certificates.Method.Renew.descriptor: [.unauthenticated, .worker, .manager],
        Wire.Dispatcher.Method.Session.descriptor: [.worker, .manager],
        Wire.Dispatcher.Method.Assignments.descriptor: [.worker, .manager],
        Wire.Dispatcher.Method.ReportTasks.descriptor: [.worker, .manager],
        Wire.LogBroker.Method.Wanted.descriptor: [.worker, .manager],
        Wire.LogBroker.Method.Publish.descriptor: [.worker, .manager],
        Wire.Feed.Method.Tell.descriptor: [.worker, .manager],
        // A node answers; only the manager at the other end asks.
        Wire.Tunnels.Method.Open.descriptor: [.worker, .manager],
        Wire.Attachments.Method.Attach.descriptor: [.worker, .manager],
        Wire.Managers.Method.JoinStore.descriptor: [.manager],
    ]

    private let identity: TLSIdentity
    private let isMember: @Sendable (String) async throws -> Bool

    /// - Parameters:
    ///   - identity: Knows which certificates have been revoked, also since a connection began.
    ///   - isMember: Whether a node is one of the swarm's.
    init(_ identity: TLSIdentity, isMember: @escaping @Sendable (String) async throws -> Bool) {
        self.identity = identity
        self.isMember = isMember
    }

    /// Lets a call through whose caller may make it.
    /// - Throws: `RPCError` with `.permissionDenied`, `.unauthenticated`.
    package func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        // Streams that last for a session keep nothing of it.
        let caller = try await inOwnTask { try await self.caller(context) }
        guard Self.allowed[context.descriptor]?.contains(caller) == true else {
            throw RPCError(code: .permissionDenied, message: "\(context.descriptor) is not for a \(caller)")
        }
        return try await next(request, context)
    }

    /// What the caller counts as now. A connection keeps the identity that it began with; what that is worth does not stay.
    private func caller(_ context: ServerContext) async throws -> Caller {
        guard case .member(let member) = try Peer(context) else { return .unauthenticated }
        if let shown = Peer.certificate(of: context), identity.isRevoked(shown) { return .unauthenticated }
        guard try await isMember(member.nodeID) else {
            throw RPCError(code: .permissionDenied, message: "node \(member.nodeID) is not part of the swarm")
        }
        return member.role == .manager ? .manager : .worker
    }
}
