import NIOCore

/// One message a datagram. Reads no more than it can have answered: what comes meanwhile waits in the kernel, which bounds it. What came together is
/// answered together, with one call of the kernel for all.
final class DatagramHandler: ChannelInboundHandler, QuerySource {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    /// Datagrams that are read with one call of the kernel, and answered before others have their turn if that does not take longer than it may.
    static let together = 16
    /// With so many that wait for their turn no more are read.
    private static let mostWaiting = 32
    /// How long those that came together keep others waiting: a quarter of a turn.
    private static let longest = TimeAmount.microseconds(250)

    private let desk: QueryHandler
    private var context: ChannelHandlerContext?
    private var waiting = CircularBuffer<(client: SocketAddress, query: [UInt8])>()
    private var isReading = false
    private var isInLine = false
    private var isServing = false

    init(_ desk: QueryHandler) { self.desk = desk }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) { goOn() }

    /// A copy: those that were read together share a buffer for as many of the largest.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        waiting.append((envelope.remoteAddress, Array(envelope.data.readableBytesView)))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        goOn()
    }

    private func goOn() {
        if !waiting.isEmpty, !isInLine {
            isInLine = true
            desk.line.enter(self)
        }
        if waiting.count < Self.mostWaiting, !isReading {
            isReading = true
            context?.read()
        }
    }

    func serveNext() {
        isInLine = false
        isServing = true
        let end = NIODeadline.now() + Self.longest
        for _ in 0..<Self.together {
            guard let (client, query) = waiting.popFirst() else { break }
            desk.answer(query, over: .udp) { octets in
                guard let octets, let context = self.context else { return }
                let reply = AddressedEnvelope(remoteAddress: client, data: ByteBuffer(bytes: octets))
                context.write(self.wrapOutboundOut(reply), promise: nil)
                // One from an upstream comes alone.
                if !self.isServing { context.flush() }
            }
            if NIODeadline.now() >= end { break }
        }
        isServing = false
        context?.flush()
        goOn()
    }

    /// A reply that cannot be delivered (the client has gone: ECONNREFUSED) is the client's affair.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        isReading = false
        goOn()
    }
}

/// Messages with two octets of length before each. RFC 1035 §4.2.2, RFC 7766.
///
/// A client that asks and does not read the answers, or asks faster than it is answered, is not read from meanwhile.
final class ConnectionHandler: ChannelInboundHandler, QuerySource {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A connection on which no query has come to its end and no answer has gone out for this long is closed, whatever else
    /// trickles in. RFC 7766 §6.2.3.
    static let idleTime = TimeAmount.seconds(10)
    /// Octets read at once; with the rest of a query before them they are all that is kept of a client's.
    static let readLength = 4096
    /// Queries of one connection that are being answered.
    private static let mostOpen = 16

    private let desk: QueryHandler
    private var context: ChannelHandlerContext?
    private var buffer = ByteBuffer()
    private var open = 0
    private var isReading = false
    private var isInLine = false
    private var hasInputEnded = false
    private var lastProgress = NIODeadline.now()
    private var watch: Scheduled<Void>?

    init(_ desk: QueryHandler) { self.desk = desk }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        watch?.cancel()
    }

    func channelActive(context: ChannelHandlerContext) {
        watchProgress(context)
        goOn()
    }

    private func watchProgress(_ context: ChannelHandlerContext) {
        let deadline = lastProgress + Self.idleTime
        if deadline <= .now() { return context.close(promise: nil) }
        watch = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            if let context = self.context { self.watchProgress(context) }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var more = unwrapInboundIn(data)
        buffer.writeBuffer(&more)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        goOn()
    }

    /// The length of the query at the buffer's beginning, once it can be decided about: there as a whole, or longer than any.
    private var nextLength: Int? {
        guard let number = buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) else { return nil }
        let length = Int(clamping: number)
        let needed = length > Resolver.largestQuery ? MessageHeader.length : length
        return buffer.readableBytes >= 2 + needed ? length : nil
    }

    private func goOn() {
        guard let context, context.channel.isActive else { return }
        if nextLength != nil {
            if !isInLine, open < Self.mostOpen, context.channel.isWritable {
                isInLine = true
                desk.line.enter(self)
            }
        } else if !hasInputEnded {
            guard !isReading else { return }
            isReading = true
            context.read()
        } else if open == 0 {
            context.close(promise: nil)
        }
    }

    func serveNext() {
        isInLine = false
        defer { goOn() }
        guard let length = nextLength, let context, context.channel.isWritable else { return }
        lastProgress = .now()
        buffer.moveReaderIndex(forwardBy: 2)
        open += 1
        if length > Resolver.largestQuery {
            // What follows is not read, so this was the last.
            hasInputEnded = true
            let head = buffer.readBytes(length: MessageHeader.length) ?? []
            buffer.clear()
            if case .refusal(let refusal) = Resolver.admission(of: head, length: length) {
                answer(refusal)
            } else {
                answer(nil)
            }
        } else {
            let query = buffer.readBytes(length: length) ?? []
            buffer.discardReadBytes()
            desk.answer(query, over: .tcp) { self.answer($0) }
        }
    }

    private func answer(_ octets: [UInt8]?) {
        open -= 1
        guard let context else { return }
        if let octets, let length = UInt16(exactly: octets.count) {
            var reply = ByteBuffer()
            reply.writeInteger(length)
            reply.writeBytes(octets)
            context.writeAndFlush(wrapOutboundOut(reply)).assumeIsolated().whenSuccess { self.lastProgress = .now() }
        }
        if !isInLine { goOn() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        goOn()
        context.fireChannelWritabilityChanged()
    }

    /// A client may say that it asks no more and still wait for answers.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent {
            hasInputEnded = true
            goOn()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Takes connections while there is room for them; the others wait in the kernel, which bounds them.
final class AcceptHandler: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private static let pause = TimeAmount.seconds(1)

    private let desk: QueryHandler
    private var context: ChannelHandlerContext?
    private var hasRoom = false
    private var isReading = false
    private var isPausing = false

    init(_ desk: QueryHandler) { self.desk = desk }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        if hasRoom { desk.connections.giveBack() }
        hasRoom = false
    }

    func channelActive(context: ChannelHandlerContext) {
        goOn()
        context.fireChannelActive()
    }

    /// At most one a read: a place is taken before each.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        hasRoom = false
        unwrapInboundIn(data).closeFuture.hop(to: context.eventLoop).assumeIsolated().whenComplete { _ in
            self.desk.connections.giveBack()
            self.goOn()
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        goOn()
        context.fireChannelReadComplete()
    }

    private func goOn() {
        guard let context, !isReading, !isPausing else { return }
        if !hasRoom { hasRoom = desk.connections.take() }
        guard hasRoom else { return }
        isReading = true
        context.read()
    }

    /// Without descriptors left nothing can be accepted: it is tried again after a while.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        isReading = false
        guard !isPausing else { return }
        isPausing = true
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.isPausing = false
            self.goOn()
        }
    }
}
