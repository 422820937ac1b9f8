import Concurrency
import Foundation
import GRDB
import Glibc
import LinuxSystem
package import Model

/// A node's own facts: what it runs, has, and belongs to, in one SQLite file.
///
/// A write that has returned survives `kill -9`, and a power cut unless it was asked not to (write-ahead log, `synchronous = FULL`). Calls wait on SQLite's own queues and
/// never block a thread of the caller's. One process at a time: the daemon holds its root's lock.
package struct NodeStore: Sendable {
    /// A value with the number of the write that made it: higher is later, across all kinds.
    package struct Entry<Value: Sendable>: Sendable {
        package let id: String
        package let value: Value
        /// Grows with every write to the file, and goes on after a restart.
        package let revision: Int64
    }

    /// How long a write waits for a reader of another process, as a backup.
    private static let busySeconds = 5.0
    private static let readers = 2

    let pool: DatabasePool
    private let commits = CommitQueue()
    /// Where a damaged file has been put while opening; the store has begun empty.
    package let setAside: String?

    private init(pool: DatabasePool, setAside: String?) {
        self.pool = pool
        self.setAside = setAside
    }

    /// Opens the file, or makes it.
    ///
    /// A file that is damaged is renamed, never deleted: see ``setAside``.
    ///
    /// - Throws: ``LocalStoreError``: `.newerSchema`, `.notUsable`, `.full`.
    package static func open(_ path: String) async throws -> NodeStore {
        let (pool, setAside) = try await Self.apart("open \(path)") { () throws -> (DatabasePool, String?) in
            do {
                return (try connect(path), nil)
            } catch let error as DatabaseError where error.isDamage {
                let aside = try LocalFile.setAside(path)
                return (try connect(path), aside)
            }
        }
        return NodeStore(pool: pool, setAside: setAside)
    }

    /// Folds the log into the file and ends all use; later calls throw. Not needed before the process ends.
    package func close() async throws {
        let pool = pool
        try await Self.apart("close the node's store") {
            try pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            try pool.close()
        }
    }

    /// - Parameter durably: See ``apply(_:durably:)``.
    /// - Returns: the write's number.
    @discardableResult
    package func save<Value: VersionedRecord>(
        _ value: Value, kind: LocalKind, id: String, durably: Bool = true
    ) async throws -> Int64 {
        var batch = LocalBatch()
        try batch.save(value, kind: kind, id: id)
        return try await apply(batch, durably: durably)
    }

    /// Deletes a value; a missing one is fine.
    package func delete(kind: LocalKind, id: String, durably: Bool = true) async throws {
        var batch = LocalBatch()
        batch.delete(kind: kind, id: id)
        try await apply(batch, durably: durably)
    }

    /// Writes everything or nothing. Goes on to its end though the caller is cancelled. Writes that wait at the same time share one transaction,
    /// and one wait for the disk.
    ///
    /// - Parameter durably: Whether it is to survive a power cut. Otherwise it may be lost then with what came after it, and waits for no disk:
    ///   for what describes processes, which a power cut ends as well. The next durable write takes it along.
    /// - Returns: the write's number, the same for all its values.
    @discardableResult
    package func apply(_ batch: LocalBatch, durably: Bool = true) async throws -> Int64 {
        let (commits, pool) = (commits, pool)
        return try await Self.attempt("write to the node's store") {
            // A write says what has happened: whoever is being cancelled has still to say it.
            try await uncancelled { try await commits.commit(batch, durably: durably, to: pool) }
        }
    }

    /// - Throws: ``LocalStoreError`` `.undecodable` when the value cannot be read as one of this type.
    package func load<Value: VersionedRecord>(_ type: Value.Type, kind: LocalKind, id: String) async throws -> Value? {
        let what = "load \(kind.rawValue) \(id)"
        let json = try await Self.attempt(what) {
            try await pool.read {
                try Data.fetchOne(
                    $0, sql: "SELECT json FROM fact WHERE kind = ? AND id = ?", arguments: [kind.rawValue, id])
            }
        }
        return try json.map { try LocalJSON.decode(type, $0, what) }
    }

    /// All values of a kind, in the order of their ids, as of one moment.
    ///
    /// - Parameter damaged: Told of each value that cannot be read, which then is left out (and stays in the file); without it the first
    ///   such value throws `.undecodable`.
    package func loadAll<Value: VersionedRecord>(
        _ type: Value.Type, kind: LocalKind, damaged: ((_ id: String, LocalStoreError) -> Void)? = nil
    ) async throws -> [Entry<Value>] {
        let rows = try await Self.attempt("load \(kind.rawValue)") {
            try await pool.read { database in
                try Row.fetchAll(
                    database, sql: "SELECT id, json, revision FROM fact WHERE kind = ? ORDER BY id",
                    arguments: [kind.rawValue]
                )
                .map { row -> (id: String, json: Data, revision: Int64) in
                    (try row.wanted("id"), try row.wanted("json"), try row.wanted("revision"))
                }
            }
        }
        var entries: [Entry<Value>] = []
        for row in rows {
            do {
                let value = try LocalJSON.decode(type, row.json, "load \(kind.rawValue) \(row.id)")
                entries.append(Entry(id: row.id, value: value, revision: row.revision))
            } catch {
                guard let damaged else { throw error }
                damaged(row.id, error)
            }
        }
        return entries
    }

    static func write(_ change: LocalBatch.Change, _ revision: Int64, to database: Database) throws {
        switch change {
        case .save(let kind, let id, let json):
            try database.execute(
                sql: """
                    INSERT INTO fact (kind, id, revision, json) VALUES (?, ?, ?, ?)
                    ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision, json = excluded.json
                    """, arguments: [kind.rawValue, id, revision, json])
        case .delete(let kind, let id):
            // With what was set aside under the name: of what is gone nothing comes back.
            for table in ["fact", "aside"] {
                try database.execute(
                    sql: "DELETE FROM \(table) WHERE kind = ? AND id = ?", arguments: [kind.rawValue, id])
            }
        case .deleteAll(let kind):
            for table in ["fact", "aside"] {
                try database.execute(sql: "DELETE FROM \(table) WHERE kind = ?", arguments: [kind.rawValue])
            }
        }
    }

    /// Opens, checks and migrates. Blocking.
    private static func connect(_ path: String) throws -> DatabasePool {
        try LocalFile.prepare(path)
        var configuration = Configuration()
        configuration.maximumReaderCount = readers
        configuration.busyMode = .timeout(busySeconds)
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        let pool = try DatabasePool(path: path, configuration: configuration)
        // One walk over all pages: a node's facts are few megabytes.
        let verdict = try pool.read { try String.fetchOne($0, sql: "PRAGMA quick_check(1)") }
        guard verdict == "ok" else {
            try pool.close()
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: verdict)
        }
        let migrator = LocalSchema.migrator
        guard try !pool.read(migrator.hasBeenSuperseded) else { throw LocalStoreError(.newerSchema, "open \(path)") }
        try migrator.migrate(pool)
        return pool
    }

    /// Runs blocking work on a thread of its own.
    private static func apart<T: Sendable>(_ attempting: String, _ body: @escaping @Sendable () throws -> T)
        async throws -> T
    {
        try await attempt(attempting) { try await onThread(body) }
    }

    static func attempt<T>(_ attempting: String, _ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let error as DatabaseError {
            throw LocalStoreError(error.resultCode == .SQLITE_FULL ? .full : .notUsable, attempting, cause: error)
        } catch let error as SystemError {
            throw LocalStoreError(error.errno == ENOSPC ? .full : .notUsable, attempting, cause: error)
        }
    }
}

extension DatabaseError {
    /// Whether the file itself is at fault and not the disk, its rights, or another user of it.
    fileprivate var isDamage: Bool { resultCode == .SQLITE_CORRUPT || resultCode == .SQLITE_NOTADB }
}
