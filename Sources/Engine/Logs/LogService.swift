import Concurrency
package import EngineInterface
import LinuxSystem
import Logs
import Model

/// Reading what containers have written.
package final class LogService: LogBackend {
    private let containers: ContainerTable
    private let waiters: ExitWaiters
    private let paths: EnginePaths
    /// One for the whole daemon: each costs 16 ms to close.
    private let watcher: FileWatcher
    private let shipping: LogShipping

    init(
        containers: ContainerTable, waiters: ExitWaiters, paths: EnginePaths, watcher: FileWatcher,
        shipping: LogShipping
    ) {
        self.containers = containers
        self.paths = paths
        self.shipping = shipping
        self.waiters = waiters
        self.watcher = watcher
    }

    package func containerLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream {
        let record = try containers.find(reference)
        if !query.standardOutput, !query.standardError {
            throw LogDriverError.noStreamChosen
        }
        var selection = LogSelection()
        selection.tail = query.tail
        selection.since = query.since
        selection.until = query.until
        selection.follows = query.follow
        let parts = PartSource(try logParts(record, selection, watermarks: nil, longestEntry: LogParser.longestEntry))
        let details = query.details ? try shipping.details(of: record) : [:]
        let output = AsyncThrowingStream<[OutputChunk], any Error> {
            while let part = try await parts.next() {
                let chunks = part.entries.compactMap { query.chunk($0, details: details) }
                if !chunks.isEmpty { return chunks }
            }
            return nil
        }
        return LogStream(isTerminal: record.configuration.tty, output: output)
    }

    /// What a task's container has written, in entries that fit into a message to a manager; nothing when there is no container.
    func taskLog(id: String, _ selection: LogSelection, watermarks: Duration) async throws
        -> AsyncThrowingStream<LogPart, any Error>
    {
        guard let record = containers.record(ofTask: id) else {
            return AsyncThrowingStream { $0.finish() }
        }
        return try logParts(record, selection, watermarks: watermarks, longestEntry: LogParser.longestSentEntry)
    }

    /// What log options name of a task's container, and its tag.
    func taskDetails(id: String) throws -> [String: String] {
        try containers.record(ofTask: id).map { try shipping.details(of: $0) } ?? [:]
    }

    /// A container that does not run is not waited for.
    private func logParts(
        _ record: ContainerRecord, _ selection: LogSelection, watermarks: Duration?, longestEntry: Int
    ) throws -> AsyncThrowingStream<LogPart, any Error> {
        guard record.hasReadableLog else {
            throw LogDriverError.nothingKept
        }
        var selection = selection
        selection.follows = selection.follows && record.isRunning
        let id = record.id
        let reader = LogReader(path: paths.log(of: id), watcher: watcher, longestEntry: longestEntry)
        return reader.parts(selection, isOver: !record.isActive, watermarks: watermarks) {
            [waiters, containers] in
            let end = waiters.register(id, .over)
            guard containers.record(id)?.isRunning == true else { return }
            // Cancelled when the reader goes away: that ends the wait just as well.
            _ = try? await end.result()
        }
    }
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
