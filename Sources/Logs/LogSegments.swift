import Glibc
import LinuxSystem

/// The files of one log: `PATH`, which is written, and before it `PATH.1`, `PATH.2`… in the order they were written.
package struct LogSegments: Sendable, Equatable {
    package let path: String

    package init(path: String) { self.path = path }

    package var directory: String { Files.parent(of: path) }
    private var name: Substring { path.split(separator: "/").last ?? "" }

    /// The numbers of the rotated files, oldest first. Blocks.
    package func numbers() throws -> [Int] {
        let prefix = name + "."
        return try Files.list(directory).compactMap { file in
            guard file.hasPrefix(prefix) else { return nil }
            let digits = file.dropFirst(prefix.count)
            return digits.utf8.allSatisfy { (48...57).contains($0) } ? Int(digits, radix: 10) : nil
        }.sorted()
    }

    package func rotated(_ number: Int) -> String { "\(path).\(number)" }

    /// All paths, oldest first. Blocks.
    func all() throws -> [String] { try numbers().map(rotated) + [path] }

    /// Removes them all; missing is fine. Blocks.
    package func remove() throws { for file in try all() { try Files.remove(file) } }
}

/// Which file a path means at a moment, whatever its name.
struct FileIdentity: Equatable {
    let device: UInt64
    let inode: UInt64

    init(_ status: stat) {
        device = UInt64(clamping: status.st_dev)
        inode = UInt64(clamping: status.st_ino)
    }
}
