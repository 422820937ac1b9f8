import NIOCore
import NIOPosix
import Testing

/// A client that writes and reads bytes, to see the protocol itself.
struct RawClient: Sendable {
    private let channel: any Channel
    private let received: Received

    init(_ path: String) async throws {
        let received = Received()
        self.received = received
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Receiver(received))
                }
            }
            .connect(unixDomainSocketPath: path).get()
    }

    func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)).get() }
    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get() }

    /// shutdown(SHUT_WR).
    func endInput() async throws { try await channel.close(mode: .output).get() }

    /// Stops or goes on reading from the socket.
    func setReading(_ on: Bool) async throws { try await channel.setOption(.autoRead, value: on).get() }

    func close() async {
        // Closed already is as good.
        try? await channel.close().get()
    }

    /// All bytes so far, as text.
    var text: String { get async { await received.text } }
    var count: Int { get async { await received.bytes.count } }

    /// Reads until the text has `piece`, at most half a minute; returns all of it.
    @discardableResult
    func read(until piece: String) async throws -> String {
        try await wait { await received.text.contains(piece) }
        return await text
    }

    /// Reads to the end of the connection.
    func readToEnd() async throws -> String {
        try await wait { await received.ended }
        return await text
    }

    private func wait(_ condition: () async -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while await !condition() {
            guard ContinuousClock.now < deadline else { throw TimedOut(soFar: await text) }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    struct TimedOut: Error { let soFar: String }
}

actor Received {
    private(set) var bytes: [UInt8] = []
    private(set) var ended = false
    var text: String { String(decoding: bytes, as: UTF8.self) }
    func add(_ more: [UInt8]) { bytes += more }
    func end() { ended = true }
}

private final class Receiver: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let pipe: AsyncStream<[UInt8]?>.Continuation
    private let pump: Task<Void, Never>

    init(_ received: Received) {
        let (stream, pipe) = AsyncStream.makeStream(of: [UInt8]?.self)
        self.pipe = pipe
        // Bridges the event loop's callbacks to an actor, in order.
        pump = Task {
            for await bytes in stream {
                if let bytes { await received.add(bytes) } else { await received.end() }
            }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        pipe.yield(Array(unwrapInboundIn(data).readableBytesView))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { pipe.yield(nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        pipe.yield(nil)
        pipe.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
