import LinuxSystem
import Model
import Synchronization

/// Wakes a following cursor when the log's directory changes and when the container has ended.
final class LogFollower: Sendable {
    private let bell = AsyncEvent()
    private let ended = Mutex(false)
    private let tasks: Mutex<[Task<Void, Never>]>

    init(_ files: LogSegments, _ watcher: FileWatcher, until: Timestamp?, ended: @escaping @Sendable () async -> Void)
        throws
    {
        let events = try watcher.events(in: files.directory, [.modified, .created, .movedIn])
        tasks = Mutex([])
        // Tasks of their own bridge two sources that are waited for at once, the directory and the container, to one
        // that a cursor can wait for; they end with the follower.
        let bell = self.bell
        let changes = Task {
            for await event in events {
                bell.signal()
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
            bridges.append(
                Task { [weak self] in
                    // A client may name any moment: what is far away is waited for in parts.
                    while case let rest = until.timeSince(.now), rest > 0 {
                        // Cancelled: nobody reads any more.
                        guard (try? await Task.sleep(for: .seconds(min(rest, 3600)))) != nil else { return }
                    }
                    self?.end()
                })
        }
        tasks.withLock { $0 = bridges }
    }

    deinit { for task in tasks.withLock({ $0 }) { task.cancel() } }

    var hasEnded: Bool { ended.withLock { $0 } }

    private func end() {
        ended.withLock { $0 = true }
        bell.signal()
    }

    /// Returns when something may have changed, or after a time.
    /// - Throws: `CancellationError`.
    func wait(atMost time: Duration?) async throws {
        await bell.wait(until: time.map { .now + $0 })
        try Task.checkCancellation()
    }
}
