package import LinuxSystem
import Model
import Synchronization

/// Reads a container's log from files that conmon writes and that may be rotated meanwhile.
package struct LogReader: Sendable {
    private let files: LogSegments
    private let watcher: FileWatcher

    /// - Parameters:
    ///   - path: The file that conmon writes, `k8s-file` format; it need not exist.
    ///   - watcher: The process' one.
    package init(path: String, watcher: FileWatcher) {
        files = LogSegments(path: path)
        self.watcher = watcher
    }

    /// The entries in order of writing, read only as fast as they are taken. One reader at a time.
    ///
    /// - Parameter ended: Returns when no more will be written, as when the container has ended; what is there then is
    ///   still read before a following reader ends. Only called with `follows`. Cancelled when the reader goes.
    package func entries(_ selection: LogSelection, ended: @escaping @Sendable () async -> Void = {})
        -> AsyncThrowingStream<LogEntry, any Error>
    {
        let cursor = LogCursor(files: files, watcher: watcher, selection: selection, ended: ended)
        return AsyncThrowingStream { try await cursor.next() }
    }
}

/// A place in a log. One reader at a time.
actor LogCursor {
    private let files: LogSegments
    private let watcher: FileWatcher
    private let selection: LogSelection
    private let ended: @Sendable () async -> Void
    private let chain: SegmentChain
    private var follower: LogFollower?
    private var isOpen = false
    private var skip = 0
    private var parser = LogParser()
    private var entries: [LogEntry] = []
    private var taken = 0
    private var isAtEnd = false

    init(
        files: LogSegments, watcher: FileWatcher, selection: LogSelection, ended: @escaping @Sendable () async -> Void
    ) {
        chain = SegmentChain(files)
        self.ended = ended
        self.files = files
        self.selection = selection
        self.watcher = watcher
    }

    /// Watches before it looks, so that nothing falls between.
    private func open() async throws {
        isOpen = true
        let (files, chain) = (self.files, self.chain)
        if selection.follows { follower = try LogFollower(files, watcher, until: selection.until, ended: ended) }
        guard let tail = selection.tail else { return }
        skip = try await onThread { () throws -> Int in
            guard let place = try TailFinder(files: files).find(tail) else { return 0 }
            try chain.seek(to: place.path, offset: place.offset)
            return place.skip
        }
    }

    /// The next wanted entry; `nil` at the end. With `follows` waits for one.
    func next() async throws -> LogEntry? {
        if !isOpen { try await open() }
        while true {
            while taken < entries.count {
                let entry = entries[taken]
                taken += 1
                if skip > 0 {
                    skip -= 1
                    continue
                }
                if let until = selection.until, entry.timestamp > until {
                    (entries, taken, isAtEnd) = ([], 0, true)
                    return nil
                }
                if let since = selection.since, entry.timestamp < since { continue }
                return entry
            }
            if isAtEnd { return nil }
            try await fill()
        }
    }

    private func fill() async throws {
        // Asked before the read: what was written before the end is then still seen.
        let hasEnded = follower?.hasEnded ?? true
        let chain = self.chain
        if let bytes = try await onThread({ try chain.read() }) {
            (entries, taken) = (parser.parse(bytes), 0)
        } else if hasEnded {
            (entries, taken, isAtEnd) = (parser.finish(), 0, true)
        } else {
            try await follower?.wait()
        }
    }
}

/// Wakes a following cursor when the log's directory changes and when the container has ended.
final class LogFollower: Sendable {
    private let wakeUps: AsyncStream<Void>
    private let ended = Mutex(false)
    private let wake: AsyncStream<Void>.Continuation
    private let tasks: Mutex<[Task<Void, Never>]>

    init(_ files: LogSegments, _ watcher: FileWatcher, until: Timestamp?, ended: @escaping @Sendable () async -> Void)
        throws
    {
        let events = try watcher.events(in: files.directory, [.modified, .created, .movedIn])
        (wakeUps, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        tasks = Mutex([])
        // Tasks of their own bridge two sources that are waited for at once, the directory and the container, to one
        // that a cursor can wait for; they end with the follower.
        let wake = self.wake
        let changes = Task {
            for await event in events {
                wake.yield()
                if event == .gone { return }
            }
        }
        // The second source: the container's end.
        let end = Task { [weak self] in
            await ended()
            if !Task.isCancelled { self?.end() }
        }
        var bridges = [changes, end]
        if let until {
            let nanoseconds = max(0, until.nanosecondsSinceEpoch - Timestamp.now.nanosecondsSinceEpoch)
            bridges.append(
                Task { [weak self] in
                    // Cancelled: nobody reads any more.
                    guard (try? await Task.sleep(for: .nanoseconds(nanoseconds))) != nil else { return }
                    self?.end()
                })
        }
        tasks.withLock { $0 = bridges }
    }

    deinit { for task in tasks.withLock({ $0 }) { task.cancel() } }

    var hasEnded: Bool { ended.withLock { $0 } }

    private func end() {
        ended.withLock { $0 = true }
        wake.yield()
    }

    func wait() async throws {
        var iterator = wakeUps.makeAsyncIterator()
        _ = await iterator.next()
        try Task.checkCancellation()
    }
}
