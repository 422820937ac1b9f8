import Glibc
import LinuxSystem

/// The files of the store: SQLite's own, its write-ahead log, and the log's index. Blocking.
enum LocalFile {
    private static let suffixes = ["", "-wal", "-shm"]

    /// Makes the directory and an empty file for root alone; SQLite gives the files beside it the same rights.
    static func prepare(_ path: String) throws(SystemError) {
        try Files.makeDirectories(Files.parent(of: path))
        _ = try Descriptor.open(path, O_RDWR | O_CREAT)
    }

    /// Renames a damaged store, so that somebody can look at it.
    ///
    /// - Returns: its new path.
    static func setAside(_ path: String) throws(SystemError) -> String {
        let aside = "\(path).damaged-\(RandomID.hex(bytes: 6))"
        for suffix in suffixes where Files.exists("\(path)\(suffix)") {
            try Files.rename("\(path)\(suffix)", to: "\(aside)\(suffix)")
        }
        return aside
    }
}
