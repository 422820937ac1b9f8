import NIOCore
import NIOHTTP1

/// Stands between the HTTP/1 codec and everything above, and lets a request take its connection out of HTTP.
///
/// In HTTP mode it closes the connection after a response where the client expects that, tells a running response that its
/// client has gone, and answers `Expect: 100-continue`. In raw mode it hands bytes to the session that took the
/// connection over. All of it happens on the channel's event loop.
final class ConnectionUpgradeHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// What the answer to a request depends on.
    private struct Asked {
        /// It is the connection's last.
        var closes: Bool
        /// HTTP/1.0 knows no chunks: the encoder makes none for it, and the end of the connection is the end of the body. Source: RFC 9112, 6.1.
        var isOld: Bool
    }

    private enum Mode {
        case http
        case raw(RawInput.Source)
    }

    private let encoder: HTTPResponseEncoder
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private var mode = Mode.http
    private var context: ChannelHandlerContext?
    /// The requests that are not answered yet, the oldest first.
    private var unanswered = CircularBuffer<Asked>()
    private var continueIsExpected = false
    private var isGone = false
    private var isQuiescing = false
    private var whenGone: (@Sendable () -> Void)?
    private var wantsInput = true

    init(encoder: HTTPResponseEncoder, decoder: ByteToMessageHandler<HTTPRequestDecoder>) {
        self.decoder = decoder
        self.encoder = encoder
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        endInput()
        self.context = nil
    }

    // MARK: - What a request asks for

    /// Calls `body` once when the client has closed its side or the connection ended, at once if it has already.
    func onClientGone(_ body: @escaping @Sendable () -> Void) {
        if isGone { body() } else { whenGone = body }
    }

    func forgetClientGone() { whenGone = nil }

    /// Tells a client that waits for it that the body may be sent.
    func continueIfExpected() {
        guard continueIsExpected, let context else { return }
        continueIsExpected = false
        context.writeAndFlush(wrapOutboundOut(.head(.init(version: .http1_1, status: .continue))), promise: nil)
    }

    /// Ends HTTP on this connection and writes `head` as it is.
    ///
    /// Order matters: raw mode first, so that no late part from above is written; the encoder before the head, as it would
    /// trap on bytes; the decoder last, which gives what it has read too far to this handler.
    func hijack(head: ByteBuffer) throws -> EventLoopFuture<RawInput> {
        // A session that begins after the server was told to end would not be told again.
        guard let context, case .http = mode, context.channel.isActive, !isQuiescing else {
            throw ChannelError.ioOnClosedChannel
        }
        let new = RawInput.makeSequence(
            backPressureStrategy: .init(lowWatermark: RawSession.lowWatermark, highWatermark: RawSession.highWatermark),
            finishOnDeinit: false, delegate: RawInputDemand(channel: context.channel))
        mode = .raw(new.source)
        let pipeline = context.pipeline.syncOperations
        let encoderIsGone = pipeline.removeHandler(encoder)
        let decoderIsGone = pipeline.removeHandler(decoder)
        if isGone { endInput() }
        let promise = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(NIOAny(head), promise: promise)
        context.read()
        return encoderIsGone.and(decoderIsGone).and(promise.futureResult).map { _ in new.sequence }
    }

    /// Writes bytes of the raw session. The promise is done when the kernel has taken them.
    func writeRaw(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>?) {
        guard case .raw = mode, let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.writeAndFlush(NIOAny(bytes), promise: promise)
    }

    func produceMore() {
        wantsInput = true
        context?.read()
    }

    // MARK: - Inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .raw(let source) = mode else {
            note(unwrapInboundIn(data))
            context.fireChannelRead(data)
            return
        }
        if source.yield(Bytes.unwrapInboundIn(data)) == .stopProducing { wantsInput = false }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard case .http = mode else { return }
        context.fireChannelReadComplete()
    }

    private func note(_ part: HTTPServerRequestPart) {
        guard case .head(let head) = part else { return }
        let isOld = head.version == .http1_0
        unanswered.append(
            Asked(closes: isOld || !head.isKeepAlive || head.headers.contains(name: "upgrade"), isOld: isOld))
        continueIsExpected =
            !isOld && head.headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            clientWent()
            guard case .http = mode else { return }
        case is ChannelShouldQuiesceEvent:
            isQuiescing = true
            clientWent()
            if case .raw = mode {
                context.close(promise: nil)
                return
            }
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        clientWent()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard case .raw(let source) = mode else {
            context.fireErrorCaught(error)
            return
        }
        source.finish(error)
        context.close(promise: nil)
    }

    private func clientWent() {
        isGone = true
        whenGone?()
        whenGone = nil
        endInput()
    }

    private func endInput() {
        if case .raw(let source) = mode { source.finish() }
    }

    // MARK: - Outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .http = mode else {
            promise?.succeed()
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(var head) where unanswered.first?.isOld == true:
            head.version = .http1_0
            context.write(wrapOutboundOut(.head(head)), promise: promise)
            return
        case .head, .body:
            context.write(data, promise: promise)
            return
        case .end: break
        }
        continueIsExpected = false
        guard unanswered.popFirst()?.closes == true else {
            context.write(data, promise: promise)
            return
        }
        // Neither HTTP/1.0 nor a refused upgrade may go on: after an upgrade request the parser reads nothing more.
        let written = promise ?? context.eventLoop.makePromise(of: Void.self)
        let channel = context.channel
        written.futureResult.whenComplete { _ in channel.close(promise: nil) }
        context.writeAndFlush(data, promise: written)
    }

    func flush(context: ChannelHandlerContext) {
        if case .http = mode { context.flush() }
    }

    func read(context: ChannelHandlerContext) {
        if case .http = mode {
            context.read()
        } else if wantsInput {
            context.read()
        }
    }
}

/// Names the type of what comes in when the HTTP decoder is gone.
private final class Bytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
}
