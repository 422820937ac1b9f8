import Model

/// Finds where the lines since a moment begin, without reading what was before: the lines' own stamps are the index, searched by
/// halves, so there is none that a crash could leave wrong. Blocks.
struct TimeFinder {
    struct Place: Equatable {
        var segment: LogSegments.Segment
        var offset: Int64
    }

    private static let blockBytes = 16 << 10
    /// A stretch this short is read through.
    private static let shortest: Int64 = 64 << 10

    let files: LogSegments

    /// A place with every entry since the moment behind it, and few others; `nil` for the log's beginning.
    func find(_ timestamp: Timestamp) throws -> Place? {
        let segments = try files.present()
        for index in segments.indices.reversed() {
            guard let file = try files.open(segments[index]) else { continue }
            let size = try file.size()
            guard let first = try Self.line(in: file, from: 0, to: size), first.time < timestamp else { continue }
            var low = first.offset
            var high = size
            while high - low > Self.shortest {
                let middle = low + (high - low) / 2
                if let line = try Self.line(in: file, from: middle, to: high), line.time < timestamp {
                    low = line.offset
                } else {
                    high = middle
                }
            }
            return try stepBack(segments, index, low)
        }
        return nil
    }

    /// The first whole line that starts behind an offset, or at it if that is 0.
    private static func line(in file: LogFile, from start: Int64, to end: Int64) throws
        -> (offset: Int64, time: Timestamp)?
    {
        var rest: [UInt8] = []
        var restStart = start
        // What the offset falls into is not whole.
        var isWhole = start == 0
        var next = start
        while next < end {
            let block = try file.read(Int(clamping: min(Int64(clamping: blockBytes), end - next)), at: next)
            if block.isEmpty { return nil }
            next += Int64(clamping: block.count)
            rest += block
            var first = 0
            while let newline = rest.dropFirst(first).position(of: UInt8(ascii: "\n")) {
                if isWhole, let line = LogLine(rest.prefix(newline).dropFirst(first).drop { $0 == 0 }) {
                    return (restStart + Int64(clamping: first), line.time)
                }
                isWhole = true
                first = newline + 1
            }
            rest.removeSubrange(rest.indices.prefix(first))
            restStart += Int64(clamping: first)
            // Zeros and other damage: only what may be a line's beginning is kept.
            if rest.count > TailFinder.longestSearch {
                restStart += Int64(clamping: rest.count)
                rest = []
                isWhole = false
            }
        }
        return nil
    }

    /// Back to where each stream had ended a line, so that no line in pieces loses its beginning.
    private func stepBack(_ segments: [LogSegments.Segment], _ index: Int, _ offset: Int64) throws -> Place? {
        var ended: Set<LogEntry.Stream> = []
        var surplus = 0
        var oldest = Place(segment: segments[index], offset: offset)
        for segment in segments[...index].reversed() {
            guard let file = try files.open(segment) else { continue }
            let size = try file.size()
            var found: Int64?
            try TailFinder.scanBackwards(file, size: segment == segments[index] ? offset : size) {
                offset, line, length in
                surplus += length
                if !line.isPartial { ended.insert(line.stream) }
                guard ended.count == LogEntry.Stream.allCases.count || surplus > TailFinder.longestSearch
                else { return true }
                found = offset
                return false
            }
            if let found { return Place(segment: segment, offset: found) }
            oldest = Place(segment: segment, offset: 0)
        }
        return oldest
    }
}
