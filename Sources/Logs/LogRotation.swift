import Glibc
import LinuxSystem

extension LogSegments {
    /// conmon answers in 0.6 to 5 ms.
    private static let reopenDeadline = Duration.seconds(10)
    /// conmon ends when it cannot make the new file.
    private static let leastFreeBytes: UInt64 = 1 << 20

    /// Whether ``rotate(limit:count:reopen:)`` would have something to do. Blocks.
    package func isDue(limit: Int64) -> Bool {
        // What cannot be looked at is told by the rotation itself.
        guard limit > 0, let status = try? Files.status(path) else { return limit > 0 }
        return Int64(clamping: status.st_size) >= limit
    }

    /// Begins a new file if the present one has grown to `limit` bytes, and removes the oldest beyond `count` files in
    /// all. True when it has been done. Not twice at once for one log.
    ///
    /// - Parameter reopen: Has conmon begin the new file; throws when there is no conmon, and the log then keeps its
    ///   name.
    package func rotate(limit: Int64, count: Int, reopen: () async throws -> Void) async throws -> Bool {
        let log = self
        let aside = try await onThread { () throws -> String? in
            guard limit > 0, try Self.freeBytes(log.directory) >= Self.leastFreeBytes else { return nil }
            guard let status = try Files.status(log.path) else {
                // A daemon that was killed in the middle has put the file aside and no more.
                return try log.numbers().last.map(log.rotated)
            }
            guard Int64(clamping: status.st_size) >= limit else { return nil }
            let aside = log.rotated((try log.numbers().last ?? 0) + 1)
            try Files.rename(log.path, to: aside)
            return aside
        }
        guard let aside else { return false }
        do {
            try await reopen()
        } catch {
            // conmon still writes to the file that was put aside, if it writes: give it its name back.
            try await onThread { if !Files.exists(log.path) { try Files.rename(aside, to: log.path) } }
            throw error
        }
        let deadline = ContinuousClock.now + Self.reopenDeadline
        while !Files.exists(log.path) {
            guard ContinuousClock.now < deadline else { throw LogError("conmon did not open \(log.path) anew") }
            try await Task.sleep(for: .milliseconds(1))
        }
        let kept = max(0, count - 1)
        try await onThread {
            for number in try log.numbers().dropLast(kept) { try Files.remove(log.rotated(number)) }
        }
        return true
    }

    private static func freeBytes(_ directory: String) throws -> UInt64 {
        var status = statvfs()
        try check(statvfs(directory, &status), "statvfs \(directory)")
        return UInt64(clamping: status.f_bavail) * UInt64(clamping: status.f_frsize)
    }
}
