import Addressing
import Engine
import LinuxSystem
import Model
import Netlink
import Nftables
import TestKit
import Testing

@testable import DataPlane

/// What addresses a network has.
enum Families: String, CaseIterable, Sendable {
    case v4, v6, dual

    var all: [IPFamily] {
        switch self {
        case .v4: [.v4]
        case .v6: [.v6]
        case .dual: [.v4, .v6]
        }
    }

    func pick(_ v4: IPNetwork, _ v6: IPNetwork) -> EndpointAddresses {
        EndpointAddresses([v4, v6].filter { all.contains($0.family) })
    }
}

/// The node's and the client's own addresses of IPv6 on the switch between them.
extension World {
    static let clientAddress6 = address6("2001:db8::50")
    func address(of node: Node, _ family: IPFamily) -> IPAddress {
        family == .v4 ? node.address : address6("2001:db8::\(10 + Int(node.number))")
    }
    func clientAddress(_ family: IPFamily) -> IPAddress { family == .v4 ? Self.clientAddress : Self.clientAddress6 }

    /// Gives all of them those addresses, beside IPv4's or alone.
    func addIPv6(alone: Bool = false) async throws {
        let places = nodes.map { ($0.namespace, address(of: $0, .v6)) } + [(client, Self.clientAddress6)]
        for (namespace, address) in places {
            try await namespace.run {
                let socket = try RouteSocket()
                if alone {
                    for four in try socket.addresses(where: { $0.network.prefixLength == 24 }) {
                        try socket.perform(DeleteAddress(four))
                    }
                }
                try socket.perform(
                    AddAddress(LinkAddress(link: "eth0", network: IPNetwork(address: address, prefixLength: 64))))
            }
        }
    }
}

func address6(_ text: String) -> IPAddress { IPv6Address(text).map { .v6($0) } ?? .unspecified(.v6) }

private func network(_ text: String) -> IPNetwork { IPNetwork(text) ?? .everywhere(.v4) }

@Suite struct DualBridgeTests {
    private func bridge(_ families: Families, _ number: Int = 0) -> BridgeNetwork {
        let addresses = families.pick(network("172.2\(number).0.1/16"), network("fd00:\(number)::1/64"))
        return BridgeNetwork(
            id: "d\(number)", linkName: "br-dual\(number)", addresses: addresses,
            mac: MACAddress(defaultFor: addresses.hosts))
    }

    private func address(_ last: Int, _ family: IPFamily, on number: Int = 0) -> IPAddress {
        family == .v4
            ? network("172.2\(number).0.\(last)/16").address : address6("fd00:\(number)::\(String(last, radix: 16))")
    }

    private func member(
        _ id: String, _ last: Int, of bridge: BridgeNetwork, published: [HostPort] = [], isLax: Bool = false
    ) -> Sandbox {
        let number = Int(bridge.id.dropFirst()) ?? 0
        let own = bridge.addresses.all.map {
            IPNetwork(address: address(last, $0.family, on: number), prefixLength: $0.prefixLength)
        }
        let addresses = EndpointAddresses(own)
        return Sandbox(
            id: id,
            endpoints: [
                .init(
                    id: "e\(number)\(id)", network: .bridge(bridge.id), interfaceName: "eth0", addresses: addresses,
                    mac: MACAddress(tag: EndpointTag(number: UInt32(number << 16 + last))),
                    gateways: bridge.addresses.hosts, isLax: isLax)
            ], defaultRouteEndpointID: "e\(number)\(id)", published: published)
    }

    private func reconcile(_ world: World, _ network: NodeNetwork) async throws {
        let report = try await world.nodes[0].plane.reconcile(network)
        try #require(report.failures.isEmpty, "\(report.failures)")
    }

