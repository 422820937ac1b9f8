import ContainerRuntime
package import EngineInterface
import Faults
import LinuxSystem
import Logging
import Logs
import Model
import NIOCore

/// Reading what containers have written, and keeping it within bounds.
extension NodeEngine {
    package func containerLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream {
        let record = try containers.find(reference)
        if record.hostConfig.logConfig?.type == "none" {
            throw Refusal(.notImplemented, "configured logging driver does not support reading")
        }
        if !query.standardOutput, !query.standardError {
            throw Refusal(.invalidInput, "Bad parameters: you must choose at least one stream")
        }
        var selection = LogSelection()
        selection.tail = query.tail
        selection.since = query.since
        selection.until = query.until
        selection.follows = query.follow && record.isRunning
        let id = record.id
        let reader = LogReader(path: paths.log(of: id), watcher: fileWatcher)
        let entries = reader.entries(selection) { [waiters, containers] in
            let end = waiters.register(id, .notRunning)
            guard containers.record(id)?.isRunning == true else { return }
            // Cancelled when the reader goes away: that ends the wait just as well.
            _ = try? await end.result()
        }
        let wanted = entries.lazyChunks(query)
        return LogStream(isTerminal: record.configuration.tty, output: wanted)
    }

    /// How often logs are looked at for their size. Between two looks a log may grow beyond its bound.
    private static let rotationInterval = Duration.seconds(10)
    /// Unless the container's options say otherwise.
    private static let usualSize: Int64 = 20 << 20
    private static let usualCount = 5

    /// Begins new log files where the old ones have grown to their bound.
    func rotateLogs() async throws {
        while true {
            try await Task.sleep(for: Self.rotationInterval)
            for record in containers.all where record.isRunning && record.hostConfig.logConfig?.type != "none" {
                let options = record.hostConfig.logConfig?.config ?? [:]
                let limit = options["max-size"].flatMap(ByteSize.parse) ?? Self.usualSize
                let count =
                    options["max-file"].flatMap { Int($0) } ?? (options["max-size"] == nil ? Self.usualCount : 1)
                do {
                    _ = try await LogSegments(path: paths.log(of: record.id)).rotate(limit: limit, count: count) {
                        try await runtime.reopenLog(record.id)
                    }
                } catch is CancellationError {
                    throw CancellationError()
                } catch {
                    log.warning(
                        "a log was not rotated", metadata: ["container": "\(record.shortID)", "error": "\(error)"])
                }
            }
        }
    }
}

extension AsyncThrowingStream where Element == LogEntry, Failure == any Error {
    /// The entries' bytes as the API's streams carry them.
    fileprivate func lazyChunks(_ query: LogQuery) -> AsyncThrowingStream<OutputChunk, any Error> {
        let source = EntrySource(self)
        return AsyncThrowingStream<OutputChunk, any Error> {
            while let entry = try await source.next() {
                if entry.stream == .output ? !query.standardOutput : !query.standardError { continue }
                var bytes = ByteBuffer()
                if query.timestamps { bytes.writeString(entry.timestamp.fixedWidth + " ") }
                bytes.writeBytes(entry.bytes)
                return OutputChunk(stream: entry.stream == .output ? .standardOutput : .standardError, bytes: bytes)
            }
            return nil
        }
    }
}

/// Lets a stream's iterator be used from an escaping closure, one call after another.
private actor EntrySource {
    private var iterator: AsyncThrowingStream<LogEntry, any Error>.AsyncIterator

    init(_ stream: AsyncThrowingStream<LogEntry, any Error>) { iterator = stream.makeAsyncIterator() }

    func next() async throws -> LogEntry? {
        var current = iterator
        defer { iterator = current }
        return try await current.next(isolation: self)
    }
}

/// `10m`, `1g`, `512k`: powers of 1024, as Docker reads sizes of logs.
enum ByteSize {
    static func parse(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isNumber }
        guard let number = Int64(digits) else { return nil }
        switch text.dropFirst(digits.count).lowercased() {
        case "", "b": return number
        case "k", "kb", "kib": return number << 10
        case "m", "mb", "mib": return number << 20
        case "g", "gb", "gib": return number << 30
        default: return nil
        }
    }
}
