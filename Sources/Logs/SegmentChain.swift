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
    }

    private struct State {
        var descriptor: CInt = -1
        var identity: FileIdentity?
        var offset: off_t = 0
        /// Nothing has been read of the file yet.
        var isFresh = true
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
                guard try open(next, &state) else { return nil }
            }
        }
    }

    /// Begins at a place instead of at the start.
    func seek(to path: String, offset: Int64) throws {
        try state.withLock { state in
            if try open(path, &state) { state.offset = off_t(clamping: offset) }
        }
    }

    private static func block(_ state: inout State) throws -> Block? {
        let (descriptor, offset) = (state.descriptor, state.offset)
        var bytes = [UInt8](repeating: 0, count: blockBytes)
        let count = try retrying("read a log") { pread(descriptor, &bytes, bytes.count, offset) }
        guard count > 0 else { return nil }
        state.offset += off_t(clamping: count)
        defer { state.isFresh = false }
        return Block(bytes: Array(bytes.prefix(count)), startsFile: state.isFresh)
    }

    private func openOldest(_ state: inout State) throws -> Bool {
        for path in try files.all() where try open(path, &state) { return true }
        return false
    }

    private func open(_ path: String, _ state: inout State) throws -> Bool {
        guard let file = try Descriptor.openIfThere(path, O_RDONLY) else { return false }
        var status = stat()
        try check(fstat(file.raw, &status), "stat \(path)")
        if state.descriptor >= 0 { close(state.descriptor) }
        state = State(descriptor: file.release(), identity: FileIdentity(status), offset: 0)
        return true
    }

    /// The file after the one being read; `nil` while that is the newest.
    private func successor(of state: State) throws -> String? {
        let paths = try files.all()
        let identities = try paths.map { try Files.status($0).map(FileIdentity.init) }
        if let index = identities.firstIndex(where: { $0 == state.identity }) {
            return paths.indices.dropFirst(index + 1).first { identities[$0] != nil }.map { paths[$0] }
        }
        var status = stat()
        try check(fstat(state.descriptor, &status), "stat a log")
        // Not found but there: it was being renamed while we looked; look again later. Not there: rotated away while
        // we were reading it, and the oldest one left is the next.
        guard status.st_nlink == 0 else { return nil }
        return paths.indices.first { identities[$0] != nil }.map { paths[$0] }
    }
}
