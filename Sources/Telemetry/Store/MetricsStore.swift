import Concurrency
import Foundation
import GRDB
import Glibc
import LinuxSystem

/// Blocks of samples on disk, and their coarse history. Calls wait on SQLite's own queues and never block a thread of the caller's.
struct MetricsStore: Sendable {
    /// A block of samples that is written: whole, or as far as it has come.
    struct Write: Sendable {
        let entity: Entity
        /// Since 1970, see ``TimeGrid/block(at:)``.
        let number: Int64
        let block: [UInt8]
        /// The last row before the block.
        let before: SampleRow?
    }

    struct Stored: Sendable {
        /// Since 1970.
        let number: Int64
        let entity: Entity
        let bytes: [UInt8]
    }

    let file: MetricsFile

    /// - Throws: ``MetricsStoreError``.
    static func open(_ path: String) async throws -> MetricsStore {
        do {
            return MetricsStore(file: try await onThread { try MetricsFile.open(path) })
        } catch { throw MetricsStoreError(attempting: "open \(path)", cause: error) }
    }

    /// Writes blocks, and in the same transaction what follows from time: blocks that are over become coarse history, what is older than it is kept is
    /// forgotten, and the oldest of all is when the file is larger than `quota` bytes.
    ///
    /// - Parameter now: Seconds since 1970: blocks before the one with this moment are over.
    func write(_ writes: [Write], now: Int64, quota: Int64) async throws {
        try await attempt("write history") {
            try await file.pool.write { database in
                var numbers: [Entity: Int64] = [:]
                let statement = try database.cachedStatement(
                    sql: """
                        INSERT INTO fine (key, block) VALUES (?, ?)
                        ON CONFLICT (key) DO UPDATE SET block = excluded.block
                        """)
                for write in writes {
                    guard let entity = try Self.number(of: write.entity, now: now, in: database) else { continue }
                    numbers[write.entity] = entity
                    try statement.execute(arguments: [MetricsFile.key(write.number, entity), Data(write.block)])
                }
                let before = Dictionary(
                    writes.map { ([$0.number, numbers[$0.entity] ?? 0], $0.before) }, uniquingKeysWith: { $1 })
                let current = TimeGrid.block(at: now)
                let coarsened = try Int64.fetchOne(database, sql: "SELECT coarsened FROM progress") ?? 0
                // A clock that was put back begins again from there.
                if coarsened < current - 1 || coarsened > current {
                    try CoarseHistory.follow(database, after: min(coarsened, current - 1), before: current) {
                        before[[$0, $1]] ?? nil
                    }
                    try database.execute(sql: "UPDATE progress SET coarsened = ?", arguments: [current - 1])
                    try Retention.apply(database, now: now)
                }
                try Retention.enforce(quota, database)
            }
        }
    }

    /// All blocks of one number.
    func blocks(_ number: Int64) async throws -> [Stored] {
        try await attempt("read history") {
            try await file.pool.read { database in
                let rows = try Row.fetchCursor(
                    database,
                    sql: """
                        SELECT entity.kind, entity.name, fine.block FROM fine
                        JOIN entity ON entity.number = fine.key % \(MetricsFile.mostEntities) WHERE fine.key >= ? AND fine.key < ?
                        """, arguments: [MetricsFile.key(number, 0), MetricsFile.key(number + 1, 0)])
                var found: [Stored] = []
                while let row = try rows.next() {
                    // A damaged one is begun anew.
                    guard let kind = row.readable(Int.self, at: 0).flatMap(EntityKind.init(rawValue:)),
                        let name = row.readable(String.self, at: 1), let data = row.readable(Data.self, at: 2)
                    else { continue }
                    found.append(Stored(number: number, entity: Entity(kind, name), bytes: Array(data)))
                }
                return found
            }
        }
    }

    /// Reads as of one moment.
    func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
        try await attempt("read history") { try await file.pool.read { try body($0) } }
    }

    /// Bytes that the file has in use.
    func usedBytes() async throws -> Int64 { try await read { try Retention.usedBytes($0) } }

    /// - Throws: ``MetricsStoreError``.
    func close() async throws {
        let pool = file.pool
        try await attempt("close history") { try await onThread { try pool.close() } }
    }

    private static func number(of entity: Entity, now: Int64, in database: Database) throws -> Int64? {
        let number = try Int64.fetchOne(
            database.cachedStatement(
                sql: """
                    INSERT INTO entity (kind, name, seen) VALUES (?, ?, ?)
                    ON CONFLICT (kind, name) DO UPDATE SET seen = excluded.seen RETURNING number
                    """), arguments: [entity.kind.rawValue, entity.name, now])
        return number.flatMap { $0 < MetricsFile.mostEntities ? $0 : nil }
    }

    private func attempt<T>(_ what: String, _ body: () async throws -> T) async throws -> T {
        do { return try await body() } catch let error where !(error is CancellationError) {
            throw MetricsStoreError(attempting: what, cause: error)
        }
    }
}
