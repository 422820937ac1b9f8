import NIOCore

/// One message a datagram.
final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let desk: QueryDesk

    init(_ desk: QueryDesk) { self.desk = desk }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let channel = context.channel
        let client = envelope.remoteAddress
        desk.answer(Array(envelope.data.readableBytesView), over: .udp) { octets in
            channel.writeAndFlush(
                AddressedEnvelope(remoteAddress: client, data: ByteBuffer(bytes: octets)), promise: nil)
        }
    }

    /// A reply that cannot be delivered (the client has gone: ECONNREFUSED) is the client's affair.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}

/// Messages with two octets of length before each. RFC 1035 §4.2.2, RFC 7766.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A connection without a query for this long is closed. RFC 7766 §6.2.3.
    static let idleTime = TimeAmount.seconds(10)

    private let desk: QueryDesk
    private var counted = false

    private init(_ desk: QueryDesk) { self.desk = desk }

    func channelActive(context: ChannelHandlerContext) {
        counted = Quota.take([desk.connections])
        if counted { context.fireChannelActive() } else { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if counted { Quota.giveBack([desk.connections]) }
        counted = false
        context.fireChannelInactive()
    }

    static func install(in channel: any Channel, _ desk: QueryDesk) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(IdleStateHandler(allTimeout: idleTime))
        try pipeline.addHandler(ByteToMessageHandler(LengthPrefixDecoder()))
        try pipeline.addHandler(ConnectionHandler(desk))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let channel = context.channel
        desk.answer(Array(unwrapInboundIn(data).readableBytesView), over: .tcp) { octets in
            var buffer = ByteBuffer()
            buffer.writeInteger(UInt16(octets.count))
            buffer.writeBytes(octets)
            channel.writeAndFlush(buffer, promise: nil)
        }
    }

    /// A client that asks and does not read the answers is not read from either, so that they do not pile up here; it is idle then.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let channel = context.channel
        channel.setOption(.autoRead, value: channel.isWritable).whenFailure { _ in channel.close(promise: nil) }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

private struct LengthPrefixDecoder: ByteToMessageDecoder {
    typealias InboundOut = ByteBuffer

    mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) -> DecodingState {
        guard let message = buffer.readLengthPrefixedSlice(as: UInt16.self) else { return .needMoreData }
        context.fireChannelRead(wrapInboundOut(message))
        return .continue
    }

    mutating func decodeLast(
        context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool
    ) -> DecodingState {
        while case .continue = decode(context: context, buffer: &buffer) {}
        return .needMoreData
    }
}
