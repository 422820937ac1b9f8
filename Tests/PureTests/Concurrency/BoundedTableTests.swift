import Testing

@testable import Concurrency

@Suite struct BoundedTableTests {
    @Test func `the oldest goes for another one, and nothing else`() {
        var table = BoundedTable<Int, String>(most: 3)
        for number in 0..<3 { table[number] = "\(number)" }
        // Written once more it is the newest; reading changes nothing.
        table[0] = "zero"
        #expect(table[1] == "1")
        table[3] = "3"
        #expect(table.all == [0: "zero", 2: "2", 3: "3"])
        table[4] = "4"
        #expect(table.all == [0: "zero", 3: "3", 4: "4"])
    }

    @Test func `what was taken out makes room`() {
        var table = BoundedTable<Int, Int>(most: 2)
        table[1] = 1
        table[2] = 2
        table[1] = nil
        table[1] = nil
        #expect(table[1] == nil)
        table[3] = 3
        #expect(table.all == [2: 2, 3: 3])
    }

    @Test func `however much comes, the last ones are there`() {
        var table = BoundedTable<Int, Int>(most: 50)
        for number in 0..<1000 {
            table[number] = number
            #expect(table.all.count == min(number + 1, 50))
        }
        #expect(table.all.keys.sorted() == Array(950..<1000))
    }
}
