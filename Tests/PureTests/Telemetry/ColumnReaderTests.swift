import TestKit
import Testing

@testable import Telemetry

/// Some columns of a block, read beside all of them.
@Suite struct ColumnReaderTests {
    private typealias Rows = [(slot: Int, values: [Int64])]

    /// The rows until the bytes end or cannot be read any further, of the columns that are asked for.
    private static func rows(_ bytes: [UInt8], _ columns: [Int]) -> (rows: Rows, isWhole: Bool) {
        bytes.withUnsafeBytes { bytes -> (rows: Rows, isWhole: Bool) in
            var rows: Rows = []
            do {
                var reader = try ColumnReader(bytes, columns: columns, slots: TimeGrid.blockSlots)
                while try reader.next() {
                    let values = reader.values
                    rows.append((reader.slot, columns.map { values.indices.contains($0) ? values[$0] : -1 }))
                }
                return (rows, true)
            } catch {
                return (rows, false)
            }
        }
    }

    /// The same by the reader of whole rows.
    private static func expected(_ bytes: [UInt8], _ columns: [Int]) -> (rows: Rows, isWhole: Bool) {
        var rows: Rows = []
        do {
            var reader = try BlockReader(bytes, slots: TimeGrid.blockSlots)
            while try reader.next() {
                let values = reader.values
                rows.append((reader.slot, columns.map { values.indices.contains($0) ? values[$0] : -1 }))
            }
            return (rows, true)
        } catch {
            return (rows, false)
        }
    }

    private static func columns(_ count: Int, _ random: inout SeededGenerator) -> [Int] {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return [0]
        case 1: return [count - 1]
        case 2: return Array(0..<count)
        // In any order, twice, and some that there are none of.
        default:
            let places = 0..<count + 3
            return (0..<Int.random(in: 0...6, using: &random)).map { _ in Int.random(in: places, using: &random) }
        }
    }

    @Test(arguments: Array(UInt64(1)...300))
    func `what is read of some columns is what is read of all`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...BlockWriter.mostColumns, using: &random)
        let bytes = BlockTests.written(BlockTests.rows(count, &random), columns: count).bytes
        let columns = Self.columns(count, &random)
        let (read, expected) = (Self.rows(bytes, columns), Self.expected(bytes, columns))
        #expect(read.isWhole && expected.isWhole)
        #expect(read.rows.map(\.slot) == expected.rows.map(\.slot))
        #expect(read.rows.map(\.values) == expected.rows.map(\.values))
    }

    @Test(arguments: Array(UInt64(1)...600))
    func `of damaged bytes no row is read otherwise, and none that there cannot be`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...BlockWriter.mostColumns, using: &random)
        let whole = BlockTests.written(BlockTests.rows(count, &random), columns: count).bytes
        let columns = Self.columns(count, &random)
        let bytes = Bool.random(using: &random) ? random.mutated(whole) : [1, whole[1]] + random.bytes(upTo: 300)
        let (read, expected) = (Self.rows(bytes, columns), Self.expected(bytes, columns))
        // It may go on where only what is passed over is damaged.
        #expect(read.rows.count >= expected.rows.count)
        #expect(read.isWhole || !expected.isWhole)
        let same = read.rows.prefix(expected.rows.count)
        #expect(same.map(\.slot) == expected.rows.map(\.slot))
        #expect(same.map(\.values) == expected.rows.map(\.values))
        #expect(zip(read.rows, read.rows.dropFirst()).allSatisfy { $0.slot < $1.slot })
        #expect(read.rows.allSatisfy { (0..<TimeGrid.blockSlots).contains($0.slot) })
        #expect(read.rows.allSatisfy { $0.values.allSatisfy { (-1...SampleRow.most).contains($0) } })
    }

    @Test func `numbers of one to ten bytes are passed over wherever they lie`() {
        // Two columns before the one that is asked for, of all lengths, and up to the block's very end.
        let numbers: [Int64] = (0...62).map { 1 << $0 }
        for first in numbers {
            for second in numbers.filter({ $0.trailingZeroBitCount % 7 == 3 }) {
                var writer = BlockWriter(columns: 4)
                writer.append(SampleRow(values: [first, second, 7, first]), at: 0)
                writer.append(SampleRow(values: [second, first, 9, second]), at: 1)
                #expect(Self.rows(writer.bytes, [2]).rows.map(\.values) == [[7], [9]], "\(first) \(second)")
                #expect(Self.rows(writer.bytes, [3]).rows.map(\.values) == [[first], [second]], "\(first) \(second)")
                #expect(!Self.rows(Array(writer.bytes.dropLast()), [2]).isWhole)
            }
        }
    }

    @Test func `a block that is none is an error`() {
        for bytes: [UInt8] in [[], [1], [2, 3, 1, 0], [1, 65], [1, 255, 0]] {
            #expect(!Self.rows(bytes, [0]).isWhole && Self.rows(bytes, [0]).rows.isEmpty)
        }
        // A column that the block does not have, and a slot that there is none of.
        #expect(!Self.rows([1, 3, 1, 0b1000, 5], [0]).isWhole)
        #expect(!Self.rows([1, 3, 61, 0b1, 5], [0]).isWhole)
        #expect(Self.rows([1, 3, 1, 0b1, 11], [0]).rows.map(\.values) == [[5]])
    }
}
