import GRDB

/// Which blocks a query reads, and what its steps are by what is in them.
struct HistorySpan {
    private let grid: HistoryQuery.Grid
    /// Blocks of five-minute values; empty for a query that samples answer.
    private let coarse: Range<Int64>
    /// Blocks of samples, one more than is asked for: a counter's first increase needs the sample before.
    private let fine: Range<Int64>
    /// Of ``fine`` those that there may be on disk.
    private let storedFine: Range<Int64>
    /// What five-minute values tell of: seconds since 1970.
    private let coarseEnd: Int64

    /// - Parameter isCoarse: Whether it is asked for what is older than samples are kept.
    init(_ grid: HistoryQuery.Grid, isCoarse: Bool, _ database: Database) throws {
        self.grid = grid
        let coarsened = try Int64.fetchOne(database, sql: "SELECT coarsened FROM progress") ?? 0
        let end = grid.start + grid.step * Int64(clamping: grid.count)
        // Of a damaged file it is any number.
        let last = min(max(coarsened, -1), TimeGrid.block(at: end))
        coarseEnd = isCoarse ? min(end, (last + 1) * TimeGrid.blockSeconds) : grid.start
        let start = max(grid.start, coarseEnd)
        coarse = try StoredBlocks.kept(
            isCoarse && coarseEnd > grid.start
                ? TimeGrid.coarseBlock(at: grid.start)..<TimeGrid.coarseBlock(at: coarseEnd - 1) + 1 : 0..<0,
            in: "coarse", database)
        fine = end > start ? max(0, TimeGrid.block(at: start) - 1)..<TimeGrid.block(at: end - 1) + 1 : 0..<0
        storedFine = try StoredBlocks.kept(fine, in: "fine", database)
    }

    /// An entity's steps, by column.
    /// - Parameter unwritten: Blocks of the entity that are newer than on disk; of two with the same number the last counts.
    func values(
        of entity: Entity, _ columns: [Int], _ unwritten: [MetricsStore.Stored], _ database: Database
    ) throws -> [StepValues] {
        let all = entity.kind.columns
        var values = columns.map { StepValues(grid, all.indices.contains($0) ? all[$0].kind : .gauge) }
        let number = try Int64.fetchOne(
            database.cachedStatement(sql: "SELECT number FROM entity WHERE kind = ? AND name = ?"),
            arguments: [entity.kind.rawValue, entity.name])
        if let number {
            try StoredBlocks.coarse(coarse, of: number, database) { block, average, maximum in
                addCoarse(average, maximum, block, columns, &values)
            }
        }
        var newer = Dictionary(
            unwritten.filter { fine.contains($0.number) }.map { ($0.number, $0.bytes) }, uniquingKeysWith: { $1 }
        ).sorted { $0.key < $1.key }[...]
        /// Those before a block, and in its place.
        func addNewer(through block: Int64) -> Bool {
            var isReplaced = false
            while let next = newer.first, next.key <= block {
                next.value.withUnsafeBytes { addFine($0, next.key, columns, &values) }
                isReplaced = next.key == block
                newer = newer.dropFirst()
            }
            return isReplaced
        }
        if let number {
            try StoredBlocks.fine(storedFine, of: number, database) { block, bytes in
                if !addNewer(through: block) { addFine(bytes, block, columns, &values) }
            }
        }
        _ = addNewer(through: .max)
        return values
    }

    private func addFine(
        _ bytes: UnsafeRawBufferPointer, _ block: Int64, _ columns: [Int], _ values: inout [StepValues]
    ) {
        do {
            var reader = try ColumnReader(bytes, columns: columns, slots: TimeGrid.blockSlots)
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
        _ averages: UnsafeRawBufferPointer, _ maxima: UnsafeRawBufferPointer, _ block: Int64, _ columns: [Int],
        _ values: inout [StepValues]
    ) {
        do {
            var average = try ColumnReader(averages, columns: columns, slots: TimeGrid.coarseSlots)
            var maximum = try ColumnReader(maxima, columns: columns, slots: TimeGrid.coarseSlots)
            while try average.next(), try maximum.next(), average.slot == maximum.slot {
                let time = block * TimeGrid.coarseBlockSeconds + Int64(clamping: average.slot) * TimeGrid.coarseSeconds
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
