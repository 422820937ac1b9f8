import Concurrency
import Glibc
import LinuxSystem
import NIOCore
import NIOPosix
import NIOSSL
import PeerNames
import Synchronization

/// A stream to a receiver, by TCP, TLS or a socket of the node. What it says is kept up to a bound, for protocols with answers.
package final class StreamConnection: Sendable {
    /// Bytes that are handed to the kernel at once: each has its own deadline.
    private static let writeBytes = 64 << 10
    private static let writeTime = TimeAmount.seconds(10)
    /// How long the receiver's kernel may take to acknowledge anything more.
    private static let acknowledgeTime = Duration.seconds(10)

    private let channel: any Channel
    private let inbox: Inbox
    private let isTCP: Bool

    private init(channel: any Channel, inbox: Inbox, isTCP: Bool) {
        self.channel = channel
        self.inbox = inbox
        self.isTCP = isTCP
    }

    /// - Throws: What the kernel, the resolver or TLS says.
    package static func open(_ options: StreamOptions) async throws -> StreamConnection {
        let inbox = Inbox()
        let tls = options.tls
        // It reads files.
        let context = try await onThread { try tls?.context() }
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(3)).channelOption(.maxMessagesPerRead, value: 4)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        var name: String?
                        if case .host(let host, _) = options.address { name = host }
                        try channel.pipeline.syncOperations.addHandler(
                            try PeerName.handler(context, to: name, isVerified: tls?.trustsAnybody == false))
                    }
                    try channel.pipeline.syncOperations.addHandler(InboxHandler(inbox))
                }
            }
        switch options.address {
        case .host(let host, let port):
            // It stays open behind the receiver's end: a reset may follow.
            let channel = try await bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(.socketOption(.so_keepalive), value: 1)
                .channelOption(.allowRemoteHalfClosure, value: true).connect(host: host, port: port).get()
            let connection = StreamConnection(channel: channel, inbox: inbox, isTCP: true)
            if tls != nil { try await connection.write(parts: []) }
            return connection
        case .path(let path):
            let channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
            return StreamConnection(channel: channel, inbox: inbox, isTCP: false)
        }
    }

    /// Returns when the kernel has taken them all. With TLS, not before the handshake.
    package func write(_ bytes: [UInt8]) async throws { try await write(parts: [bytes]) }

    /// The same for bytes in parts, one right behind the other.
    package func write(parts: [[UInt8]]) async throws {
        let done = channel.eventLoop.makePromise(of: Void.self)
        Self.write(parts, from: 0, offset: 0, to: channel, done)
        do { try await done.futureResult.get() } catch {
            throw inbox.failure.map { TransportError($0) } ?? error
        }
    }

    /// Hands the next bytes to the kernel, and then those behind them; without a turn of the caller in between.
    private static func write(
        _ parts: [[UInt8]], from first: Int, offset: Int, to channel: any Channel, _ done: EventLoopPromise<Void>
    ) {
        var buffer = channel.allocator.buffer(capacity: writeBytes)
        var (part, taken) = (first, offset)
        while part < parts.count, case let room = writeBytes - buffer.readableBytes, room > 0 {
            let bytes = parts[part].dropFirst(taken).prefix(room)
            buffer.writeBytes(bytes)
            taken += bytes.count
            if taken >= parts[part].count { (part, taken) = (part + 1, 0) }
        }
        let (next, offset) = (part, taken)
        // Closing fails the write.
        let late = channel.eventLoop.scheduleTask(in: writeTime) { channel.close(promise: nil) }
        channel.writeAndFlush(buffer).whenComplete { result in
            late.cancel()
            switch result {
            case .success where next < parts.count: write(parts, from: next, offset: offset, to: channel, done)
            case .success: done.succeed(())
            case .failure(let error): done.fail(error)
            }
        }
    }

    /// Returns when the receiver's kernel has acknowledged all that was written. Nothing tells of that, so it is looked, ever less often while
    /// bytes are under way. For a socket of the node that is what a write says already.
    package func waitForAcknowledgement() async throws {
        guard isTCP else { return }
        var pause = Duration.milliseconds(1)
        var before = UInt64.max
        var since = ContinuousClock.now
        while true {
            let state = try await progress()
            if let failure = inbox.failure { throw TransportError(failure) }
            // With a reset, what was not acknowledged is forgotten.
            guard state.stands else { throw TransportError("the receiver has broken the connection off") }
            if state.isAll { return }
            if state.acknowledged != before {
                before = state.acknowledged
                since = .now
            }
            if .now - since > Self.acknowledgeTime {
                throw TransportError("nothing was acknowledged for 10 seconds")
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(100))
        }
    }

    /// Whether no reset has come. The kernel is asked, whatever has been noticed by now; an end in order is none.
    package func stands() async -> Bool {
        guard inbox.failure == nil else { return false }
        guard isTCP else { return true }
        // Closed here: it has come.
        return (try? await progress().stands) ?? false
    }

    /// `struct tcp_info` (linux/tcp.h), as 64-bit words: `tcpi_state` is at byte 0, `tcpi_unacked` at 24, `tcpi_bytes_acked` at 120,
    /// `tcpi_notsent_bytes` at 144.
    private typealias TCPWords = (
        UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64,
        UInt64, UInt64, UInt64, UInt64, UInt64
    )

    /// `TCP_ESTABLISHED` and `TCP_CLOSE_WAIT` (linux/tcp_states.h); the latter behind the receiver's end.
    private static let standing: Set<UInt8> = [1, 8]

    private func progress() async throws -> (stands: Bool, isAll: Bool, acknowledged: UInt64) {
        guard let provider = channel as? any SocketOptionProvider else { return (true, true, 0) }
        let words: TCPWords = try await provider.unsafeGetSocketOption(
            level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_INFO)
        ).get()
        let unacknowledged = UInt32(truncatingIfNeeded: words.3)
        let unsent = UInt32(truncatingIfNeeded: words.18)
        let stands = Self.standing.contains(UInt8(truncatingIfNeeded: words.0))
        return (stands, unacknowledged == 0 && unsent == 0, words.15)
    }

    /// What the receiver has said and nobody has taken; waits for at least one byte.
    /// - Throws: When it has ended the stream, or the time is over.
    package func read(within time: Duration) async throws -> [UInt8] {
        try await inbox.read(until: .now + time)
    }

    /// Returns when the receiver ends the stream in order; throws when it broke.
    package func untilOver() async throws {
        try await inbox.untilOver()
    }

    /// Returns when the stream is closed, also when it was before. What the receiver has not acknowledged by then may be lost.
    package func close() async {
        // Closed already is as good.
        try? await channel.close()
    }
}

