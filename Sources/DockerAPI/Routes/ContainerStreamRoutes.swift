import DockerTypes
import EngineInterface
import Faults
import HTTPTypes
import HummingbirdCore
import Logging
import Model
import NIOCore
import NIOFoundationCompat

/// What streams of a container: logs, wait, attach.
enum ContainerStreamRoutes {
    static func add(to routes: inout RouteTable) {
        routes.on(.get, "/containers/{id}/logs", logs)
        routes.on(.post, "/containers/{id}/wait", wait)
        routes.on(.post, "/containers/{id}/attach", attach)
        routes.on(.get, "/containers/{id}/stats", stats)
    }

    private static func logs(_ call: Call) async throws -> Reply {
        let query = try LogAnswer.query(call)
        return try await LogAnswer.send(try await call.backends.logs.containerLogs(call["id"], query), call)
    }

    /// The head of the answer says that the wait is registered; the CLI starts the container only then.
    private static func wait(_ call: Call) async throws -> Reply {
        let text = call.query.text("condition") ?? WaitCondition.notRunning.rawValue
        guard let condition = WaitCondition(rawValue: text) else {
            throw APIError(.invalidInput, "invalid condition: \(GoWords.quoted(text))")
        }
        try await call.finishBody()
        let pending = try await call.backends.containers.waitForContainer(call["id"], condition)
        return try await call.stream("application/json") { stream in
            let result = try await pending.result()
            let answer = WaitAnswer(statusCode: result.statusCode, error: result.error)
            var line = ByteBuffer(data: try WireJSON.encode(answer))
            line.writeString("\n")
            try await stream.write(line)
        }
    }

    /// How far two measurements are apart.
    private static let statsInterval = Duration.seconds(1)
    /// How far apart they are at least.
    private static let leastStatsInterval = Duration.milliseconds(500)

    /// Until the clock's next second that is not too near: all who read statistics ask at the same moments, so that what several read is measured once.
    static func untilNextStats(_ now: Timestamp) -> Duration {
        let rest = statsInterval - .nanoseconds(min(max(0, now.nanoseconds), 999_999_999))
        return rest < leastStatsInterval ? rest + statsInterval : rest
    }

    /// One object a second until the client goes; or one only, of which `one-shot` leaves the measurement before it out.
    private static func stats(_ call: Call) async throws -> Reply {
        let stats = call.backends.stats
        let first = try await stats.measureContainer(call["id"])
        guard call.query.flag("stream", default: true) else {
            guard !call.query.flag("one-shot"), first.usage != nil else {
                return try .verbatim(StatsAnswer(first, before: nil))
            }
            try await Task.sleep(for: statsInterval)
            return try .verbatim(
                StatsAnswer(try await stats.measureContainer(first.identifier), before: first.usage))
        }
        return try await call.stream("application/json") { stream in
            var (present, before) = (first, ContainerMeasurement.Usage?.none)
            while true {
                var line = ByteBuffer(data: try WireJSON.encodeVerbatim(StatsAnswer(present, before: before)))
                line.writeString("\n")
                try await stream.write(line)
                try await Task.sleep(for: untilNextStats(.now))
                before = present.usage
                do { present = try await stats.measureContainer(first.identifier) } catch let fault as any Fault
                    where fault.kind == .notFound
                {
                    return  // Removed: nothing more is to be said.
                }
            }
        }
    }

    private static func attach(_ call: Call) async throws -> Reply {
        var query = AttachQuery()
        query.standardInput = call.query.flag("stdin")
        query.standardOutput = call.query.flag("stdout")
        query.standardError = call.query.flag("stderr")
        query.logs = call.query.flag("logs")
        query.stream = call.query.flag("stream")
        let keys = try call.query.text("detachKeys").map { text throws(APIError) in try DetachKeys(text) } ?? .standard
        try await call.finishBody()
        let streams = try await call.backends.streams.attachContainer(call["id"], query)
        let framing = OutputFraming(isTerminal: streams.isTerminal, version: call.version)
        let raw: RawSession
        do {
            raw = try await call.connection.hijack(head: RawHead.text(for: call, framing))
        } catch {
            // Heeds no cancellation: the viewer is forgotten at once.
            await streams.detach()
            throw error
        }
        await StreamPump(
            raw: raw, streams: streams, framing: framing, takesInput: query.standardInput && query.stream,
            detachKeys: streams.isTerminal ? keys : nil, logger: call.logger
        ).run()
        return .written
    }
}
