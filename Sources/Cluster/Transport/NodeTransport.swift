import Addressing
import Foundation
import Glibc
package import GRPCCore
package import GRPCNIOTransportHTTP2
import NIOCore
package import NIOPosix
import NIOSSL
import SwiftASN1
import X509

/// How nodes connect to each other: gRPC over mutual TLS on one port.
///
/// A server takes members by their certificate's chain and joiners by a single self-signed certificate; which methods each may call is
/// ``RoleGate``'s business. Both sides' checks replace TLS's own, so dates, chain, role and swarm are checked here.
package enum NodeTransport {
    /// What the authority of each call says, so that targets given by address have a server name.
    static let authority = "swarm-manager"
    /// Sessions, assignment streams and reports of many nodes come over one connection each, but nobody is made to wait at stream 101.
    static let maximumStreams = 4096
    package static let maximumMessageBytes = 1 << 20
    package static let sessionWindow = 65_535
    /// What a node may send on one stream before it is read; a log that nobody takes holds no more.
    static let serverWindow = 256 << 10
    /// Milliseconds without an acknowledgement; the clients' keepalive sends something every 2 s.
    private static let lossTimeout: ChannelOptions.Types.SocketOption.Value = 4000
    /// What a manager reads of a connection at a time at most: about a record of TLS.
    static let readBytes = 16 << 10
    /// How often it reads of one before others have their turn.
    private static let readsInTurn: UInt = 2
    /// How long a member's connection without a call is kept.
    static let idleTime = Duration.seconds(60)
    /// For calls that are answered at once.
    package static let callDeadline = Duration.seconds(10)

    package typealias Client = GRPCClient<HTTP2ClientTransport.Posix>

    /// The transport that a manager listens with.
    /// - Parameters:
    ///   - clusterID: Members of other swarms are refused.
    ///   - connections: Bounds what unauthenticated peers' connections cost.
    static func server(
        at address: TransportAddress, identity: TLSIdentity, clusterID: String, connections: ConnectionGuard,
        group: MultiThreadedEventLoopGroup
    ) throws -> HTTP2ServerTransport.Posix {
        let security = try HTTP2ServerTransport.Posix.TransportSecurity.mTLS(certificateReloader: identity) { tls in
            tls.clientCertificateVerification = .noHostnameVerification
            tls.trustRoots = .certificates([])
            tls.requireALPN = true
            tls.customVerificationCallback = { shown, promise in
                promise.completeWithTask {
                    let certificates = try shown.map { try Certificate(derEncoded: $0.toDERBytes()) }
                    let isRevoked = certificates.first.map(identity.isRevoked) ?? false
                    let member = await Self.member(certificates, roots: identity.roots, clusterID: clusterID)
                    // Its node may ask for the certificate that it is to have now.
                    if member != nil, isRevoked { return .certificateVerified(VerificationMetadata(nil)) }
                    if member != nil {
                        // The leaf is all that is needed of the chain; roots are ours already.
                        return .certificateVerified(VerificationMetadata(ValidatedCertificateChain(shown)))
                    }
                    let isJoiner = certificates.count == 1 && certificates[0].isSelfSigned
                    if isJoiner || Self.isExpired(certificates, roots: identity.roots) {
                        return .certificateVerified(VerificationMetadata(nil))
                    }
                    return .failed
                }
            }
        }
        let config = HTTP2ServerTransport.Posix.Config.defaults { config in
            config.http2.maxConcurrentStreams = Self.maximumStreams
            config.http2.targetWindowSize = Self.serverWindow
            config.rpc.maxRequestPayloadSize = Self.maximumMessageBytes
            config.connection.keepalive = .init(
                time: .seconds(5), timeout: .seconds(5),
                clientBehavior: .init(minPingIntervalWithoutCalls: .seconds(1), allowWithoutCalls: true))
            config.connection.maxGraceTime = .seconds(5)
            config.connection.maxIdleTime = Self.idleTime
            config.channelDebuggingCallbacks.onAcceptTCPConnection = { channel in
                Self.noticeLoss(channel).flatMap { Self.bound(channel) }.flatMap { connections.watch(channel) }
            }
        }
        let (host, port) = (address.address.description, Int(clamping: address.port))
        return HTTP2ServerTransport.Posix(
            address: address.address.family == .v4 ? .ipv4(host: host, port: port) : .ipv6(host: host, port: port),
            transportSecurity: security, config: config, eventLoopGroup: group)
    }

    /// What a client asks of the server's certificate.
    package enum ServerCheck: Sendable {
        /// A manager of this swarm; any swarm's while `clusterID` is not known, which is so while joining.
        case manager(clusterID: String?)
        /// Nothing: only to fetch the root, which is compared with the join token's digest.
        case none
    }

    /// Connects to a manager for as long as `body` runs.
    /// - Parameters:
    ///   - address: `host:port`.
    ///   - window: Bytes that a peer may send before they are read.
    package static func withClient<Result: Sendable>(
        to address: String, identity: TLSIdentity, check: ServerCheck, window: Int = sessionWindow,
        group: MultiThreadedEventLoopGroup,
        _ body: @Sendable @escaping (Client) async throws -> Result
    ) async throws -> Result {
        let security = try HTTP2ClientTransport.Posix.TransportSecurity.mTLS(certificateReloader: identity) { tls in
            switch check {
            case .none: tls.serverCertificateVerification = .noVerification
            case .manager(let clusterID):
                tls.serverCertificateVerification = .noHostnameVerification
                tls.trustRoots = .certificates([])
                tls.customVerificationCallback = { shown, promise in
                    promise.completeWithTask {
                        let certificates = try shown.map { try Certificate(derEncoded: $0.toDERBytes()) }
                        let peer = await Self.member(certificates, roots: identity.roots, clusterID: clusterID)
                        guard peer?.role == .manager, certificates.first.map(identity.isRevoked) == false else {
                            return .failed
                        }
                        return .certificateVerified(VerificationMetadata(ValidatedCertificateChain(shown)))
                    }
                }
            }
        }
        let config = HTTP2ClientTransport.Posix.Config.defaults { config in
            config.http2.authority = Self.authority
            config.http2.targetWindowSize = window
            config.backoff = .init(initial: .milliseconds(200), max: .seconds(5), multiplier: 1.6, jitter: 0.2)
            config.connection.keepalive = .init(time: .seconds(2), timeout: .seconds(2), allowWithoutCalls: true)
            config.channelDebuggingCallbacks.onCreateTCPConnection = Self.noticeLoss
        }
        let transport = try HTTP2ClientTransport.Posix(
            target: try target(address), transportSecurity: security, config: config, eventLoopGroup: group)
        return try await withGRPCClient(transport: transport) { try await body($0) }
    }

    /// Lets the kernel end a connection whose other end acknowledges nothing: keepalive alone closes it in good order, and waits for the
    /// answer of a host that is gone. tcp(7), `TCP_USER_TIMEOUT`, milliseconds.
    @Sendable private static func noticeLoss(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.setOption(.tcpOption(NIOBSDSocket.Option(rawValue: TCP_USER_TIMEOUT)), value: lossTimeout)
    }

    /// Bounds what a connection keeps to read into. NIO keeps the buffers of one turn with the connection, as large as they have ever become:
    /// without this four of 64 KiB, for good, once a node has sent much at once.
    @Sendable static func bound(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.setOption(
            .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2048, maximum: readBytes)
        ).flatMap { channel.setOption(.maxMessagesPerRead, value: readsInTurn) }
    }

    /// Splits `host:port`, with brackets around an IPv6 address, which the host comes without; the port may be missing and is then 2377.
    package static func split(_ address: String) throws -> (host: String, port: Int) {
        guard let parts = HostText.split(address), !parts.host.isEmpty,
            let port = parts.port.map({ Int($0, radix: 10) }) ?? 2377, (1...65_535).contains(port)
        else { throw ClusterError(.badMessage, "not an address of a manager: \(address)") }
        return (parts.host, port)
    }

    /// Options of calls that are answered at once.
    package static var callOptions: CallOptions {
        var options = CallOptions.defaults
        options.timeout = callDeadline
        options.maxRequestMessageBytes = maximumMessageBytes
        options.maxResponseMessageBytes = maximumMessageBytes
        return options
    }

    /// Options of streams, which have no deadline: heartbeats and keepalive end them.
    package static var streamOptions: CallOptions {
        var options = callOptions
        options.timeout = nil
        return options
    }

    private static func target(_ address: String) throws -> any ResolvableTarget {
        let (host, port) = try split(address)
        return switch IPAddress(host)?.family {
        case .v4: .ipv4(address: host, port: port)
        case .v6: .ipv6(address: host, port: port)
        case nil: .dns(host: host, port: port)
        }
    }

    /// Whether a certificate is one that a root of ours has signed, and of which the time is over: its node may ask for a new one.
    private static func isExpired(_ shown: [Certificate], roots: [Certificate]) -> Bool {
        guard shown.count == 1, let leaf = shown.first, leaf.notValidAfter < Date() else { return false }
        return roots.contains {
            $0.subject == leaf.issuer && $0.publicKey.isValidSignature(leaf.signature, for: leaf)
        }
    }

    private static func member(_ shown: [Certificate], roots: [Certificate], clusterID: String?) async -> Member? {
        guard let chain = await CertificateCheck.chain(of: shown, roots: roots), let leaf = chain.first else {
            return nil
        }
        do {
            let member = try Member(of: leaf)
            return clusterID == nil || clusterID == member.clusterID ? member : nil
        } catch {
            return nil
        }
    }
}
