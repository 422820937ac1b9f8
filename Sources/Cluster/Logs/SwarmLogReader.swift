import EngineInterface
import Logs
import Model
import NIOCore

/// Gives one client the lines of a request, in order, cut to the tail that it wants, with words in the place of what is missing.
actor SwarmLogReader {
    private let broker: LogBroker
    private let demand: LogDemand
    private let serviceID: String
    private let isTerminal: Bool
    private let query: LogQuery
    /// Lines of before that may be among the last ones wanted; `nil` once that is settled.
    private var tail: [OutputChunk]?
    private var notices: [OutputChunk] = []
    private var isOver = false

    init(_ broker: LogBroker, _ target: LogDemand.Target, serviceID: String, isTerminal: Bool, _ query: LogQuery) {
        self.broker = broker
        self.isTerminal = isTerminal
        self.query = query
        self.serviceID = serviceID
        tail = query.tail == nil ? nil : []
        demand = broker.open(target, query)
    }

    deinit { broker.close(demand.id) }

    /// The next lines, as many as are there; `nil` at the end.
    func next() async throws -> [OutputChunk]? {
        guard !isOver else { return nil }
        while let event = try await demand.merger.next() {
            switch event {
            case .entries(let source, let entries):
                let chunks = entries.compactMap { chunk($0, of: source.nodeID) }
                if tail != nil { keep(chunks) } else if !chunks.isEmpty { return chunks }
            case .caughtUp:
                let chunks = release()
                if !chunks.isEmpty { return chunks }
            case .lost(let source):
                broker.giveUp(demand.id, source)
                if let notice = notice(of: source.nodeID) { notices.append(notice) }
                if tail == nil { return release() }
            case .quiet(let source): broker.probe(source.nodeID)
            case .idle: continue
            }
        }
        isOver = true
        let reasons = broker.reasons(demand.id)
        return release() + (reasons.isEmpty ? [] : [failure(reasons)])
    }

    private func chunk(_ entry: LogEntry, of nodeID: String) -> OutputChunk? {
        query.chunk(entry, details: details(nodeID, entry.origin ?? ""), endsLines: !isTerminal)
    }

    /// What log options name of the container, and, over all of that, by what clients know whose line it is.
    private func details(_ nodeID: String, _ taskID: String) -> [String: String] {
        let whose = [
            "com.docker.swarm.node.id": nodeID, "com.docker.swarm.service.id": serviceID,
            "com.docker.swarm.task.id": taskID,
        ]
        return query.details ? demand.details[taskID].merging(whose) { $1 } : whose
    }

    private func keep(_ chunks: [OutputChunk]) {
        let count = max(0, query.tail ?? 0)
        tail?.append(contentsOf: chunks)
        if let kept = tail, (kept.count - 1024) / 2 > count { tail = Array(kept.suffix(count)) }
    }

    private func release() -> [OutputChunk] {
        defer { (tail, notices) = (nil, []) }
        return (tail.map { Array($0.suffix(max(0, query.tail ?? 0))) } ?? []) + notices
    }

    /// A line that says in its place what is missing. It is told as one of a task's, since clients look the task up.
    private func notice(of nodeID: String) -> OutputChunk? {
        let (name, task) = broker.describe(demand.id, nodeID)
        let text = "[node \(name) does not answer: lines of its tasks are missing from here on]\n"
        let entry = LogEntry(stream: .error, timestamp: .now, bytes: Array(text.utf8), origin: task)
        return chunk(entry, of: nodeID)
    }

    private func failure(_ reasons: [String]) -> OutputChunk {
        let text =
            "Error grabbing logs: rpc error: code = Unknown desc = warning: incomplete log stream. "
            + "some logs could not be retrieved for the following reasons: \(reasons.joined(separator: ", "))\n"
        return OutputChunk(stream: .systemError, bytes: ByteBuffer(string: text))
    }
}
