import Addressing
import Testing

@Suite struct AddressAllocatorTests {
    private func network(_ text: String) throws -> IPv4Network { try #require(IPv4Network(text)) }
    private func address(_ text: String) throws -> IPv4Address { try #require(IPv4Address(text)) }

    @Test func `pools with a range come first, then the others in ascending order, the next when one is full`() throws {
        var allocator = AddressAllocator([
            AddressRange(subnet: try network("192.170.0.0/30")),
            AddressRange(
                subnet: try network("192.168.0.0/16"), range: try network("192.168.1.0/31"),
                reserved: [try address("192.168.0.100")]),
            AddressRange(subnet: try network("192.169.0.0/30"), reserved: [try address("192.169.0.1")]),
        ])
        var taken: Set<IPv4Address> = []
        var order: [String] = []
        while let next = allocator.allocate(isInUse: { taken.contains($0) }) {
            #expect(taken.insert(next.address).inserted)
            order.append(next.description)
        }
        #expect(order == ["192.168.1.0/16", "192.168.1.1/16", "192.169.0.2/30", "192.170.0.1/30", "192.170.0.2/30"])
    }

    @Test func `a freed address is not reused while others are free`() throws {
        var allocator = AddressAllocator([AddressRange(subnet: try network("10.1.0.0/29"))])
        let given = allocator.allocate(isInUse: { _ in false })
        let first = try #require(given)
        let following = (0..<5).compactMap { _ in allocator.allocate(isInUse: { _ in false }) }
        #expect(!following.contains(first))
        #expect(allocator.allocate(isInUse: { _ in false }) == first)
    }

    @Test func `an allocator that resumes goes on after what was handed out before`() throws {
        var allocator = AddressAllocator([
            AddressRange(subnet: try network("10.1.0.0/29")), AddressRange(subnet: try network("10.2.0.0/30")),
        ])
        allocator.resume(after: try address("10.1.0.4"))
        allocator.resume(after: try address("10.2.0.2"))
        allocator.resume(after: try address("10.3.0.2"))
        let first = allocator.allocate(isInUse: { _ in false })
        #expect(first?.description == "10.1.0.5/29")
        let other = allocator.allocate(isInUse: { $0 < IPv4Address(10, 2, 0, 0) })
        #expect(other?.description == "10.2.0.1/30")
    }

    @Test func `random use never hands out an address twice nor a reserved one`() throws {
        var generator = SystemRandomNumberGenerator()
        let gateway = try address("10.9.0.1")
        var allocator = AddressAllocator([AddressRange(subnet: try network("10.9.0.0/26"), reserved: [gateway])])
        var owned: Set<IPv4Address> = []
        for _ in 0..<2000 {
            if Bool.random(using: &generator), let gone = owned.randomElement(using: &generator) {
                owned.remove(gone)
            } else if let next = allocator.allocate(isInUse: { owned.contains($0) }) {
                #expect(owned.insert(next.address).inserted && next.address != gateway)
            } else {
                #expect(owned.count == 61)
            }
        }
    }

    @Test func `default overlays avoid 10.0.0.0/16 and whatever is taken`() throws {
        let chosen = SubnetChooser.overlays.choose(avoiding: [try network("10.1.0.0/24"), try network("10.0.0.0/16")])
        #expect(chosen?.description == "10.1.1.0/24")
        let all = SubnetChooser.overlays.choose(avoiding: [try network("10.0.0.0/8")])
        #expect(all == nil)
    }

    @Test(arguments: ["1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4 ", "a.b.c.d", ""])
    func `text that is no address is refused`(text: String) {
        #expect(IPv4Address(text) == nil)
    }
}
