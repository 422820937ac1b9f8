import CLinux
import Concurrency
import Glibc
import LinuxSystem
import NIOCore
import NIOPosix
import Synchronization

/// The one connection to a container's (or an exec's) conmon, and everybody who reads from it and writes to it.
///
/// conmon waits for its slowest reader and ends the container's input when any reader goes, so there is exactly one
/// connection, always read from. Viewers may be there before the container is: a hub outlives its connections.
final class StreamHub: Sendable {
    fileprivate struct State {
        var viewers: [UInt64: OutputViewer] = [:]
        var next: UInt64 = 0
        var channel: (any Channel)?
        var inputIsClosed = false
        var isReading = true
        var isWatching = false
        /// The next connection; `nil` when there will be none.
        var connecting = Promise<(any Channel)?>()
        /// Who is told of the log's growth, and after how many bytes.
        var watch: (step: Int64, body: LogWatch.Body)?
        /// What the log has grown by since then.
        var logged: Int64 = 0
        /// Whoever is told has not answered yet.
        var isLooking = false
        /// The log has grown so much meanwhile that nothing more is taken before that.
        var isHeld = false
        /// What has come since a moment, and who is told each time much has come in a short time.
        var flood: (since: ContinuousClock.Instant, bytes: Int, body: @Sendable (OutputPiece.Stream) -> Void)?
    }

    /// With steps of so many bytes one more is taken while whoever is told has not answered: half a file, with what is in the socket besides.
    fileprivate static let generousStep: Int64 = 256 << 10
    /// A flood is so much within so long.
    fileprivate static let floodBytes = 1 << 20
    fileprivate static let floodTime = Duration.milliseconds(250)

    private let state = Mutex(State())
    /// How long a full viewer that reads nothing holds up the container; `nil`: for ever, for an exec's only viewer.
    let timeout: Duration?

    init(timeout: Duration?) { self.timeout = timeout }

    /// Docker's attach blocks the container for good; a forgotten terminal should not.
    static let standardTimeout = Duration.seconds(10)

    // MARK: Viewers

    func addViewer() -> OutputViewer {
        state.withLock { state in
            let viewer = OutputViewer(hub: self, number: state.next)
            state.viewers[state.next] = viewer
            state.next += 1
            return viewer
        }
    }

    func remove(_ viewer: OutputViewer) {
        state.withLock { _ = $0.viewers.removeValue(forKey: viewer.number) }
        viewer.finish()
        reconsiderReading()
    }

    /// The container is gone, or could not be started: what its conmon has sent is still read, to the end that conmon's own end is.
    func letGo() {
        if state.withLock({ $0.channel == nil }) { finishAll() }
    }

    /// Ends all viewers and lets waiting writers go.
    private func finishAll() {
        let (viewers, connecting) = state.withLock { state in
            defer { (state.viewers, state.connecting) = ([:], Promise()) }
            return (state.viewers.values, state.connecting)
        }
        for viewer in viewers { viewer.finish() }
        connecting.succeed(nil)
    }

    /// True when reading may have to stop: some viewer has become full, or the log has grown.
    func deliver(_ piece: OutputPiece) -> Bool {
        let (viewers, told, isHeld, flood) = state.withLock { state in
            (Array(state.viewers.values), state.grow(by: piece), state.isHeld, state.swell(by: piece))
        }
        flood?(piece.stream)
        let isFull = viewers.reduce(false) { full, viewer in viewer.push(piece) || full }
        told? { [self] in
            let wasHeld = state.withLock { state in
                state.isLooking = false
                defer { state.isHeld = false }
                return state.isHeld
            }
            if wasHeld { reconsiderReading() }
        }
        return isFull || isHeld
    }

    func watchLog(every step: Int64, _ body: @escaping LogWatch.Body) {
        state.withLock { $0.watch = (max(1, step), body) }
    }

    /// Says when output comes faster than 4 MB/s, and of which stream: each time a megabyte of it has come. Called on an event loop: it must not block.
    func whenFlooding(_ body: @escaping @Sendable (OutputPiece.Stream) -> Void) {
        state.withLock { $0.flood = (.now, 0, body) }
    }

    // MARK: Connection

