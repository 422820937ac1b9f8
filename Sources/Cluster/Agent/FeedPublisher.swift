import Concurrency
import EngineInterface
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import Logging
import NodeProtocol
import SwiftProtobuf

/// A node's side of the feed to one manager, on the connection of its logs. What a manager has not kept is told again; while one does not
/// listen nothing piles up for it, for events wait in the node's own log.
struct FeedPublisher: Sendable {
    /// Queries that wait for an answer; those beyond are not answered.
    static let mostQueries = 64
    /// How many are answered at once.
    static let answersAtOnce = 4

    let events: (any EventExchange)?
    let pulses: (any PulseSource)?
    let history: (any HistorySource)?
    let containers: (any StandaloneSource)?
    let log: Logger

    /// Runs until the call ends. A manager of a version without feeds is left alone for as long as the connection lasts.
    /// - Parameter tunnels: Given the calls that the manager wants opened; `nil` when none will be.
    func run(_ client: NodeTransport.Client, tunnels: AsyncStream<String>.Continuation?) async throws {
        guard let events else { return try await Self.rest() }
        do { try await tell(Wire.Feed.Client(wrapping: client), events, tunnels) } catch let error as RPCError {
            // One of before 0.5.0 lets nobody call what it does not know.
            guard error.code == .unimplemented || error.code == .permissionDenied else { throw error }
            log.debug("a manager takes no feed", metadata: ["error": "\(error)"])
            try await Self.rest()
        }
    }

    private static func rest() async throws {
        while true { try await Task.sleep(for: .seconds(3600)) }
    }

    private func tell(
        _ feed: Wire.Feed.Client<HTTP2ClientTransport.Posix>, _ events: any EventExchange,
        _ tunnels: AsyncStream<String>.Continuation?
    ) async throws {
        let (kept, outbox) = (ObservableValue<Int64?>(nil), FeedOutbox())
        let (queries, arrived) = AsyncStream.makeStream(
            of: Wire.HistoryQuery.self, bufferingPolicy: .bufferingOldest(Self.mostQueries))
        try await feed.tell(options: NodeTransport.streamOptions) { writer in
            try await writer.write(
                .with {
                    $0.beginning.log = events.id
                    $0.beginning.opensTunnels = tunnels != nil
                })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.tellEvents(events, kept, outbox) }
                group.addTask { try await self.tellPulses(outbox) }
                group.addTask { try await self.tellContainers(outbox) }
                group.addTask { try await self.answer(queries, outbox) }
                group.addTask { while true { try await writer.write(try await outbox.next()) } }
                defer { group.cancelAll() }
                try await group.next()
            }
        } onResponse: { response in
            for try await reply in response.messages {
                kept.set(reply.kept)
                for query in reply.queries { arrived.yield(query) }
                for id in reply.tunnels { tunnels?.yield(id) }
            }
        }
    }

    /// Tells what happens, one batch after the other.
    private func tellEvents(
        _ events: any EventExchange, _ kept: ObservableValue<Int64?>, _ outbox: FeedOutbox
    ) async throws {
        var place = try await kept.wait { $0 }
        while true {
            let batch = FeedEvents.batch(try await events.ownEvents(after: place, limit: FeedEvents.mostEvents))
            guard let last = batch.events.last?.sequence else { continue }
            outbox.put(batch)
            place = try await kept.wait { kept in kept.flatMap { $0 >= last ? $0 : nil } }
        }
    }

    private func tellPulses(_ outbox: FeedOutbox) async throws {
        guard let pulses else { return try await Self.rest() }
        var time: Int64 = 0
        while true {
            let pulse = try await pulses.pulse(after: time)
            time = max(time, pulse.time)
            outbox.put(Wire.Pulse(pulse))
        }
    }

    /// Tells all containers that belong to no task, and then what changes. While the manager is slow changes come together.
    private func tellContainers(_ outbox: FeedOutbox) async throws {
        guard let containers else { return try await Self.rest() }
        var place: UInt64?
        while true {
            let news = try await containers.standalone(after: place)
            place = news.place
            for piece in StandaloneMessages.pieces(news) { try await outbox.tell(piece) }
        }
    }

    private func answer(_ queries: AsyncStream<Wire.HistoryQuery>, _ outbox: FeedOutbox) async throws {
        let slots = Slots(Self.answersAtOnce)
        try await withThrowingDiscardingTaskGroup { group in
            for await query in queries {
                group.addTask {
                    try await slots.run {
                        let answer = await self.answer(query)
                        outbox.add(answer)
                    }
                }
            }
        }
        try Task.checkCancellation()
    }

    private func answer(_ query: Wire.HistoryQuery) async -> Wire.HistoryAnswer {
        var answer = Wire.HistoryAnswer()
        answer.id = query.id
        guard let history else {
            answer.failure = "this node keeps no history"
            return answer
        }
        do {
            answer.answer = try await withDeadline(FeedHub.deadline) { try await history.answer(query.query) }
            guard answer.answer.count > FeedHub.mostAnswer else { return answer }
            (answer.answer, answer.failure) = (Data(), "the answer is too long")
        } catch { answer.failure = "\(error)" }
        return answer
    }
}
