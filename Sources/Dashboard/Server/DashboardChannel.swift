import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
import NIOSSL
import NIOTLS
import Synchronization

/// A browser's connection: TLS with HTTP/1.1 or HTTP/2, within bounds.
struct DashboardChannel: HTTPChannelHandler {
    typealias Value = HTTP2UpgradeChannel.Value

    let base: HTTP2UpgradeChannel
    let bounds: DashboardBounds
    var responder: HTTPChannelHandler.Responder { base.responder }

    init(tls: TLSConfiguration, bounds: DashboardBounds, responder: @escaping HTTPChannelHandler.Responder) throws {
        var streams = HTTP1Channel.Configuration(
            additionalChannelHandlers: [DepartureHandler()], idleTimeout: .seconds(75),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: 8 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100))
        streams.idleTimeout = .seconds(75)
        base = try HTTP2UpgradeChannel(
            tlsConfiguration: tls,
            configuration: HTTP2ChannelConfiguration(
                idleTimeout: .seconds(75), gracefulCloseTimeout: .seconds(5), streamConfiguration: streams),
            responder: responder)
        self.bounds = bounds
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let handler = HandshakeHandler(bounds, address: channel.remoteAddress?.ipAddress ?? "")
        guard handler.hasEntered else {
            return channel.close().flatMapThrowing { throw ChannelError.ioOnClosedChannel }
        }
        let value = base.setup(channel: channel, logger: logger)
        do {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(handler, position: .after(try pipeline.handler(type: NIOSSLServerHandler.self)))
        } catch {
            handler.leave()
            return channel.eventLoop.makeFailedFuture(error)
        }
        return value
    }

    func handle(value: Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}

/// How many connections there may be, altogether and from one address.
final class DashboardBounds: Sendable {
    private struct Counts {
        var all = 0
        var byAddress: [String: Int] = [:]
    }
    private let counts = Mutex(Counts())
    private let maximum: Int
    private let perAddress: Int
    /// How long a client may take for its part of the handshake.
    let handshake: TimeAmount

    init(maximum: Int, perAddress: Int, handshake: TimeAmount) {
        self.handshake = handshake
        self.maximum = maximum
        self.perAddress = perAddress
    }

    func enter(_ address: String) -> Bool {
        counts.withLock { counts in
            guard counts.all < maximum, counts.byAddress[address, default: 0] < perAddress else { return false }
            counts.all += 1
            counts.byAddress[address, default: 0] += 1
            return true
        }
    }

    func leave(_ address: String) {
        counts.withLock { counts in
            counts.all -= 1
            let rest = counts.byAddress[address, default: 1] - 1
            counts.byAddress[address] = rest > 0 ? rest : nil
        }
    }
}

/// Behind the TLS handler: closes a connection whose handshake takes too long, and counts it out when it is gone.
private final class HandshakeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let bounds: DashboardBounds
    private let address: String
    private(set) var hasEntered: Bool
    private var deadline: Scheduled<Void>?

    init(_ bounds: DashboardBounds, address: String) {
        self.address = address
        self.bounds = bounds
        hasEntered = bounds.enter(address)
    }

    func leave() {
        deadline?.cancel()
        if hasEntered { bounds.leave(address) }
        hasEntered = false
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: bounds.handshake) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { deadline?.cancel() }
        context.fireUserInboundEventTriggered(event)
    }
}
