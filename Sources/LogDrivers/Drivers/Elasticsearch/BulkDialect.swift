import FoundationEssentials

/// Elasticsearch's and OpenSearch's `_bulk`: what became of each document is told one by one.
struct BulkDialect: HTTPDialect {
    let url: String
    let headers: [(name: String, value: String)]
    let packing: HTTPBody

    func post(_ indices: [Int], of batch: LogBatch) -> HTTPPost {
        let (body, more) = packing.packed(indices.flatMap { batch.items[$0].line.bytes })
        return HTTPPost(url: url, headers: headers + more, body: body)
    }

    func verdict(on reply: HTTPReply, of count: Int) -> HTTPVerdict {
        guard reply.status == 200 else { return reply.usualVerdict }
        let answer: Answer
        do { answer = try JSONDecoder().decode(Answer.self, from: Data(reply.body)) } catch {
            return .later("not an answer of _bulk: \(reply.reason)")
        }
        guard answer.errors else { return .accepted }
        guard let items = answer.items, items.count == count else {
            return .later("_bulk answered of \(answer.items?.count ?? 0) documents, sent were \(count)")
        }
        return .lines(items.map(\.outcome))
    }

    private struct Answer: Decodable {
        struct Item: Decodable {
            var create: Result?

            var outcome: LineOutcome {
                guard let create else { return .again }
                switch create.status {
                // A document with this id is there: the same line, sent twice.
                case 200..<300, 409: return .accepted
                case 429, 500...: return .again
                default: return .refused(create.error?.text ?? "status \(create.status)")
                }
            }
        }

        struct Result: Decodable {
            var status: Int
            var error: Failure?
        }

        struct Failure: Decodable {
            var type: String?
            var reason: String?

            var text: String { String("\(type ?? ""): \(reason ?? "")".prefix(300)) }
        }

        var errors: Bool
        var items: [Item]?
    }
}
