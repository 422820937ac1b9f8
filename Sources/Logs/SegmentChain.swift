import LinuxSystem
import Model
import Synchronization

/// Reads the files of a log one after the other, and goes on in the next when the one being read has been rotated. All
/// calls block.
///
/// A file that is not the newest any more is read to its end first: conmon writes to a new file only after giving it
/// the log's name.
final class SegmentChain: Sendable {
    private static let blockBytes = 256 << 10

    struct Block: Sendable {
        var bytes: [UInt8]
        /// They are the first of a file: what the file before ended with does not go on in them.
        var startsFile: Bool
        /// Where they are.
        var place: LogPlace
    }

    private struct State {
        var file: LogFile?
        var offset: Int64 = 0
        /// Nothing has been read of the file yet.
        var isFresh = true
        /// The newest that had a number when the file was opened, and what was to get the next one: they are older.
        var numbered = 0
        var unnumbered: FileIdentity?
        /// The number that the file has or will have.
        var ordinal = 0
        /// The stamp that the file begins with, once it has one.
        var beginning = ""
        /// Files went that came before this one and that nothing was read of.
        var followsGap = false
    }

    private let files: LogSegments
    private let state = Mutex(State())

    init(_ files: LogSegments) { self.files = files }

    /// The next bytes; `nil` when there are no more at present.
    func read() throws -> Block? {
        try state.withLock { state in
            // Each round opens a newer file, so the rounds are as many as there are files.
            while true {
                if state.file == nil, try !openOldest(&state) { return nil }
                if let block = try Self.block(&state) { return block }
                guard let next = try successor(of: state) else { return nil }
                // It may have been written to between our read and the rotation.
                if let late = try Self.block(&state) { return late }
                guard try open(next.segment, among: next.all, &state) else { return nil }
            }
        }
    }

    /// Begins at a place instead of at the start.
    func seek(to segment: LogSegments.Segment, offset: Int64) throws {
        try state.withLock { state in
            if try open(segment, among: files.present(), &state) { state.offset = offset }
        }
    }

    private static func block(_ state: inout State) throws -> Block? {
        guard let file = state.file else { return nil }
        let bytes = try file.read(blockBytes, at: state.offset)
        guard !bytes.isEmpty else { return nil }
        if state.beginning.isEmpty { state.beginning = try file.beginning() }
        let place = LogPlace(inode: file.origin, beginning: state.beginning, offset: state.offset)
        state.offset += Int64(clamping: bytes.count)
        defer { state.isFresh = false }
        return Block(bytes: bytes, startsFile: state.isFresh, place: place)
    }

    /// Whether files went unread between the last two that were read; asked once.
    func takeGap() -> Bool {
        state.withLock { state in
            defer { state.followsGap = false }
            return state.followsGap
        }
    }

    /// Whether the file of a place is still there.
    func has(_ place: LogPlace) throws -> Bool {
        for segment in try files.present() where segment.mayBe(place) {
            if let file = try files.open(segment), try file.isOf(place) { return true }
        }
        return false
    }

    /// Begins behind a place instead of at the start.
    /// - Returns: `false` when its file is not there any more; the chain is at its start then.
    func seek(to place: LogPlace) throws -> Bool {
        try state.withLock { state in
            let all = try files.present()
            for segment in all where segment.mayBe(place) {
                guard let file = try files.open(segment), try file.isOf(place) else { continue }
                enter(file, segment, among: all, &state)
                state.offset = place.offset
                // Nothing of before it is read, so nothing goes on in it.
                state.isFresh = false
                return true
            }
            return false
        }
    }

    private func openOldest(_ state: inout State) throws -> Bool {
        let all = try files.present()
        for segment in all where try open(segment, among: all, &state) { return true }
        return false
    }

    private func open(_ segment: LogSegments.Segment, among all: [LogSegments.Segment], _ state: inout State) throws
        -> Bool
    {
        guard let file = try files.open(segment) else { return false }
        enter(file, segment, among: all, &state)
        return true
    }

    private func enter(
        _ file: LogFile, _ segment: LogSegments.Segment, among all: [LogSegments.Segment], _ state: inout State
    ) {
        let older = all.prefix { $0 != segment }
        let ordinal = Self.ordinal(of: segment, behind: older)
        let followsGap = state.file != nil && state.ordinal > 0 && ordinal > state.ordinal + 1
        state = State(
            file: file, numbered: segment.number ?? older.last { $0.number != nil }?.number ?? 0,
            unnumbered: older.last { $0.number == nil }?.identity, ordinal: ordinal,
            followsGap: state.followsGap || followsGap)
    }

    /// The number that a file has or will have. Where only the newest file is kept none ever has one, and gaps are not seen.
    private static func ordinal(of segment: LogSegments.Segment, behind older: some Sequence<LogSegments.Segment>)
        -> Int
    {
        if let number = segment.number { return number }
        var newest = 0
        var unnumbered = 1
        for one in older {
            if let number = one.number { (newest, unnumbered) = (number, 1) } else { unnumbered += 1 }
        }
        return newest + unnumbered
    }

    /// The file after the one being read; `nil` while that is the newest.
    private func successor(of state: State) throws -> (segment: LogSegments.Segment, all: [LogSegments.Segment])? {
        guard let file = state.file else { return nil }
        let all = try files.present()
        if let index = all.firstIndex(where: { $0.identity == file.identity }) {
            return all.dropFirst(index + 1).first.map { ($0, all) }
        }
        // Not found but there: it was being renamed while we looked; look again later. Not there: rotated away while
        // we were reading it, or packed, and the oldest one that came after it is the next.
        guard try file.isRemoved() else { return nil }
        let next = try all.first { segment in
            try segment.number.map { $0 > state.numbered } ?? true && segment.identity != state.unnumbered
                && !isPassed(segment, state, file)
        }
        return next.map { ($0, all) }
    }

    /// Whether a packed file is what is being read, or was read before it: those that had no number then are known by what they were made of.
    private func isPassed(_ segment: LogSegments.Segment, _ state: State, _ file: LogFile) throws -> Bool {
        guard segment.isPacked, let packed = try files.open(segment) else { return false }
        // Its number is not given to another file as long as this one is open.
        if packed.origin == file.origin { return true }
        return packed.origin == state.unnumbered?.inode && segment.number == state.numbered + 1
    }
}

extension LogSegments.Segment {
    /// Whether it may be the file of a place: which file a packed one was only its content says.
    fileprivate func mayBe(_ place: LogPlace) -> Bool { isPacked || identity.inode == place.inode }
}

extension LogFile {
    fileprivate func isOf(_ place: LogPlace) throws -> Bool {
        try origin == place.inode && beginning() == place.beginning
    }
}
