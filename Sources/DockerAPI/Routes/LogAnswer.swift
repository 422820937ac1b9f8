import DockerTypes
import EngineInterface
import Faults
import NIOCore

/// The requests for logs of containers, services and tasks: the same query and the same answer.
enum LogAnswer {
    /// - Parameter ofSwarm: Of a service or a task, of which a `tail` that is no number is refused.
    static func query(_ call: Call, ofSwarm: Bool = false) throws -> LogQuery {
        var query = LogQuery()
        query.standardOutput = call.query.flag("stdout")
        query.standardError = call.query.flag("stderr")
        guard query.standardOutput || query.standardError else {
            throw APIError(.invalidInput, "Bad parameters: you must choose at least one stream")
        }
        query.follow = call.query.flag("follow")
        query.timestamps = call.query.flag("timestamps")
        query.details = call.query.flag("details")
        query.tail = try tail(call.query.text("tail"), ofSwarm: ofSwarm)
        query.since = try call.query.timestamp("since")
        query.until = try call.query.timestamp("until")
        return query
    }

    /// As in Docker: of a container what is no number, or below 0, means all lines; of services and tasks it is refused.
    static func tail(_ text: String?, ofSwarm: Bool) throws -> Int? {
        guard let text, !text.isEmpty, text != "all" else { return nil }
        guard let lines = Int(text) else {
            if ofSwarm { throw APIError(.invalidInput, "tail value must be a positive integer or \"all\"") }
            return nil
        }
        if lines < 0, ofSwarm { throw APIError(.invalidInput, "negative tail values not supported") }
        return lines < 0 ? nil : lines
    }

    static func send(_ log: LogStream, _ call: Call) async throws -> Reply {
        let framing = OutputFraming(isTerminal: log.isTerminal, version: call.version)
        return try await call.stream(framing.contentType) { stream in
            for try await chunks in log.output {
                // One write for all that is there: each waits for the kernel.
                var bytes = ByteBuffer()
                for chunk in chunks { framing.append(chunk, to: &bytes) }
                if bytes.readableBytes > 0 { try await stream.write(bytes) }
            }
        }
    }
}
