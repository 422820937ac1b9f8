import Addressing
import LinuxSystem
import Netlink
import TestKit
import Testing

@Suite struct RoutingTests {
    @Test func `addresses are added, replaced, listed and deleted`() async throws {
        try await withNetworkNamespace { namespace in
            let network = try #require(IPNetwork("10.1.0.1/24"))
            try await namespace.run {
                let socket = try RouteSocket()
                let address = LinkAddress(link: "br0", network: network, broadcast: IPAddress(10, 1, 0, 255))
                try socket.perform([CreateBridge(name: "br0", isUp: true), AddAddress(address), AddAddress(address)])
                let index = try #require(try socket.link(named: "br0")?.index)
                let found = try socket.addresses().filter { $0.link == .index(index) }
                #expect(found.map(\.network) == [network])
                #expect(found.first?.broadcast == IPAddress(10, 1, 0, 255))
                let error = #expect(throws: NetlinkError.self) {
                    try socket.perform(AddAddress(address, replacing: false))
                }
                #expect(error?.code == .exists)
                try socket.perform(DeleteAddress(address))
                #expect(try socket.addresses().allSatisfy { $0.link != .index(index) })
            }
        }
    }

    @Test func `routes of the main table and of our own are told apart`() async throws {
        try await withNetworkNamespace { namespace in
            try await namespace.run {
                let socket = try RouteSocket()
                let gateway = IPAddress(10, 255, 0, 1)
                let network = try #require(IPNetwork("10.255.0.5/16"))
                let target = try #require(IPNetwork("198.51.100.0/24"))
                try socket.perform([
                    CreateBridge(name: "eth1", isUp: true),
                    AddAddress(LinkAddress(link: "eth1", network: network)),
                    AddRoute(Route(gateway: gateway, link: "eth1", table: 77)),
                    AddRoute(Route(gateway: gateway, link: "eth1", table: 77)),
                    AddRoute(Route(gateway: gateway, link: "eth1", table: 70_000)),
                    AddRoute(Route(destination: target, link: "eth1", source: network.address, metric: 9, mtu: 1300)),
                ])
                let index = try #require(try socket.link(named: "eth1")?.index)
                let own = try socket.routes(table: 77)
                #expect(own == [Route(gateway: gateway, link: .index(index), table: 77)])
                #expect(try socket.routes(table: 70_000).map(\.gateway) == [gateway])
                let main = try socket.routes(table: Route.mainTable)
                #expect(main.count == 2)
                let wanted = Route(
                    destination: target, link: .index(index), source: network.address, metric: 9, mtu: 1300)
                #expect(main.contains(wanted))
                #expect(main.contains { $0.destination == network.masked && $0.protocol != ownProtocol })
                try socket.perform([DeleteRoute(own[0]), DeleteRoute(wanted)])
                #expect(try socket.routes(table: 77).isEmpty)
                let error = #expect(throws: NetlinkError.self) { try socket.perform(DeleteRoute(own[0])) }
                #expect(error?.code == .missing)
            }
        }
    }

    @Test func `a rule by mark is there once, and goes`() async throws {
        try await withNetworkNamespace { namespace in
            try await namespace.run {
                let socket = try RouteSocket()
                let rule = Rule(
                    priority: 77, table: 77, mark: IPv4Address(10, 255, 0, 0).inMemory,
                    markMask: IPv4Address(255, 255, 0, 0).inMemory)
                try socket.perform([AddRule(rule), AddRule(rule).allowing(.exists)])
                #expect(try socket.rules().filter { $0.protocol == ownProtocol } == [rule])
                try socket.perform(DeleteRule(rule))
                #expect(try socket.rules().allSatisfy { $0.protocol != ownProtocol })
            }
        }
    }

    @Test func `neighbours and forwarding entries of an overlay are set, moved and removed`() async throws {
        try await withNetworkNamespace { namespace in
            try await namespace.run {
                let socket = try RouteSocket()
                let address = IPAddress(10, 1, 0, 22)
                let mac = MACAddress(for: address)
                let nodes = [IPAddress(192, 0, 2, 12), IPAddress(192, 0, 2, 13)]
                let row = { (node: IPAddress) in
                    ForwardingEntry(link: "vx0", mac: mac, owner: .device, remote: node)
                }
                try socket.perform([
                    CreateBridge(name: "br0", isUp: true),
                    CreateVXLAN(name: "vx0", settings: VXLANSettings(id: 4097), isUp: true),
                    SetLink("vx0", master: .link("br0")), SetForwardingEntry(row(nodes[0])),
                    SetNeighbour(Neighbour(link: "vx0", address: address, mac: mac)),
                ])
                let index = try #require(try socket.link(named: "vx0")?.index)
                func remotes() throws -> [IPAddress?] {
                    try socket.forwardingEntries().filter { $0.mac == mac && $0.owner == .device }.map(\.remote)
                }
                #expect(try remotes() == [nodes[0]])
                #expect(
                    try socket.neighbours().filter { $0.protocol == ownProtocol }
                        == [Neighbour(link: .index(index), address: address, mac: mac)])
                try socket.perform(SetForwardingEntry(row(nodes[1])))
                #expect(try remotes() == [nodes[1]])
                try socket.perform([
                    DeleteNeighbour(Neighbour(link: "vx0", address: address, mac: nil)),
                    DeleteForwardingEntry(row(nodes[1])),
                ])
                #expect(try remotes().isEmpty)
                #expect(try socket.neighbours().allSatisfy { $0.address != address })
            }
        }
    }

    @Test func `ten thousand neighbours go through in batches and come back`() async throws {
        try await withNetworkNamespace { namespace in
            try await namespace.run {
                let socket = try RouteSocket()
                try socket.perform(CreateVXLAN(name: "vx0", settings: VXLANSettings(id: 4097), isUp: true))
                let base = IPAddress(10, 1, 0, 1)
                let addresses = (0..<10_000).map { base.advanced(by: UInt32($0)) }
                try socket.perform(
                    addresses.map { SetNeighbour(Neighbour(link: "vx0", address: $0, mac: MACAddress(for: $0))) })
                let found = try socket.neighbours().filter { $0.protocol == ownProtocol }
                #expect(Set(found.map(\.address)) == Set(addresses))
            }
        }
    }
}
