import LinuxSystem
import Logs
import Model
import Synchronization

/// One container's lines on their way to its destination: read from its files as fast as they are sent, encoded, taken in order.
///
/// Owned by the sender of its destination; what it is not told of it does not look for.
struct Lane {
    private static let made = Atomic<Int>(0)
    /// Lines that are put together have no more bytes, but for the last of them, and are no more: other containers have their turn.
    private static let joinedBytes = 32 << 10
    static let joinedLines = PositionedReader.mostJoinedLines
    /// About what is sent with each line besides.
    private static let usualFields = 160

    let id: String
    /// Tells it from other lanes of the container, earlier and later ones.
    private let number = made.add(1, ordering: .relaxed).newValue
    /// Where the files are.
    private(set) var path: String
    private(set) var reader: PositionedReader
    private var encoder: any LineEncoder
    /// Encoded and not taken yet.
    private var queue: ArraySlice<EncodedLine> = []
    private(set) var queuedBytes = 0
    /// Taken and not confirmed, lines.
    private var underWay = 0
    /// There may be more to read.
    var mayHaveMore = true
    /// Nobody writes any more; what is there has been read to its end.
    var isOver: Bool
    private(set) var isFinished = false
    /// The container is gone: when all has been sent, so is the lane.
    private(set) var isRemoved: Bool
    /// Behind the last line that was read.
    private var readTo: LogPosition
    private(set) var position: LogPosition
    private(set) var counts = LineCounts()
    private var heldSince: ContinuousClock.Instant?
    /// The line of each stream that is under way in pieces.
    private var pieces: [LogEntry.Stream: (id: String, ordinal: Int)] = [:]
    /// When the oldest line under way was written.
    private var oldestUnderWay: Timestamp?

    init(
        id: String, path: String, encoder: any LineEncoder, from position: LogPosition, isOver: Bool, isRemoved: Bool
    ) {
        self.encoder = encoder
        self.id = id
        self.isOver = isOver
        self.isRemoved = isRemoved
        self.path = path
        self.position = position
        readTo = position
        reader = PositionedReader(path: path, from: position, longestText: encoder.longestText, joins: encoder.joins)
    }

    var wantsToRead: Bool { mayHaveMore || (isOver && !isFinished) }
    var hasQueued: Bool { !queue.isEmpty }
    /// When the oldest line that was read and that the receiver does not have was written; what waits for its turn is among those.
    var oldest: Timestamp? { oldestUnderWay ?? queue.first?.time }
    var isDone: Bool { isRemoved && isFinished && queue.isEmpty && underWay == 0 }

    /// When lines that the encoder keeps have been kept long enough.
    var flushesAt: ContinuousClock.Instant? {
        guard let heldSince, let most = encoder.longestHold else { return nil }
        return heldSince + most
    }

    /// Somebody writes again, or does not any more.
    mutating func set(isOver: Bool) {
        self.isOver = isOver
        isFinished = false
        mayHaveMore = true
    }

    /// The files are elsewhere, and nobody writes them any more.
    mutating func move(to path: String) {
        self.path = path
        isRemoved = true
        isOver = true
        isFinished = false
        mayHaveMore = true
        reader = PositionedReader(path: path, from: readTo, longestText: encoder.longestText, joins: encoder.joins)
    }

    /// Takes what was read; with `isLast`, what the encoder keeps as well.
    mutating func append(_ entries: [PositionedReader.Entry], isLast: Bool = false) {
        let (joins, keeps) = (encoder.joins, encoder.longestHold != nil)
        for (index, entry) in entries.enumerated() {
            if joins {
                join(entry, further: entries.count - index)
            } else {
                let line = line(entry)
                for line in encoder.encode(line) { push(line) }
            }
            if keeps, heldSince == nil { heldSince = .now }
        }
        if let last = entries.last { readTo = last.position }
        if isLast {
            flush()
            isFinished = true
        }
        settle()
    }

    mutating func flush() {
        heldSince = nil
        for line in encoder.flush() { push(line) }
    }

    private mutating func push(_ line: EncodedLine) {
        queue.append(line)
        queuedBytes += line.bytes.count
    }

