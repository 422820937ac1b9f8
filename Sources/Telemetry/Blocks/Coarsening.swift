/// What is left of samples when they are kept no longer: for each five minutes a counter's increase, and the most it has grown in ten seconds; of a
/// gauge its average and its largest value.
struct Coarsening {
    struct Slot {
        /// Seconds since 1970 of its beginning.
        let start: Int64
        let average: SampleRow
        let maximum: SampleRow
    }

    private struct Sum {
        var total = 0.0
        var count = 0
        var most = SampleRow.absent

        mutating func add(_ value: Int64, most: Int64) {
            total += Double(value)
            self.most = max(self.most, most)
            count += 1
        }
    }

    /// - Parameters:
    ///   - block: A block of samples that begins at `start`.
    ///   - before: The last row before it, when that was the sample before; without it the first row's increase is not known.
    static func slots(
        of block: [UInt8], start: Int64, columns: [EntityKind.Column], before: SampleRow?
    ) throws(BlockError) -> [Slot] {
        var reader = try BlockReader(block, slots: TimeGrid.blockSlots)
        var found: [Slot] = []
        var sums = Array(repeating: Sum(), count: columns.count)
        var present: Int64?
        var last = before.map { (values: $0.values, slot: -1) }
        func close() {
            guard let present else { return }
            found.append(
                Slot(
                    start: present, average: SampleRow(values: zip(sums, columns).map(average)),
                    maximum: SampleRow(values: sums.map(\.most))))
            sums = Array(repeating: Sum(), count: columns.count)
        }
        while try reader.next() {
            let time = start + Int64(clamping: reader.slot) * TimeGrid.sampleSeconds
            let slot = time - time % TimeGrid.coarseSeconds
            if slot != present { close() }
            present = slot
            let steps = last.map { reader.slot - $0.slot } ?? 0
            for (column, (what, value)) in zip(columns, reader.values).enumerated()
            where value >= 0 && column < sums.count {
                switch what.kind {
                case .gauge: sums[column].add(value, most: value)
                case .counter:
                    guard let last, last.values.indices.contains(column), last.values[column] >= 0, steps > 0,
                        Int64(clamping: steps) * TimeGrid.sampleSeconds <= TimeGrid.longestGap
                    else { continue }
                    let increase = Increase.of(value, since: last.values[column])
                    sums[column].add(increase, most: increase / Int64(clamping: steps))
                }
            }
            last = (reader.values, reader.slot)
        }
        close()
        return found
    }

    private static func average(_ sum: Sum, _ column: EntityKind.Column) -> Int64 {
        guard sum.count > 0 else { return SampleRow.absent }
        let value = column.kind == .gauge ? sum.total / Double(sum.count) : sum.total
        return min(Int64(exactly: value.rounded()) ?? SampleRow.most, SampleRow.most)
    }
}

/// How much a counter has grown.
enum Increase {
    /// One that is less than before has begun again at 0.
    static func of(_ value: Int64, since before: Int64) -> Int64 { value >= before ? value &- before : value }
}
