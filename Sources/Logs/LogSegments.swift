import Glibc
import LinuxSystem

/// The files of one log: the one that conmon writes, and older ones named `log.1` (newest) and up.
package struct LogSegments: Sendable {
    /// The file that is written, as `…/log`.
    package let path: String

    package init(path: String) { self.path = path }

    func older(_ number: Int) -> String { "\(path).\(number)" }

    /// Files that exist, oldest first.
    func present() throws -> [String] {
        var found: [String] = []
        var number = 1
        while Files.exists(older(number)) {
            found.append(older(number))
            number += 1
        }
        return found.reversed() + (Files.exists(path) ? [path] : [])
    }

    /// Begins a new file if the present one has grown to `limit` bytes, and forgets the oldest beyond `count` files in all.
    ///
    /// - Parameter reopen: Has conmon begin the new file; the old one has been renamed by then.
    /// - Returns: Whether a new file was begun.
    package func rotate(limit: Int64, count: Int, reopen: () async throws -> Void) async throws -> Bool {
        let isDue = try await onThread { try (Files.status(path)?.st_size ?? 0) >= limit }
        guard isDue else { return false }
        try await onThread {
            var number = 1
            while Files.exists(older(number)) { number += 1 }
            while number > max(1, count - 1) {
                number -= 1
                try Files.remove(older(number))
            }
            while number > 1 {
                try Files.rename(older(number - 1), to: older(number))
                number -= 1
            }
            if count > 1 { try Files.rename(path, to: older(1)) } else { try Files.rename(path, to: "\(path).gone") }
        }
        try await reopen()
        if count <= 1 { try await onThread { try Files.remove("\(path).gone") } }
        return true
    }
}
