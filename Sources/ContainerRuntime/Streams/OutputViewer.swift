package import NIOCore
import Synchronization

/// A piece of a process' output.
package struct OutputPiece: Sendable, Equatable {
    /// The numbers that Docker's frames carry.
    package enum Stream: UInt8, Sendable { case output = 1, error = 2 }

    package let stream: Stream
    package let bytes: ByteBuffer

    package init(stream: Stream, bytes: ByteBuffer) {
        self.bytes = bytes
        self.stream = stream
    }
}

/// One reader of a container's output, and its way to the standard input.
///
/// Its buffer is bounded: a viewer that reads slower than the container writes slows the container down, as with
/// Docker; one that has stopped reading altogether is let go after ``StreamHub/standardTimeout``.
package final class OutputViewer: Sendable {
    /// Above this many waiting bytes nothing more is read from the container.
    static let fullBytes = 1 << 20
    /// Below this many reading goes on.
    static let relievedBytes = 256 << 10

    private struct State {
        var pieces: [OutputPiece] = []
        var taken = 0
        var bytes = 0
        var end: Result<Void, RuntimeError>?
        var waiter: CheckedContinuation<OutputPiece?, any Error>?
        var lastTaken = ContinuousClock.now
    }

    private let state = Mutex(State())
    private let hub: StreamHub
    let number: UInt64

    init(hub: StreamHub, number: UInt64) {
        self.hub = hub
        self.number = number
    }

    /// The next piece; `nil` when the output has ended. One reader at a time.
    ///
    /// - Throws: ``RuntimeError`` `.viewerTooSlow`, or `CancellationError` when the reading task is cancelled.
    package func next() async throws -> OutputPiece? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                var relieved = false
                let answer = state.withLock { state -> Result<OutputPiece?, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.taken < state.pieces.count {
                        let piece = Self.take(&state)
                        relieved =
                            state.bytes <= Self.relievedBytes
                            && state.bytes + piece.bytes.readableBytes > Self.relievedBytes
                        return .success(piece)
                    }
                    switch state.end {
                    case .success: return .success(nil)
                    case .failure(let error): return .failure(error)
                    case nil:
                        state.waiter = continuation
                        return nil
                    }
                }
                if relieved { hub.reconsiderReading() }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(throwing: CancellationError())
        }
    }

    private static func take(_ state: inout State) -> OutputPiece {
        let piece = state.pieces[state.taken]
        state.taken += 1
        state.bytes -= piece.bytes.readableBytes
        state.lastTaken = .now
        if state.taken == state.pieces.count {
            state.pieces.removeAll(keepingCapacity: true)
            state.taken = 0
        } else if state.taken >= 1024 {
            state.pieces.removeSubrange(state.pieces.indices.prefix(state.taken))
            state.taken = 0
        }
        return piece
    }

    /// Writes to the process' standard input, in order with this viewer's other writes; returns when the kernel has it.
    /// Waits while the process has not been created yet. Nothing happens when its input is closed already.
    package func write(_ bytes: ByteBuffer) async throws { try await hub.write(bytes) }

    /// Ends the process' standard input.
    package func closeInput() async { await hub.closeInput() }

    /// Stops viewing; the process goes on.
    package func detach() { hub.remove(self) }

    /// True when the buffer has become full.
    func push(_ piece: OutputPiece) -> Bool {
        let (waiter, full) = state.withLock { state in
            guard state.end == nil else { return (nil, false) as (CheckedContinuation<OutputPiece?, any Error>?, Bool) }
            if let waiter = state.waiter {
                state.waiter = nil
                state.lastTaken = .now
                return (waiter, false)
            }
            if state.pieces.isEmpty { state.lastTaken = .now }
            state.pieces.append(piece)
            state.bytes += piece.bytes.readableBytes
            return (nil, state.bytes > Self.fullBytes)
        }
        waiter?.resume(returning: piece)
        return full
    }

    /// What has come and was not read yet.
    package var waitingBytes: Int { state.withLock { $0.bytes } }

    var isFull: Bool { state.withLock { $0.end == nil && $0.bytes > Self.fullBytes } }

    /// Whether it is full and has taken nothing for that long.
    func isStuck(for timeout: Duration) -> Bool {
        state.withLock { $0.end == nil && $0.bytes > Self.fullBytes && $0.lastTaken.duration(to: .now) > timeout }
    }

    /// What is in the buffer can still be read.
    func finish(_ end: Result<Void, RuntimeError> = .success(())) {
        let waiter = state.withLock { state in
            if state.end == nil { state.end = end }
            defer { state.waiter = nil }
            return state.waiter
        }
        switch end {
        case .success: waiter?.resume(returning: nil)
        case .failure(let error): waiter?.resume(throwing: error)
        }
    }
}
