import Addressing
import DockerTypes
import Faults
import Model
import TestKit
import Testing

@testable import Engine

/// Pools, docker0's address and kept-out blocks of the command line, and what is chosen by them.
@Suite struct NodeAddressingTests {
    private static let id = String(repeating: "0123456789abcdef", count: 4)

    @Test func `resolvers for containers are addresses, and a name among them is refused before anything starts`()
        throws
    {
        let read = try NodeAddressing.nameServers(["192.0.2.53", "2001:DB8:0::53"])
        #expect(read.map(\.description) == ["192.0.2.53", "2001:db8::53"])
        #expect(try NodeAddressing.nameServers([]).isEmpty)
        for text in ["ns1.example", "192.0.2.53/24", "192.0.2.53:53", "fe80::1%eth0", ""] {
            let error = #expect(throws: NodeAddressingError.self) {
                try NodeAddressing.nameServers(["192.0.2.53", text])
            }
            #expect(error?.description == "--dns \(text): IP address is not correctly formatted: \(text)")
        }
    }

    private func network(_ text: String) throws -> IPNetwork { try #require(IPNetwork(text)) }

    private func addressing(_ pools: [String] = [], keptOut: [String] = []) throws -> NodeAddressing {
        try NodeAddressing(pools: pools, bridge: "", keptOut: keptOut)
    }

    private func planner(_ addressing: NodeAddressing, taken: [IPNetwork] = []) -> LocalNetworkPlanner {
        LocalNetworkPlanner(
            taken: taken, routed: addressing.keptOut, uniqueLocal: UniqueLocalPrefix(random: Self.id),
            chooser: addressing.chooser)
    }

    private func subnets(_ network: LocalNetwork) -> [String] { network.ranges.map(\.subnet.description) }

    @Test func `pools, an address and blocks are read as dockerd reads them, host bits aside`() throws {
        let read = try NodeAddressing(
            pools: ["base=10.200.7.9/16,size=24", "SIZE=64,Base=fd12:3456::/48"], bridge: "10.201.0.9/24",
            keptOut: ["10.9.0.0/16", "10.8.1.2/16", "fd00:5::/48", "10.8.0.0/16"])
        #expect(read.pools.map(\.base.description) == ["10.200.0.0/16", "fd12:3456::/48"])
        #expect(read.pools.map(\.prefixLength) == [24, 64])
        #expect(read.bridge?.description == "10.201.0.9/24")
        #expect(read.keptOut.map(\.description) == ["10.8.0.0/16", "10.9.0.0/16", "fd00:5::/48"])
        #expect(try addressing() == NodeAddressing())
    }

    @Test(
        arguments: [
            ([""], "--default-address-pool: invalid field '' must be a key=value pair"),
            (
                ["base=10.200.0.0/16,size"],
                "--default-address-pool: invalid field 'size' must be a key=value pair"
            ),
            (
                ["base=10.200.0.0/16,size=24,scope=local"],
                "--default-address-pool: unexpected key 'scope' in 'scope=local'"
            ),
            (
                ["base=10.200.0.0/16,size=x"],
                "--default-address-pool: invalid size value: \"x\" (must be integer): strconv.Atoi: parsing \"x\": invalid syntax"
            ),
            (
                ["base=10.200.0.0/33,size=24"],
                "--default-address-pool: invalid base pool \"10.200.0.0/33\": invalid CIDR address: 10.200.0.0/33"
            ),
            (["size=24"], "--default-address-pool: invalid base pool \"\": invalid CIDR address: "),
            (["base=10.200.0.0/16"], "--default-address-pool: invalid pools size: 0"),
            (["base=10.200.0.0/16,size=-1"], "--default-address-pool: invalid pools size: -1"),
            (["base=10.200.0.0/16,size=15"], "--default-address-pool: invalid pools size: 15"),
            (["base=10.200.0.0/16,size=31"], "--default-address-pool: invalid pools size: 31"),
            (["base=fd00::/48,size=127"], "--default-address-pool: invalid pools size: 127"),
            (["base=0.0.0.0/0,size=0"], "--default-address-pool: invalid pools size: 0"),
            (
                ["base=10.200.0.0/16,size=9223372036854775807"],
                "--default-address-pool: invalid pools size: 9223372036854775807"
            ),
            (
                ["base=ff00::/8,size=64"],
                "--default-address-pool: invalid base pool \"ff00::/8\": its addresses are not for hosts"
            ),
            (
                ["base=10.200.0.0/16,size=24", "base=10.200.128.0/17,size=24"],
                "--default-address-pool: base pool 10.200.128.0/17 overlaps with 10.200.0.0/16"
            ),
        ] as [([String], String)])
    func `pools that cannot be are refused, in Docker's words where it has some`(
        pools: [String], text: String
    ) throws {
        let error = #expect(throws: NodeAddressingError.self) { try addressing(pools) }
        #expect(error?.description == text)
    }

    @Test func `so are addresses of docker0 and blocks`() throws {
        let wanted = "an address of a host and its subnet's length are wanted, as in 10.200.0.1/24"
        for (bridge, text) in [
            ("10.200.0.1", "invalid CIDR address: 10.200.0.1"), ("fd00::1/64", "invalid CIDR address: fd00::1/64"),
            ("10.200.0.0/24", wanted), ("10.200.0.255/24", wanted), ("10.200.0.1/31", wanted),
        ] {
            let error = #expect(throws: NodeAddressingError.self) {
                try NodeAddressing(pools: [], bridge: bridge, keptOut: [])
            }
            #expect(error?.description == "--bip \(bridge): \(text)")
        }
        for (block, text) in [
            ("10.8.0.0", "invalid CIDR address: 10.8.0.0"), ("0.0.0.0/0", "at least /8 is wanted"),
            ("fc00::/7", "at least /8 is wanted"),
        ] {
            let error = #expect(throws: NodeAddressingError.self) { try addressing(keptOut: [block]) }
            #expect(error?.description == "--avoid-subnet \(block): \(text)")
        }
    }

    @Test func `where docker0 finds no subnet, what would give it one of that family is named`() {
        let (four, six) = (NodeAddressingError.noneForBridge(.v4), NodeAddressingError.noneForBridge(.v6))
        #expect(four.description.contains("--bip") && !four.description.contains("IPv6"))
        #expect(six.description.contains("--fixed-cidr-v6 or a --default-address-pool of IPv6"))
        #expect(!six.description.contains("--bip"))
    }

    @Test func `C2: a node's networks are cut from its pools, beside what is kept out, until these are used up`() throws
    {
        let given = try addressing(
            ["base=10.200.8.0/22,size=24", "base=10.201.0.0/29,size=30"],
            keptOut: ["10.200.9.0/24", "10.200.10.128/25"])
        var taken: [IPNetwork] = []
        func make() throws -> LocalNetwork {
            var request = NetworkRequest()
            request.name = "n"
            return try planner(given, taken: taken).plan(request, id: Self.id, at: .now)
        }
        for wanted in ["10.200.8.0/24", "10.200.11.0/24", "10.201.0.0/30", "10.201.0.4/30"] {
            let made = try make()
            #expect(subnets(made) == [wanted])
            taken += made.ranges.map(\.subnet)
        }
        let full = APIError(.invalidInput, "all predefined address pools have been fully subnetted")
        #expect(throws: full) { try told { try make() } }
    }

    @Test func `what is kept out is no bridge's in the usual blocks either, unless somebody names it`() throws {
        let given = try addressing(keptOut: ["172.16.0.0/12"])
        var request = NetworkRequest()
        request.name = "n"
        #expect(try subnets(planner(given).plan(request, id: Self.id, at: .now)) == ["192.168.128.0/20"])
        request.ipam = AddressManagement(driver: "default", config: [AddressPool(subnet: "172.20.0.0/16")])
        #expect(try subnets(planner(given).plan(request, id: Self.id, at: .now)) == ["172.20.0.0/16"])
    }

    @Test func `a family without a pool has its usual blocks`() throws {
        var request = NetworkRequest()
        request.name = "n"
        request.enableIPv6 = true
        func made(_ pools: [String]) throws -> [String] {
            subnets(try planner(try addressing(pools)).plan(request, id: Self.id, at: .now))
        }
        #expect(try made(["base=fd12:3456::/48,size=64"]) == ["172.17.0.0/16", "fd12:3456::/64"])
        #expect(try made(["base=10.200.0.0/16,size=24"]) == ["10.200.0.0/24", "fd01:2345:6789::/64"])
    }

    @Test func `docker0 is made with the address that is named, and moved to another one with all else as it was`()
        throws
    {
        let planner = planner(NodeAddressing())
        let made = try planner.defaultBridge(
            like: nil, .chosen, address: try network("10.201.0.9/24"), newID: Self.id, at: .now)
        #expect(made.bridgeAddresses?.all.map(\.description) == ["10.201.0.9/24", "fd01:2345:6789::1/64"])
        #expect(made.ipam.config?.first == AddressPool(subnet: "10.201.0.0/24", gateway: "10.201.0.9"))
        let other = try network("10.202.0.1/25")
        #expect(try planner.defaultBridge(like: made, .chosen, address: other, newID: "x", at: .now) == made)
        let moved = try planner.move(made, to: other)
        #expect(moved.bridgeAddresses?.all.map(\.description) == ["10.202.0.1/25", "fd01:2345:6789::1/64"])
        #expect(moved.ipam.config?.map(\.subnet) == ["10.202.0.0/25", "fd01:2345:6789::/64"])
        #expect((moved.id, moved.bridgeMAC, moved.options) == (made.id, made.bridgeMAC, made.options))
        #expect(moved.ranges.first?.reserved.contains(other.address) == true)
    }

    @Test func `managers are told of what is kept out before anything else, and of each subnet once`() throws {
        let (kept, bridge) = (try network("10.8.0.0/16"), try network("172.17.0.1/16"))
        let route = try network("10.4.0.0/16")
        let claims = NodeDescriber.claims(keptOut: [kept], bridges: [bridge], routed: [route, bridge.masked, kept])
        #expect(claims == [kept, bridge.masked, route])
        // What is routed, too, is in use.
        #expect(NodeDescriber.avoided(keptOut: [kept], bridges: [bridge], routed: [route, kept]).isEmpty)
        #expect(NodeDescriber.avoided(keptOut: [kept, route], bridges: [bridge], routed: [route]) == [kept])
        #expect(NodeDescriber.avoided(keptOut: [bridge.masked], bridges: [bridge], routed: []).isEmpty)
        let many = (UInt32(0)..<2000).map {
            IPNetwork(address: IPAddress(10, 0, 0, 0).advanced(by: $0), prefixLength: 32)
        }
        let bounded = NodeDescriber.claims(keptOut: [kept], bridges: [], routed: many)
        #expect(bounded.count == HostSubnets.maximum && bounded.first == kept)
    }

    @Test func `docker info has the pools, and nothing of them where there are none`() throws {
        func text(_ info: SystemInfo) throws -> String {
            String(decoding: try WireJSON.encode(InfoAnswer(info, parts: [])), as: UTF8.self)
        }
        var info = SystemInfo()
        #expect(try !text(info).contains("DefaultAddressPools"))
        info.defaultAddressPools = [SystemInfo.DefaultAddressPool(base: "10.200.0.0/16", size: 24)]
        #expect(try text(info).contains(#""DefaultAddressPools":[{"Base":"10.200.0.0/16","Size":24}]"#))
    }
}
