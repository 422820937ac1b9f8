import Synchronization

/// Messages one after the other in a stream, or each as a datagram or several.
struct GelfTransport: LogTransport {
    let receiver: ReceiverAddress
    let form: GelfEncoder.Form

    var limits: BatchLimits {
        var limits = BatchLimits()
        // A slow receiver makes progress; writing has deadlines of its own.
        limits.deadline = .seconds(60)
        return limits
    }

    func connect() async throws -> any LogConnection {
        switch form {
        case .stream: GelfStream(stream: try await StreamConnection.open(StreamOptions(address: receiver)))
        case .datagrams(let compression, let level):
            GelfDatagrams(
                connection: try await DatagramConnection.open(receiver),
                compression: compression, level: level)
        }
    }
}

private struct GelfStream: LogConnection {
    let stream: StreamConnection

    func send(_ batch: LogBatch) async throws -> BatchOutcome {
        try await stream.write(parts: batch.items.map(\.line.bytes))
        try await stream.waitForAcknowledgement()
        return .handedOver
    }

    func untilOver() async throws { try await stream.untilOver() }
    func stands() async -> Bool { await stream.stands() }
    func close() async { await stream.close() }
}

private final class GelfDatagrams: LogConnection {
    private let connection: DatagramConnection
    private let deflater: Mutex<Deflater?>
    /// Of chunked messages: begins anywhere, so that no two nodes and no two lives of a daemon count alike.
    private let nextID = Atomic<UInt64>(.random(in: .min ... .max))

    init(connection: DatagramConnection, compression: Deflater.Container?, level: Int) {
        self.connection = connection
        deflater = Mutex(compression.flatMap { Deflater($0, level: level) })
    }

    func send(_ batch: LogBatch) async throws -> BatchOutcome {
        var datagrams: [[UInt8]] = []
        for item in batch.items {
            for message in GelfEncoder.messages(of: item.line.bytes) {
                let id = nextID.wrappingAdd(1, ordering: .relaxed).newValue
                datagrams += GelfChunks.split(packed(Array(message)), id: id)
            }
        }
        try await connection.write(datagrams)
        return .handedOver
    }

    private func packed(_ message: [UInt8]) -> [UInt8] {
        deflater.withLock { deflater in
            switch deflater {
            case .some(let deflater): deflater.compress(message) ?? message
            case .none: message
            }
        }
    }

    func untilOver() async throws { try await connection.untilOver() }
    func close() async { await connection.close() }
}
