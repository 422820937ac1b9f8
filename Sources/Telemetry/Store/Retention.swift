import GRDB

/// What of history is forgotten: what is too old, and the oldest when there is too much.
enum Retention {
    /// Samples of this much stay, when there is too much, as long as there is older coarse history to forget.
    private static let leastFineBlocks: Int64 = 6

    static func apply(_ database: Database, now: Int64) throws {
        try forget("fine", before: TimeGrid.block(at: now - TimeGrid.fineRetention), database)
        try forget("coarse", before: TimeGrid.coarseBlock(at: now - TimeGrid.coarseRetention), database)
        // A while longer than the last that there can be of it.
        try database.execute(
            sql: "DELETE FROM entity WHERE seen < ?",
            arguments: [now - TimeGrid.coarseRetention - TimeGrid.coarseBlockSeconds * 2])
    }

    /// Forgets the oldest until no more than `quota` bytes are in use.
    static func enforce(_ quota: Int64, _ database: Database) throws {
        while try usedBytes(database) > quota {
            let fine = try span("fine", database)
            let coarse = try span("coarse", database)
            if let fine, fine.last - fine.first >= leastFineBlocks || coarse == nil {
                try forget("fine", before: fine.first + 1, database)
            } else if let coarse {
                try forget("coarse", before: coarse.first + 1, database)
            } else {
                return
            }
        }
    }

    /// Pages that are not free. The file keeps what was freed for what comes.
    static func usedBytes(_ database: Database) throws -> Int64 {
        func number(_ name: String) throws -> Int64 { try Int64.fetchOne(database, sql: "PRAGMA \(name)") ?? 0 }
        return (try number("page_count") - number("freelist_count")) * (try number("page_size"))
    }

    /// The numbers of the oldest and the newest block of a table; `nil` for an empty one.
    static func span(_ table: String, _ database: Database) throws -> (first: Int64, last: Int64)? {
        guard let first = try Int64.fetchOne(database, sql: "SELECT MIN(key) FROM \(table)"),
            let last = try Int64.fetchOne(database, sql: "SELECT MAX(key) FROM \(table)")
        else { return nil }
        return (first / MetricsFile.mostEntities, last / MetricsFile.mostEntities)
    }

    private static func forget(_ table: String, before number: Int64, _ database: Database) throws {
        try database.execute(
            sql: "DELETE FROM \(table) WHERE key < ?", arguments: [MetricsFile.key(max(0, number), 0)])
    }
}
