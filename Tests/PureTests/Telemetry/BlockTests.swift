import TestKit
import Testing

@testable import Telemetry

/// How samples become bytes and samples again.
@Suite struct BlockTests {
    typealias Rows = [(slot: Int, row: SampleRow)]

    /// Rows as they may be: columns that stay, grow, fall, jump and come and go, slots that are left out.
    static func rows(_ columns: Int, _ random: inout SeededGenerator) -> Rows {
        var rows: Rows = []
        var values = (0..<columns).map { _ in Int64.random(in: 0...1 << 40, using: &random) }
        let manners = (0..<columns).map { _ in Int.random(in: 0..<6, using: &random) }
        for slot in 0..<TimeGrid.blockSlots where Int.random(in: 0..<10, using: &random) > 0 {
            for column in 0..<columns {
                switch manners[column] {
                case 0: break
                case 1: values[column] = max(0, values[column]) + Int64.random(in: 0...10_000_000, using: &random)
                case 2: values[column] = max(0, values[column] - Int64.random(in: -500...500, using: &random))
                case 3:
                    values[column] =
                        [0, SampleRow.most, 1, Int64.random(in: 0...SampleRow.most, using: &random)]
                        .randomElement(using: &random) ?? 0
                case 4: values[column] = Bool.random(using: &random) ? SampleRow.absent : 5
                default: values[column] = SampleRow.absent
                }
            }
            rows.append((slot, SampleRow(values: values)))
        }
        return rows
    }

    static func written(_ rows: Rows, columns: Int) -> BlockWriter {
        var writer = BlockWriter(columns: columns)
        for (slot, row) in rows { writer.append(row, at: slot) }
        return writer
    }

    static func read(_ bytes: [UInt8]) throws -> Rows {
        var reader = try BlockReader(bytes, slots: TimeGrid.blockSlots)
        var rows: Rows = []
        while try reader.next() { rows.append((reader.slot, SampleRow(values: reader.values))) }
        return rows
    }

