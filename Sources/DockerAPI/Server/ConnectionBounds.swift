import NIOCore
import NIOHTTP1
import Synchronization

/// Bounds what connections to a socket cost: how many there may be, and how long one may ask nothing.
///
/// Between requests a client may be silent for as long as it likes: libraries keep connections for later.
final class ConnectionBounds: Sendable {
    private let maximum: Int
    private let firstRequest: TimeAmount
    private let count = Mutex(0)

    init(maximum: Int, firstRequest: TimeAmount) {
        self.firstRequest = firstRequest
        self.maximum = maximum
    }

    /// What stands behind a new connection's decoder.
    func handler() -> some ChannelInboundHandler { FirstRequestHandler(self, within: firstRequest) }

    /// - Returns: Whether there is room; if so, ``leave()`` follows.
    fileprivate func enter() -> Bool {
        count.withLock { count in
            guard count < maximum else { return false }
            count += 1
            return true
        }
    }

    fileprivate func leave() { count.withLock { $0 -= 1 } }
}

private final class FirstRequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    private let bounds: ConnectionBounds
    private let time: TimeAmount
    private var deadline: Scheduled<Void>?
    private var hasEntered = false
    private var hasAsked = false

    init(_ bounds: ConnectionBounds, within time: TimeAmount) {
        self.bounds = bounds
        self.time = time
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        hasEntered = bounds.enter()
        // One too many goes at once, and others when they have asked nothing for long.
        deadline = context.eventLoop.scheduleTask(in: hasEntered ? time : .zero) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        if hasEntered { bounds.leave() }
        hasEntered = false
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // The first of all is a request's head; what comes through after a hijack is no part of HTTP.
        if !hasAsked, hasEntered {
            hasAsked = true
            deadline?.cancel()
        }
        context.fireChannelRead(data)
    }
}
