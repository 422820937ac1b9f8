/// Reads some columns of a block's rows one after another, and passes over the others without looking at what they say: a container has forty, of
/// which a chart asks for one or two.
///
/// Whatever the bytes are, it ends with the last row or with an error. Each row that ``BlockReader`` reads of the same bytes it reads the same;
/// it may go on where only a column is damaged that was not asked for.
struct ColumnReader {
    /// Valid for as long as the one who has made it says.
    private let bytes: UnsafeRawBufferPointer
    private let slots: Int
    /// Column n is bit n, as in a row.
    private let wanted: UInt64
    private let present: UInt64
    private var position = 2
    /// Of the present row; -1 before the first.
    private(set) var slot = -1
    /// Of the present row by column, ``SampleRow/absent`` where there is none, and in those that were not asked for.
    private(set) var values: [Int64]
    /// The last value of each column that there was one of; 0 at first.
    private var known: [Int64]

    /// - Parameters:
    ///   - bytes: A whole block. They must stay where they are while the reader is used.
    ///   - wanted: Columns, in any order. Those that the block does not have are passed over.
    ///   - slots: How many there can be in a block of this kind.
    init(_ bytes: UnsafeRawBufferPointer, columns wanted: [Int], slots: Int) throws(BlockError) {
        guard bytes.count >= 2 else { throw BlockError(code: .truncated) }
        guard bytes[0] == BlockWriter.form else { throw BlockError(code: .unknownForm) }
        let columns = Int(clamping: bytes[1])
        guard columns <= BlockWriter.mostColumns else { throw BlockError(code: .outOfRange) }
        self.bytes = bytes
        self.slots = slots
        var set: UInt64 = 0
        for column in wanted where (0..<columns).contains(column) { set |= 1 << UInt64(clamping: column) }
        self.wanted = set
        present = UInt64.max >> UInt64(clamping: BlockWriter.mostColumns - columns)
        values = Array(repeating: SampleRow.absent, count: columns)
        known = Array(repeating: 0, count: columns)
    }

    /// Goes on to the next row.
    /// - Returns: Whether there is one.
    mutating func next() throws(BlockError) -> Bool {
        if position == bytes.count { return false }
        let gap = try number()
        guard gap > 0, gap <= UInt64(clamping: slots - 1 - slot) else { throw BlockError(code: .outOfRange) }
        slot += Int(clamping: gap)
        // What of the row is still to come.
        var rest = try number()
        guard rest & ~present == 0 else { throw BlockError(code: .outOfRange) }
        while rest & wanted != 0 {
            let column = (rest & wanted).trailingZeroBitCount
            let before: UInt64 = (1 << UInt64(clamping: column)) &- 1
            try skip((rest & before).nonzeroBitCount)
            rest &= ~before
            try take(column)
            rest &= rest &- 1
        }
        try skip(rest.nonzeroBitCount)
        return true
    }

    private mutating func take(_ column: Int) throws(BlockError) {
        guard values.indices.contains(column), known.indices.contains(column) else {
            throw BlockError(code: .outOfRange)
        }
        let code = try number()
        if code == 0 {
            values[column] = SampleRow.absent
        } else {
            let value = known[column] &+ Varint.unzigzag(code &- 1)
            guard value >= 0, value <= SampleRow.most else { throw BlockError(code: .outOfRange) }
            known[column] = value
            values[column] = value
        }
    }

    private mutating func number() throws(BlockError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < bytes.count {
            let byte = UInt64(clamping: bytes[position])
            position += 1
            guard shift < 63 || byte <= 1 else { throw BlockError(code: .outOfRange) }
            value |= (byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        throw BlockError(code: .truncated)
    }

    /// Passes over so many numbers. Each of them ends with a byte whose highest bit is not set: eight bytes are looked at together.
    private mutating func skip(_ count: Int) throws(BlockError) {
        var left = count
        while left > 0, bytes.count - position >= 8 {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            var ends = ~word & 0x8080_8080_8080_8080
            // The sum of eight bytes, each of which is 0 or 1.
            let found = Int(truncatingIfNeeded: ((ends >> 7) &* 0x0101_0101_0101_0101) >> 56)
            if found < left {
                left -= found
                position += 8
                continue
            }
            for _ in 1..<left { ends &= ends &- 1 }
            position += ends.trailingZeroBitCount / 8 + 1
            return
        }
        while left > 0, position < bytes.count {
            if bytes[position] < 0x80 { left -= 1 }
            position += 1
        }
        guard left == 0 else { throw BlockError(code: .truncated) }
    }
}
