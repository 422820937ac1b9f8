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
    package struct Configuration: Sendable {
        package var socketPath = "/var/run/docker.sock"
        /// Group that may use the socket; it stays with the daemon's own group if there is none of that name.
        package var socketGroup: String? = "docker"
        /// Of Apus itself, as in the `Server` header.
        package var productVersion = ""
        /// Connections at one time.
        package var maximumConnections = 4096
        /// How long a client may take for the head of its first request.
        package var firstRequest = TimeAmount.seconds(30)
        package init() {}
    }

    private let configuration: Configuration
    private let dispatcher: Dispatcher
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
        dispatcher = Dispatcher(backends: backends, productVersion: configuration.productVersion, logger: logger)
        group = eventLoopGroup
    }

    /// - Throws: ``Refusal``: `.conflict` when another daemon serves this socket, `.defect` when it cannot be placed.
    package func run() async throws {
        let place = SocketPlace(path: configuration.socketPath, group: configuration.socketGroup)
        let lock = try place.take()
        defer { place.release(lock) }
        let failure = Mutex<(any Error)?>(nil)
        let server = Server(
            childChannelSetup: EngineChannel(
                responder: { [dispatcher] request, _, channel in
                    await dispatcher.serve(request, on: Connection(channel: channel))
                },
                bounds: ConnectionBounds(
                    maximum: configuration.maximumConnections, firstRequest: configuration.firstRequest)),
            configuration: ServerConfiguration(address: .unixDomainSocket(path: place.bindPath)),
            onServerRunning: { [onReady] channel in
                do {
                    try place.publish()
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
