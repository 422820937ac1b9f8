import Foundation
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// `GET /ui/v1/stream`: everything that a tab is told by itself, as server-sent events.
///
/// `state` is a delta of ``StateHub/Picture``, `event` an event with its cursor as id, `lines` new lines of logs, `skipped` how many of either were
/// left out, `tail` why lines do not go on, `signedout` that the session is over, `ping` that the manager is there and has nothing to say.
struct StreamRoute: Sendable {
    /// A `ping` this often: the page takes a stream that says nothing for longer as lost, which a connection to a machine that was switched off does not
    /// tell. Proxies do not close, and sessions that are over are seen.
    private static let pause: Duration = .seconds(15)

    let hub: StateHub
    let backend: any DashboardBackend
    /// Returns when nobody reads it any more, or when the task is cancelled.
    let departure: @Sendable () async -> Void
    /// Whether the session is still good.
    let isSignedIn: @Sendable () async -> Bool
    /// Yields when accounts are others.
    let accountChanges: @Sendable () async -> AsyncStream<Void>
    let tail: [DashboardScope]
    let after: String?
    /// What the tab has already.
    let known: (epoch: String, revision: UInt64)?
    let logger: Logger

    func write(to writer: inout any ResponseBodyWriter) async throws {
        let outbox = StreamOutbox()
        hub.enter()
        defer { hub.leave() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await follow(into: outbox) }
            group.addTask { await events(into: outbox) }
            group.addTask { await keepAlive(outbox) }
            group.addTask {
                for await _ in await accountChanges() {
                    if !(await isSignedIn()) { outbox.end(signedOut: true) }
                }
            }
            group.addTask {
                // Thrown when the connection ends: the group does as well.
                try await gracefulShutdown()
                outbox.end()
            }
            group.addTask {
                await departure()
                outbox.end()
            }
            if !tail.isEmpty { group.addTask { await lines(into: outbox) } }
            defer { group.cancelAll() }
            try await drain(outbox, to: &writer)
        }
    }

    private func drain(_ outbox: StreamOutbox, to writer: inout any ResponseBodyWriter) async throws {
        var seen = known.flatMap { $0.epoch == hub.current.epoch ? $0.revision : nil }
        var hasBegun = false
        while true {
            let waiting = try await outbox.take()
            var isDue = waiting.isDue
            var text = ""
            if waiting.revision != nil {
                let picture = hub.current
                // Who knows all of it already is told that it is still so.
                if seen == picture.revision, !hasBegun { isDue = true }
                if seen != picture.revision {
                    text += "event: state\ndata: \(picture.delta(since: seen))\n\n"
                    seen = picture.revision
                }
            }
            if isDue { text += "event: ping\ndata: {}\n\n" }
            hasBegun = hasBegun || !text.isEmpty
            if waiting.skippedEvents > 0 || waiting.skippedLines > 0 {
                text +=
                    "event: skipped\ndata: {\"events\":\(waiting.skippedEvents),\"lines\":\(waiting.skippedLines)}\n\n"
            }
            for event in waiting.events {
                if !event.cursor.isEmpty { text += "id: \(event.cursor.filter { !$0.isNewline })\n" }
                text += "event: event\ndata: \(try Self.json(event))\n\n"
            }
            if !waiting.lines.isEmpty { text += "event: lines\ndata: \(try Self.json(waiting.lines))\n\n" }
            if let problem = waiting.tailProblem { text += "event: tail\ndata: \(try Self.json([problem]))\n\n" }
            if waiting.isSignedOut { text += "event: signedout\ndata: {}\n\n" }
            if !text.isEmpty { try await writer.write(ByteBuffer(string: text)) }
            if waiting.isOver { return }
        }
    }

    private func follow(into outbox: StreamOutbox) async throws {
        var seen: UInt64 = 0
        while true {
            seen = try await hub.next(after: seen).revision
            outbox.offer(revision: seen)
        }
    }

    private func events(into outbox: StreamOutbox) async {
        do {
            try await backend.followEvents(after: after) { outbox.offer($0) }
        } catch {
            logger.debug("no events for a tab", metadata: ["error": "\(error)"])
        }
    }

    private func lines(into outbox: StreamOutbox) async {
        do {
            try await backend.followLines(tail) { outbox.offer($0) }
            outbox.endTail("ended")
        } catch is CancellationError {
            return
        } catch {
            outbox.endTail((error as? DashboardError)?.code.rawValue ?? "unavailable")
        }
    }

    private func keepAlive(_ outbox: StreamOutbox) async {
        do {
            while true {
                try await Task.sleep(for: Self.pause)
                if await isSignedIn() { outbox.ping() } else { outbox.end(signedOut: true) }
            }
        } catch {
            // Cancelled: the stream is over.
        }
    }

    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
