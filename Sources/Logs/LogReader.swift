package import LinuxSystem
package import Model

/// Reads a container's log from files that conmon writes and that may be rotated meanwhile.
///
/// Whoever reads holds a block of 256 KiB with its entries and, of each stream, a line that is not complete: at most one entry and a piece. Of a container
/// whose lines are short that is nothing; of one that writes a mebibyte without a line's end on both streams some 2 MiB, and as much again on its way.
package struct LogReader: Sendable {
    private let files: LogSegments
    private let watcher: FileWatcher
    private let longestEntry: Int

    /// - Parameters:
    ///   - path: The file that conmon writes, `k8s-file` format; it need not exist.
    ///   - watcher: The process' one.
    ///   - longestEntry: A longer line comes in several entries; see ``LogParser``.
    package init(path: String, watcher: FileWatcher, longestEntry: Int = LogParser.longestEntry) {
        files = LogSegments(path: path)
        self.longestEntry = longestEntry
        self.watcher = watcher
    }

    /// The entries in order of writing, read only as fast as they are taken. One reader at a time.
    ///
    /// - Parameters:
    ///   - isOver: Nobody writes any more. With `follows` that is so once `ended` has returned.
    ///   - watermarks: With `follows`, how often to say until when the log is complete; `nil` for never.
    ///   - ended: Returns when no more will be written, as when the container has ended; what is there then is
    ///     still read before a following reader ends. Only called with `follows`. Cancelled when the reader goes.
    package func parts(
        _ selection: LogSelection, isOver: Bool, watermarks: Duration? = nil,
        ended: @escaping @Sendable () async -> Void = {}
    ) -> AsyncThrowingStream<LogPart, any Error> {
        let cursor = LogCursor(
            files: files, watcher: watcher, selection: selection, isOver: isOver, longestEntry: longestEntry,
            watermarks: watermarks, ended: ended)
        return AsyncThrowingStream { try await cursor.next() }
    }
}

/// A place in a log. One reader at a time.
actor LogCursor {
    /// A line may be in the file so much later than its stamp says.
    private static let writingTime = Duration.milliseconds(100)

    private let files: LogSegments
    private let watcher: FileWatcher
    private let selection: LogSelection
    private let isOver: Bool
    private let longestEntry: Int
    private let watermarks: Duration?
    private let ended: @Sendable () async -> Void
    private let chain: SegmentChain
    private var follower: LogFollower?
    private var isOpen = false
    private var skip = 0
    private var parser: LogParser
    private var waitsFirst = false
    private var isAtEnd = false

    init(
        files: LogSegments, watcher: FileWatcher, selection: LogSelection, isOver: Bool, longestEntry: Int,
        watermarks: Duration?, ended: @escaping @Sendable () async -> Void
    ) {
        chain = SegmentChain(files)
        self.ended = ended
        self.files = files
        self.isOver = isOver
        self.longestEntry = longestEntry
        parser = LogParser(longestEntry: longestEntry)
        self.watermarks = watermarks
        self.selection = selection
        self.watcher = watcher
    }

    /// Watches before it looks, so that nothing falls between.
    private func open() async throws {
        isOpen = true
        let (files, chain, isOver, longestEntry) = (self.files, self.chain, self.isOver, self.longestEntry)
        if selection.follows { follower = try LogFollower(files, watcher, until: selection.until, ended: ended) }
        if let tail = selection.tail {
            skip = try await onThread { () throws -> Int in
                guard let place = try TailFinder(files: files, isOver: isOver, longestEntry: longestEntry).find(tail)
                else { return 0 }
                try chain.seek(to: place.segment, offset: place.offset)
                return place.skip
            }
        } else if let since = selection.since {
            try await onThread {
                guard let place = try TimeFinder(files: files).find(since) else { return }
                try chain.seek(to: place.segment, offset: place.offset)
            }
        }
    }

    /// The next part with wanted entries, or with a mark; `nil` at the end. With `follows` waits for one.
    func next() async throws -> LogPart? {
        if !isOpen { try await open() }
        while !isAtEnd {
            if waitsFirst, let follower {
                waitsFirst = false
                try await follower.wait(atMost: watermarks)
            }
            // Asked before the read: what was written before the end is then still seen.
            let hasEnded = follower?.hasEnded ?? true
            let timestamp = Timestamp(
                nanosecondsSinceEpoch: Timestamp.now.nanosecondsSinceEpoch
                    - (Int64(exactly: (Self.writingTime / .nanoseconds(1)).rounded()) ?? 0))
            let chain = self.chain
            if let block = try await onThread({ try chain.read() }) {
                var entries = block.startsFile ? parser.endFile() : []
                entries += parser.parse(block.bytes)
                let part = LogPart(wanted(entries))
                if !part.entries.isEmpty { return part }
            } else if hasEnded {
                let last = parser.finish(isOver: isOver || follower != nil)
                let part = LogPart(wanted(last), isCaughtUp: true)
                isAtEnd = true
                return part
            } else {
                waitsFirst = true
                if watermarks != nil { return LogPart(completeUntil: timestamp, isCaughtUp: true) }
            }
        }
        return nil
    }

    private func wanted(_ entries: [LogEntry]) -> [LogEntry] {
        var chosen: [LogEntry] = []
        for entry in entries {
            if skip > 0 {
                skip -= 1
                continue
            }
            if let until = selection.until, entry.timestamp > until {
                isAtEnd = true
                break
            }
            if let since = selection.since, entry.timestamp < since { continue }
            chosen.append(entry)
        }
        return chosen
    }
}
