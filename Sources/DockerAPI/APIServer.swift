import Faults
import HummingbirdCore
package import Logging
package import NIOCore
import ServiceLifecycle
import Synchronization

/// Serves the Docker Engine API on one Unix socket until the service group shuts down gracefully.
///
/// A shutdown ends streams and hijacked sessions; other requests are answered first.
package struct APIServer: Service {
    /// Where to serve, for whom, and how much.
    package struct Configuration: Sendable {
        package var socketPath = "/var/run/docker.sock"
        /// Group that may use the socket; it stays with the daemon's own group if there is none of that name.
        package var socketGroup: String? = "docker"
        /// Where clients look that are told nothing: when another daemon has it, or it cannot be placed, this server leaves it alone
        /// and waits for its end.
        package var isOptional = false
        /// Of Apus itself, as in the `Server` header.
        package var productVersion = ""
        /// Connections at one time.
        package var maximumConnections = 4096
        /// How long a client may take for the head of its first request.
        package var firstRequest = TimeAmount.seconds(30)
        package init() {}
    }

    private let configuration: Configuration
    private let dispatcher: RequestDispatcher
    private let group: any EventLoopGroup
    private let logger: Logger
    private let onReady: @Sendable () async -> Void

    /// - Parameter onReady: Called when clients can connect.
    package init(
        _ configuration: Configuration, backends: Backends, eventLoopGroup: any EventLoopGroup, logger: Logger,
        onReady: @escaping @Sendable () async -> Void = {}
    ) {
        self.configuration = configuration
        self.logger = logger
        self.onReady = onReady
        dispatcher = RequestDispatcher(backends: backends, productVersion: configuration.productVersion, logger: logger)
        group = eventLoopGroup
    }

    /// - Throws: ``APIError``: `.conflict` when another daemon serves this socket, `.internalError` when it cannot be placed.
    package func run() async throws {
        let place = SocketPlace(path: configuration.socketPath, group: configuration.socketGroup)
        let lock: CInt
        do {
            lock = try place.take()
        } catch {
            guard configuration.isOptional else { throw error }
            logger.notice("not served: \(error)", metadata: ["socket": "\(configuration.socketPath)"])
            return try await gracefulShutdown()
        }
        let published = Mutex<SocketPlace.Identity?>(nil)
        defer { place.release(lock, published: published.withLock { $0 }) }
        let failure = Mutex<(any Error)?>(nil)
        let server = Server(
            childChannelSetup: EngineChannel(
                responder: { [dispatcher] request, _, channel in
                    await dispatcher.serve(request, on: ServerConnection(channel: channel))
                },
                bounds: ConnectionBounds(
                    maximum: configuration.maximumConnections, firstRequest: configuration.firstRequest)),
            configuration: ServerConfiguration(address: .unixDomainSocket(path: place.bindPath)),
            onServerRunning: { [onReady] channel in
                do {
                    let identity = try place.publish()
                    published.withLock { $0 = identity }
                    await onReady()
                } catch {
                    failure.withLock { $0 = error }
                    channel.close(promise: nil)
                }
            },
            eventLoopGroup: group, logger: logger)
        try await server.run()
        if let error = failure.withLock({ $0 }) { throw error }
    }
}
