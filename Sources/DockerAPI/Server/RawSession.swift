import Glibc
import NIOCore

typealias RawInput = NIOThrowingAsyncSequenceProducer<
    ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, RawInputDemand
>

/// Asks the gate for more bytes when the session has read what there was.
struct RawInputDemand: NIOAsyncSequenceProducerDelegate {
    let channel: any Channel

    func produceMore() {
        channel.eventLoop.execute {
            // A channel that has closed has no gate any more, and nothing to read either.
            if let gate = try? channel.pipeline.syncOperations.handler(type: ConnectionUpgradeHandler.self) {
                gate.produceMore()
            }
        }
    }

    func didTerminate() {}
}

/// A connection that has left HTTP: bytes both ways, until either side ends it.
struct RawSession: Sendable {
    /// How many buffers of input are kept for a session that does not read.
    static let highWatermark = 8
    static let lowWatermark = 2

    /// What the client sends. Ends when the client closes its side.
    let input: RawInput
    let gate: NIOLoopBound<ConnectionUpgradeHandler>
    let channel: any Channel

    /// Writes and waits until the kernel has taken the bytes.
    func write(_ bytes: ByteBuffer) async throws {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        channel.eventLoop.execute { gate.value.writeRaw(bytes, promise: promise) }
        try await promise.futureResult.get()
    }

    /// Returns when the client has read the head of the answer, or after a while: clients that read it through a buffer of their
    /// own, as Python's `http.client` does, lose what comes with it in one read. The kernel tells nobody when a peer has read, so it is
    /// asked again and again; most clients have read before the first time.
    func headIsRead() async {
        let deadline = ContinuousClock.now + Self.headTimeout
        var pause = Duration.microseconds(100)
        while await hasUnreadBytes(), ContinuousClock.now < deadline {
            // Cancelled: the session ends.
            guard (try? await Task.sleep(for: pause)) != nil else { return }
            pause = min(pause * 2, .milliseconds(10))
        }
    }

    /// How long output is held back for a client that reads nothing: it may be sending its whole input first.
    private static let headTimeout = Duration.seconds(2)

    private func hasUnreadBytes() async -> Bool {
        let answer = channel.eventLoop.submit {
            try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { socket in
                var count: CInt = 0
                return ioctl(socket, UInt(TIOCOUTQ), &count) == 0 && count > 0
            }
        }
        // A connection that has closed has nobody to wait for.
        return (try? await answer.get()) == true
    }

    /// Ends the connection, after what was written.
    func close() async {
        // Already closed is as good.
        try? await channel.close().get()
    }

    /// Returns when the connection has ended, whoever ended it.
    func closed() async {
        // However it ended, it has.
        try? await channel.closeFuture.get()
    }
}
