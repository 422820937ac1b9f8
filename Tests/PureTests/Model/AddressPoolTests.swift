import Addressing
import Faults
import Model
import TestKit
import Testing

@Suite struct AddressPoolTests {
    private func network(_ text: String) throws -> IPNetwork { try #require(IPNetwork(text)) }

    @Test func `several pools keep their order, and each keeps its gateway and auxiliary addresses to itself`() throws {
        var first = AddressPool(subnet: "192.168.0.0/16", ipRange: "192.168.1.0/24", gateway: "192.168.0.100")
        first.auxiliaryAddresses = ["printer": "192.168.1.7", "router": "192.168.1.9"]
        let parsed = try AddressPoolRules.parse([first, AddressPool(subnet: "10.9.0.0/24")], avoiding: [])
        #expect(parsed.map(\.gateway.description) == ["192.168.0.100", "10.9.0.1"])
        #expect(
            parsed[0].range.reserved.map(\.description).sorted() == ["192.168.0.100", "192.168.1.7", "192.168.1.9"])
        #expect(parsed[0].range.range == (try network("192.168.1.0/24")) && parsed[1].range.range == nil)
    }

    @Test func `a pool that overlaps one in use, or one of the same request, is refused in Docker's words`() throws {
        let taken = [try network("10.1.0.0/24")]
        for pools in [["10.1.0.128/25"], ["10.0.0.0/8"], ["10.2.0.0/16", "10.2.3.0/24"]] {
            #expect(throws: APIError(.forbidden, "Pool overlaps with other one on this address space")) {
                try told {
                    try AddressPoolRules.parse(pools.map { AddressPool(subnet: $0) }, avoiding: taken)
                }
            }
        }
        #expect(try AddressPoolRules.parse([AddressPool(subnet: "10.2.0.0/16")], avoiding: taken).count == 1)
    }

    @Test(
        arguments: [
            ("bogus", nil, nil, nil, "Invalid subnet bogus : invalid CIDR address: bogus"),
            ("10.5.0.0/33", nil, nil, nil, "Invalid subnet 10.5.0.0/33 : invalid CIDR address: 10.5.0.0/33"),
            ("10.5.0.0/31", nil, nil, nil, "Invalid subnet 10.5.0.0/31 : too small for a network"),
            ("10.5.0.0/24", "10.6.0.1", nil, nil, "no matching subnet for gateway 10.6.0.1"),
            ("10.5.0.0/24", "x", nil, nil, "invalid gateway address: x"),
            ("10.5.0.0/24", nil, "10.5.0.0/16", nil, "no matching subnet for range 10.5.0.0/16"),
            ("10.5.0.0/24", nil, nil, "10.6.0.1", "no matching subnet for aux-address 10.6.0.1"),
            (
                "10.5.0.0/24", "10.5.0.255", nil, nil,
                "gateway 10.5.0.255 is the subnet's own or its broadcast address"
            ),
        ] as [(String, String?, String?, String?, String)])
    func `what cannot be a pool is refused with the value named`(
        subnet: String, gateway: String?, range: String?, auxiliary: String?, message: String
    ) throws {
        var pool = AddressPool(subnet: subnet, ipRange: range, gateway: gateway)
        if let auxiliary { pool.auxiliaryAddresses = ["a": auxiliary] }
        let error = #expect(throws: APIError.self) { try told { try AddressPoolRules.parse([pool], avoiding: []) } }
        #expect(error?.message == message && error?.kind == .invalidInput)
    }

    @Test(
        arguments: [
            ("bogus", nil, nil, nil, "invalid subnet bogus: invalid CIDR block notation"),
            ("10.7.0.5/24", nil, nil, nil, "invalid subnet 10.7.0.5/24: it should be 10.7.0.0/24"),
            ("fd00:7::1/64", nil, nil, nil, "invalid subnet fd00:7::1/64: it should be fd00:7::/64"),
            ("10.7.0.0/24", "x", nil, nil, "invalid gateway x: invalid address"),
            ("10.7.0.0/24", "fd00::1", nil, nil, "invalid gateway fd00::1: parent subnet is an IPv4 block"),
            (
                "10.7.0.0/24", "10.8.0.1", nil, nil,
                "invalid gateway 10.8.0.1: parent subnet 10.7.0.0/24 doesn't contain this address"
            ),
            ("10.7.0.0/24", nil, "x", nil, "invalid ip-range x: invalid CIDR block notation"),
            ("10.7.0.0/24", nil, "fd00::/80", nil, "invalid ip-range fd00::/80: parent subnet is an IPv4 block"),
            (
                "10.7.0.0/24", nil, "10.7.0.0/16", nil,
                "invalid ip-range 10.7.0.0/16: CIDR block is bigger than its parent subnet 10.7.0.0/24"
            ),
            (
                "10.7.0.0/24", nil, "10.8.0.1/25", nil,
                "* invalid ip-range 10.8.0.1/25: it should be 10.8.0.0/25\n* invalid ip-range 10.8.0.1/25: parent subnet 10.7.0.0/24 doesn't contain ip-range"
            ),
            (
                "10.7.0.0/24", nil, nil, "10.8.0.1",
                "invalid auxiliary address a: parent subnet 10.7.0.0/24 doesn't contain this address"
            ),
        ] as [(String, String?, String?, String?, String)])
    func `what is not well written is refused with all that is wrong`(
        subnet: String, gateway: String?, range: String?, auxiliary: String?, message: String
    ) throws {
        var pool = AddressPool(subnet: subnet, ipRange: range, gateway: gateway)
        if let auxiliary { pool.auxiliaryAddresses = ["a": auxiliary] }
        let error = #expect(throws: APIError.self) {
            try told { try AddressPoolRules.check([pool, AddressPool()], allowsIPv6: true) }
        }
        #expect(error?.message == "invalid network config:\n\(message)" && error?.kind == .invalidInput)
    }

    @Test func `a family that a network has not is not looked at, and what is well written passes`() throws {
        try AddressPoolRules.check([AddressPool(subnet: "fd00:7::1/64")], allowsIPv6: false)
        var pool = AddressPool(subnet: "10.7.0.0/24", ipRange: "10.7.0.128/25", gateway: "10.7.0.9")
        pool.auxiliaryAddresses = ["a": "10.7.0.3"]
        try AddressPoolRules.check([pool, AddressPool(subnet: "fd00:7::/64")], allowsIPv6: true)
    }

    /// Source: moby's `libnetwork/ipams/defaultipam`, and RFC 3021.
    @Test(
        arguments: [
            ("10.5.0.0/31", nil, [], "10.5.0.0", ["10.5.0.1"]),
            ("10.5.0.0/31", "10.5.0.1", [], "10.5.0.1", ["10.5.0.0"]),
            ("10.5.0.9/32", nil, [], "10.5.0.9", []), ("10.5.0.0/31", nil, [.v4], nil, ["10.5.0.0", "10.5.0.1"]),
            ("10.5.0.9/32", nil, [.v4], nil, ["10.5.0.9"]), ("10.5.0.0/30", nil, [], "10.5.0.1", ["10.5.0.2"]),
            ("fd00:5::/127", nil, [], "fd00:5::1", []),
            ("fd00:5::/126", nil, [], "fd00:5::1", ["fd00:5::2", "fd00:5::3"]),
        ] as [(String, String?, Set<IPFamily>, String?, [String])])
    func `a link between two hosts has all addresses of IPv4, its gateway's among them`(
        subnet: String, given: String?, open: Set<IPFamily>, gateway: String?, hosts: [String]
    ) throws {
        let parsed = try AddressPoolRules.parse(
            [AddressPool(subnet: subnet, gateway: given)], avoiding: [], families: [.v4, .v6], withoutGateway: open,
            mayBeLinks: true)
        let only = try #require(parsed.first)
        if let gateway { #expect(only.gateway.description == gateway) }
        var allocator = AddressAllocator([only.range])
        var found: [String] = []
        while let next = allocator.allocate(only.range.subnet.family, isInUse: { found.contains($0.description) }) {
            found.append(next.address.description)
        }
        #expect(found == hosts)
    }

    @Test func `one address of IPv6 is too little for a network, and an overlay needs more than a link`() throws {
        func parse(_ subnet: String, _ mayBeLinks: Bool) throws {
            _ = try AddressPoolRules.parse(
                [AddressPool(subnet: subnet)], avoiding: [], families: [.v4, .v6], mayBeLinks: mayBeLinks)
        }
        #expect(throws: PoolError.smallSubnet("fd00:5::1/128")) { try parse("fd00:5::1/128", true) }
        #expect(throws: PoolError.smallSubnet("10.5.0.9/32")) { try parse("10.5.0.9/32", false) }
    }

    @Test func `an auxiliary address is nobody else's`() throws {
        func parsed(_ gateway: String?, _ auxiliaries: [String: String]) throws {
            var pool = AddressPool(subnet: "10.7.0.0/24", gateway: gateway)
            pool.auxiliaryAddresses = auxiliaries
            _ = try AddressPoolRules.parse([pool], avoiding: [])
        }
        let taken = PoolError.auxiliaryTaken(name: "b", address: "10.7.0.1")
        #expect(throws: taken) { try parsed("10.7.0.1", ["b": "10.7.0.1"]) }
        #expect(throws: taken) { try parsed(nil, ["b": "10.7.0.1"]) }
        #expect(throws: taken) { try parsed("10.7.0.9", ["a": "10.7.0.1", "b": "10.7.0.1"]) }
        try parsed("10.7.0.9", ["a": "10.7.0.1", "b": "10.7.0.2"])
    }
}
