import Glibc
package import LinuxSystem
package import Model

/// What a reader of a log wants.
package struct LogSelection: Sendable {
    /// The last so many entries; `nil` for all.
    package var tail: Int?
    package var since: Timestamp?
    package var until: Timestamp?
    package var follows = false

    package init() {}
}

/// Reads a container's log: what is there, and what comes, across rotations.
package struct LogReader: Sendable {
    private let segments: LogSegments
    private let watcher: FileWatcher

    package init(path: String, watcher: FileWatcher) {
        segments = LogSegments(path: path)
        self.watcher = watcher
    }

    /// Entries in order of writing; with `follows` until `ended` returns and everything written by then is read.
    ///
    /// Nothing is read ahead of the reader.
    package func entries(_ selection: LogSelection, ended: @escaping @Sendable () async -> Void) -> AsyncThrowingStream<
        LogEntry, any Error
    > {
        let cursor = LogCursor(segments: segments, selection: selection, watcher: watcher, ended: ended)
        return AsyncThrowingStream { try await cursor.next() }
    }
}

/// One reader's place in a log.
private actor LogCursor {
    /// How much is read at a time.
    static let blockBytes = 64 << 10

    private let segments: LogSegments
    private let selection: LogSelection
    private let watcher: FileWatcher
    private let ended: @Sendable () async -> Void

    private var isOpen = false
    private var isOver = false
    private var waiting: [LogEntry] = []
    private var assembler = LogAssembler()
    private var rest: [UInt8] = []
    private var files: [String] = []
    private var current: OpenFile?
    private var events: AsyncStream<FileEvent>?
    private var hasEnded = false

    init(
        segments: LogSegments, selection: LogSelection, watcher: FileWatcher,
        ended: @escaping @Sendable () async -> Void
    ) {
        self.ended = ended
        self.segments = segments
        self.selection = selection
        self.watcher = watcher
    }

    func next() async throws -> LogEntry? {
        if !isOpen { try await open() }
        while true {
            while !waiting.isEmpty {
                let entry = waiting.removeFirst()
                if let until = selection.until, entry.timestamp > until { return nil }
                if let since = selection.since, entry.timestamp < since { continue }
                return entry
            }
            if isOver { return nil }
            try await fill()
        }
    }

    private func open() async throws {
        isOpen = true
        if selection.follows {
            let directory = Files.parent(of: segments.path)
            events = try watcher.events(in: directory, [.modified, .written, .movedIn, .created])
        }
        files = try await onThread { [segments] in try segments.present() }
        if let tail = selection.tail { try await skip(toLast: tail) }
    }

    /// Reads the entries at the end, the newest file first, until there are enough, and goes on after them.
    private func skip(toLast count: Int) async throws {
        var found: [LogEntry] = []
        var last: OpenFile?
        var later = LogAssembler()
        for path in files.reversed() {
            let missing = count - found.count
            let (file, entries, open) = try await onThread {
                let file = try OpenFile(path)
                var assembler = LogAssembler()
                let (entries, end) = try file.lastEntries(missing, &assembler)
                file.offset = end
                return (file, entries, assembler)
            }
            if last == nil {
                last = file
                later = open
            }
            found = entries + found
            if found.count >= count { break }
        }
        waiting = Array(found.suffix(count))
        assembler = later
        current = last
        files = []
    }

    /// Reads on; at the end of everything waits, or finishes.
    private func fill() async throws {
        if current == nil {
            guard !files.isEmpty else { return try await waitOrFinish() }
            let path = files.removeFirst()
            current = try await onThread { try Files.exists(path) ? OpenFile(path) : nil }
            return
        }
        guard let file = current else { return }
        let block = try await onThread { try file.read(Self.blockBytes) }
        guard block.isEmpty else { return take(block) }
        if !files.isEmpty {
            current = nil
        } else {
            try await waitOrFinish()
        }
    }

    private func take(_ block: [UInt8]) {
        rest += block
        var start = rest.startIndex
        while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
            if let entry = assembler.take(rest[start..<end]) { waiting.append(entry) }
            start = end + 1
        }
        rest.removeFirst(start)
        if rest.count > LogAssembler.longestLine { rest = [] }
    }

    private func waitOrFinish() async throws {
        if try await isReplaced() { return }
        guard selection.follows, !hasEnded, let events else {
            waiting += assembler.finish()
            isOver = true
            return
        }
        hasEnded = await Self.wait(events, selection.until, ended)
    }

    /// After a rotation the file that was read to its end has another name, and a new one is in its place.
    private func isReplaced() async throws -> Bool {
        let (segments, current) = (segments, current)
        let isNew = try await onThread { () throws -> Bool in
            guard let status = try Files.status(segments.path) else { return false }
            return current.map { $0.inode != status.st_ino } ?? true
        }
        guard isNew else { return false }
        // Whatever conmon had written into the old one before it changed over has been read by now: it changes over at once.
        files = [segments.path]
        self.current = nil
        return true
    }

    /// Waits for the next change of the files.
    /// - Returns: Whether the container has ended, or the time is over, instead.
    private static func wait(
        _ events: AsyncStream<FileEvent>, _ until: Timestamp?, _ ended: @escaping @Sendable () async -> Void
    ) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in events { return false }
                return true
            }
            group.addTask {
                await ended()
                return true
            }
            if let until {
                group.addTask {
                    // A cancelled sleep ends the wait as well.
                    try? await Task.sleep(for: .seconds(max(0, until.timeSince(.now))))
                    return true
                }
            }
            defer { group.cancelAll() }
            return await group.next() ?? true
        }
    }
}

