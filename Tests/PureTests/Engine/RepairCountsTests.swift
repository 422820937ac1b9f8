import Telemetry
import Testing

@testable import Engine

/// What was repaired, by network.
@Suite struct RepairCountsTests {
    @Test func `repairs and failures are counted by network, of so many networks`() {
        let counts = RepairCounts()
        counts.note(network: "w2", name: "web", repaired: 2)
        counts.note(network: "w1", name: "app", failed: 1)
        counts.note(network: "w2", name: "web", repaired: 3, failed: 1)
        #expect(counts.networks.map(\.network) == ["app", "web"])
        #expect(counts.networks.map(\.drift.repaired) == [0, 5])
        #expect(counts.networks.map(\.drift.failed) == [1, 1])
        for number in 0..<RepairCounts.mostNetworks { counts.note(network: "n\(number)", name: "n", repaired: 1) }
        counts.note(network: "w2", name: "web", repaired: 1)
        #expect(counts.networks.count == RepairCounts.mostNetworks)
        #expect(counts.networks.last?.drift.repaired == 6)
    }
}
