import DockerTypes
import EngineInterface
import Faults
import NIOCore

/// The requests for logs of containers, services and tasks: the same query and the same answer.
enum LogAnswer {
    static func query(_ call: Call) throws -> LogQuery {
        var query = LogQuery()
        query.standardOutput = call.query.flag("stdout")
        query.standardError = call.query.flag("stderr")
        guard query.standardOutput || query.standardError else {
            throw APIError(.invalidInput, "Bad parameters: you must choose at least one stream")
        }
        query.follow = call.query.flag("follow")
        query.timestamps = call.query.flag("timestamps")
        query.details = call.query.flag("details")
        // As in Docker, what is no number means all.
        query.tail = call.query.text("tail").flatMap(Int.init).flatMap { $0 < 0 ? nil : $0 }
        query.since = try call.query.timestamp("since")
        query.until = try call.query.timestamp("until")
        return query
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
