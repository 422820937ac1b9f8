import Glibc
package import Model

/// Turns the bytes of a log into entries: lines as the container wrote them, joined from their pieces, stream by stream.
///
/// What cannot be read is skipped, and an entry on standard error says so in its place.
package struct LogParser: Sendable {
    /// Bytes of a line that are put together from the pieces that conmon writes. A longer line comes in several entries.
    package static let longestEntry = 1 << 20
    /// The same where entries are sent to another node: a message has room for one of these.
    package static let longestSentEntry = 512 << 10
    /// No line of conmon's is longer than 8192 bytes and its head; more without an end is not a log.
    private static let longestLine = 64 << 10

    private struct Pending {
        /// Of the last piece: lines come in the order in which they were completed.
        var time: Timestamp
        var bytes: [UInt8]
        /// Where the first piece begins.
        var start: Place
    }

    /// A place in the files that are parsed: which of them, as counted by whoever reads them, and how far from its beginning.
    struct Place: Equatable {
        var file = 0
        var offset: Int64 = 0
    }

    /// How far an entry reaches.
    struct Reach {
        /// Behind its last line. Entries that came of one line have the same.
        var end: Place
        /// Where a line of the other stream begins that is not complete there.
        var held: Place?
        /// How many lines are in the entry.
        var lines = 1
    }

    /// A line behind which others may be put together in one entry: where its head is in the block.
    private struct Run {
        var head: Int
        var count: Int
        var lines = 1
    }

    /// Lines that are put together in one entry are no more, and no more bytes.
    static let mostJoinedLines = 100
    static let mostJoinedBytes = 16 << 10

    private var rest: [UInt8] = []
    private var skipsToNextLine = false
    private var pending: [LogEntry.Stream: Pending] = [:]
    /// Bytes that could not be read since the last line that could.
    private var damaged = 0
    private var lastTime = Timestamp(seconds: 0)
    /// The head of the line before and what it says: all lines of one read of conmon's have the same.
    private var lastHead: (bytes: [UInt8], line: LogLine)?
    /// Bytes of one entry; a longer line comes in several.
    private let longestText: Int
    /// How far each entry reaches, for who asks for it.
    private var reaches: [Reach]?
    /// Of the next line's beginning.
    private var place = Place()
    /// The streams whose last entry is a part of a line that goes on, and whether the last entry went on with one.
    private var goesOn: Set<LogEntry.Stream> = []
    private var wentOn = false
    /// Whole lines of one stream and one stamp, as one read of conmon's has them, come as one entry; see ``Reach/lines``.
    var joins = false

    /// - Parameter longestEntry: At so many bytes a line is cut, behind the piece that reaches them.
    package init(longestEntry: Int = LogParser.longestEntry) {
        longestText = longestEntry
    }

    /// A parser that also tells how far its entries reach; see ``takeReaches()``.
    init(longestText: Int) {
        self.longestText = longestText
        reaches = []
    }

    /// The next bytes are from this place on.
    mutating func move(to place: Place) { self.place = place }

    /// For each entry since the last call, in their order.
    mutating func takeReaches() -> [Reach] {
        defer { reaches?.removeAll(keepingCapacity: true) }
        return reaches ?? []
    }

    /// A line's entries reach to its end, whose place is behind it.
    private mutating func reach(of entries: [LogEntry]) {
        guard let count = reaches?.count, count < entries.count else { return }
        let held =
            pending.isEmpty ? nil : pending.values.map(\.start).min { ($0.file, $0.offset) < ($1.file, $1.offset) }
        for _ in count..<entries.count { reaches?.append(Reach(end: place, held: held)) }
    }

    /// Entries that are complete with these bytes.
    package mutating func parse(_ bytes: [UInt8]) -> [LogEntry] {
        let block = rest.isEmpty ? bytes : rest + bytes
        rest = []
        var entries: [LogEntry] = []
        block.withUnsafeBytes { block in
            var start = 0
            var run: Run?
            while start < block.count, let base = block.baseAddress,
                let found = memchr(base + start, 10, block.count - start)
            {
                let end = UnsafeRawPointer(found) - base
                let line = UnsafeRawBufferPointer(start: base + start, count: end - start)
                let next = Place(file: place.file, offset: place.offset + Int64(clamping: end + 1 - start))
                if let begun = run, join(line, begun, base, &entries) {
                    run?.lines += 1
                    place = next
                    extendReach()
                } else {
                    let before = entries.count
                    if skipsToNextLine {
                        skipsToNextLine = false
                        damaged += line.count + 1
                    } else {
                        take(line, &entries)
                    }
                    place = next
                    reach(of: entries)
                    run = entries.count == before + 1 ? self.run(line, at: start, entries) : nil
                }
                start = end + 1
            }
            rest = Array(block.dropFirst(start))
        }
        if rest.count > Self.longestLine {
            damaged += rest.count
            // A line may begin right behind zeros.
            skipsToNextLine = rest.last != 0
            place.offset += Int64(clamping: rest.count)
            rest = []
        }
        return entries
    }

    /// Whether further lines may be put to the entry of this one, which has been taken: it is a whole line's, and nothing else's.
    private func run(_ line: UnsafeRawBufferPointer, at start: Int, _ entries: [LogEntry]) -> Run? {
        guard joins, !wentOn, pending.isEmpty, let last = entries.last, let head = lastHead, !head.line.isPartial,
            line.count >= head.bytes.count, last.bytes.count == line.count - head.bytes.count + 1,
            let base = line.baseAddress,
            head.bytes.withUnsafeBytes({ memcmp($0.baseAddress ?? base, base, $0.count) == 0 })
        else { return nil }
        return Run(head: start, count: head.bytes.count)
    }

    /// Puts a line to the entry of the ones before it, if it begins as they do.
    /// - Parameters:
    ///   - line: Without its end, which is behind it.
    ///   - block: Where the run's head is.
    private func join(
        _ line: UnsafeRawBufferPointer, _ run: Run, _ block: UnsafeRawPointer, _ entries: inout [LogEntry]
    ) -> Bool {
        let text = line.count - run.count
        guard text >= 0, let newest = entries.indices.last, run.lines < Self.mostJoinedLines,
            let base = line.baseAddress,
            memcmp(base, block + run.head, run.count) == 0,
            // Zeros are damage, behind which a line may begin.
            memchr(base + run.count, 0, text) == nil
        else { return false }
        let count = entries[newest].bytes.count
        guard count + text < Self.mostJoinedBytes else { return false }
        // What conmon reads at once is about so much.
        if run.lines == 1 { entries[newest].bytes.reserveCapacity(max(count + text + 1, Self.mostJoinedBytes / 2)) }
        entries[newest].bytes += UnsafeRawBufferPointer(start: base + run.count, count: text + 1)
        return true
    }

    /// The last entry has one line more.
    private mutating func extendReach() {
        guard let newest = reaches?.indices.last else { return }
        reaches?[newest].end = place
        reaches?[newest].lines += 1
    }

    /// The file ends here, and the log goes on in another: conmon writes a line to one file, so one without its end is torn.
    package mutating func endFile() -> [LogEntry] {
        var entries: [LogEntry] = []
        skipsToNextLine = false
        guard !rest.isEmpty else { return entries }
        let torn = rest
        rest = []
        torn.withUnsafeBytes { take($0, isTorn: true, &entries) }
        place.offset += Int64(clamping: torn.count)
        reach(of: entries)
        return entries
    }

    /// ``finish(isOver:)`` when nobody writes any more.
    mutating func complete() -> [LogEntry] { finish() }

    /// What was written without a line's end, when no more will come. The parser is as new afterwards.
    /// - Parameter isOver: Nobody writes any more; otherwise the last bytes may be a line that is just being written.
    package mutating func finish(isOver: Bool = true) -> [LogEntry] {
        defer { renew() }
        var entries = isOver ? endFile() : []
        entries += pending.map { LogEntry(stream: $0.key, timestamp: $0.value.time, bytes: $0.value.bytes) }
            .filter { !$0.bytes.isEmpty }.sorted {
                ($0.timestamp, $0.stream.rawValue) < ($1.timestamp, $1.stream.rawValue)
            }
        if let mark = takeDamage(at: lastTime) { entries.append(mark) }
        pending = [:]
        reach(of: entries)
        return entries
    }

    private mutating func renew() {
        (rest, skipsToNextLine, pending, damaged, lastHead) = ([], false, [:], 0, nil)
        (goesOn, wentOn) = ([], false)
        lastTime = Timestamp(seconds: 0)
    }

    private mutating func take(_ bytes: UnsafeRawBufferPointer, isTorn: Bool = false, _ entries: inout [LogEntry]) {
        // After a loss of power a file has zeros where blocks were not written: a line may begin right behind them, even in what would
        // be the text of one.
        if let base = bytes.baseAddress, memchr(base, 0, bytes.count) != nil, let zero = bytes.lastIndex(of: 0) {
            let behind = UnsafeRawBufferPointer(rebasing: bytes[(zero + 1)...])
            if LogLine(behind) != nil {
                let end = bytes[..<zero].lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
                if end > 0 { take(UnsafeRawBufferPointer(rebasing: bytes.prefix(end)), isTorn: true, &entries) }
                damaged += zero + 1 - end
                return take(behind, isTorn: isTorn, &entries)
            }
        }
        if bytes.first == LogSegments.tornMark.first, bytes.elementsEqual(LogSegments.tornMark) {
            entries.append(Self.mark("the line above is incomplete", at: lastTime))
            return
        }
        guard let line = line(bytes) else {
            if !bytes.isEmpty { damaged += bytes.count + (isTorn ? 0 : 1) }
            return
        }
        if damaged > 0, let mark = takeDamage(at: line.time) { entries.append(mark) }
        lastTime = line.time
        let text = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(line.textStart))
        let isPartial = line.isPartial && !isTorn
        let whole: [UInt8]
        var start = place
        // In place: its owner has given it up.
        if !pending.isEmpty, var begun = pending.removeValue(forKey: line.stream) {
            start = begun.start
            begun.bytes += text
            if !isPartial { begun.bytes.append(UInt8(ascii: "\n")) }
            whole = begun.bytes
        } else {
            whole = Self.bytes(of: text, endsLine: !isPartial)
        }
        if isPartial, whole.count < longestText {
            pending[line.stream] = Pending(time: line.time, bytes: whole, start: start)
        } else {
            entries.append(LogEntry(stream: line.stream, timestamp: line.time, bytes: whole))
            wentOn = !goesOn.isEmpty && goesOn.remove(line.stream) != nil
            if isPartial { goesOn.insert(line.stream) }
        }
        if isTorn { entries.append(Self.mark("the line above is incomplete", at: line.time)) }
    }

    /// The head of a line, read anew only where it is not the same as the one before.
    private mutating func line(_ bytes: UnsafeRawBufferPointer) -> LogLine? {
        if let (head, line) = lastHead, bytes.count >= head.count, let base = bytes.baseAddress,
            head.withUnsafeBytes({ head in memcmp(head.baseAddress ?? base, base, head.count) == 0 })
        {
            return line
        }
        guard let line = LogLine(bytes) else { return nil }
        // A line without text has no blank behind its mark, and is no other's beginning.
        let head = bytes.prefix(line.textStart)
        lastHead = head.last == 32 ? (Array(head), line) : nil
        return line
    }

    private static func bytes(of text: UnsafeRawBufferPointer, endsLine: Bool) -> [UInt8] {
        let count = text.count + (endsLine ? 1 : 0)
        return [UInt8](unsafeUninitializedCapacity: count) { room, filled in
            let room = UnsafeMutableRawBufferPointer(room)
            room.copyMemory(from: text)
            if endsLine { room[text.count] = UInt8(ascii: "\n") }
            filled = count
        }
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
