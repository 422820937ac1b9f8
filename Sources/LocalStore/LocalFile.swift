import Foundation
import Glibc

/// The files of the store: SQLite's own, its write-ahead log, and the log's index.
enum LocalFile {
    private static let suffixes = ["", "-wal", "-shm"]

    /// Makes the directory and an empty file for root alone; SQLite gives the files beside it the same rights.
    static func prepare(_ path: String) throws {
        let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
        do {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw LocalStoreError(.notUsable, "make directory \(directory)", cause: error)
        }
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw LocalStoreError(.notUsable, "open \(path)", cause: POSIXError(.init(rawValue: errno) ?? .EIO))
        }
        Glibc.close(descriptor)
    }

    /// Renames a damaged store, so that somebody can look at it.
    ///
    /// - Returns: its new path.
    static func setAside(_ path: String) throws -> String {
        let aside = "\(path).damaged-\(time(nil))-\(UInt32.random(in: .min ... .max))"
        for suffix in suffixes where Glibc.rename("\(path)\(suffix)", "\(aside)\(suffix)") != 0 && errno != ENOENT {
            throw LocalStoreError(
                .notUsable, "set \(path)\(suffix) aside", cause: POSIXError(.init(rawValue: errno) ?? .EIO))
        }
        return aside
    }
}
