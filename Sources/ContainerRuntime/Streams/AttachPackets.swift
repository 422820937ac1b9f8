import NIOCore

/// conmon's attach socket: one packet out is a stream number and data, one packet in is at most 32768 bytes of data
/// (conmon, `conn_sock.c`).
///
/// Packets in are written one by one, each after the one before has been taken by the kernel: two in one gathering
/// write would become one packet, and what is beyond 32768 bytes is lost.
final class AttachPackets: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = OutputPiece
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    static let maximumInput = 32768
    /// conmon sends 8193 bytes at most; NIO must offer room for a whole packet.
    static let receiveBytes = 16384

    private var waiting: CircularBuffer<(ByteBuffer, EventLoopPromise<Void>?)> = []
    private var isWriting = false
    private var isDead = false
    private var outputClose: (CloseMode, EventLoopPromise<Void>?)?
    private let hub: StreamHub

    init(hub: StreamHub) { self.hub = hub }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var packet = unwrapInboundIn(data)
        guard let number: UInt8 = packet.readInteger(), packet.readableBytes > 0 else { return }
        let isFull = hub.deliver(OutputPiece(stream: number == 3 ? .error : .output, bytes: packet))
        if isFull { hub.reconsiderReading() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isDead = true
        while let (_, promise) = waiting.popFirst() { promise?.fail(ChannelError.ioOnClosedChannel) }
        outputClose?.1?.succeed()
        outputClose = nil
        hub.upstreamEnded(context.channel)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset means that conmon is gone; whoever waits for its end learns why.
        context.close(promise: nil)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var bytes = unwrapOutboundIn(data)
        while bytes.readableBytes > Self.maximumInput, let chunk = bytes.readSlice(length: Self.maximumInput) {
            waiting.append((chunk, nil))
        }
        waiting.append((bytes, promise))
        writeNext(context)
    }

    /// Every packet is flushed on its own.
    func flush(context: ChannelHandlerContext) {}

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output, isWriting || !waiting.isEmpty {
            outputClose = (mode, promise)
        } else {
            context.close(mode: mode, promise: promise)
        }
    }

    private func writeNext(_ context: ChannelHandlerContext) {
        guard !isWriting, !isDead else { return }
        guard let (chunk, promise) = waiting.popFirst() else {
            if let (mode, closed) = outputClose {
                outputClose = nil
                context.close(mode: mode, promise: closed)
            }
            return
        }
        // An empty packet would be the end of the input.
        guard chunk.readableBytes > 0 else {
            promise?.succeed()
            return writeNext(context)
        }
        isWriting = true
        let done = context.eventLoop.makePromise(of: Void.self)
        done.futureResult.assumeIsolated().whenComplete { result in
            self.isWriting = false
            switch result {
            case .success: promise?.succeed()
            case .failure(let error): promise?.fail(error)
            }
            self.writeNext(context)
        }
        context.writeAndFlush(wrapOutboundOut(chunk), promise: done)
    }
}
