import Addressing
import TestKit
import Testing

@Suite struct SubnetIndexTests {
    @Test func `what overlaps is found as by looking at each one`() throws {
        var generator = SeededGenerator.fresh("SubnetIndexTests")
        func subnet() -> IPNetwork {
            if Bool.random(using: &generator) {
                // Few bits that differ: many that contain each other.
                let number = UInt32.random(in: 0..<64, using: &generator) << 24
                return IPNetwork(
                    address: .v4(IPv4Address(number: number)), prefixLength: Int.random(in: 0...32, using: &generator)
                ).masked
            }
            let high = UInt64.random(in: 0..<16, using: &generator) << 60
            return IPNetwork(
                address: .v6(IPv6Address(high: high, low: 0)), prefixLength: Int.random(in: 0...128, using: &generator)
            ).masked
        }
        for _ in 0..<200 {
            let all = Set((0..<Int.random(in: 0..<40, using: &generator)).map { _ in subnet() })
            let index = SubnetIndex(all)
            for _ in 0..<20 {
                let asked = subnet()
                let found = index.overlapping(asked)
                #expect(Set(found) == all.filter { $0.overlaps(asked) }, "\(asked) of \(all)")
                #expect(Set(found).count == found.count)
                #expect(index.overlapping(asked, limit: 2) == Array(found.prefix(2)))
            }
        }
    }
}