    @Test(arguments: Families.allCases)
    func `a container of a bridge of any family is reached, reaches out and publishes`(families: Families) async throws
    {
        try await withWorld(nodes: 1) { world in
            try await world.addIPv6()
            let node = world.nodes[0]
            let bridge = bridge(families)
            let ports = families.all.flatMap { family -> [HostPort] in
                let target = address(10, family)
                return [
                    HostPort(
                        transport: .tcp, hostAddress: .unspecified(family), hostPort: 8081, targetAddress: target,
                        targetPort: 80),
                    HostPort(
                        transport: .udp, hostAddress: .unspecified(family), hostPort: 8081, targetAddress: target,
                        targetPort: 80),
                    HostPort(
                        transport: .tcp, hostAddress: world.address(of: node, family), hostPort: 8082,
                        targetAddress: target, targetPort: 80),
                ]
            }
            try await reconcile(
                world,
                NodeNetwork(
                    bridges: [bridge],
                    sandboxes: [member("c1", 10, of: bridge, published: ports), member("c2", 11, of: bridge)]))
            for family in families.all {
                let outside = try await Greeter.start(
                    "outside", in: world.client, port: 80, at: .unspecified(family))
                let greeter = try await Greeter.start("c1", in: node.sandbox("c1"), port: 80, at: .unspecified(family))
                let (own, target) = (world.address(of: node, family), address(10, family))
                let (client, gateway) = (world.clientAddress(family), address(1, family))
                #expect(await tcp(client, 80, from: node.sandbox("c1")) == "outside \(own)")
                #expect(await udp(client, 80, from: node.sandbox("c1")) == "outside \(own)")
                #expect(await tcp(target, 80, from: node.sandbox("c2")) == "c1 \(address(11, family))")
                #expect(await tcp(target, 80, from: node.namespace) == "c1 \(gateway)")
                #expect(await tcp(own, 8081, from: world.client) == "c1 \(client)")
                #expect(await udp(own, 8081, from: world.client) == "c1 \(client)")
                #expect(await tcp(own, 8082, from: world.client) == "c1 \(client)")
                #expect(await tcp(own, 8081, from: node.sandbox("c1")) == "c1 \(gateway)")
                #expect(await tcp(own, 8081, from: node.sandbox("c2")) == "c1 \(gateway)")
                if family == .v4 {
                    #expect(await tcp(IPAddress(127, 0, 0, 1), 8081, from: node.namespace) == "c1 \(gateway)")
                } else {
                    // Where no address is translated, nobody waits.
                    #expect(await tcp(address6("::1"), 8081, from: node.namespace) == "Connection refused")
                    #expect(await tcp(own, 8081, from: node.namespace) == "c1 \(own)")
                }
                withExtendedLifetime((outside, greeter)) {}
            }
            // Nothing was left to repair, and a daemon that comes anew finds all as it should be.
            #expect(try await node.plane.resync(reason: "test").repairs.isEmpty)
        }
    }

