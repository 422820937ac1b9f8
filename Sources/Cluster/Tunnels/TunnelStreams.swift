import EngineInterface
import Foundation
import Model
import NIOCore
import NIOFoundationCompat
import NodeProtocol
import SwiftProtobuf

/// The streams of a process on another node. A viewer that reads slowly holds the process up as one on its node would: nothing piles up on the
/// way beyond what the connection has in flight.
struct TunnelStreams: AttachedStreams {
    let isTerminal: Bool
    let output: AsyncThrowingStream<OutputChunk, any Error>
    private let reader: TunnelReader
    private let tunnel: Tunnel

    /// Waits for the node to say that the streams are there.
    init(_ tunnel: Tunnel, _ told: @escaping @Sendable (any Error) -> any Error) async throws {
        let reader = TunnelReader(tunnel, told)
        isTerminal = try await reader.begin()
        output = AsyncThrowingStream { try await reader.nextChunk() }
        self.reader = reader
        self.tunnel = tunnel
    }

    /// Returns when the connection has taken it.
    func write(_ bytes: ByteBuffer) async throws {
        var rest = bytes
        while let piece = rest.readSlice(length: min(rest.readableBytes, Wire.pieceBytes)), piece.readableBytes > 0 {
            try await tunnel.send(.with { $0.input = Data(buffer: piece) })
        }
    }

    func closeInput() async {
        // A call that is over has no input any more.
        try? await tunnel.send(.with { $0.inputEnd = .init() })
    }

    func detach() async { tunnel.end() }

    func finished() async { await reader.waitForExit() }
}

/// Reads the output that comes out of a tunnel. One reader at a time.
actor TunnelReader {
    private let tunnel: Tunnel
    private let told: @Sendable (any Error) -> any Error
    private var waiting: ArraySlice<OutputChunk> = []
    private var isOver = false
    private var isSettled = false

    /// - Parameter told: Makes of an error what clients are told.
    init(_ tunnel: Tunnel, _ told: @escaping @Sendable (any Error) -> any Error) {
        self.told = told
        self.tunnel = tunnel
    }

    /// Waits for the streams.
    /// - Returns: Whether they are a terminal's.
    func begin() async throws -> Bool {
        let tunnel = tunnel
        do {
            return try await tunnel.answer { answer in
                if case .streams(let streams) = answer { streams.isTerminal } else { nil }
            }
        } catch { throw told(error) }
    }

    /// All that one message has brought; `nil` at the end.
    func next() async throws -> [OutputChunk]? {
        do {
            while !isOver {
                switch try await tunnel.next() {
                case .output(let message):
                    guard let chunks = message.output else { throw tunnel.badAnswer }
                    if !chunks.isEmpty { return chunks }
                case .outputEnd: isOver = true
                default: throw tunnel.badAnswer
                }
            }
        } catch { throw told(error) }
        return nil
    }

    func nextChunk() async throws -> OutputChunk? {
        if let chunk = waiting.popFirst() { return chunk }
        waiting = (try await next() ?? [])[...]
        return waiting.popFirst()
    }

    /// Returns when the exit code is on record at the node, or nobody can tell.
    func waitForExit() async {
        guard isOver, !isSettled else { return }
        isSettled = true
        // Whatever comes, nothing follows it.
        _ = try? await tunnel.next()
    }
}
