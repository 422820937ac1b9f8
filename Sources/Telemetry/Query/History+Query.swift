import Foundation
import GRDB

extension History {
    /// Curves of what is asked for, as far as this node knows the entities; unknown ones are as if they were not asked for.
    ///
    /// - Parameter now: Seconds since 1970.
    /// - Throws: ``HistoryQueryError``, ``MetricsStoreError``.
    package func answer(_ query: HistoryQuery, now: Int64) async throws -> HistoryAnswer {
        let grid = try query.grid(now: now)
        let kinds = try query.columns()
        let unwritten = Dictionary(
            grouping: unwritten(Set(query.groups.flatMap(\.entities))), by: \.entity)
        let curves = try await store.read { database in
            let coarsened = try Int64.fetchOne(database, sql: "SELECT coarsened FROM progress") ?? 0
            let span = Span(grid, isCoarse: query.from < now - TimeGrid.fineRetention, coarsened: coarsened)
            var curves: [HistoryAnswer.Curve] = []
            for (group, kind) in zip(query.groups, kinds) {
                var sums = query.series.map { _ in CurveSum(query.combination, count: grid.count) }
                for entity in group.entities {
                    let values = try span.values(of: entity, kind, unwritten[entity] ?? [], database)
                    for (index, value) in values.enumerated() where sums.indices.contains(index) {
                        sums[index].add(value)
                    }
                }
                for (name, sum) in zip(query.series, sums) {
                    curves.append(
                        HistoryAnswer.Curve(
                            group: group.name, series: name, average: sum.average, maximum: sum.maximum))
                }
            }
            return curves
        }
        return HistoryAnswer(start: grid.start, stepSeconds: grid.step, curves: curves)
    }

    /// Which blocks a query reads.
    private struct Span {
        let grid: HistoryQuery.Grid
        /// Of five-minute values; empty for a query that samples answer.
        let coarse: Range<Int64>
        /// Of samples, one more than is asked for: a counter's first increase needs the sample before.
        let fine: Range<Int64>
        /// What five-minute values tell of: seconds since 1970.
        let coarseEnd: Int64

        init(_ grid: HistoryQuery.Grid, isCoarse: Bool, coarsened: Int64) {
            self.grid = grid
            let end = grid.start + grid.step * Int64(clamping: grid.count)
            coarseEnd = isCoarse ? min(end, (coarsened + 1) * TimeGrid.blockSeconds) : grid.start
            let start = max(grid.start, coarseEnd)
            coarse =
                isCoarse && coarseEnd > grid.start
                ? TimeGrid.coarseBlock(at: grid.start)..<TimeGrid.coarseBlock(at: coarseEnd - 1) + 1 : 0..<0
            fine = end > start ? max(0, TimeGrid.block(at: start) - 1)..<TimeGrid.block(at: end - 1) + 1 : 0..<0
        }

        func values(
            of entity: Entity, _ kind: (kind: EntityKind, columns: [Int]), _ unwritten: [MetricsStore.Stored],
            _ database: Database
        ) throws -> [StepValues] {
            let all = kind.kind.columns
            var values = kind.columns.map { StepValues(grid, all.indices.contains($0) ? all[$0].kind : .gauge) }
            let number = try Int64.fetchOne(
                database.cachedStatement(sql: "SELECT number FROM entity WHERE kind = ? AND name = ?"),
                arguments: [entity.kind.rawValue, entity.name])
            if let number {
                for block in coarse { try addCoarse(block, number, kind.columns, &values, database) }
            }
            for block in fine {
                let bytes: [UInt8]
                if let newer = unwritten.last(where: { $0.number == block }) {
                    bytes = newer.bytes
                } else if let number,
                    let data = try Data.fetchOne(
                        database.cachedStatement(sql: "SELECT block FROM fine WHERE key = ?"),
                        arguments: [MetricsFile.key(block, number)])
                {
                    bytes = Array(data)
                } else {
                    continue
                }
                addFine(bytes, block, kind.columns, &values)
            }
            return values
        }

        private func addFine(_ bytes: [UInt8], _ block: Int64, _ columns: [Int], _ values: inout [StepValues]) {
            do {
                var reader = try BlockReader(bytes, slots: TimeGrid.blockSlots)
                while try reader.next() {
                    let time = block * TimeGrid.blockSeconds + Int64(clamping: reader.slot) * TimeGrid.sampleSeconds
                    // What five-minute values have told is not told twice, but counters go on from it.
                    for (index, column) in columns.enumerated()
                    where reader.values.indices.contains(column) && values.indices.contains(index) {
                        let value = reader.values[column]
                        if value < 0 { continue }
                        if time >= coarseEnd {
                            values[index].add(value, at: time)
                        } else {
                            values[index].precede(value, at: time)
                        }
                    }
                }
            } catch {
                // A block that cannot be read is a gap from there on.
                return
            }
        }

        private func addCoarse(
            _ block: Int64, _ number: Int64, _ columns: [Int], _ values: inout [StepValues], _ database: Database
        ) throws {
            let row = try Row.fetchOne(
                database.cachedStatement(sql: "SELECT average, maximum FROM coarse WHERE key = ?"),
                arguments: [MetricsFile.key(block, number)])
            guard let row else { return }
            let (averageBytes, maximumBytes): (Data, Data) = (row[0], row[1])
            do {
                var average = try BlockReader(Array(averageBytes), slots: TimeGrid.coarseSlots)
                var maximum = try BlockReader(Array(maximumBytes), slots: TimeGrid.coarseSlots)
                while try average.next(), try maximum.next(), average.slot == maximum.slot {
                    let time =
                        block * TimeGrid.coarseBlockSeconds + Int64(clamping: average.slot) * TimeGrid.coarseSeconds
                    if time >= coarseEnd { return }
                    for (index, column) in columns.enumerated()
                    where average.values.indices.contains(column) && maximum.values.indices.contains(column)
                        && values.indices.contains(index) && average.values[column] >= 0
                    {
                        values[index].add(
                            average: average.values[column], maximum: max(0, maximum.values[column]), at: time)
                    }
                }
            } catch {
                return  // As above.
            }
        }
    }
}
