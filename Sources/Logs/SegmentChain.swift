import Glibc
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
        var descriptor: CInt = -1
        var identity: FileIdentity?
        var offset: off_t = 0
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

    deinit {
        let descriptor = state.withLock { $0.descriptor }
        if descriptor >= 0 { close(descriptor) }
    }

    /// The next bytes; `nil` when there are no more at present.
    func read() throws -> Block? {
        try state.withLock { state in
            // Each round opens a newer file, so the rounds are as many as there are files.
            while true {
                if state.descriptor < 0, try !openOldest(&state) { return nil }
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
            if try open(segment, among: files.present(), &state) { state.offset = off_t(clamping: offset) }
        }
    }

    private static func block(_ state: inout State) throws -> Block? {
        let (descriptor, offset) = (state.descriptor, state.offset)
        var count = 0
        let bytes = try [UInt8](unsafeUninitializedCapacity: blockBytes) { room, filled in
            count = try retrying("read a log") { pread(descriptor, room.baseAddress, room.count, offset) }
            filled = count
        }
        guard count > 0 else { return nil }
        if state.beginning.isEmpty { state.beginning = try beginning(of: descriptor) }
        let place = LogPlace(
            inode: state.identity?.inode ?? 0, beginning: state.beginning, offset: Int64(clamping: state.offset))
        state.offset += off_t(clamping: count)
        defer { state.isFresh = false }
        return Block(bytes: bytes, startsFile: state.isFresh, place: place)
    }

    /// No stamp of conmon's is longer.
    private static let longestStamp = 40

    /// The stamp that a file begins with; empty where there is none.
    private static func beginning(of descriptor: CInt) throws -> String {
        var head = [UInt8](repeating: 0, count: longestStamp)
        let count = try retrying("read a log") { pread(descriptor, &head, longestStamp, 0) }
        guard let blank = head.prefix(max(0, count)).firstIndex(of: 32) else { return "" }
        return String(decoding: head[..<blank], as: UTF8.self)
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
        for segment in try files.present() where segment.identity.inode == place.inode {
            if let file = try files.open(segment), try Self.beginning(of: file.raw) == place.beginning { return true }
        }
        return false
    }

    /// Begins behind a place instead of at the start.
    /// - Returns: `false` when its file is not there any more; the chain is at its start then.
    func seek(to place: LogPlace) throws -> Bool {
        try state.withLock { state in
            let all = try files.present()
            for segment in all where segment.identity.inode == place.inode {
                guard let file = try files.open(segment), try Self.beginning(of: file.raw) == place.beginning,
                    try open(segment, among: all, &state)
                else { continue }
                state.offset = off_t(clamping: place.offset)
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
        let older = all.prefix { $0 != segment }
        let ordinal = Self.ordinal(of: segment, behind: older)
        let followsGap = state.descriptor >= 0 && state.ordinal > 0 && ordinal > state.ordinal + 1
        if state.descriptor >= 0 { close(state.descriptor) }
        state = State(
            descriptor: file.release(), identity: segment.identity,
            numbered: segment.number ?? older.last { $0.number != nil }?.number ?? 0,
            unnumbered: older.last { $0.number == nil }?.identity, ordinal: ordinal,
            followsGap: state.followsGap || followsGap)
        return true
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
        let all = try files.present()
        if let index = all.firstIndex(where: { $0.identity == state.identity }) {
            return all.dropFirst(index + 1).first.map { ($0, all) }
        }
        var status = stat()
        try check(fstat(state.descriptor, &status), "stat a log")
        // Not found but there: it was being renamed while we looked; look again later. Not there: rotated away while
        // we were reading it, and the oldest one that came after it is the next.
        guard status.st_nlink == 0 else { return nil }
        let next = all.first { segment in
            segment.number.map { $0 > state.numbered } ?? true && segment.identity != state.unnumbered
        }
        return next.map { ($0, all) }
    }
}
