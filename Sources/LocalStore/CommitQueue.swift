import Concurrency
import GRDB
import Synchronization

/// Writes that wait for the disk. Whoever has the file writes all of them in one transaction: what came while another was written shares one `fsync`.
final class CommitQueue: Sendable {
    private struct Waiting: Sendable {
        let batch: LocalBatch
        let durably: Bool
        let number = Promise<Int64>()
    }

    private let waiting = Mutex<[Waiting]>([])

    /// Writes a batch, and whatever waits with it. A batch that cannot be written takes no other along.
    /// - Returns: The write's number.
    func commit(_ batch: LocalBatch, durably: Bool, to pool: DatabasePool) async throws -> Int64 {
        let own = Waiting(batch: batch, durably: durably)
        waiting.withLock { $0.append(own) }
        // Its own turn comes after it has begun to wait: then it is written, by this turn or by one before.
        try await pool.writeWithoutTransaction { database in
            let all = self.waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            Self.write(all, to: database)
        }
        return try await own.number.value()
    }

    private static func write(_ all: [Waiting], to database: Database) {
        if all.isEmpty { return }
        var results: [Result<Int64, any Error>] = []
        do {
            // SQLite takes it outside of transactions only.
            try database.execute(sql: "PRAGMA synchronous = \(all.contains(where: \.durably) ? "FULL" : "NORMAL")")
            try database.inTransaction {
                for entry in all {
                    var result: Result<Int64, any Error> = .success(0)
                    try database.inSavepoint {
                        do {
                            result = .success(try write(entry.batch, to: database))
                            return .commit
                        } catch {
                            result = .failure(error)
                            return .rollback
                        }
                    }
                    results.append(result)
                }
                return .commit
            }
        } catch {
            results = all.map { _ in .failure(error) }
        }
        for (entry, result) in zip(all, results) { entry.number.settle(result) }
    }

    private static func write(_ batch: LocalBatch, to database: Database) throws -> Int64 {
        let revision =
            try Int64.fetchOne(database, sql: "UPDATE counter SET revision = revision + 1 RETURNING revision") ?? 0
        for change in batch.changes { try NodeStore.write(change, revision, to: database) }
        return revision
    }
}
