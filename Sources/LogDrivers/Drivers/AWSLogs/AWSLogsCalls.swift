import FoundationEssentials
import Model

/// Calls of CloudWatch Logs (JSON 1.1) and what their answers mean.
enum AWSLogsCalls {
    static func createGroup(_ group: AWSLogsGroup) -> (name: String, body: [UInt8]) {
        var json = JSONBytes()
        json.raw("{\"logGroupName\":")
        json.string(group.name)
        json.raw("}")
        return ("CreateLogGroup", json.bytes)
    }

    static func createStream(_ group: AWSLogsGroup) -> (name: String, body: [UInt8]) {
        var json = JSONBytes()
        json.raw("{\"logGroupName\":")
        json.string(group.name)
        json.raw(",\"logStreamName\":")
        json.string(group.stream)
        json.raw("}")
        return ("CreateLogStream", json.bytes)
    }

    /// - Parameter lines: In chronological order, texts in UTF-8. Sequence tokens are not sent: the service has ignored them since January 2023.
    static func putEvents(_ lines: [EncodedLine], to group: AWSLogsGroup) -> (name: String, body: [UInt8]) {
        var json = JSONBytes(reserving: lines.reduce(256) { $0 + $1.bytes.count + 64 })
        json.raw("{\"logGroupName\":")
        json.string(group.name)
        json.raw(",\"logStreamName\":")
        json.string(group.stream)
        json.raw(",\"logEvents\":[")
        for (index, line) in lines.enumerated() {
            json.raw(index == 0 ? "{\"timestamp\":" : ",{\"timestamp\":")
            json.number(milliseconds(line.time))
            json.raw(",\"message\":")
            json.string(line.bytes)
            json.raw("}")
        }
        json.raw("]}")
        return ("PutLogEvents", json.bytes)
    }

    static func milliseconds(_ time: Timestamp) -> Int64 { time.clampedNanosecondsSinceEpoch / 1_000_000 }

    enum Answer: Sendable, Equatable {
        case done(HTTPVerdict)
        case isThere
        /// The group or the stream is missing.
        case missing(String)
        /// Other credentials are wanted.
        case unauthenticated(String)
    }

    /// - Parameter count: How many events the call had.
    static func answer(_ reply: HTTPReply, of count: Int) -> Answer {
        let content: Content
        // What is no JSON is no answer of the service's, but of something in front of it.
        do { content = try JSONDecoder().decode(Content.self, from: Data(reply.body)) } catch { content = Content() }
        if reply.status == 200 { return .done(content.rejected.map { lines($0, count) } ?? .accepted) }
        // `com.amazonaws.logs#Name`, or the name alone.
        let name = content.type?.split(separator: "#").last.map(String.init) ?? ""
        let reason = name.isEmpty ? reply.reason : "\(name): \(content.message ?? content.otherMessage ?? "")"
        switch name {
        case "ResourceNotFoundException": return .missing(reason)
        case "ResourceAlreadyExistsException": return .isThere
        case "DataAlreadyAcceptedException": return .done(.accepted)
        case "ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId",
            "InvalidSignatureException":
            return .unauthenticated(reason)
        case "InvalidParameterException", "ValidationException", "SerializationException",
            "RequestEntityTooLargeException":
            return .done(.unwanted(reason))
        default:
            return .done(reply.status == 413 ? .unwanted(reason) : .later(reason))
        }
    }

    private static func lines(_ rejected: Content.Rejected, _ count: Int) -> HTTPVerdict {
        // The ends are exclusive, the start is inclusive.
        let old = rejected.tooOldLogEventEndIndex ?? 0
        let expired = rejected.expiredLogEventEndIndex ?? 0
        let new = rejected.tooNewLogEventStartIndex ?? count
        return .lines(
            (0..<max(0, count)).map { index in
                if index < old { return .refused("older than CloudWatch Logs takes") }
                if index < expired { return .refused("older than the log group keeps") }
                return index >= new ? .refused("too far ahead of CloudWatch Logs' clock") : .accepted
            })
    }

    private struct Content: Decodable {
        struct Rejected: Decodable {
            var tooNewLogEventStartIndex: Int?
            var tooOldLogEventEndIndex: Int?
            var expiredLogEventEndIndex: Int?
        }

        var type: String?
        var message: String?
        var otherMessage: String?
        var rejected: Rejected?

        enum CodingKeys: String, CodingKey {
            case type = "__type"
            case message
            case otherMessage = "Message"
            case rejected = "rejectedLogEventsInfo"
        }
    }
}