    @Test(arguments: Families.allCases)
    func `bridges of any family keep their containers apart, and icc=false those of one`(families: Families)
        async throws
    {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let one = bridge(families)
            var other = bridge(families, 1)
            other.allowsInterContainer = false
            var inner = bridge(families, 2)
            inner.isInternal = true
            try await world.addIPv6()
            try await reconcile(
                world,
                NodeNetwork(
                    bridges: [one, other, inner],
                    sandboxes: [
                        member("c1", 10, of: one), member("m1", 10, of: other), member("m2", 11, of: other),
                        member("i1", 10, of: inner), member("i2", 11, of: inner),
                    ]))
            for family in families.all {
                func start(_ name: String, _ place: NetworkNamespace) async throws -> Greeter {
                    try await Greeter.start(name, in: place, port: 80, at: .unspecified(family))
                }
                let greeters = [
                    try await start("c1", node.sandbox("c1")), try await start("m2", node.sandbox("m2")),
                    try await start("i2", node.sandbox("i2")), try await start("outside", world.client),
                ]
                // Control.
                #expect(
                    await tcp(world.clientAddress(family), 80, from: node.sandbox("m1"))
                        == "outside \(world.address(of: node, family))")
                #expect(
                    await tcp(address(11, family, on: 2), 80, from: node.sandbox("i1"))
                        == "i2 \(address(10, family, on: 2))")
                for (name, target, from) in [
                    ("m2", address(11, family, on: 1), "m1"), ("m2", address(11, family, on: 1), "c1"),
                    ("c1", address(10, family), "m1"), ("i2", address(11, family, on: 2), "c1"),
                    ("c1", address(10, family), "i1"), ("outside", world.clientAddress(family), "i1"),
                ] {
                    let heard = await tcp(target, 80, from: node.sandbox(from), milliseconds: 400)
                    #expect(!heard.hasPrefix(name), "\(from) → \(target)")
                }
                withExtendedLifetime(greeters) {}
            }
        }
    }

    @Test func `what is damaged of IPv6 is repaired`() async throws {
        try await withWorld(nodes: 1) { world in
            try await world.addIPv6()
            let node = world.nodes[0]
            let bridge = bridge(.dual)
            let ports = [
                HostPort(
                    transport: .tcp, hostAddress: .unspecified(.v6), hostPort: 8081, targetAddress: address(10, .v6),
                    targetPort: 80)
            ]
            try await reconcile(
                world, NodeNetwork(bridges: [bridge], sandboxes: [member("c1", 10, of: bridge, published: ports)]))
            let greeter = try await Greeter.start("c1", in: node.sandbox("c1"), port: 80, at: .unspecified(.v6))
            let own = world.address(of: node, .v6)
            let damage: [(String, NetworkNamespace, @Sendable () throws -> Void)] = [
                ("table", node.namespace, { try NftContext().run("delete table ip6 node") }),
                ("rules", node.namespace, { try NftContext().run("flush ruleset") }),
                ("ports", node.namespace, { try NftContext().run("flush map ip6 node hostports") }),
                ("guard", node.namespace, { try NftContext().run("flush set bridge guard own6") }),
                (
                    "bridge's address", node.namespace,
                    {
                        let socket = try RouteSocket()
                        for one in try socket.addresses(.v6) where one.network.address == address6("fd00:0::1") {
                            try socket.perform(DeleteAddress(one))
                        }
                    }
                ),
                (
                    "neighbours", node.namespace,
                    {
                        let socket = try RouteSocket()
                        for one in try socket.neighbours(.v6) where one.state == .permanent {
                            try socket.perform(DeleteNeighbour(one))
                        }
                    }
                ),
                ("forwarding", node.namespace, { try Sysctl.write("net/ipv6/conf/all/forwarding", "0") }),
                (
                    "routes", node.sandbox("c1"),
                    {
                        let socket = try RouteSocket()
                        for one in try socket.routes(.v6, addedBy: 0) where one.gateway != nil || one.kind == .local {
                            try socket.perform(DeleteRoute(one).allowing(.missing))
                        }
                    }
                ),
                (
                    "container's address", node.sandbox("c1"),
                    {
                        let socket = try RouteSocket()
                        for one in try socket.addresses(.v6) where one.network.prefixLength == 64 {
                            try socket.perform(DeleteAddress(one).allowing(.missing))
                        }
                    }
                ),
                ("interface", node.sandbox("c1"), { try RouteSocket().perform(SetLink("eth0", isUp: false)) }),
            ]
            for (name, place, doIt) in damage {
                #expect(await tcp(own, 8081, from: world.client) == "c1 \(World.clientAddress6)", "before \(name)")
                try await place.run(doIt)
                let repaired = try await node.plane.resync(reason: name)
                #expect(!repaired.repairs.isEmpty, "\(name)")
                #expect(await tcp(own, 8081, from: world.client) == "c1 \(World.clientAddress6)", "\(name)")
            }
            #expect(try await node.plane.resync(reason: "test").repairs.isEmpty)
            // Nothing of it is left where no network has any.
            try await reconcile(world, NodeNetwork(bridges: [self.bridge(.v4)]))
            let tables = try await node.namespace.run { try Ruleset().tables().map(\.name) }
            // IPv4's, the guard's and the administrator's.
            #expect(tables.count == 3, "\(tables)")
            let left = try await node.namespace.run {
                try RouteSocket().addresses(.v6).map(\.network.address).filter { $0 == address6("fd00::1") }
            }
            #expect(left.isEmpty)
            withExtendedLifetime(greeter) {}
        }
    }

    @Test func `a node that begins to forward goes on to take a router's routes`() async throws {
        try await withWorld(nodes: 1) { world in
            try await world.addIPv6()
            let node = world.nodes[0]
            try await node.namespace.run {
                try RouteSocket().perform(
                    AddRoute(
                        Route(
                            destination: .everywhere(.v6), gateway: World.clientAddress6, link: "eth0", protocol: 9)))
            }
            try await reconcile(world, NodeNetwork(bridges: [bridge(.v4)]))
            let before = try await node.namespace.run { try Sysctl.read("net/ipv6/conf/eth0/accept_ra") }
            #expect(before == "1")
            try await reconcile(world, NodeNetwork(bridges: [bridge(.dual)]))
            let (after, forwards, routes) = try await node.namespace.run {
                (
                    try Sysctl.read("net/ipv6/conf/eth0/accept_ra"), try Sysctl.read("net/ipv6/conf/all/forwarding"),
                    try RouteSocket().routes(.v6, addedBy: 9).count
                )
            }
            #expect(after == "2" && forwards == "1" && routes == 1)
        }
    }

    @Test func `a port is taken in both families or in neither`() async throws {
        try await withWorld(nodes: 1) { world in
            let plane = world.nodes[0].plane
            let (four, six) = (address(10, .v4), address(10, .v6))
            func request(_ port: UInt16, _ last: UInt16? = nil) -> PortReservations.Request {
                PortReservations.Request(
                    transport: .tcp, first: port, last: last, targetAddress: four, targetPort: 80, target6: six)
            }
            let got = try await plane.reservations.reserve([request(8080)], owner: "c1", endpoint: ("one", "e1"))
            #expect(got.map(\.published.calledAddress) == [.unspecified(.v4), .unspecified(.v6)])
            #expect(got.map(\.target) == [four, six])
            // A program of the node that has the port in IPv6 alone.
            let program = try await Greeter.start(
                "program", in: world.nodes[0].namespace, port: 7000, at: .unspecified(.v6))
            await #expect(throws: PortError.self) {
                try await plane.reservations.reserve([request(7000)], owner: "c2", endpoint: ("two", "e2"))
            }
            let only4 = PortReservations.Request(transport: .tcp, first: 7000, targetAddress: four, targetPort: 80)
            #expect(try await plane.reservations.reserve([only4], owner: "c3", endpoint: ("three", "e3")).count == 1)
            let next = try await plane.reservations.reserve([request(7000, 7005)], owner: "c2", endpoint: ("two", "e2"))
            #expect(next.map(\.published.hostPort) == [7001, 7001])
            withExtendedLifetime(program) {}
        }
    }

    @Test(arguments: [false, true])
    func `a port of both families says its own addresses and asks for others, and nothing in anybody's name`(
        isLax: Bool
    ) async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            // As `Frames` has them: 1 its own, 2 the neighbour's, 3 the gateway's.
            let addresses = EndpointAddresses([network("172.20.0.1/16"), network("fd00:dead::3/64")])
            let bridge = BridgeNetwork(
                id: "d0", linkName: "br-dual0", addresses: addresses, mac: MACAddress(for: IPAddress(172, 20, 0, 1)))
            func member(_ id: String, _ four: String, _ six: String, isLax: Bool) -> Sandbox {
                Sandbox(
                    id: id,
                    endpoints: [
                        .init(
                            id: "e0\(id)", network: .bridge("d0"), interfaceName: "eth0",
                            addresses: EndpointAddresses([network(four), network(six)]),
                            mac: MACAddress(for: network(four).address), gateways: addresses.hosts, isLax: isLax)
                    ])
            }
            try await reconcile(
                world,
                NodeNetwork(
                    bridges: [bridge],
                    sandboxes: [
                        member("c1", "172.20.0.10/16", "fd00:dead::1/64", isLax: isLax),
                        member("c2", "172.20.0.11/16", "fd00:dead::2/64", isLax: false),
                    ]))
            let frames = Frames(
                own: IPAddress(172, 20, 0, 10), peer: IPAddress(172, 20, 0, 11), gate: IPAddress(172, 20, 0, 1),
                other: IPAddress(172, 20, 0, 12))
            let ears = [Ear(link: "eth0", namespace: node.sandbox("c2"))]
            func heard() async throws -> Set<String> {
                try await exchange(frames.named(.ip6), by: "eth0", of: node.sandbox("c1"), to: ears).heard
            }
            let own: Set<String> = ["ip6-local", "ip6-multicast", "ip6-solicit"]
            // Who may use what is nobody's says so of addresses that are.
            let nobodys: Set<String> = ["ip6-mapped", "ip6-other"]
            #expect(try await heard() == (isLax ? own.union(nobodys) : own))
            // Each of the others is one that arrives where nothing holds it back.
            try await node.namespace.run { try NftContext().run("add table \(GuardTable.id) { flags dormant; }\n") }
            #expect(try await heard().count > 14)
        }
    }
}