/// A log file and how far it has been read. Used by one cursor at a time, on whatever thread it reads.
private final class OpenFile: @unchecked Sendable {  // Only the actor that owns it calls it, one call after another.
    private let descriptor: Descriptor
    let inode: UInt64
    var offset: Int64 = 0

    init(_ path: String) throws {
        descriptor = try Descriptor.open(path, O_RDONLY)
        var status = stat()
        guard fstat(descriptor.raw, &status) == 0 else {
            throw SystemError(errno: errno, attempting: "look at \(path)")
        }
        inode = UInt64(status.st_ino)
    }

    /// The next bytes; none at the end.
    func read(_ count: Int) throws -> [UInt8] {
        let bytes = try read(count, at: offset)
        offset += Int64(bytes.count)
        return bytes
    }

    private func read(_ count: Int, at place: Int64) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = pread(descriptor.raw, &bytes, count, off_t(place))
        guard got >= 0 else { throw SystemError(errno: errno, attempting: "read a log") }
        bytes.removeLast(count - got)
        return bytes
    }

    /// The last entries of the file as it is now, read from its end in growing pieces, and where they end.
    func lastEntries(_ count: Int, _ assembler: inout LogAssembler) throws -> (entries: [LogEntry], end: Int64) {
        var status = stat()
        guard fstat(descriptor.raw, &status) == 0 else { throw SystemError(errno: errno, attempting: "look at a log") }
        let size = Int64(status.st_size)
        var window = Int64(LogCursor.blockBytes)
        while true {
            let start = max(0, size - window)
            let bytes = try read(Int(size - start), at: start)
            // A piece that begins in the middle begins with the rest of a line, which may also be the rest of an entry.
            var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)[...]
            if start > 0 { lines = lines.dropFirst() }
            let end = bytes.last == UInt8(ascii: "\n") || bytes.isEmpty ? size : size - Int64(lines.last?.count ?? 0)
            if end < size { lines = lines.dropLast() }
            assembler = LogAssembler()
            var entries: [LogEntry] = []
            for line in lines { if let entry = assembler.take(line) { entries.append(entry) } }
            if entries.count > count || start == 0 { return (entries, end) }
            window *= 2
        }
    }
}
