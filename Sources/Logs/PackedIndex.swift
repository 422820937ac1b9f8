/// Where the members of a packed log begin, behind the last of them: a reader of a large one comes to any place without passing all heads before it.
///
/// It is a member itself, one without content, and has its table in its extra field; what unpacks gzip sees nothing of it. Where it is missing or
/// damaged, as in files that were packed without one, heads are passed.
struct PackedIndex: Equatable {
    /// Fewer members are passed as fast.
    static let leastMembers = 16
    /// An extra field has room for no more.
    static let mostStarts = 8000
    /// What every member without content ends with: its packed bytes, their checksum and how many they were.
    private static let tail: [UInt8] = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    /// Its length and the table's checksum, before the tail: what is read first.
    private static let footBytes = 8
    static let endBytes = footBytes + tail.count
    private static let headBytes = 16
    private static let mostBytes = headBytes + (1 << 16) + tail.count

    /// How many members come to one start.
    var stride: Int
    /// Of every member whose number is a multiple of ``stride``.
    var starts: [Int64]
    /// As in the members' heads: the index is of this file.
    var total: UInt64
    var origin: UInt64

    /// - Parameter members: Where each begins.
    init(members: [Int64], total: UInt64, origin: UInt64) {
        var stride = 1
        while (members.count + stride - 1) / stride > Self.mostStarts { stride *= 2 }
        let step = stride
        self.stride = step
        self.origin = origin
        self.total = total
        starts = members.enumerated().filter { $0.offset % step == 0 }.map(\.element)
    }

    /// The last member before another one, or that one, whose start is known.
    func nearest(to member: Int) -> (member: Int, start: Int64)? {
        guard member >= 0, let last = starts.indices.last else { return nil }
        let entry = min(member / stride, last)
        return (entry * stride, starts[entry])
    }

    /// As it is written.
    var encoded: [UInt8] {
        var table = Self.bytes(UInt32(clamping: stride)) + Self.bytes(total) + Self.bytes(origin)
        for start in starts { table += Self.bytes(UInt64(clamping: start)) }
        let field = table.count + Self.footBytes
        let length = Self.headBytes + field + Self.tail.count
        return Self.head(field: field) + table + Self.bytes(UInt32(clamping: PackedForm.checksum(table)))
            + Self.bytes(UInt32(clamping: length)) + Self.tail
    }

    /// How long the member is that a file's last ``endBytes`` bytes are of; `nil` when it ends with none.
    static func length(_ end: ArraySlice<UInt8>) -> Int? {
        guard end.count == endBytes, end.suffix(tail.count).elementsEqual(tail) else { return nil }
        let length = Int(clamping: number(end.dropFirst(4).prefix(4)))
        return length <= mostBytes && length >= headBytes + footBytes + tail.count ? length : nil
    }

    /// - Returns: `nil` for what is none, or a damaged one.
    init?(_ member: ArraySlice<UInt8>) {
        let table = member.dropFirst(Self.headBytes).dropLast(Self.endBytes)
        let (field, fixed) = (table.count + Self.footBytes, 20)
        guard table.count > fixed, (table.count - fixed) % 8 == 0,
            member.prefix(Self.headBytes).elementsEqual(Self.head(field: field)),
            Self.number(member.dropLast(Self.tail.count + 4).suffix(4))
                == UInt64(clamping: PackedForm.checksum(Array(table)))
        else { return nil }
        stride = Int(clamping: Self.number(table.prefix(4)))
        total = Self.number(table.dropFirst(4).prefix(8))
        origin = Self.number(table.dropFirst(12).prefix(8))
        starts = []
        var rest = table.dropFirst(fixed)
        while !rest.isEmpty {
            let start = Int64(clamping: Self.number(rest.prefix(8)))
            guard start > starts.last ?? -1 else { return nil }
            starts.append(start)
            rest = rest.dropFirst(8)
        }
        guard stride > 0, starts.first == 0 else { return nil }
    }

    private static func head(field: Int) -> [UInt8] {
        // As a member's of the log, but for the field's name.
        [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3] + bytes(UInt16(clamping: field + 4))
            + [UInt8(ascii: "A"), UInt8(ascii: "i")] + bytes(UInt16(clamping: field))
    }

    private static func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64(clamping: $1) }
    }
}