    /// Connects to `attach` in a directory, whatever the length of its path.
    func connect(directory: String, on group: any EventLoopGroup) async throws {
        let socket = try await onThread { try Self.connectedSocket(in: directory) }
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: group)
                .channelOption(
                    .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: AttachPackets.receiveBytes)
                )
                .channelOption(.allowRemoteHalfClosure, value: true)
                .channelInitializer { [self] channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(AttachPackets(hub: self))
                    }
                }
                .withConnectedSocket(socket)
                .get()
        } catch {
            throw RuntimeError(.runtimeFailed, "cannot attach to conmon: \(error)")
        }
        let (connecting, closesInput) = state.withLock { state in
            // The channel may have ended in the meantime; writing to it then fails as it should.
            state.channel = channel
            state.isReading = true
            defer { state.connecting = Promise() }
            return (state.connecting, state.inputIsClosed)
        }
        connecting.succeed(channel)
        if closesInput { await closeInput() }
        if !channel.isActive { upstreamEnded(channel) }
    }

    private static func connectedSocket(in directory: String) throws -> CInt {
        let bundle = try Descriptor.naming(directory)
        let socket = Descriptor(
            owning: try check(
                Glibc.socket(AF_UNIX, CInt(clamping: SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0),
                "make a socket"))
        let raw = socket.raw
        let address = UnixSocketAddress("/proc/self/fd/\(bundle.raw)/attach")
        try check(try address.withPointer { Glibc.connect(raw, $0, $1) }, "connect to \(directory)/attach")
        return socket.release()
    }

    func upstreamEnded(_ channel: any Channel) {
        let isOurs = state.withLock { state in
            guard state.channel == nil || state.channel === channel else { return false }
            state.channel = nil
            state.inputIsClosed = false
            return true
        }
        guard isOurs else { return }
        finishAll()
        let told = state.withLock { $0.watch?.body }
        told?({})
    }

    /// Closes the connection and ends all viewers at once, as when a command could not be started.
    func disconnect() async {
        let channel = state.withLock { $0.channel }
        // Already closed is what we want.
        try? await channel?.close().get()
        finishAll()
    }

    // MARK: Input

    func write(_ bytes: ByteBuffer) async throws {
        guard let channel = await connected() else { return }
        try await Self.done(channel.writeAndFlush(bytes))
    }

    /// Waits for a future, or until the task is cancelled: a process may leave its input unread for as long as it likes.
    private static func done(_ future: EventLoopFuture<Void>) async throws {
        let outcome = Promise<Void>()
        future.whenComplete { outcome.settle($0) }
        try await outcome.value()
    }

    func closeInput() async {
        let channel = state.withLock { state in
            state.inputIsClosed = true
            return state.channel
        }
        guard let channel else { return }
        // Already closed is what we want. Cancelled, it is closed when the process has read what came before.
        try? await Self.done(channel.close(mode: .output))
    }

    /// The connection, once there is one; `nil` when there will be none, the input has been closed or the task is cancelled.
    private func connected() async -> (any Channel)? {
        let (channel, connecting) = state.withLock { state in
            (state.channel, state.channel == nil && !state.inputIsClosed ? state.connecting : nil)
        }
        guard let connecting else { return channel }
        // All that is thrown is that the task is cancelled.
        return (try? await connecting.value()) ?? nil
    }

    /// How many wait for the process to be created.
    var waitingWriters: Int { state.withLock { $0.connecting }.waiterCount }

    // MARK: Back-pressure

    /// Stops or resumes reading from conmon, by how full the viewers are.
    func reconsiderReading() {
        guard let channel = state.withLock({ $0.channel }) else { return }
        channel.eventLoop.execute { [self] in
            let (wants, changed) = state.withLock { state in
                let wants = !state.isHeld && !state.viewers.values.contains { $0.isFull }
                defer { state.isReading = wants }
                return (wants, wants != state.isReading)
            }
            guard changed else { return }
            channel.setOption(.autoRead, value: wants).whenFailure { _ in
                // The connection has ended; there is nothing to read any more.
            }
            if !wants { watchForStuckViewers(channel) }
        }
    }

    /// Lets go of full viewers that have stopped reading, while reading is stopped because of them.
    private func watchForStuckViewers(_ channel: any Channel) {
        guard let timeout else { return }
        // One look ahead is enough, however often reading stops and goes on meanwhile.
        let isWatching = state.withLock { state in
            defer { state.isWatching = true }
            return state.isWatching
        }
        guard !isWatching else { return }
        channel.eventLoop.scheduleTask(in: .seconds(1)) { [self] in
            let stuck = state.withLock { state in
                let stuck = state.viewers.values.filter { $0.isStuck(for: timeout) }
                for viewer in stuck { state.viewers[viewer.number] = nil }
                return stuck
            }
            for viewer in stuck {
                viewer.finish(.failure(RuntimeError(.viewerTooSlow, "the output was not read fast enough")))
            }
            reconsiderReading()
            let isHeldUp = state.withLock { state in
                state.isWatching = false
                return !state.isReading
            }
            if isHeldUp { watchForStuckViewers(channel) }
        }
    }
}

extension StreamHub.State {
    /// - Returns: Who is to be told that the log has grown by a step.
    fileprivate mutating func grow(by piece: OutputPiece) -> LogWatch.Body? {
        guard let watch else { return nil }
        logged += piece.loggedBytes
        guard logged >= watch.step else { return nil }
        guard !isLooking else {
            isHeld = true
            return nil
        }
        (logged, isLooking, isHeld) = (0, true, watch.step < StreamHub.generousStep)
        return watch.body
    }

    /// - Returns: Who is to be told that much has come in a short time.
    fileprivate mutating func swell(by piece: OutputPiece) -> (@Sendable (OutputPiece.Stream) -> Void)? {
        guard var flood else { return nil }
        flood.bytes += piece.bytes.readableBytes
        self.flood = flood
        guard flood.bytes >= StreamHub.floodBytes else { return nil }
        let now = ContinuousClock.now
        let isFast = now - flood.since < StreamHub.floodTime
        self.flood = (now, 0, flood.body)
        return isFast ? flood.body : nil
    }
}

extension OutputPiece {
    /// What conmon writes before each line: stamp, stream, mark.
    private static let headBytes = 45
    private static let sampleBytes = 512

    /// About how long it is in the log: the beginning says how long its lines are.
    fileprivate var loggedBytes: Int64 {
        let count = bytes.readableBytes
        let sampled = min(count, Self.sampleBytes)
        let lines = bytes.withUnsafeReadableBytes { bytes in
            bytes.prefix(sampled).reduce(into: 1) { lines, byte in if byte == UInt8(ascii: "\n") { lines += 1 } }
        }
        return Int64(clamping: count + Self.headBytes * lines * count / max(1, sampled))
    }
}
