import Concurrency
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A receiver of streams that does what a test tells it: reads what comes, slowly or not at all, answers, breaks off.
final class LogReceiver: Sendable {
    enum Manner: Sendable {
        case reads
        /// Accepts and takes nothing in.
        case blackHole
        /// Breaks the connection after so many bytes, what it has not handed on is lost with it.
        case resetsAfter(Int)
        /// The same, but it says first that nothing more comes from it, as one does that shuts down before it closes.
        case endsAfter(Int)
    }

    private struct State {
        var manner = Manner.reads
        var received: [[UInt8]] = []
        var connections = 0
        var clients: Set<NIOSSLCertificate> = []
        var open: [ObjectIdentifier: any Channel] = [:]
    }

    private let state = Mutex(State())
    private let change = AsyncEvent()
    private let server: Mutex<(any Channel)?> = Mutex(nil)
    /// Given what a connection has said so far, what to answer, and what of it is done with.
    private let answer: @Sendable (inout [UInt8]) -> [UInt8]

    /// Said to everybody who connects.
    fileprivate let greeting: [UInt8]
    /// `nil` for a receiver that is spoken to in clear.
    fileprivate let tls: NIOSSLContext?

    init(
        greeting: [UInt8] = [], tls: NIOSSLContext? = nil,
        answer: @escaping @Sendable (inout [UInt8]) -> [UInt8] = { _ in [] }
    ) {
        self.answer = answer
        self.greeting = greeting
        self.tls = tls
    }

    /// - Returns: The port.
    @discardableResult
    func listen(port: Int = 0) async throws -> Int {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // A handshake reads for itself.
            .childChannelOption(.autoRead, value: tls != nil)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls = self.tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    try channel.pipeline.syncOperations.addHandler(LogReceiverHandler(self))
                }
            }
        let channel = try await bootstrap.bind(host: "127.0.0.1", port: port).get()
        server.withLock { $0 = channel }
        return channel.localAddress?.port ?? 0
    }

    /// No more connections, and those that are end: with what has not been read they are reset.
    func stop() async throws {
        let channel = server.withLock { $0 }
        try await channel?.close()
        let open = state.withLock { $0.open.values }
        // Closed already is as good.
        for one in open { try? await one.close() }
    }

    func behave(_ manner: Manner) {
        let open = state.withLock { state in
            state.manner = manner
            return state.open.values
        }
        for channel in open { channel.read() }
    }

    /// What each connection has said, in the order of their beginnings.
    var received: [[UInt8]] { state.withLock { $0.received } }
    var connections: Int { state.withLock { $0.connections } }
    /// What those have shown that have said anything, where certificates are asked for.
    var clients: Set<NIOSSLCertificate> { state.withLock { $0.clients } }

    fileprivate func opened(_ channel: any Channel) -> Int {
        state.withLock { state in
            state.connections += 1
            state.received.append([])
            state.open[ObjectIdentifier(channel)] = channel
            return state.received.count - 1
        }
    }

    fileprivate func closed(_ channel: any Channel) {
        state.withLock { _ = $0.open.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    fileprivate func showed(_ certificate: NIOSSLCertificate) {
        state.withLock { _ = $0.clients.insert(certificate) }
    }

    fileprivate var reads: Bool {
        state.withLock { if case .blackHole = $0.manner { false } else { true } }
    }

    fileprivate enum Taken { case whole, resets, ends }

    /// - Returns: Whether the connection is to be broken, and how.
    fileprivate func took(_ bytes: [UInt8], _ index: Int, _ total: Int) -> Taken {
        state.withLock { state in
            switch state.manner {
            case .resetsAfter(let most) where total > most: return .resets
            case .endsAfter(let most) where total > most: return .ends
            default: break
            }
            state.received[index] += bytes
            return .whole
        }
    }

    fileprivate func reply(_ said: inout [UInt8]) -> [UInt8] { answer(&said) }
}

private final class LogReceiverHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let receiver: LogReceiver
    private var index = 0
    private var total = 0
    private var said: [UInt8] = []

    init(_ receiver: LogReceiver) { self.receiver = receiver }

    func channelActive(context: ChannelHandlerContext) {
        index = receiver.opened(context.channel)
        if !receiver.greeting.isEmpty {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: receiver.greeting)), promise: nil)
        }
        if receiver.reads { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) { receiver.closed(context.channel) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Array(unwrapInboundIn(data).readableBytesView)
        total += bytes.count
        let channel = context.channel
        // None is shown where none is asked for.
        if receiver.tls != nil, let shown = try? channel.pipeline.syncOperations.nioSSL_peerCertificate() {
            receiver.showed(shown)
        }
        switch receiver.took(bytes, index, total) {
        case .whole: break
        case .resets: return Self.reset(channel)
        case .ends:
            channel.close(mode: .output, promise: nil)
            // The end is noticed by itself.
            channel.eventLoop.scheduleTask(in: .milliseconds(100)) { Self.reset(channel) }
            return
        }
        said += bytes
        let answer = receiver.reply(&said)
        if !answer.isEmpty {
            var buffer = context.channel.allocator.buffer(capacity: answer.count)
            buffer.writeBytes(answer)
            context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        }
    }

    /// What was sent and not read is thrown away by it.
    private static func reset(_ channel: any Channel) {
        let provider = channel as? any SocketOptionProvider
        provider?.setSoLinger(.init(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if receiver.reads { context.read() }
    }
}
