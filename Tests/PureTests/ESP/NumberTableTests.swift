import TestKit
import Testing

@testable import ESP

/// The tables of the threads agree with a dictionary.
@Suite struct NumberTableTests {
    @Test func `it agrees with a dictionary`() {
        var random = SeededGenerator.fresh("table")
        var table = NumberTable()
        var known: [UInt64: Int] = [:]
        var wrong: [UInt64] = []
        for step in 0..<50_000 {
            let key = UInt64.random(in: 0..<600, using: &random) << UInt64.random(in: 0...2, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                table.set(key, step)
                known[key] = step
            case 2:
                table.remove(key)
                known[key] = nil
            default: if table.value(key) != known[key] ?? -1 { wrong.append(key) }
            }
            if table.count != known.count { wrong.append(key) }
        }
        #expect(wrong.isEmpty)
        table.removeAll { key, _ in key % 2 == 0 }
        known = known.filter { $0.key % 2 != 0 }
        var left: [UInt64: Int] = [:]
        table.forEach { left[$0] = $1 }
        #expect(left == known)
    }

    @Test func `a pool keeps its records when it grows`() {
        var pool = RecordPool(empty: 7)
        for index in 0..<100 {
            pool.reserve(index)
            #expect(pool[index].pointee == 7)
            pool[index].pointee = index
        }
        for index in 0..<100 { #expect(pool[index].pointee == index) }
    }
}
