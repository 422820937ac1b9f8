import Crypto
import FoundationEssentials

/// Source: Splunk, "HTTP Event Collector REST API endpoints" and its table of codes.
struct SplunkDialect: HTTPDialect {
    let url: String
    let headers: [(name: String, value: String)]
    let packing: HTTPBody

    /// As Docker's driver: 1,000 events or five seconds.
    var limits: BatchLimits {
        var limits = BatchLimits()
        limits.delay = .seconds(5)
        return limits
    }

    func post(_ indices: [Int], of batch: LogBatch) -> HTTPPost {
        let (body, more) = packing.packed(indices.flatMap { batch.items[$0].line.bytes })
        return HTTPPost(url: url, headers: headers + more, body: body)
    }

    func verdict(on reply: HTTPReply, of count: Int) -> HTTPVerdict {
        guard reply.status == 400 else { return reply.usualVerdict }
        let answer: Answer
        do { answer = try JSONDecoder().decode(Answer.self, from: Data(reply.body)) } catch {
            return reply.usualVerdict
        }
        // 5 no data, 6 invalid data format, 12 event field is required, 13 it cannot be blank, 15 indexed fields: of the events. Others, such as
        // 7 incorrect index and 10 no data channel, are of the options.
        return [5, 6, 12, 13, 15].contains(answer.code) ? .unwanted(reply.reason) : .later(reply.reason)
    }

    private struct Answer: Decodable {
        var code: Int
    }

    /// A channel of one's own, as the collector wants one with acknowledgement: a UUID, the same for one destination on all nodes.
    static func channel(of destination: String) -> String {
        var text = ""
        for (number, byte) in SHA256.hash(data: Array(destination.utf8)).prefix(16).enumerated() {
            if [4, 6, 8, 10].contains(number) { text += "-" }
            text += String(String(UInt16(clamping: byte) + 0x100, radix: 16).dropFirst())
        }
        return text
    }
}