/// What a receiver has said, and whether it still may.
final class Inbox: Sendable {
    private static let most = 256 << 10

    private struct State {
        var bytes: [UInt8] = []
        var isOver = false
        var failure: String?
    }

    private let state = Mutex(State())
    private let arrival = AsyncEvent()
    private let over = Promise<Void>()

    var failure: String? { state.withLock { $0.failure } }

    /// - Returns: Whether there is room for more.
    func append(_ bytes: [UInt8]) -> Bool {
        let fits = state.withLock { state in
            guard state.bytes.count + bytes.count <= Self.most else { return false }
            state.bytes += bytes
            return true
        }
        arrival.signal()
        return fits
    }

    /// - Parameter failure: `nil` for an end in order.
    func end(_ failure: String?) {
        let isFirst = state.withLock { state in
            defer { state.isOver = true }
            if state.failure == nil { state.failure = failure }
            return !state.isOver
        }
        guard isFirst else { return }
        if let failure { over.fail(TransportError(failure)) } else { over.succeed(()) }
        arrival.signal()
    }

    func read(until deadline: ContinuousClock.Instant) async throws -> [UInt8] {
        while true {
            let (bytes, isOver, failure) = state.withLock { state in
                defer { state.bytes = [] }
                return (state.bytes, state.isOver, state.failure)
            }
            if !bytes.isEmpty { return bytes }
            if isOver { throw TransportError(failure ?? "the receiver has closed the connection") }
            if .now >= deadline { throw TransportError("no answer in time") }
            try Task.checkCancellation()
            await arrival.wait(until: deadline)
        }
    }

    func untilOver() async throws { try await over.value() }
}

/// Puts what comes into the inbox.
final class InboxHandler: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let inbox: Inbox

    init(_ inbox: Inbox) { self.inbox = inbox }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !inbox.append(Array(unwrapInboundIn(data).readableBytesView)) {
            inbox.end("the receiver says more than anybody asked for")
            context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { inbox.end(nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        inbox.end(nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        inbox.end(TransportError(error).description)
        context.close(promise: nil)
    }
}
