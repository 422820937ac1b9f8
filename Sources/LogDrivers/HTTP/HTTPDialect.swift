import NIOCore

/// How one kind of receiver is spoken to over HTTP. Pure: what is sent for lines, and what an answer means.
protocol HTTPDialect: Sendable {
    var limits: BatchLimits { get }

    /// Positions in the batch's items of what goes into one request each, in the order of sending.
    func shares(of batch: LogBatch) -> [[Int]]

    /// - Parameter indices: Of the batch's items, at least one.
    func post(_ indices: [Int], of batch: LogBatch) -> HTTPPost

    /// - Parameter count: How many lines the request had.
    func verdict(on reply: HTTPReply, of count: Int) -> HTTPVerdict
}

extension HTTPDialect {
    var limits: BatchLimits { BatchLimits() }
    func shares(of batch: LogBatch) -> [[Int]] { batch.items.isEmpty ? [] : [Array(batch.items.indices)] }
    func verdict(on reply: HTTPReply, of count: Int) -> HTTPVerdict { reply.usualVerdict }
}

/// A request for some lines of a batch.
struct HTTPPost: Sendable, Equatable {
    var url: String
    var headers: [(name: String, value: String)] = []
    var body: [UInt8]

    static func == (left: Self, right: Self) -> Bool {
        left.url == right.url && left.body == right.body && left.headers.elementsEqual(right.headers, by: ==)
    }
}

struct HTTPReply: Sendable, Equatable {
    var status: Int
    /// Of the header `Retry-After`, where it says a number of seconds.
    var retryAfter: Duration?
    var body: [UInt8] = []

    /// What a status means where the receiver's protocol says nothing else.
    ///
    /// What is wrong with the options, such as a token, may be mended by who looks after the receiver: nothing is thrown away for it.
    var usualVerdict: HTTPVerdict {
        switch status {
        case 200..<300: .accepted
        case 400, 413, 422: .unwanted(reason)
        default: .later(reason)
        }
    }

    /// For people: the status and the beginning of what the receiver says.
    var reason: String {
        let said = String(decoding: body.prefix(300), as: UTF8.self)
        let text = String(said.map { $0.isNewline ? " " : $0 })
        return text.isEmpty ? "HTTP status \(status)" : "HTTP status \(status): \(text)"
    }
}

enum HTTPVerdict: Sendable, Equatable {
    case accepted
    /// One outcome for each line of the request.
    case lines([LineOutcome])
    /// Not as it is: halves are sent by themselves, and a single line is refused.
    case unwanted(String)
    /// Not now. Nothing of the request was taken.
    case later(String)
}
