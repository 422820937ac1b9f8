import Concurrency
import LinuxSystem
import Model
import Synchronization

/// Wakes a following cursor when the log's directory changes and when the container has ended.
final class LogFollower: Sendable {
    private let change = AsyncEvent()
    private let ended = Mutex(false)
    /// They bridge two sources that are waited for at once, the directory and the container, to one that a cursor can wait for.
    private let bridges = OwnedTasks()

    init(_ files: LogSegments, _ watcher: FileWatcher, until: Timestamp?, ended: @escaping @Sendable () async -> Void)
        throws
    {
        let events = try watcher.events(in: files.directory, [.modified, .created, .movedIn])
        bridges.begin { [change] in
            for await event in events {
                change.signal()
                if event == .gone { return }
            }
        }
        bridges.begin { [weak self] in
            await ended()
            if !Task.isCancelled { self?.end() }
        }
        guard let until else { return }
        bridges.begin { [weak self] in
            // A client may name any moment: what is far away is waited for in parts.
            while case let rest = until.timeSince(.now), rest > 0 {
                // Cancelled: nobody reads any more.
                guard (try? await Task.sleep(for: .seconds(min(rest, 3600)))) != nil else { return }
            }
            self?.end()
        }
    }

    var hasEnded: Bool { ended.withLock { $0 } }

    private func end() {
        ended.withLock { $0 = true }
        change.signal()
    }

    /// Returns when something may have changed, or after a time.
    /// - Throws: `CancellationError`.
    func wait(atMost time: Duration?) async throws {
        await change.wait(until: time.map { .now + $0 })
        try Task.checkCancellation()
    }
}
