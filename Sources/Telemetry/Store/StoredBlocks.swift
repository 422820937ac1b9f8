import Foundation
import GRDB

/// Blocks of one entity as they are on disk, with one question for all of them. Samples are handed on where SQLite has them, without a copy.
enum StoredBlocks {
    /// Of one question: eight days of samples, which is more than is ever kept.
    private static let most = TimeGrid.coarseRetention / TimeGrid.blockSeconds + 64

    /// Of these numbers those that a table may have blocks of: whoever asks for a thousand years has no more looked for than is there.
    static func kept(_ numbers: Range<Int64>, in table: String, _ database: Database) throws -> Range<Int64> {
        guard !numbers.isEmpty, let span = try Retention.span(table, database), span.first <= span.last else {
            return 0..<0
        }
        let there = numbers.clamped(to: span.first..<span.last + 1)
        return there.lowerBound..<min(there.upperBound, there.lowerBound + most)
    }

    /// Goes through blocks of samples in the order of time.
    ///
    /// - Parameters:
    ///   - numbers: As ``kept(_:in:_:)`` has found them.
    ///   - body: Is handed a block's number, and its bytes until it returns.
    static func fine(
        _ numbers: Range<Int64>, of entity: Int64, _ database: Database,
        _ body: (Int64, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard let keys = Self.keys(numbers, entity) else { return }
        let statement = try database.cachedStatement(
            sql: """
                WITH RECURSIVE wanted (key) AS
                    (SELECT ? UNION ALL SELECT key + \(MetricsFile.mostEntities) FROM wanted WHERE key < ?)
                SELECT fine.key, fine.block FROM wanted CROSS JOIN fine WHERE fine.key = wanted.key
                """)
        let rows = try Row.fetchCursor(statement, arguments: [keys.first, keys.last])
        while let row = try rows.next() {
            let key = try row.decode(Int64.self, atIndex: 0)
            try row.withUnsafeData(atIndex: 1) { (data: Data?) -> Void in
                guard let data else { return }
                try data.withUnsafeBytes { try body(key / MetricsFile.mostEntities, $0) }
            }
        }
    }

    /// The same of the coarse history, of which a block is one of averages and one of the largest values.
    static func coarse(
        _ numbers: Range<Int64>, of entity: Int64, _ database: Database,
        _ body: (Int64, UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard let keys = Self.keys(numbers, entity) else { return }
        let statement = try database.cachedStatement(
            sql: """
                WITH RECURSIVE wanted (key) AS
                    (SELECT ? UNION ALL SELECT key + \(MetricsFile.mostEntities) FROM wanted WHERE key < ?)
                SELECT coarse.key, coarse.average, coarse.maximum FROM wanted CROSS JOIN coarse
                    WHERE coarse.key = wanted.key
                """)
        let rows = try Row.fetchCursor(statement, arguments: [keys.first, keys.last])
        while let row = try rows.next() {
            // A damaged block is a gap.
            guard let key = row.readable(Int64.self, at: 0), let average = row.readable(Data.self, at: 1),
                let maximum = row.readable(Data.self, at: 2)
            else { continue }
            try average.withUnsafeBytes { average in
                try maximum.withUnsafeBytes { try body(key / MetricsFile.mostEntities, average, $0) }
            }
        }
    }

    private static func keys(_ numbers: Range<Int64>, _ entity: Int64) -> (first: Int64, last: Int64)? {
        if numbers.isEmpty { return nil }
        return (MetricsFile.key(numbers.lowerBound, entity), MetricsFile.key(numbers.upperBound - 1, entity))
    }
}

extension Row {
    /// What is at a place, as it is wanted; `nil` where a damaged file has nothing there, or something else. Its subscripts end the program then.
    func readable<Value: DatabaseValueConvertible>(_ type: Value.Type, at index: Int) -> Value? {
        do { return try decode(type, atIndex: index) } catch {
            // What else is there is of no interest.
            return nil
        }
    }
}
