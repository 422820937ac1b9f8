import Concurrency
import Foundation
import GRDB
import Glibc
import LinuxSystem

/// Why history cannot be kept or read at present.
package struct MetricsStoreError: Error, CustomStringConvertible {
    package let attempting: String
    package let cause: any Error

    package var description: String { "cannot \(attempting): \(cause)" }
}

/// `metrics.db`: blocks by time, and within a time by entity. What is in it may be lost: nothing waits for the disk, and a damaged file is set aside
/// and begun anew.
///
/// A key is the block's number since 1970 times 2²⁴ plus the entity's number. What is written lies together, and the oldest is one range.
struct MetricsFile: Sendable {
    /// Numbers of entities that fit in a key.
    static let mostEntities: Int64 = 1 << 24
    private static let pageBytes = 8192
    private static let cacheKiB = 256
    private static let readers = 2
    private static let busySeconds = 5.0

    let pool: DatabasePool
    /// Where a damaged file has been put while opening.
    let setAside: String?

    /// Opens the file, or makes it. Blocks.
    static func open(_ path: String) throws -> MetricsFile {
        do {
            return MetricsFile(pool: try connect(path), setAside: nil)
        } catch let error as DatabaseError where isDamage(error) {
            let aside = "\(path).damaged-\(RandomID.hex(bytes: 6))"
            // One at a time: history of a broken disk must not fill it.
            let directory = Files.parent(of: path)
            let name = String(path.dropFirst(directory.count).drop { $0 == "/" })
            for old in try Files.list(directory) where old.hasPrefix("\(name).damaged-") {
                try Files.remove("\(directory)/\(old)")
            }
            for suffix in ["", "-wal", "-shm"] where Files.exists(path + suffix) {
                try Files.rename(path + suffix, to: aside + suffix)
            }
            return MetricsFile(pool: try connect(path), setAside: aside)
        }
    }

    static func isDamage(_ error: DatabaseError) -> Bool {
        error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB
    }

    private static func connect(_ path: String) throws -> DatabasePool {
        try Files.makeDirectories(Files.parent(of: path))
        _ = try Descriptor.open(path, O_RDWR | O_CREAT)
        var configuration = Configuration()
        configuration.maximumReaderCount = readers
        configuration.busyMode = .timeout(busySeconds)
        configuration.prepareDatabase { database in
            try database.execute(
                sql: """
                    PRAGMA page_size = \(pageBytes);
                    PRAGMA synchronous = NORMAL;
                    PRAGMA cache_size = -\(cacheKiB);
                    PRAGMA wal_autocheckpoint = 256;
                    PRAGMA journal_size_limit = 4194304;
                    """)
        }
        let pool = try DatabasePool(path: path, configuration: configuration)
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE entity (
                        number INTEGER PRIMARY KEY,
                        kind INTEGER NOT NULL,
                        name TEXT NOT NULL,
                        seen INTEGER NOT NULL,
                        UNIQUE (kind, name)
                    );
                    CREATE TABLE fine (key INTEGER PRIMARY KEY, block BLOB NOT NULL);
                    CREATE TABLE coarse (key INTEGER PRIMARY KEY, average BLOB NOT NULL, maximum BLOB NOT NULL);
                    CREATE TABLE progress (coarsened INTEGER NOT NULL);
                    INSERT INTO progress (coarsened) VALUES (0);
                    """)
        }
        // A file of a later version is not ours to change: it is as good as damaged.
        if try pool.read(migrator.hasBeenSuperseded) {
            try pool.close()
            throw DatabaseError(resultCode: .SQLITE_NOTADB, message: "of a later version")
        }
        try migrator.migrate(pool)
        return pool
    }

    static func key(_ block: Int64, _ entity: Int64) -> Int64 {
        block &* mostEntities &+ entity
    }
}
