import NIOCore

/// Behind HTTP, in a connection and in each stream of one: tells an answer that goes on when nobody reads it any more.
///
/// The server lets clients close their side and still be answered. So the end of what a browser sends, which is all that is seen of one that has gone
/// over HTTP/1.1, ends nothing by itself; and an answer that has little to say would find out with its second word after that, as the kernel
/// still takes the first. Streams of HTTP/2 are closed outright.
final class DepartureHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any

    private var hasGone = false
    private var whenGone: (@Sendable () -> Void)?

    /// Calls `body` once when the client has gone, at once if it has already. For one answer at a time.
    func onDeparture(_ body: @escaping @Sendable () -> Void) {
        if hasGone { body() } else { whenGone = body }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { go() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        go()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { go() }

    private func go() {
        hasGone = true
        whenGone?()
        whenGone = nil
    }
}

extension DashboardRequest {
    /// Returns when whoever asked has gone, and closes the connection or stream, so that a write that waits for room fails. Returns, too, when the
    /// task is cancelled.
    func departure() async {
        let (gone, continuation) = AsyncStream.makeStream(of: Never.self)
        let channel = channel
        do {
            try await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.handler(type: DepartureHandler.self)
                    .onDeparture { continuation.finish() }
            }.get()
        } catch {
            // A channel that has closed has no handlers any more.
            continuation.finish()
        }
        for await _ in gone {}
        if !Task.isCancelled { channel.close(promise: nil) }
    }
}
