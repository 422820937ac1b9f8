import GRPCCore
import Logs
import Model
import NodeProtocol
import Synchronization

/// Takes the lines that one node sends for one request.
final class LogIntake: Sendable {
    /// How far the lines of one task have come.
    struct Progress: Sendable {
        /// Lines of one stamp that are remembered: as many as one read of a container's output has, and more.
        static let mostLines = 4096

        /// The stamp of the last.
        var last: Timestamp
        /// Hashes of those that have that very stamp, in order.
        var lines: [Int] = []

        mutating func take(_ entry: LogEntry) {
            if last != entry.timestamp { self = Progress(last: entry.timestamp) }
            if lines.count == 2 * Self.mostLines { lines = Array(lines.suffix(Self.mostLines)) }
            lines.append(Self.hash(entry))
        }

        static func hash(_ entry: LogEntry) -> Int {
            var hasher = Hasher()
            hasher.combine(entry.stream.rawValue)
            entry.bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
            return hasher.finalize()
        }
    }

    /// How far a node has come.
    struct Reach: Sendable {
        /// By task.
        var progress: [String: Progress] = [:]
        /// All that was there at the beginning has been told.
        var isCaughtUp = false
        /// By the node's clock: all that was written before has been told.
        var completeUntil: Timestamp?
    }

    let requestID: String
    let source: LogDemand.Source
    let listener: String?
    private let merger: LogMerger<LogDemand.Source>
    private let details: LogDetailTable
    private let tasks: @Sendable () -> Set<String>
    private let reach: Mutex<Reach>
    /// Lines of before a break that the node sends anew, by task.
    private let known: Mutex<[String: Progress]>
    /// It sends the last lines anew, whichever those are now.
    private let beginsWithTail: Bool
    private let failures: @Sendable ([Wire.LogFailure]) -> Void

    /// - Parameters:
    ///   - tasks: What the node may tell of.
    ///   - known: What came before the last break.
    init(
        requestID: String, source: LogDemand.Source, listener: String?, merger: LogMerger<LogDemand.Source>,
        details: LogDetailTable, known: Reach, beginsWithTail: Bool, tasks: @escaping @Sendable () -> Set<String>,
        failures: @escaping @Sendable ([Wire.LogFailure]) -> Void
    ) {
        self.beginsWithTail = beginsWithTail
        self.details = details
        self.failures = failures
        self.known = Mutex(known.progress)
        self.listener = listener
        self.merger = merger
        self.requestID = requestID
        self.source = source
        self.tasks = tasks
        reach = Mutex(known)
    }

    /// How far it has come by now.
    var reached: Reach { reach.withLock { $0 } }

    /// Waits while there is no room.
    /// - Throws: ``LogError`` when nothing of the node is wanted any more, `RPCError` for what was not asked for.
    func take(_ batch: Wire.LogBatch) async throws {
        var part = LogPart()
        let allowed = batch.details.isEmpty && batch.lines.isEmpty && batch.failures.isEmpty ? [] : tasks()
        for told in batch.details where allowed.contains(told.taskID) { details.take(told) }
        for line in batch.lines {
            guard let entry = line.entry, allowed.contains(line.taskID) else {
                throw RPCError(code: .permissionDenied, message: "this line was not asked for")
            }
            if isNew(entry, line.taskID) { part.entries.append(entry) }
        }
        if batch.completeUntil != 0 { part.completeUntil = Timestamp(nanosecondsSinceEpoch: batch.completeUntil) }
        part.isCaughtUp = batch.caughtUp
        let failed = batch.failures.filter { allowed.contains($0.taskID) }
        if !failed.isEmpty { failures(failed) }
        try await merger.put(source, part)
        reach.withLock { reach in
            if part.isCaughtUp { reach.isCaughtUp = true }
            reach.completeUntil = part.completeUntil ?? reach.completeUntil
            for entry in part.entries {
                reach.progress[entry.origin ?? "", default: Progress(last: entry.timestamp)].take(entry)
            }
        }
    }

    private func isNew(_ entry: LogEntry, _ taskID: String) -> Bool {
        known.withLock { known in
            guard let before = known[taskID] else { return true }
            if entry.timestamp < before.last { return false }
            guard entry.timestamp == before.last else {
                known[taskID] = nil
                return true
            }
            // All of that stamp that stand before it are known, too.
            if let place = before.lines.firstIndex(of: Progress.hash(entry)) {
                known[taskID]?.lines.removeSubrange(...place)
                return false
            }
            // Unless the last lines are others now, this one stands before the first that was wanted.
            return beginsWithTail || before.lines.isEmpty
        }
    }
}
