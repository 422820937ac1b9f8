/// Writes rows of one entity into a block as they come; ``bytes`` is a whole block at every moment.
///
/// A block is the form's number (1), the count of columns, and its rows. A row is the slots since the row before (from -1 the first), the set of
/// columns that are other than in the row before (column n is bit n), and for each of these, lowest first, 0 where there is no value any more, or
/// 1 + zigzag of the difference to its last value, which is 0 at first. All of it in ``Varint``s. What does not change takes no room.
struct BlockWriter: Sendable {
    static let form: UInt8 = 1
    static let mostColumns = 64

    private(set) var bytes: [UInt8]
    /// The last row's slot; -1 without any.
    private(set) var slot = -1
    /// The row of ``slot``.
    private(set) var row: SampleRow
    /// The last value of each column that there was one of.
    private var known: [Int64]

    /// - Parameter columns: At most ``mostColumns``; more are left out.
    init(columns: Int) {
        let columns = min(columns, Self.mostColumns)
        bytes = [Self.form, UInt8(clamping: columns)]
        row = SampleRow(columns: columns)
        known = Array(repeating: 0, count: columns)
    }

    /// Goes on with a block.
    init(resuming block: [UInt8], slots: Int) throws(BlockError) {
        var reader = try BlockReader(block, slots: slots)
        while try reader.next() {}
        bytes = block
        slot = reader.slot
        row = SampleRow(values: reader.values)
        known = reader.known
    }

    var isEmpty: Bool { slot < 0 }

    /// Adds a row; one that is not after the last is left out. Missing columns have no value.
    mutating func append(_ new: SampleRow, at slot: Int) {
        guard slot > self.slot else { return }
        var changed: UInt64 = 0
        for (column, (old, value)) in zip(row.values, new.values).enumerated() where old != value {
            changed |= 1 << UInt64(clamping: column)
        }
        Varint.append(UInt64(clamping: slot - self.slot), to: &bytes)
        Varint.append(changed, to: &bytes)
        var values = row.values
        for (column, value) in new.values.enumerated()
        where column < values.count && column < known.count && values[column] != value {
            if value == SampleRow.absent {
                bytes.append(0)
            } else {
                Varint.append(Varint.zigzag(value &- known[column]) &+ 1, to: &bytes)
                known[column] = value
            }
            values[column] = value
        }
        row = SampleRow(values: values)
        self.slot = slot
    }
}
