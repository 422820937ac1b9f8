import Glibc
import LinuxSystem
package import Model
import Synchronization

/// Reads a log from a position on, and tells of everything that it gives how far the log has been read with it. All calls block; one
/// reader at a time.
package final class PositionedReader: Sendable {
    /// A line, a piece of a long one, or several lines of one stream and one stamp, for a reader that joins.
    package struct Entry: Sendable, Equatable {
        package var stream: LogEntry.Stream
        package var time: Timestamp
        /// Without the line's end; between several lines there is one.
        package var text: [UInt8]
        /// How many lines it is.
        package var lines = 1
        /// The line does not go on in this stream's next entry.
        package var endsLine: Bool
        /// It was written without a line's end, and nothing came behind it.
        package var isUnended = false
        package var position: LogPosition
    }

    private struct State {
        var parser = LogParser(longestText: PositionedReader.longestLine)
        var isOpen = false
        /// Behind which everything is complete, see ``LogPosition/place``.
        var last: LogPosition
        /// The files that have been read, by the numbers that the parser knows them by: those that a line may still begin in.
        var files: [Int: LogPlace] = [:]
        var file = 0
        /// What reaches no further has been taken before.
        var resumesAt: LogPlace?
        /// So many of the next line's pieces, too.
        var taken: Int
        var hasLost = false
    }

    /// What is joined to one entry has no more lines.
    package static let mostJoinedLines = LogParser.mostJoinedLines
    /// Bytes of a line that are put together from the pieces that conmon writes.
    package static let longestLine = LogParser.longestEntry

    private let chain: SegmentChain
    private let longestText: Int
    private let joins: Bool
    private let state: Mutex<State>

    /// - Parameters:
    ///   - path: The file that conmon writes; it need not exist.
    ///   - longestText: Bytes of a line that are given at once, at most 1 MiB. A longer one is cut between characters of UTF-8.
    ///   - joins: Whole lines of one stream and one stamp come together, as far as they are short: see ``Entry/lines``.
    package init(path: String, from position: LogPosition, longestText: Int = longestLine, joins: Bool = false) {
        chain = SegmentChain(LogSegments(path: path))
        self.longestText = min(max(longestText, 16), Self.longestLine)
        self.joins = joins && self.longestText >= LogParser.mostJoinedBytes
        var start = position
        start.pieces = 0
        state = Mutex(State(last: start, resumesAt: nil, taken: position.pieces))
    }

    /// Whether what came behind the position is not there any more, or some of it. Asked once for each loss, after a read.
    package func takeLoss() -> Bool {
        state.withLock { state in
            defer { state.hasLost = false }
            return state.hasLost
        }
    }

    /// The next entries; empty where there are none in what was read, `nil` at the end of what there is at present.
    package func read() throws -> [Entry]? {
        try state.withLock { state in
            if !state.isOpen { try open(&state) }
            guard let block = try chain.read() else { return nil }
            var found: [Entry] = []
            if state.file == 0 || block.startsFile {
                found = positioned(state.parser.endFile(), &state)
                if chain.takeGap() { state.hasLost = true }
                try look(for: block.place, &state)
                state.file += 1
                state.parser.move(to: .init(file: state.file, offset: block.place.offset))
            }
            state.files[state.file] = LogPlace(
                inode: block.place.inode, beginning: block.place.beginning, offset: 0)
            // What has been taken before is found line by line.
            state.parser.joins = joins && state.resumesAt == nil && state.taken == 0
            let rest = positioned(state.parser.parse(block.bytes), &state)
            return found.isEmpty ? rest : found + rest
        }
    }

    /// What was written without a line's end, when no more will come for now.
    package func finish() -> [Entry] {
        state.withLock { state in
            // What is left out has come: all there is has been read.
            state.resumesAt = nil
            let last = state.parser.complete()
            var entries = positioned(last, &state)
            for (index, next) in zip(entries.indices, entries.dropFirst()) where !next.continues(entries[index]) {
                entries[index].end()
            }
            if var last = entries.popLast() {
                last.end()
                entries.append(last)
            }
            return entries
        }
    }

    private func open(_ state: inout State) throws {
        state.isOpen = true
        guard let place = state.last.place else { return }
        // Where a line has begun that is not complete is before the place.
        if let held = state.last.held, try chain.has(place), try chain.seek(to: held) {
            state.resumesAt = place
        } else if try !chain.seek(to: place) {
            (state.last, state.taken, state.hasLost) = (LogPosition(), 0, true)
        }
    }

    /// What is to be left out ends, at the latest, with its file.
    private func look(for next: LogPlace, _ state: inout State) throws {
        guard let resumesAt = state.resumesAt, !next.isSameFile(as: resumesAt) else { return }
        let isBehind = state.files[state.file]?.isSameFile(as: resumesAt) == true
        if try isBehind || !chain.has(resumesAt) { state.resumesAt = nil }
    }

    private func positioned(_ given: consuming [LogEntry], _ state: inout State) -> [Entry] {
        var entries = given
        let reaches = state.parser.takeReaches()
        var found: [Entry] = []
        found.reserveCapacity(entries.count)
        var index = 0
        while index < entries.count, index < reaches.count {
            let reach = reaches[index]
            var next = index + 1
            while next < reaches.count, reaches[next].end == reach.end { next += 1 }
            let behind = position(reach, state)
            if let resumesAt = state.resumesAt, let place = behind.place, place.isSameFile(as: resumesAt),
                place.offset > resumesAt.offset
            {
                state.resumesAt = nil
            }
            if state.resumesAt == nil {
                let first = found.count
                for index in index..<min(next, entries.count) { cut(&entries[index], reach, behind, into: &found) }
                if found.count - first != 1 || state.taken > 0 { number(&found, from: first, behind: behind, &state) }
                state.last = behind
            }
            index = next
        }
        if let last = reaches.last, state.files.count > 1 {
            let oldest = min(last.held?.file ?? last.end.file, last.end.file)
            state.files = state.files.filter { $0.key >= oldest }
        }
        return found
    }

    /// Gives what came of one line its positions; leaves out what has been taken.
    private func number(_ found: inout [Entry], from first: Int, behind: LogPosition, _ state: inout State) {
        let count = found.count - first
        for piece in 0..<count {
            var position = behind
            if piece + 1 < count {
                position = state.last
                position.pieces = piece + 1
            }
            found[first + piece].position = position
        }
        if state.taken > 0 {
            found.removeSubrange(first..<(first + min(state.taken, count)))
            state.taken = 0
        }
    }

    /// - Parameters:
    ///   - entry: Its bytes are taken out, so that most become a text without being copied.
    ///   - position: Behind its last piece.
    private func cut(
        _ entry: inout LogEntry, _ reach: LogParser.Reach, _ position: LogPosition, into found: inout [Entry]
    ) {
        var text: [UInt8] = []
        swap(&text, &entry.bytes)
        let endsLine = text.last == UInt8(ascii: "\n")
        if endsLine { _ = text.popLast() }
        guard text.count > longestText else {
            found.append(
                Entry(
                    stream: entry.stream, time: entry.timestamp, text: text, lines: reach.lines, endsLine: endsLine,
                    position: position))
            return
        }
        var rest = text[...]
        while rest.count > longestText {
            let piece = rest.prefix(Self.wholeCharacters(rest, atMost: longestText))
            found.append(
                Entry(
                    stream: entry.stream, time: entry.timestamp, text: Array(piece), endsLine: false,
                    position: LogPosition()))
            rest = rest.dropFirst(piece.count)
        }
        found.append(
            Entry(
                stream: entry.stream, time: entry.timestamp, text: Array(rest),
                endsLine: endsLine, position: position))
    }

    /// How many bytes to take so that no character of UTF-8 is cut; as many as there may be where the bytes are no UTF-8.
    static func wholeCharacters(_ text: ArraySlice<UInt8>, atMost count: Int) -> Int {
        var end = count
        while end > 0, end > count - 4 {
            guard let byte = text.dropFirst(end).first else { return count }
            // Not in the middle of a character.
            if byte & 0xc0 != 0x80 { return end }
            end -= 1
        }
        return count
    }

    private func position(_ reach: LogParser.Reach, _ state: State) -> LogPosition {
        func place(_ place: LogParser.Place?) -> LogPlace? {
            guard let place, var known = state.files[place.file] else { return nil }
            known.offset = place.offset
            return known
        }
        return LogPosition(place: place(reach.end), held: place(reach.held))
    }
}

extension PositionedReader.Entry {
    /// Nothing more comes of its line.
    fileprivate mutating func end() {
        isUnended = !endsLine
        endsLine = true
    }

    /// Whether it is a further piece of the same line.
    fileprivate func continues(_ other: Self) -> Bool {
        !other.endsLine && stream == other.stream && time == other.time
    }
}

extension LogPlace {
    fileprivate func isSameFile(as other: LogPlace) -> Bool {
        inode == other.inode && beginning == other.beginning
    }
}
