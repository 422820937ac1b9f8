import Foundation
import GRDB

/// Blocks of five-minute values, made of blocks of samples that are over.
enum CoarseHistory {
    /// Adds what the blocks after `first` and before `end` say. What is there already stays, so doing it twice changes nothing.
    ///
    /// - Parameter before: The last row before a block of an entity, which is told by its number.
    static func follow(
        _ database: Database, after first: Int64, before end: Int64, _ before: (Int64, Int64) -> SampleRow?
    ) throws {
        // After a long time away only what is still there, in parts that fit in memory.
        let oldest = max(first + 1, end - TimeGrid.fineRetention / TimeGrid.blockSeconds)
        guard oldest < end else { return }
        for number in oldest..<end {
            let kinds = try Row.fetchAll(
                database,
                sql: """
                    SELECT fine.key, entity.kind FROM fine
                    JOIN entity ON entity.number = fine.key % \(MetricsFile.mostEntities) WHERE fine.key >= ? AND fine.key < ?
                    """, arguments: [MetricsFile.key(number, 0), MetricsFile.key(number + 1, 0)])
            for row in kinds {
                guard let key = row.readable(Int64.self, at: 0),
                    let kind = row.readable(Int.self, at: 1).flatMap(EntityKind.init(rawValue:)),
                    let data = try Data.fetchOne(
                        database.cachedStatement(sql: "SELECT block FROM fine WHERE key = ?"), arguments: [key])
                else { continue }
                let entity = key % MetricsFile.mostEntities
                let slots: [Coarsening.Slot]
                do {
                    slots = try Coarsening.slots(
                        of: Array(data), start: number * TimeGrid.blockSeconds, columns: kind.columns,
                        before: before(number, entity))
                } catch {
                    // One block that cannot be read costs its ten minutes.
                    continue
                }
                try add(slots, entity, columns: kind.columns.count, database)
            }
        }
    }

    private static func add(_ slots: [Coarsening.Slot], _ entity: Int64, columns: Int, _ database: Database) throws {
        for (number, slots) in Dictionary(grouping: slots, by: { TimeGrid.coarseBlock(at: $0.start) }) {
            let key = MetricsFile.key(number, entity)
            let row = try Row.fetchOne(
                database.cachedStatement(sql: "SELECT average, maximum FROM coarse WHERE key = ?"), arguments: [key])
            var (average, maximum) = (BlockWriter(columns: columns), BlockWriter(columns: columns))
            if let row { (average, maximum) = resumed(row, columns) }
            for slot in slots.sorted(by: { $0.start < $1.start }) {
                average.append(slot.average, at: TimeGrid.coarseSlot(at: slot.start))
                maximum.append(slot.maximum, at: TimeGrid.coarseSlot(at: slot.start))
            }
            try database.cachedStatement(
                sql: """
                    INSERT INTO coarse (key, average, maximum) VALUES (?, ?, ?)
                    ON CONFLICT (key) DO UPDATE SET average = excluded.average, maximum = excluded.maximum
                    """
            ).execute(arguments: [key, Data(average.bytes), Data(maximum.bytes)])
        }
    }

    private static func resumed(_ row: Row, _ columns: Int) -> (BlockWriter, BlockWriter) {
        guard let average = row.readable(Data.self, at: 0), let maximum = row.readable(Data.self, at: 1) else {
            return (BlockWriter(columns: columns), BlockWriter(columns: columns))
        }
        do {
            return (
                try BlockWriter(resuming: Array(average), slots: TimeGrid.coarseSlots),
                try BlockWriter(resuming: Array(maximum), slots: TimeGrid.coarseSlots)
            )
        } catch {
            // One that cannot be read is begun anew.
            return (BlockWriter(columns: columns), BlockWriter(columns: columns))
        }
    }
}
