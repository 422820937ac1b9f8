import Addressing
import Faults
import LinuxSystem
import Logging
import NIOCore
import NIOPosix
import NameService

/// What answers at the internet host: a resolver that knows `google.com`, a web server that says who asks, and a way to
/// the registry on this machine's loopback; on this machine, if wanted, a way to the dashboard. The process itself stays in this machine's own network; its sockets are in
/// the internet host's.
package struct InternetHost: Sendable {
    /// The names that have the internet host's own address.
    static let names = ["google.com", "www.google.com", "internet.test"]
    static let webPort: UInt16 = 80

    let paths: LabPaths
    let addresses: [IPAddress]
    let registry: (address: String, port: Int)
    let forward: DashboardForward?
    let log = Logger(label: "internet")

    /// - Parameters:
    ///   - registry: `ADDRESS:PORT` as seen from this process.
    ///   - dashboardPort: Of this machine's loopback, for the first manager's dashboard; `nil` for none.
    package init(
        lab: String, underlay: LabUnderlay = LabUnderlay(), registry: String, dashboardPort: UInt16? = nil
    ) throws {
        paths = try LabPaths(name: lab)
        addresses = underlay.internet.all
        let parts = registry.split(separator: ":")
        guard parts.count == 2, let port = Int(parts[1]), (1...65_535).contains(port) else {
            throw APIError(.invalidInput, "invalid registry address \"\(registry)\": ADDRESS:PORT is wanted")
        }
        self.registry = (String(parts[0]), port)
        let namespace = paths.network(DashboardForward.manager)
        forward = dashboardPort.map { DashboardForward(namespace: namespace, listening: $0) }
    }

    /// Serves until the task is cancelled or one of the sockets fails.
    package func run() async throws {
        let namespace = paths.network("internet")
        let names = NameServer(log: log)
        let zone = Dictionary(uniqueKeysWithValues: Self.names.map { ($0, addresses) })
        let group = MultiThreadedEventLoopGroup.singleton
        let target = registry
        var channels: [any Channel] = []
        for address in addresses {
            _ = try await names.open(
                "\(address)", namespace: namespace, at: address, port: 53,
                table: NameTable(networks: [.init(name: "internet", names: zone)], forwards: false),
                upstreams: Upstreams([]))
            channels.append(
                try await listen(at: address, Self.webPort, in: namespace, group) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(EchoingWebHandler())
                    }
                })
        }
        if let dashboard = try await forward?.open(group) { channels.append(dashboard) }
        for address in addresses {
            channels.append(
                try await listen(at: address, LabUnderlay.registryPort, in: namespace, group) { channel in
                    Relay.install(in: channel, to: target.address, port: target.port)
                })
        }
        log.info("the internet host answers", metadata: ["lab": "\(paths.name)"])
        let open = channels
        try await withTaskCancellationHandler {
            for channel in open { try await channel.closeFuture.get() }
        } onCancel: {
            for channel in open { channel.close(promise: nil) }
        }
        for address in addresses { await names.close("\(address)") }
    }

    private func listen(
        at address: IPAddress, _ port: UInt16, in namespace: NetworkNamespace, _ group: MultiThreadedEventLoopGroup,
        _ initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) async throws -> any Channel {
        let socket = try await namespace.run {
            try ListeningSocket.open(at: address, port: port).release()
        }
        return try await ServerBootstrap(group: group)
            .childChannelInitializer(initializer)
            .withBoundSocket(socket).get()
    }
}

/// Answers any HTTP request with the client's address, and closes.
private final class EchoingWebHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A request's head may be this long.
    private static let largestHead = 16 << 10

    private var head: [UInt8] = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        head += Array(unwrapInboundIn(data).readableBytesView)
        guard head.firstRange(of: Array("\r\n\r\n".utf8)) != nil else {
            if head.count > Self.largestHead { context.close(promise: nil) }
            return
        }
        let body = "internet: you are \(context.remoteAddress?.ipAddress ?? "unknown")\n"
        let reply =
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n"
            + "Connection: close\r\n\r\n" + body
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: reply)))
            .whenComplete { _ in channel.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
