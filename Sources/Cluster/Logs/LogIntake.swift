import GRPCCore
import Logs
import Model
import NodeProtocol
import Synchronization

/// Takes the lines that one node sends for one request.
final class LogIntake: Sendable {
    /// How far the lines of one task have come: the stamp of the last, and how many have that very stamp.
    struct Progress: Sendable {
        var last: Timestamp
        var count: Int
    }

    let requestID: String
    let nodeID: String
    let listener: String?
    private let merger: LogMerger<String>
    private let details: LogDetailTable
    private let tasks: @Sendable () -> Set<String>
    private let progress: Mutex<[String: Progress]>
    private let caughtUp = Mutex(false)
    /// Lines of before a break that the node sends anew.
    private let known: Mutex<[String: Progress]>
    private let failures: @Sendable (Wire.LogFailure) -> Void

    /// - Parameters:
    ///   - tasks: What the node may tell of.
    ///   - known: What came before the last break.
    init(
        requestID: String, nodeID: String, listener: String?, merger: LogMerger<String>, details: LogDetailTable,
        known: [String: Progress], tasks: @escaping @Sendable () -> Set<String>,
        failures: @escaping @Sendable (Wire.LogFailure) -> Void
    ) {
        self.details = details
        self.failures = failures
        self.known = Mutex(known)
        self.listener = listener
        self.merger = merger
        self.nodeID = nodeID
        self.requestID = requestID
        self.tasks = tasks
        progress = Mutex(known)
    }

    /// How far each task's lines have come.
    var reached: [String: Progress] { progress.withLock { $0 } }

    /// All that was there at the beginning has been told.
    var isCaughtUp: Bool { caughtUp.withLock { $0 } }

    /// Waits while there is no room.
    func take(_ batch: Wire.LogBatch) async throws {
        var part = LogPart()
        if !batch.details.isEmpty {
            let allowed = tasks()
            for told in batch.details where allowed.contains(told.taskID) { details.take(told) }
        }
        if !batch.lines.isEmpty {
            let allowed = tasks()
            for line in batch.lines {
                guard let entry = line.entry, allowed.contains(line.taskID) else {
                    throw RPCError(code: .permissionDenied, message: "this line was not asked for")
                }
                if isNew(entry, line.taskID) { part.entries.append(entry) }
            }
        }
        if batch.completeUntil != 0 { part.completeUntil = Timestamp(nanosecondsSinceEpoch: batch.completeUntil) }
        part.isCaughtUp = batch.caughtUp
        for var failure in batch.failures where tasks().contains(failure.taskID) {
            failure.reason = NodeReports.cut(failure.reason, NodeReports.maximumError)
            failures(failure)
        }
        try await merger.put(nodeID, part)
        if part.isCaughtUp { caughtUp.withLock { $0 = true } }
        progress.withLock { progress in
            for entry in part.entries {
                let id = entry.origin ?? ""
                let count = progress[id]?.last == entry.timestamp ? progress[id]?.count ?? 0 : 0
                progress[id] = Progress(last: entry.timestamp, count: count + 1)
            }
        }
    }

    private func isNew(_ entry: LogEntry, _ taskID: String) -> Bool {
        known.withLock { known in
            guard let before = known[taskID] else { return true }
            if entry.timestamp < before.last { return false }
            guard entry.timestamp == before.last, before.count > 0 else {
                if entry.timestamp > before.last { known[taskID] = nil }
                return true
            }
            known[taskID]?.count -= 1
            return false
        }
    }
}
