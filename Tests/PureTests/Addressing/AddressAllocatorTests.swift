import Addressing
import Testing

@Suite struct AddressAllocatorTests {
    private func network(_ text: String) throws -> IPNetwork { try #require(IPNetwork(text)) }
    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test func `pools with a range come first, then the others in ascending order, the next when one is full`() throws {
        var allocator = AddressAllocator([
            AddressRange(subnet: try network("192.170.0.0/30")),
            AddressRange(
                subnet: try network("192.168.0.0/16"), range: try network("192.168.1.0/31"),
                reserved: [try address("192.168.0.100")]),
            AddressRange(subnet: try network("192.169.0.0/30"), reserved: [try address("192.169.0.1")]),
        ])
        var taken: Set<IPAddress> = []
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
        let other = allocator.allocate(isInUse: { $0 < IPAddress(10, 2, 0, 0) })
        #expect(other?.description == "10.2.0.1/30")
    }

    @Test func `random use never hands out an address twice nor a reserved one`() throws {
        var generator = SystemRandomNumberGenerator()
        let gateway = try address("10.9.0.1")
        var allocator = AddressAllocator([AddressRange(subnet: try network("10.9.0.0/26"), reserved: [gateway])])
        var owned: Set<IPAddress> = []
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

    @Test func `an IPv6 subnet is walked as an IPv4 one, however large, and all but its own address are hosts'`() throws
    {
        var allocator = AddressAllocator([
            AddressRange(subnet: try network("fd00:1::/64"), reserved: [try address("fd00:1::1")]),
            AddressRange(subnet: try network("10.9.0.0/24")),
        ])
        #expect(allocator.allocate(.v6, isInUse: { _ in false })?.description == "fd00:1::2/64")
        #expect(allocator.allocate(.v4, isInUse: { _ in false })?.description == "10.9.0.1/24")
        allocator.resume(after: try address("fd00:1::ffff:ffff:ffff:fffe"))
        #expect(allocator.allocate(.v6, isInUse: { _ in false })?.description == "fd00:1::ffff:ffff:ffff:ffff/64")
        // Round the circle: neither the subnet's own address nor the reserved one.
        #expect(allocator.allocate(.v6, isInUse: { _ in false })?.description == "fd00:1::2/64")
        #expect(allocator.subnet(of: try address("fd00:1::77"))?.description == "fd00:1::/64")
        #expect(allocator.subnet(of: try address("fd00:2::77")) == nil)
    }

    @Test func `the whole of IPv6 has a next address`() throws {
        var allocator = AddressAllocator([AddressRange(subnet: try network("::/0"))])
        allocator.resume(after: try address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"))
        let last = allocator.allocate(.v6, isInUse: { _ in false })
        #expect(last?.description == "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/0")
        #expect(allocator.allocate(.v6, isInUse: { _ in false })?.description == "::1/0")
    }

    @Test func `random use of an IPv6 subnet looks at no more addresses than are taken`() throws {
        var generator = SystemRandomNumberGenerator()
        var allocator = AddressAllocator([AddressRange(subnet: try network("fd00:9::/48"))])
        var owned: Set<IPAddress> = []
        for _ in 0..<2000 {
            if Bool.random(using: &generator), let gone = owned.randomElement(using: &generator) {
                owned.remove(gone)
                continue
            }
            var looks = 0
            let next = allocator.allocate(.v6) {
                looks += 1
                return owned.contains($0)
            }
            #expect(owned.insert(try #require(next).address).inserted)
            #expect(looks <= owned.count)
        }
    }

    @Test func `a subnet is cut from a large block without going through it`() throws {
        let chooser = SubnetChooser(pools: [.init(base: try network("fd00::/8"), prefixLength: 64)])
        #expect(chooser.choose(avoiding: [])?.description == "fd00::/64")
        #expect(chooser.choose(avoiding: [try network("fd00::/9")])?.description == "fd80::/64")
        #expect(
            chooser.choose(avoiding: [try network("fd00::/64"), try network("fd00:0:0:1::/64")])?.description
                == "fd00:0:0:2::/64")
        #expect(chooser.choose(avoiding: [try network("fd00::/8")]) == nil)
        #expect(chooser.choose(avoiding: [try network("0.0.0.0/0")])?.description == "fd00::/64")
        let last = SubnetChooser(pools: [.init(base: try network("ffff:ffff::/32"), prefixLength: 33)])
        #expect(last.choose(avoiding: [try network("ffff:ffff::/33")])?.description == "ffff:ffff:8000::/33")
        #expect(last.choose(avoiding: [try network("ffff:ffff::/32")]) == nil)
    }

    @Test func `the subnet chosen is the first that a walk through all of them finds`() throws {
        var generator = SystemRandomNumberGenerator()
        let base = try network("172.16.0.0/16")
        let chooser = SubnetChooser(pools: [.init(base: base, prefixLength: 22)])
        for _ in 0..<500 {
            let taken = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                IPNetwork(
                    address: base.first.advanced(by: UInt32.random(in: 0...0x1_ffff, using: &generator)),
                    prefixLength: Int.random(in: 17...30, using: &generator)
                ).masked
            }
            let all = (0..<64).map { IPNetwork(address: base.first.advanced(by: $0 << 10), prefixLength: 22) }
            let expected = all.first { subnet in !taken.contains { $0.overlaps(subnet) } }
            #expect(chooser.choose(avoiding: taken) == expected, "\(taken)")
        }
    }
}