    @Test(arguments: Array(UInt64(1)...200))
    func `what is read of a block is what was written`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let columns = Int.random(in: 1...BlockWriter.mostColumns, using: &random)
        let rows = Self.rows(columns, &random)
        let read = try Self.read(Self.written(rows, columns: columns).bytes)
        #expect(read.map(\.slot) == rows.map(\.slot))
        #expect(read.map(\.row) == rows.map(\.row))
    }

    @Test(arguments: Array(UInt64(1)...100))
    func `a block that is gone on with after any row is the same as one that was written at once`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let columns = Int.random(in: 1...BlockWriter.mostColumns, using: &random)
        let rows = Self.rows(columns, &random)
        let whole = Self.written(rows, columns: columns).bytes
        let cut = Int.random(in: 0...rows.count, using: &random)
        let first = Self.written(Array(rows.prefix(cut)), columns: columns).bytes
        var second = try BlockWriter(resuming: first, slots: TimeGrid.blockSlots)
        for (slot, row) in rows.dropFirst(cut) { second.append(row, at: slot) }
        #expect(second.bytes == whole)
        // A second time the same rows change nothing.
        for (slot, row) in rows { second.append(row, at: slot) }
        #expect(second.bytes == whole)
    }

    @Test(arguments: Array(UInt64(1)...400))
    func `bytes of whatever kind end with an error or with rows in order`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let columns = Int.random(in: 1...BlockWriter.mostColumns, using: &random)
        var bytes = Self.written(Self.rows(columns, &random), columns: columns).bytes
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
            case 1: bytes += random.bytes(upTo: 40)
            case 2: bytes = random.bytes(upTo: 200)
            default:
                guard let place = bytes.indices.randomElement(using: &random) else { continue }
                bytes[place] = UInt8.random(in: .min ... .max, using: &random)
            }
        }
        do {
            let rows = try Self.read(bytes)
            #expect(zip(rows, rows.dropFirst()).allSatisfy { $0.slot < $1.slot })
            #expect(rows.allSatisfy { $0.slot < TimeGrid.blockSlots })
            #expect(rows.allSatisfy { $0.row.values.allSatisfy { (-1...SampleRow.most).contains($0) } })
        } catch { #expect(error is BlockError) }
    }

    @Test func `what does not change takes a byte or two a sample, and a busy container some fifty`() {
        var idle = BlockWriter(columns: ContainerSeries.allCases.count)
        var busy = idle
        var random = SeededGenerator(seed: 1)
        var row = SampleRow(of: ContainerSeries.self)
        for series in ContainerSeries.allCases { row[series] = 1_000_000 }
        var other = row
        for slot in 0..<TimeGrid.blockSlots {
            idle.append(row, at: slot)
            for series in ContainerSeries.allCases.prefix(20) {
                other[series] = (other[series] ?? 0) + Int64.random(in: 0...10_000, using: &random)
            }
            busy.append(other, at: slot)
        }
        #expect(idle.bytes.count < 300)
        #expect(busy.bytes.count < 60 * 60)
    }

    @Test func `the bytes of a block stay as they are from version to version`() {
        var writer = BlockWriter(columns: 3)
        writer.append(SampleRow(values: [5, -1, 300]), at: 2)
        writer.append(SampleRow(values: [4, -1, 300]), at: 3)
        writer.append(SampleRow(values: [4, 7, -1]), at: 5)
        #expect(
            writer.bytes == [1, 3, 3, 0b101, 11, 0xd9, 0x04, 1, 0b001, 2, 2, 0b110, 15, 0])
    }

    @Test func `columns of stored series keep their places and names`() {
        #expect(ContainerSeries.allCases.count <= 40, "the bound of series a container")
        #expect(NodeSeries.allCases.count <= BlockWriter.mostColumns)
        #expect(ContainerSeries.cpuMicroseconds.rawValue == 0 && ContainerSeries.restarts.rawValue == 38)
        #expect(
            ContainerSeries.memoryWorkingSetBytes.rawValue == 7 && ContainerSeries.networkReceivedBytes.rawValue == 25)
        #expect(NodeSeries.cpuBusyMicroseconds.rawValue == 0 && NodeSeries.containersRunning.rawValue == 20)
        for kind in EntityKind.allCases { #expect(Set(kind.columns.map(\.name)).count == kind.columns.count) }
    }
}

/// What becomes of samples after six hours.
@Suite struct CoarseningTests {
    private static let columns = [
        EntityKind.Column(name: "counter", kind: .counter), EntityKind.Column(name: "gauge", kind: .gauge),
    ]

    private static func slots(_ rows: [(Int, [Int64])], before: [Int64]? = nil) throws -> [Coarsening.Slot] {
        var writer = BlockWriter(columns: 2)
        for (slot, values) in rows { writer.append(SampleRow(values: values), at: slot) }
        return try Coarsening.slots(
            of: writer.bytes, start: 6000, columns: columns, before: before.map { SampleRow(values: $0) })
    }

    @Test func `five minutes have a counter's increase and a gauge's average, and the most of both`() throws {
        let slots = try Self.slots((0..<60).map { ($0, [1000 + Int64($0) * 10, Int64($0)]) }, before: [900, 0])
        #expect(slots.map(\.start) == [6000, 6300])
        // 100 at first, then 29 times 10; the second half 30 times 10.
        #expect(slots.map(\.average.values) == [[390, 15], [300, 45]])
        #expect(slots.map(\.maximum.values) == [[100, 29], [10, 59]])
    }

    @Test func `a counter that begins again counts from nought, and the first of all has no increase`() throws {
        let slots = try Self.slots([(0, [500, 1]), (1, [600, 1]), (2, [30, 1]), (3, [40, -1])])
        #expect(slots.map(\.average.values) == [[140, 1]])
        #expect(slots.map(\.maximum.values) == [[100, 1]])
    }

    @Test func `after a gap the increase is spread, and after a long one unknown`() throws {
        #expect(try Self.slots([(0, [0, 1]), (10, [100, 1])]).map(\.maximum.values) == [[10, 1]])
        #expect(try Self.slots([(0, [0, 1]), (31, [100, 1])]).map(\.average.values) == [[-1, 1], [-1, 1]])
    }
}