    /// Adds a line, or several, to the ones before.
    /// - Parameter further: How many entries come at least, this one among them.
    private mutating func join(_ entry: PositionedReader.Entry, further: Int) {
        let isFull =
            queue.last.map { $0.count + entry.lines > Self.joinedLines || $0.bytes.count >= Self.joinedBytes } ?? true
        if isFull {
            var begun = EncodedLine(bytes: [], time: entry.time, position: entry.position, count: 0)
            let usual = entry.text.count + entry.lines * Self.usualFields
            begun.bytes.reserveCapacity(max(usual, min(Self.joinedBytes, further * usual)))
            queue.append(begun)
        }
        // In place: nobody else has them yet.
        let last = queue.endIndex - 1
        guard queue.indices.contains(last) else { return }
        let before = queue[last].bytes.count
        if entry.lines > 1 {
            let run = ShippedRun(
                stream: entry.stream, time: entry.time, text: entry.text, count: entry.lines, position: entry.position)
            encoder.append(run, to: &queue[last].bytes)
        } else {
            let line = line(entry)
            encoder.append(line, to: &queue[last].bytes)
        }
        queue[last].count += entry.lines
        queue[last].position = entry.position
        queuedBytes += queue[last].bytes.count - before
    }

    private mutating func line(_ entry: PositionedReader.Entry) -> ShippedLine {
        var piece: ShippedLine.Piece?
        if !entry.endsLine || (!pieces.isEmpty && pieces[entry.stream] != nil) {
            let begun = pieces[entry.stream] ?? (RandomID.docker(), 0)
            piece = ShippedLine.Piece(id: begun.id, ordinal: begun.ordinal + 1, isLast: entry.endsLine)
            pieces[entry.stream] = entry.endsLine ? nil : (begun.id, begun.ordinal + 1)
        }
        var line = ShippedLine(
            stream: entry.stream, time: entry.time, text: entry.text, piece: piece, position: entry.position)
        line.isUnended = entry.isUnended
        return line
    }

    /// The next lines, at most so many and of about so many bytes; at least one where there is one.
    mutating func take(bytes: Int, lines: Int) -> [LogBatch.Item] {
        var taken: [LogBatch.Item] = []
        var (size, count) = (0, 0)
        while let next = queue.first, count < lines,
            taken.isEmpty || (size + next.bytes.count <= bytes && count + next.weight <= lines)
        {
            _ = queue.popFirst()
            size += next.bytes.count
            count += next.weight
            taken.append(LogBatch.Item(line: next, group: encoder.group, containerID: id, lane: number))
        }
        if queue.isEmpty { queue = [] }
        queuedBytes -= size
        underWay += taken.count
        if oldestUnderWay == nil { oldestUnderWay = taken.first?.line.time }
        return taken
    }

    /// The receiver has these. Those of an earlier lane of the container count for nothing: this one reads and sends them again.
    mutating func confirm(_ confirmed: [LogBatch.Item]) {
        let items = confirmed.filter { $0.lane == number }
        guard !items.isEmpty else { return }
        underWay = max(0, underWay - items.count)
        if let last = items.last { position = last.line.position }
        counts.sent += items.reduce(0) { $0 + $1.line.count }
        oldestUnderWay = underWay > 0 ? items.last?.line.time : nil
        settle()
    }

    /// The receiver will never have so many of those that were confirmed.
    mutating func refuse(_ count: Int) {
        counts.refused += count
        counts.sent -= count
    }

    /// Lines went unread.
    mutating func lose() { counts.losses += 1 }

    /// What the receiver is not given has been dealt with, too.
    private mutating func settle() {
        if queue.isEmpty, underWay == 0, encoder.longestHold == nil || isFinished { position = readTo }
    }
}

/// What has become of a container's lines since the daemon began to ship them.
package struct LineCounts: Sendable, Equatable {
    package var sent = 0
    /// The receiver would not have them.
    package var refused = 0
    /// How often a stretch of the log was gone before it could be sent: the log's bound was reached.
    package var losses = 0
}
