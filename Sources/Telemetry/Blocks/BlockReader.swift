import Faults

/// A block that is none: damaged, or of a later form.
struct BlockError: Fault, Equatable, CustomStringConvertible {
    enum Code: Sendable {
        case unknownForm, truncated, outOfRange
    }

    let code: Code

    var kind: FaultKind { .internalError }
    var description: String { "a block of metrics cannot be read: \(code)" }
}

/// Reads a block's rows one after another. Whatever the bytes are, it ends with the last row or with an error.
struct BlockReader {
    private let bytes: [UInt8]
    private let slots: Int
    private var position = 2
    /// Of the present row; -1 before the first.
    private(set) var slot = -1
    /// Of the present row by column, ``SampleRow/absent`` where there is none.
    private(set) var values: [Int64]
    /// The last value of each column that there was one of; 0 at first.
    private(set) var known: [Int64]

    /// - Parameter slots: How many there can be in a block of this kind.
    init(_ bytes: [UInt8], slots: Int) throws(BlockError) {
        guard bytes.count >= 2 else { throw BlockError(code: .truncated) }
        guard bytes[0] == BlockWriter.form else { throw BlockError(code: .unknownForm) }
        let columns = Int(clamping: bytes[1])
        guard columns <= BlockWriter.mostColumns else { throw BlockError(code: .outOfRange) }
        self.bytes = bytes
        self.slots = slots
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
        var changed = try number()
        while changed != 0 {
            let column = changed.trailingZeroBitCount
            changed &= changed &- 1
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
        return true
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
}
