import Model

/// Finds where the last entries of a log begin, reading backwards in blocks. Blocks.
struct TailFinder {
    struct Place: Equatable {
        var segment: LogSegments.Segment
        var offset: Int64
        /// How many entries from there on come before the wanted ones.
        var skip: Int
    }

    static let blockBytes = 64 << 10
    /// How far back beyond the wanted lines the beginning of a joined line is looked for: the longest with the heads of its pieces, and some of the
    /// other stream's between them.
    static let longestSearch = LogParser.longestEntry + (128 << 10)

    let files: LogSegments
    /// Nobody writes any more.
    let isOver: Bool
    /// As the entries are read that are counted here.
    var longestEntry = LogParser.longestEntry

    /// The place from which on there are `count` entries up to now; `nil` when the whole log has no more.
    func find(_ count: Int) throws -> Place? {
        guard let (segment, offset) = try start(count) else { return nil }
        if count <= 0 { return Place(segment: segment, offset: offset, skip: 0) }
        // The pieces between the lines make the exact number known only by reading forward.
        let chain = SegmentChain(files)
        try chain.seek(to: segment, offset: offset)
        var parser = LogParser(longestEntry: longestEntry)
        var total = 0
        while let block = try chain.read() {
            if block.startsFile { total += parser.endFile().count }
            total += parser.parse(block.bytes).count
        }
        total += parser.finish(isOver: isOver).count
        return Place(segment: segment, offset: offset, skip: max(0, total - count))
    }

    /// A line's start with more than `count` full lines behind it, before which both streams had ended a line.
    private func start(_ count: Int) throws -> (LogSegments.Segment, Int64)? {
        var lines = 0
        var ended: Set<LogEntry.Stream> = []
        var surplus = 0
        var oldest: LogSegments.Segment?
        for segment in try files.present().reversed() {
            guard let file = try files.open(segment) else { continue }
            let size = try file.size()
            if count <= 0 { return (segment, size) }
            var found: Int64?
            try Self.scanBackwards(file, size: size) { offset, line, length in
                if lines > count {
                    surplus += length
                    if !line.isPartial { ended.insert(line.stream) }
                }
                if !line.isPartial { lines += 1 }
                guard lines > count, ended.count == LogEntry.Stream.allCases.count || surplus > Self.longestSearch
                else { return true }
                found = offset
                return false
            }
            if let found { return (segment, found) }
            oldest = segment
        }
        // One stream has ended no line before: from the beginning, then.
        guard lines > count, let oldest else { return nil }
        return (oldest, 0)
    }

    /// Visits lines from the last to the first until told to stop; what is no log line is passed over.
    static func scanBackwards(
        _ file: LogFile, size: Int64, _ visit: (_ offset: Int64, _ line: LogLine, _ length: Int) -> Bool
    ) throws {
        var end = size
        // The beginning of a line whose end lies in the block that was read before.
        var carried: [UInt8] = []
        while end > 0 {
            let start = max(0, end - Int64(clamping: blockBytes))
            var bytes = try block(file, start, Int(clamping: end - start))
            bytes += carried
            end = start
            var first = 0
            if start > 0 {
                guard let newline = bytes[...].position(of: UInt8(ascii: "\n")) else {
                    // Longer than any line of conmon's is not a log.
                    guard bytes.count < longestSearch else { return }
                    carried = bytes
                    continue
                }
                first = newline + 1
            }
            carried = Array(bytes.prefix(first))
            var starts: [Int] = []
            var index = first
            while index < bytes.count {
                starts.append(index)
                index = (bytes.dropFirst(index).position(of: UInt8(ascii: "\n")) ?? bytes.count) + 1
            }
            var lineEnd = bytes.count
            for lineStart in starts.reversed() {
                let body = bytes.prefix(lineEnd).dropFirst(lineStart)
                let text = body.last == UInt8(ascii: "\n") ? body.dropLast() : body
                if let line = LogLine(text), !visit(start + Int64(clamping: lineStart), line, body.count) { return }
                lineEnd = lineStart
            }
        }
    }

    private static func block(_ file: LogFile, _ start: Int64, _ count: Int) throws -> [UInt8] {
        var bytes = try file.read(count, at: start)
        while bytes.count < count {
            let more = try file.read(count - bytes.count, at: start + Int64(clamping: bytes.count))
            if more.isEmpty { break }
            bytes += more
        }
        return bytes
    }
}
