import NIOCore
import NIOHTTP2

/// Answers etcd's PINGs before the HTTP/2 handler counts them.
///
/// etcd sends a PING after each DATA frame it reads (bandwidth estimate of grpc-go); swift-nio-http2 closes a connection that receives more
/// than 200 in 30 s. Without this, a client that writes one call after another is cut off after 199. It answers without limit, which is
/// right only for a server that we run ourselves.
final class PingShield: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = IOData

    private var filter = PingFilter()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let (passing, pings) = filter.receive(unwrapInboundIn(data))
        if !pings.isEmpty {
            let answers = context.channel.allocator.buffer(bytes: pings.flatMap(PingFilter.answer(to:)))
            context.writeAndFlush(wrapOutboundOut(.byteBuffer(answers)), promise: nil)
        }
        if passing.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(passing)) }
    }

    /// Puts a shield in front of a new connection's HTTP/2 handler.
    static func install(on channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let handler = try pipeline.handler(type: NIOHTTP2Handler.self)
            try pipeline.addHandler(PingShield(), position: .before(handler))
        }
    }
}
