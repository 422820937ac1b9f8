import ContainerRuntime
package import EngineInterface
import Faults
import LinuxSystem
import Logging
import Logs
package import Model
import Synchronization

/// Reading what containers have written, and keeping it within bounds.
extension NodeEngine {
    package func containerLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream {
        let record = try containers.find(reference)
        if !query.standardOutput, !query.standardError {
            throw Refusal(.invalidInput, "Bad parameters: you must choose at least one stream")
        }
        var selection = LogSelection()
        selection.tail = query.tail
        selection.since = query.since
        selection.until = query.until
        selection.follows = query.follow
        let parts = PartSource(try logParts(record, selection, marks: nil))
        let details = try LogOptions(record.hostConfig.logConfig ?? LogConfiguration()).details(
            of: record.configuration)
        let output = AsyncThrowingStream<[OutputChunk], any Error> {
            while let part = try await parts.next() {
                let chunks = part.entries.compactMap { query.chunk($0, details: details) }
                if !chunks.isEmpty { return chunks }
            }
            return nil
        }
        return LogStream(isTerminal: record.configuration.tty, output: output)
    }

    package func taskLog(id: String, _ selection: LogSelection, marks: Duration) async throws
        -> AsyncThrowingStream<LogPart, any Error>
    {
        guard let record = containers.all.first(where: { $0.task?.taskID == id }) else {
            return AsyncThrowingStream { $0.finish() }
        }
        return try logParts(record, selection, marks: marks)
    }

    /// A container that does not run is not waited for.
    private func logParts(_ record: ContainerRecord, _ selection: LogSelection, marks: Duration?) throws
        -> AsyncThrowingStream<LogPart, any Error>
    {
        if record.hostConfig.logConfig?.type == "none" {
            throw Refusal(.notImplemented, "configured logging driver does not support reading")
        }
        var selection = selection
        selection.follows = selection.follows && record.isRunning
        let id = record.id
        let reader = LogReader(path: paths.log(of: id), watcher: fileWatcher)
        return reader.parts(selection, isOver: !record.isRunning && !record.isStarting, marks: marks) {
            [waiters, containers] in
            let end = waiters.register(id, .over)
            guard containers.record(id)?.isRunning == true else { return }
            // Cancelled when the reader goes away: that ends the wait just as well.
            _ = try? await end.result()
        }
    }

    /// How often logs are looked at for their size. Between two looks a log may grow beyond its bound.
    private static let rotationInterval = Duration.seconds(1)

    /// Logs that are rotated at a time.
    private static let parallelRotations = 16

    /// Begins new log files where the old ones have grown to their bound. One whose conmon hangs holds up no other.
    func rotateLogs() async throws {
        let busy = RotatingLogs()
        try await withThrowingDiscardingTaskGroup { group in
            while true {
                try await Task.sleep(for: Self.rotationInterval)
                for log in try await dueLogs() where busy.begin(log.id, atMost: Self.parallelRotations) {
                    group.addTask {
                        await self.rotate(log)
                        busy.end(log.id)
                    }
                }
            }
        }
    }

    private struct DueLog: Sendable {
        var id: String
        var segments: LogSegments
        var options: LogOptions
    }

    private func dueLogs() async throws -> [DueLog] {
        let logs = containers.all.compactMap { record -> DueLog? in
            guard record.isRunning, record.hostConfig.logConfig?.type != "none" else { return nil }
            do {
                let options = try LogOptions(record.hostConfig.logConfig ?? LogConfiguration())
                return DueLog(id: record.id, segments: LogSegments(path: paths.log(of: record.id)), options: options)
            } catch {
                log.warning(
                    "a log is not rotated", metadata: ["container": "\(record.shortID)", "error": "\(error)"])
                return nil
            }
        }
        return try await onThread { logs.filter { $0.segments.isDue(limit: $0.options.size) } }
    }

    private func rotate(_ due: DueLog) async {
        do {
            _ = try await due.segments.rotate(limit: due.options.size, count: due.options.count) {
                try await runtime.reopenLog(due.id)
            }
        } catch is CancellationError {
            return  // The engine ends.
        } catch {
            log.warning(
                "a log was not rotated", metadata: ["container": "\(due.id.prefix(12))", "error": "\(error)"])
        }
    }
}

/// The logs that are being rotated: none twice at once.
private final class RotatingLogs: Sendable {
    private let ids = Mutex<Set<String>>([])

    func begin(_ id: String, atMost count: Int) -> Bool {
        ids.withLock { $0.count < count && $0.insert(id).inserted }
    }

    func end(_ id: String) { ids.withLock { _ = $0.remove(id) } }
}

/// Lets a stream's iterator be used from an escaping closure, one call after another.
private actor PartSource {
    private var iterator: AsyncThrowingStream<LogPart, any Error>.AsyncIterator

    init(_ stream: AsyncThrowingStream<LogPart, any Error>) { iterator = stream.makeAsyncIterator() }

    func next() async throws -> LogPart? {
        var current = iterator
        defer { iterator = current }
        return try await current.next(isolation: self)
    }
}
