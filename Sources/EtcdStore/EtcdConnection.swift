import Faults
import GRPCCore
import GRPCNIOTransportHTTP2
package import Logging
import StateStore

/// The connection to the etcd of this node, over its Unix socket. Calls work while ``run()`` runs; it reconnects by itself.
package final class EtcdConnection: Sendable {
    /// For calls that answer at once.
    static let callDeadline = Duration.seconds(5)
    /// For calls that block etcd while they work, as defragmentation.
    static let maintenanceDeadline = Duration.seconds(120)
    /// The largest message taken; lists are paged and watches fragmented to stay below.
    static let maximumMessageBytes = 16 << 20

    let client: GRPCClient<HTTP2ClientTransport.Posix>
    let logger: Logger

    /// - Parameter socket: Path of the socket, at most 107 bytes.
    package init(socket: String, logger: Logger) throws {
        var config = HTTP2ClientTransport.Posix.Config.defaults
        config.backoff = .init(initial: .milliseconds(50), max: .seconds(1), multiplier: 1.6, jitter: 0.2)
        config.http2.targetWindowSize = 1 << 20
        config.http2.authority = "localhost"
        config.connection.maxIdleTime = nil
        config.channelDebuggingCallbacks.onCreateTCPConnection = PingShield.install(on:)
        let transport = try HTTP2ClientTransport.Posix(
            target: .unixDomainSocket(path: socket, authority: "localhost"), transportSecurity: .plaintext,
            config: config)
        client = GRPCClient(transport: transport)
        self.logger = logger
    }

    /// Keeps the connection until cancelled.
    package func run() async throws { try await client.runConnections() }

    var kv: Etcdserverpb_KV.Client<HTTP2ClientTransport.Posix> { .init(wrapping: client) }
    var watches: Etcdserverpb_Watch.Client<HTTP2ClientTransport.Posix> { .init(wrapping: client) }
    var leases: Etcdserverpb_Lease.Client<HTTP2ClientTransport.Posix> { .init(wrapping: client) }
    var cluster: Etcdserverpb_Cluster.Client<HTTP2ClientTransport.Posix> { .init(wrapping: client) }
    var maintenance: Etcdserverpb_Maintenance.Client<HTTP2ClientTransport.Posix> { .init(wrapping: client) }

    /// What every call carries. A call made while the connection is down waits for it, as long as its deadline allows.
    static func options(deadline: Duration?) -> CallOptions {
        var options = CallOptions.defaults
        options.timeout = deadline
        options.waitForReady = true
        // The transport takes its limit for responses from the one for requests (grpc-swift-nio-transport 2.9); both for the day it is mended.
        options.maxRequestMessageBytes = maximumMessageBytes
        options.maxResponseMessageBytes = maximumMessageBytes
        return options
    }

    /// Runs a call and says in the store's terms how it failed.
    ///
    /// - Parameter writing: Whether a call without an answer may have changed something.
    static func call<T>(
        _ attempting: String, writing: Bool = false, _ body: () async throws -> T
    ) async throws -> T {
        do {
            return try await body()
        } catch let error as RPCError {
            if Task.isCancelled { throw CancellationError() }
            throw StateStoreError(error, attempting, writing: writing)
        }
    }
}

extension StateStoreError {
    /// Translates a refused or failed call. etcd tells some refusals apart by their text alone (its `rpctypes/error.go`).
    init(_ error: RPCError, _ attempting: String, writing: Bool) {
        let code: Code =
            switch error.code {
            case .deadlineExceeded: writing ? .outcomeUnknown : .unavailable
            case .unavailable:
                writing && !Self.refusedBeforeWriting.contains(where: error.message.hasSuffix)
                    ? .outcomeUnknown : .unavailable
            case .cancelled, .unknown, .aborted: writing ? .outcomeUnknown : .unavailable
            case .resourceExhausted where error.message.contains("space exceeded"): .full
            case .resourceExhausted where error.message.contains("too many requests"): .unavailable
            case .resourceExhausted: .tooLarge
            case .invalidArgument where error.message.contains("too large"): .tooLarge
            // The first revision that is usable is not told here; the caller lists again in any case.
            case .outOfRange: .compacted(firstUsable: 0)
            default: .unexpected
            }
        self.init(code, attempting, detail: "\(error.code): \(error.message)")
    }

    /// Answers `unavailable` after which nothing can have been written. "server stopped" is none: a member that ends says so of writes that it
    /// has proposed already, which the others may carry out (etcd's `EtcdServer.processInternalRaftRequestOnce`).
    private static let refusedBeforeWriting = ["no leader", "rpc not supported for learner", "unhealthy cluster"]
}

/// Keeps the request side of a call open until the call is over, which cancels this.
func untilCancelled() async throws {
    while true { try await Task.sleep(for: .seconds(3600)) }
}
