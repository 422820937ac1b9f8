import Addressing
import Netlink
import Testing

@testable import Engine

/// What a node tells of its own network's use of addresses.
@Suite struct HostSubnetsTests {
    private func network(_ text: String) throws -> IPNetwork { try #require(IPNetwork(text)) }

    @Test func `what leads nowhere, is everybody's, a way out, or of our own making is nobody's network`() throws {
        var found = HostSubnets()
        for (text, kind, owner) in [
            ("10.4.0.0/16", .unicast, 4), ("192.0.2.0/24", .unicast, 2), ("10.0.0.0/8", .blackhole, 4),
            ("0.0.0.0/1", .unicast, 4), ("10.255.0.0/16", .unicast, ownProtocol), ("127.0.0.0/8", .unicast, 2),
            ("169.254.0.0/16", .unicast, 2), ("224.0.0.0/4", .multicast, 2), ("fe80::/64", .unicast, 2),
            ("fd00:5::/48", .unicast, 2),
        ] as [(String, Route.Kind, UInt8)] {
            found.add(Route(destination: try network(text), protocol: owner, kind: kind))
        }
        found.add(LinkAddress(link: "lo", network: try network("127.0.0.1/8")))
        found.add(LinkAddress(link: "eth0", network: try network("192.0.2.2/24")))
        found.add(LinkAddress(link: "wg0", network: try network("10.9.0.1/32")))
        found.add(LinkAddress(link: "eth1", network: try network("203.0.113.9/32")))
        #expect(
            found.subnets.map(\.description) == [
                "10.4.0.0/16", "10.9.0.1/32", "fd00:5::/48", "192.0.2.0/24", "203.0.113.9/32",
            ])
    }

    @Test func `a table of a million routes is bounded, and private ones are not lost in it`() throws {
        var found = HostSubnets()
        for number in UInt32(0)..<200_000 {
            let address = IPAddress.v4(IPv4Address(number: 0x1400_0000 + number << 8))
            found.add(Route(destination: IPNetwork(address: address, prefixLength: 24), protocol: 4))
        }
        found.add(Route(destination: try network("172.30.0.0/16"), protocol: 4))
        #expect(found.subnets.count == HostSubnets.maximum)
        #expect(found.subnets.first?.description == "172.30.0.0/16")
    }
}
