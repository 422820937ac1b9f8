import Concurrency
import ContainerRuntime
package import EngineInterface
import Faults
import LinuxSystem
import Logging
import Logs
package import Model

/// Reading what containers have written, and keeping it within bounds.
extension NodeEngine {
    package func containerLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream {
        let record = try containers.find(reference)
        if !query.standardOutput, !query.standardError {
            throw APIError(.invalidInput, "Bad parameters: you must choose at least one stream")
        }
        var selection = LogSelection()
        selection.tail = query.tail
        selection.since = query.since
        selection.until = query.until
        selection.follows = query.follow
        let parts = PartSource(try logParts(record, selection, marks: nil))
        let details = try LogOptions(record.hostConfig.logConfig).details(
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
        guard record.hasLog else {
            throw APIError(.notImplemented, "configured logging driver does not support reading")
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

    /// What part of a log file is written between two looks at it.
    private static let looksAFile: Int64 = 4

    /// Has a container's log taken up as it grows. conmon begins a new file by itself when one is full; nothing more is taken of the
    /// container's output until the full one has its number, so that the next one is not full before.
    func watchLog(of record: ContainerRecord) throws {
        guard record.hasLog else { return }
        let options = try LogOptions(record.hostConfig.logConfig)
        let id = record.id
        runtime.watchLog(id, every: options.size / Self.looksAFile) { [weak self] done in
            guard let self else { return done() }
            workbench.begin {
                await self.takeUpLog(of: id, options)
                done()
            }
        }
    }

    func takeUpLog(of id: String, _ options: LogOptions) async {
        let segments = LogSegments(path: paths.log(of: id))
        do {
            let size = try await serializer.run("log \(id)") {
                try await onThread { try segments.takeUp(count: options.count) }
            }
            // conmon does not count what was in the file before it began to write.
            if size >= options.size { try await runtime.reopenLog(id) }
        } catch is CancellationError {
            return  // The engine ends.
        } catch let error as RuntimeError where [.wrongState, .noSuchContainer].contains(error.code) {
            return  // It has ended: nobody writes any more.
        } catch {
            // A log that has gone with its container is missed by nobody.
            guard containers.record(id)?.isUp == true else { return }
            log.warning(
                "a log was not rotated", metadata: ["container": "\(id.prefix(12))", "error": "\(error)"])
        }
    }
}

extension ContainerRecord {
    var hasLog: Bool { hostConfig.logConfig.type != "none" }
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
