package import Model

/// Turns the bytes of a log into entries: lines as the container wrote them, joined from their pieces, stream by stream.
///
/// What cannot be read is skipped, and an entry on standard error says so in its place.
package struct LogParser: Sendable {
    /// A longer line comes in several entries. A message between nodes has room for one of these.
    package static let longestEntry = 512 << 10
    /// No line of conmon's is longer than 8192 bytes and its head; more without an end is not a log.
    private static let longestLine = 64 << 10

    private struct Pending {
        /// Of the last piece: lines come in the order in which they were completed.
        var time: Timestamp
        var bytes: [UInt8]
    }

    private var rest: [UInt8] = []
    private var skipsToNextLine = false
    private var pending: [LogEntry.Stream: Pending] = [:]
    /// Bytes that could not be read since the last line that could.
    private var damaged = 0
    private var lastTime = Timestamp(seconds: 0)

    package init() {}

    /// Entries that are complete with these bytes.
    package mutating func parse(_ bytes: some Collection<UInt8>) -> [LogEntry] {
        rest += bytes
        var entries: [LogEntry] = []
        var start = 0
        while let end = rest.dropFirst(start).position(of: UInt8(ascii: "\n")) {
            if skipsToNextLine {
                skipsToNextLine = false
                damaged += end + 1 - start
            } else {
                take(rest.prefix(end).dropFirst(start), &entries)
            }
            start = end + 1
        }
        rest.removeSubrange(rest.indices.prefix(start))
        if rest.count > Self.longestLine {
            damaged += rest.count
            // A line may begin right behind zeros.
            skipsToNextLine = rest.last != 0
            rest = []
        }
        return entries
    }

    /// The file ends here, and the log goes on in another: conmon writes a line to one file, so one without its end is torn.
    package mutating func endFile() -> [LogEntry] {
        var entries: [LogEntry] = []
        skipsToNextLine = false
        guard !rest.isEmpty else { return entries }
        let torn = rest
        rest = []
        take(torn[...], isTorn: true, &entries)
        return entries
    }

    /// What was written without a line's end, when no more will come. The parser is as new afterwards.
    /// - Parameter isOver: Nobody writes any more; otherwise the last bytes may be a line that is just being written.
    package mutating func finish(isOver: Bool = true) -> [LogEntry] {
        defer { self = LogParser() }
        var entries = isOver ? endFile() : []
        entries += pending.map { LogEntry(stream: $0.key, timestamp: $0.value.time, bytes: $0.value.bytes) }
            .filter { !$0.bytes.isEmpty }.sorted {
                ($0.timestamp, $0.stream.rawValue) < ($1.timestamp, $1.stream.rawValue)
            }
        if let mark = takeDamage(at: lastTime) { entries.append(mark) }
        return entries
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>, isTorn: Bool = false, _ entries: inout [LogEntry]) {
        // After a loss of power a file has zeros where blocks were not written: a line may begin right behind them, even in what would
        // be the text of one.
        if bytes.position(of: 0) != nil, let zero = bytes.lastIndex(of: 0), LogLine(bytes[zero...].dropFirst()) != nil {
            let end = bytes[..<zero].lastIndex { $0 != 0 }.map { $0 + 1 } ?? bytes.startIndex
            if end > bytes.startIndex { take(bytes.prefix(upTo: end), isTorn: true, &entries) }
            damaged += zero + 1 - end
            return take(bytes[zero...].dropFirst(), isTorn: isTorn, &entries)
        }
        if bytes.elementsEqual(LogSegments.tornMark) {
            entries.append(Self.mark("the line above is incomplete", at: lastTime))
            return
        }
        guard let line = LogLine(bytes) else {
            if !bytes.isEmpty { damaged += bytes.count + (isTorn ? 0 : 1) }
            return
        }
        if let mark = takeDamage(at: line.time) { entries.append(mark) }
        lastTime = line.time
        let text = bytes.suffix(from: line.textStart)
        var entry = pending.removeValue(forKey: line.stream) ?? Pending(time: line.time, bytes: [])
        entry.time = line.time
        entry.bytes += text
        let isPartial = line.isPartial && !isTorn
        if !isPartial { entry.bytes.append(UInt8(ascii: "\n")) }
        if isPartial, entry.bytes.count < Self.longestEntry {
            pending[line.stream] = entry
        } else {
            entries.append(LogEntry(stream: line.stream, timestamp: entry.time, bytes: entry.bytes))
        }
        if isTorn { entries.append(Self.mark("the line above is incomplete", at: line.time)) }
    }

    private mutating func takeDamage(at time: Timestamp) -> LogEntry? {
        guard damaged > 0 else { return nil }
        defer { damaged = 0 }
        return Self.mark("\(damaged) bytes here cannot be read", at: time)
    }

    private static func mark(_ text: String, at time: Timestamp) -> LogEntry {
        LogEntry(stream: .error, timestamp: time, bytes: Array("[damaged log: \(text)]\n".utf8))
    }
}
