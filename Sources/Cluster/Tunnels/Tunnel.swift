import Concurrency
import EngineInterface
import Faults
import Foundation
import GRPCCore
import Model
import NodeProtocol
import SwiftProtobuf
import Synchronization

/// A manager's end of a node's call that answers one question. It ends with the last word of the answer, or with whoever drops it.
///
/// Nothing is kept here: what is read comes out of the call, and what is sent goes into it, as fast as the other side takes it.
final class Tunnel: Sendable {
    typealias Answer = Wire.TunnelAnswer.OneOf_Content

    /// Bytes of an answer in JSON.
    static let mostAnswer = 4 << 20
    /// Bytes of a node's words that clients are told.
    static let mostWords = 4 << 10
    /// For an answer that is no stream. A `top` takes ten seconds at the most, and sums up nothing.
    static let answerDeadline = Duration.seconds(60)

    /// As clients know the node.
    let node: String
    private let answers: TunnelAnswers
    private let questions: RPCWriter<Wire.TunnelQuestion>
    private let over: Promise<Void>
    private let onEnd: @Sendable () -> Void
    private let hasEnded = Mutex(false)

    /// - Parameters:
    ///   - over: Settled when nobody needs the call any more.
    ///   - onEnd: Called once.
    init(
        node: String, _ answers: TunnelAnswers, _ questions: RPCWriter<Wire.TunnelQuestion>, over: Promise<Void>,
        onEnd: @escaping @Sendable () -> Void
    ) {
        self.answers = answers
        self.node = node
        self.onEnd = onEnd
        self.over = over
        self.questions = questions
    }

    deinit { end() }

    /// Ends the call. What has come and was not read is lost.
    func end() {
        let isFirst = hasEnded.withLock { hasEnded in
            defer { hasEnded = true }
            return !hasEnded
        }
        guard isFirst else { return }
        over.succeed(())
        onEnd()
    }

    /// - Throws: ``TunnelError/brokenOff(_:)``, `CancellationError`.
    func send(_ question: Wire.TunnelQuestion) async throws {
        do { try await questions.write(question) } catch { throw broken(by: error) }
    }

    /// The next of what the node answers. For one reader.
    /// - Throws: What the node refuses with; ``TunnelError/brokenOff(_:)`` also where it ends without a last word; `CancellationError`.
    func next() async throws -> Answer {
        let answer: Answer?
        do { answer = try await answers.next()?.content } catch { throw broken(by: error) }
        guard let answer else { throw broken(by: nil) }
        if Self.isLast(answer) { end() }
        if case .failure(let failure) = answer { throw RemoteError(failure) }
        return answer
    }

    /// Whether nothing follows it.
    private static func isLast(_ answer: Answer) -> Bool {
        switch answer {
        case .json(let piece): !piece.more
        case .execID, .execStreams, .done, .exit, .settled, .failure: true
        case .id, .registered, .streams, .output, .outputEnd: false
        }
    }

    private func broken(by error: (any Error)?) -> any Error {
        if error is CancellationError || Task.isCancelled { return CancellationError() }
        return TunnelError.brokenOff(node)
    }

    /// What is thrown where a node answers what no node of ours does.
    var badAnswer: TunnelError { .badAnswer(node) }

    // MARK: Short answers

    /// - Parameter limit: `nil` for what takes as long as it takes.
    func answer<Value: Sendable>(
        within limit: Duration? = answerDeadline, _ read: @escaping @Sendable (Answer) async throws -> Value?
    ) async throws -> Value {
        let work: @Sendable () async throws -> Value = {
            guard let value = try await read(try await self.next()) else { throw self.badAnswer }
            return value
        }
        guard let limit else { return try await work() }
        return try await withDeadline(limit, orThrow: TunnelError.noAnswer(node), work)
    }

    func json<Value: Decodable & Sendable>(_ type: Value.Type, within limit: Duration? = answerDeadline) async throws
        -> Value
    {
        let bytes = try await answer(within: limit) { first -> Data? in
            guard case .json(var piece) = first else { return nil }
            var bytes = piece.bytes
            while piece.more {
                guard case .json(let next) = try await self.next() else { return nil }
                piece = next
                bytes += piece.bytes
                guard bytes.count <= Self.mostAnswer else { return nil }
            }
            return bytes
        }
        do { return try WireJSON.decode(type, from: bytes) } catch { throw badAnswer }
    }

    func done() async throws {
        try await answer { answer -> Void? in if case .done = answer { () } else { nil } }
    }

    // MARK: Refusals

    /// A node's refusal as it came, for whoever knows what was asked for.
    struct RemoteError: Error {
        let failure: Wire.TunnelFailure

        init(_ failure: Wire.TunnelFailure) { self.failure = failure }

        var error: TunnelError { .refused(failure.faultKind, NodeReports.cut(failure.message, Tunnel.mostWords)) }
    }
}

/// The messages of a node's call, read one after the other by whichever task asks.
actor TunnelAnswers {
    private var iterator: RPCAsyncSequence<Wire.TunnelAnswer, any Error>.AsyncIterator

    init(_ messages: RPCAsyncSequence<Wire.TunnelAnswer, any Error>) { iterator = messages.makeAsyncIterator() }

    func next() async throws -> Wire.TunnelAnswer? {
        var current = iterator
        defer { iterator = current }
        return try await current.next(isolation: self)
    }
}
