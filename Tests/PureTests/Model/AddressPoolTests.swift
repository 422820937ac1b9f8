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
}
