import Addressing
import Netlink
import Nftables
import Testing

@testable import DataPlane

/// What one more, or one fewer, behind an address costs each table in which it can be called.
@Suite struct BalancingStepsTests {
    private let address = IPAddress(10, 1, 0, 100)

    private func members(_ count: Int) -> [IPAddress] {
        (0..<count).map { IPAddress(10, 2, 0, 0).advanced(by: UInt32($0)) }
    }

    private func steps(_ old: [IPAddress]?, _ new: [IPAddress]?, present: Set<Int>) -> [TableStep] {
        BalancingSteps.services(.v4).steps(
            [BalancingSteps.Change(key: "\(address)", old: old, new: new) { "\($0)" }], present: present)
    }

    /// Elements and chains, as they are sent.
    private func cost(_ steps: [TableStep]) throws -> Int { try #require(RulesetChanges(steps)).count }

    @Test func `one more is one element, and another chain only where the one that chooses has no room`() throws {
        let balancing = ServiceTable.balancing(of: .v4)
        var total = 0
        var turned: [Int] = []
        for count in 1..<1000 {
            let steps = self.steps(members(count), members(count + 1), present: [count])
            let cost = try self.cost(steps)
            total += cost
            if balancing.room(for: count) == balancing.room(for: count + 1) {
                #expect(cost == 1, "beside \(count)")
            } else {
                // A chain; the address is taken from the old and led to it.
                #expect(cost == 4, "beside \(count)")
                turned.append(count)
            }
        }
        #expect(turned == [1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 512])
        #expect(total == 999 + 3 * turned.count)
    }

    @Test func `one fewer is its own element and the last one's, wherever it was`() throws {
        for count in [6, 7, 8, 100, 300] {
            for place in [0, count / 2, count - 1] {
                var fewer = members(count)
                let isGone = Numbering.remove(members(count)[place], from: &fewer)
                #expect(isGone)
                let steps = self.steps(members(count), fewer, present: [count])
                #expect(try cost(steps) == (place == count - 1 ? 1 : 3))
                #expect(!steps.contains { if case .chain = $0 { true } else { false } })
            }
        }
    }

    @Test func `a chain that somebody has is not made again`() throws {
        #expect(try cost(steps(members(4), members(5), present: [4, 7])) == 3)
        #expect(try cost(steps(nil, members(6), present: [5])) == 7)
        #expect(try cost(steps(nil, members(6), present: [])) == 8)
    }

    @Test(arguments: [IPFamily.v4, .v6]) func `everyone is chosen equally often, and no connection finds nobody`(
        family: IPFamily
    ) {
        let balancing = ServiceTable.balancing(of: family)
        for count in Array(1...70) + [127, 128, 129, 255, 256, 257, 1000, 4097] {
            var chance = [Double](repeating: 0, count: count)
            var left = 1.0
            for line in balancing.text(of: count).split(separator: "\n") {
                let words = line.split(separator: " ")
                guard let place = words.firstIndex(of: "mod"),
                    let modulus = words.dropFirst(place + 1).first.flatMap({ Int($0) })
                else {
                    Issue.record("no modulus in \(line)")
                    return
                }
                for number in 0..<min(count, modulus) { chance[number] += left / Double(modulus) }
                left *= Double(modulus - min(count, modulus)) / Double(modulus)
            }
            #expect(left == 0, "of \(count)")
            #expect(chance.allSatisfy { abs($0 * Double(count) - 1) < 0.02 }, "of \(count): \(chance)")
            // Those that are most draw once.
            if count <= 4 { #expect(!balancing.text(of: count).contains("\n")) }
        }
    }

    @Test func `the table as a whole has the chains that its elements lead to`() {
        for count in [1, 3, 5, 8, 9, 100] {
            let table = ServiceTable(networks: [[address: members(count)]]).table(.v4)
            let name = ServiceTable.balancing(of: .v4).name(of: count)
            #expect(table.chains.keys.sorted() == [name])
            #expect(table.sets.first { $0.name == "vip" }?.elements == ["\(address)": "goto \(name)"])
        }
        // From one to the next, as whole passes go: the same as above.
        func table(_ count: Int) -> Table { ServiceTable(networks: [[address: members(count)]]).table(.v4) }
        #expect(
            table(7).change(from: table(6)).commands == "add element ip lb be { 10.1.0.100 . 6 : 10.2.0.6 }\n")
        let turned = table(9).change(from: table(8))
        #expect(turned.steps?.count == 4 && turned.count == 4)
    }

    @Test func `turns have a chain for each number`() {
        let turns = NodeTable.balancing(of: .v4)
        for count in 1...70 {
            #expect(turns.name(of: count) == "n\(count)" && turns.room(for: count) == count)
            #expect(!turns.text(of: count).contains("\n"))
        }
    }
}
