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
            if let gate = try? channel.pipeline.syncOperations.handler(type: HijackGate.self) { gate.produceMore() }
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
    let gate: NIOLoopBound<HijackGate>
    let channel: any Channel

    /// Writes and waits until the kernel has taken the bytes.
    func write(_ bytes: ByteBuffer) async throws {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        channel.eventLoop.execute { gate.value.writeRaw(bytes, promise: promise) }
        try await promise.futureResult.get()
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
