import NIOCore
import NIOPosix

/// Hands the octets of one connection on to another and back. Reads are asked for only when the other side could write,
/// so that a slow reader slows the writer down instead of filling memory.
final class Relay: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How long the far side may take to accept.
    private static let connectDeadline = TimeAmount.seconds(5)

    private var context: ChannelHandlerContext?
    private var partner: Relay?
    private var waitsToRead = false

    private init() {}

    /// Connects an accepted connection with `address`, on the same event loop: both halves are touched there only.
    static func install(in channel: any Channel, to address: String, port: Int) -> EventLoopFuture<Void> {
        install(in: channel) { $0.connect(host: address, port: port) }
    }

    /// - Parameter connect: Connects the far side, on the accepted connection's event loop.
    static func install(
        in channel: any Channel, by connect: (ClientBootstrap) -> EventLoopFuture<any Channel>
    ) -> EventLoopFuture<Void> {
        let near = NIOLoopBound(Relay(), eventLoop: channel.eventLoop)
        let far = NIOLoopBound(Relay(), eventLoop: channel.eventLoop)
        near.value.partner = far.value
        far.value.partner = near.value
        let bootstrap = ClientBootstrap(group: channel.eventLoop)
            .connectTimeout(connectDeadline)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { other in
                other.eventLoop.makeCompletedFuture { try other.pipeline.syncOperations.addHandler(far.value) }
            }
        return connect(bootstrap)
            .flatMap { _ in
                channel.setOption(.allowRemoteHalfClosure, value: true).flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(near.value)
                }
            }
            .flatMapErrorThrowing { error in
                channel.close(promise: nil)
                throw error
            }
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        partner = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        partner?.context?.write(data, promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) { partner?.context?.flush() }

    func channelInactive(context: ChannelHandlerContext) {
        partner?.context?.close(promise: nil)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed {
            partner?.context?.close(mode: .output, promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, let partner, partner.waitsToRead {
            partner.waitsToRead = false
            partner.context?.read()
        }
        context.fireChannelWritabilityChanged()
    }

    func read(context: ChannelHandlerContext) {
        if partner?.context?.channel.isWritable ?? true { context.read() } else { waitsToRead = true }
    }
}
