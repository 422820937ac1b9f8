package import EngineInterface
import Faults
import HTTPTypes
import HummingbirdCore
package import Logging
package import NIOCore
import NIOHTTPTypes
import ServiceLifecycle

/// Serves this node's metrics, and the swarm's if asked to, over TCP, as dockerd does with `--metrics-addr`: nothing else, to whoever can connect, unencrypted.
///
/// A connection is closed after one answer, and after ``Configuration/longest`` whatever it does. A server that cannot listen says so and leaves the rest of the
/// daemon alone.
package struct MetricsServer: Service {
    /// Where to serve, and how much.
    package struct Configuration: Sendable {
        package var host: String
        package var port: Int
        /// Whether a manager serves the whole swarm's as well.
        package var servesCluster = false
        /// Of Apus itself, as in the `Server` header.
        package var productVersion = ""
        /// Connections at one time.
        package var maximumConnections = 16
        /// How long a client may take for its request's head.
        package var firstRequest = TimeAmount.seconds(10)
        /// How long an answer may take.
        package var longest = TimeAmount.seconds(60)

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    private let configuration: Configuration
    private let backend: any MetricsBackend
    private let group: any EventLoopGroup
    private let logger: Logger
    private let onReady: @Sendable (SocketAddress?) async -> Void

    /// - Parameter onReady: Called with the address when clients can connect.
    package init(
        _ configuration: Configuration, backend: any MetricsBackend, eventLoopGroup: any EventLoopGroup, logger: Logger,
        onReady: @escaping @Sendable (SocketAddress?) async -> Void = { _ in }
    ) {
        self.backend = backend
        self.configuration = configuration
        self.logger = logger
        self.onReady = onReady
        group = eventLoopGroup
    }

    package func run() async throws {
        let server = Server(
            childChannelSetup: EngineChannel(
                responder: { request, _, channel in await serve(request, on: ServerConnection(channel: channel)) },
                bounds: ConnectionBounds(
                    maximum: configuration.maximumConnections, firstRequest: configuration.firstRequest)),
            configuration: ServerConfiguration(
                address: .hostname(configuration.host, port: configuration.port)),
            onServerRunning: { [onReady] channel in await onReady(channel.localAddress) },
            eventLoopGroup: group, logger: logger)
        do { try await server.run() } catch let error where !(error is CancellationError) {
            logger.error(
                "metrics are not served",
                metadata: ["address": "\(configuration.host):\(configuration.port)", "error": "\(error)"])
            try await gracefulShutdown()
        }
    }

    private func serve(_ request: Request, on connection: ServerConnection) async {
        let channel = connection.channel
        let deadline = channel.eventLoop.scheduleTask(in: configuration.longest) { channel.close(promise: nil) }
        defer { deadline.cancel() }
        var (status, type, body) = (
            HTTPResponse.Status.notFound, "text/plain; charset=utf-8", ByteBuffer(string: "404 page not found\n")
        )
        do {
            // What the whole swarm uses is not for whoever can connect, unless that is wanted.
            if configuration.servesCluster || MetricsRoutes.pages[request.uri.path]?.isOfCluster != true,
                case .whole(let found, let fields, let bytes)? = try await MetricsRoutes.answer(
                    request, path: request.uri.path, backend)
            {
                (status, type, body) = (found, fields[.contentType] ?? type, bytes)
            }
        } catch {
            logger.error("metrics could not be told", metadata: ["error": "\(error)"])
            (status, body) = (.internalServerError, ByteBuffer(string: "metrics cannot be told at present\n"))
        }
        var fields = CommonFields(productVersion: configuration.productVersion).fields
        fields[.contentType] = type
        fields[.connection] = "close"
        fields[.contentLength] = "\(body.readableBytes)"
        channel.write(HTTPResponsePart.head(HTTPResponse(status: status, headerFields: fields)), promise: nil)
        if request.method != .head { channel.write(HTTPResponsePart.body(body), promise: nil) }
        do {
            try await connection.write(.end(nil))
        } catch {
            logger.debug("an answer could not be written", metadata: ["error": "\(error)"])
        }
        channel.close(promise: nil)
    }
}
