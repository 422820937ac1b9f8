import Model

/// Turns the bytes of a log into entries: lines as the container wrote them, joined from their pieces, stream by stream.
package struct LogParser: Sendable {
    /// A longer line comes in several entries, as Docker's logs split it.
    package static let longestEntry = 16 << 10
    /// No line of conmon's is longer than 8192 bytes and its head; more without an end is not a log.
    private static let longestLine = 64 << 10

    private struct Pending {
        var time: Timestamp
        var bytes: [UInt8]
    }

    private var rest: [UInt8] = []
    private var skipsToNextLine = false
    private var pending: [LogEntry.Stream: Pending] = [:]

    package init() {}

    /// Entries that are complete with these bytes. What is no line of a log is left out.
    package mutating func parse(_ bytes: some Collection<UInt8>) -> [LogEntry] {
        rest += bytes
        var entries: [LogEntry] = []
        var start = 0
        while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
            if skipsToNextLine {
                skipsToNextLine = false
            } else {
                take(rest[start..<end], &entries)
            }
            start = end + 1
        }
        rest.removeFirst(start)
        if rest.count > Self.longestLine {
            rest = []
            skipsToNextLine = true
        }
        return entries
    }

    /// What was written without a line's end, when no more will come. The parser is as new afterwards.
    package mutating func finish() -> [LogEntry] {
        defer { self = LogParser() }
        return pending.map { LogEntry(stream: $0.key, timestamp: $0.value.time, bytes: $0.value.bytes) }
            .filter { !$0.bytes.isEmpty }.sorted {
                ($0.timestamp, $0.stream.rawValue) < ($1.timestamp, $1.stream.rawValue)
            }
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>, _ entries: inout [LogEntry]) {
        guard let line = LogLine(bytes) else { return }
        let text = bytes[line.textStart...]
        var entry = pending.removeValue(forKey: line.stream) ?? Pending(time: line.time, bytes: [])
        entry.bytes += text
        if !line.isPartial { entry.bytes.append(UInt8(ascii: "\n")) }
        if line.isPartial, entry.bytes.count < Self.longestEntry {
            pending[line.stream] = entry
        } else {
            entries.append(LogEntry(stream: line.stream, timestamp: entry.time, bytes: entry.bytes))
        }
    }
}
