import Addressing
import LinuxSystem
import Model
import Netlink
import Nftables
import TestKit
import Testing

@testable import DataPlane

/// Ports of the mesh in both families: the networks of `swarm(_:tasks:)`, in which whatever the mesh needs has a second address.
@Suite(.serialized) struct DualMeshTests {
    /// The address of IPv6 that stands beside one of IPv4: 240.255.1.21 and fd00:0:0:f0ff::115.
    private func twin(_ four: IPAddress) -> IPAddress {
        let number = UInt64(truncatingIfNeeded: four.number)
        return .v6(IPv6Address(high: 0xfd00 << 48 | number >> 16, low: number & 0xffff))
    }

    private func twin(_ four: IPAddress?) -> IPv6Network? {
        four.flatMap { IPNetwork(address: twin($0), prefixLength: 64).v6 }
    }

    private func dual(_ networks: [NodeNetwork]) -> [NodeNetwork] {
        networks.map { network in
            var network = network
            for place in network.bridges.indices where network.bridges[place].id == "gw" {
                let own = network.bridges[place].addresses.hosts[.v4]
                network.bridges[place].addresses.v6 = twin(own)
            }
            for place in network.overlays.indices where network.overlays[place].id == "net" {
                network.overlays[place].remoteEndpoints = network.overlays[place].remoteEndpoints.map { remote in
                    var remote = remote
                    remote.addresses.v6 = remote.addresses[.v4].flatMap { twin($0).v6 }
                    return remote
                }
            }
            network.ingress = network.ingress.map { ingress in
                var ingress = ingress
                ingress.addresses.v6 = twin(ingress.addresses.hosts[.v4])
                ingress.gatewayAddresses.v6 = twin(ingress.gatewayAddresses.hosts[.v4])
                for place in ingress.ports.indices {
                    let own = ingress.ports[place].backends
                    ingress.ports[place].backends += own.map {
                        MeshPort.Backend(address: twin($0.address), port: $0.port)
                    }
                }
                return ingress
            }
            network.sandboxes = network.sandboxes.map(dual)
            return network
        }
    }

    private func dual(_ sandbox: Sandbox) -> Sandbox {
        var sandbox = sandbox
        for place in sandbox.endpoints.indices where sandbox.endpoints[place].network != .overlay("app") {
            let (own, gateway) = (sandbox.endpoints[place].addresses.hosts[.v4], sandbox.endpoints[place].gateways[.v4])
            sandbox.endpoints[place].addresses.v6 = twin(own)
            sandbox.endpoints[place].gateways.v6 = gateway.flatMap { twin($0).v6 }
        }
        let gateway = sandbox.mesh?.gateways[.v4]
        sandbox.mesh?.gateways.v6 = gateway.flatMap { twin($0).v6 }
        return sandbox
    }

    private func start(_ name: String, in place: NetworkNamespace, port: UInt16 = 80) async throws -> [Greeter] {
        var greeters: [Greeter] = []
        for family in IPFamily.allCases {
            greeters.append(try await Greeter.start(name, in: place, port: port, at: .unspecified(family)))
        }
        return greeters
    }

    private func expectClean(_ world: World) async throws {
        for node in world.nodes {
            let found = try await node.plane.resync(reason: "test")
            #expect(found.isClean, "node \(node.number): \(found.repairs) \(found.failures)")
        }
    }

    @Test func `E1: every node answers at a port of the mesh in both families, and the task sees the client's address`()
        async throws
    {
        try await withWorld(nodes: 2) { world in
            try await world.addIPv6()
            try await apply(dual(swarm(world, tasks: [(2, 1)], callers: [(1, 2)])), world)
            let (one, two) = (world.nodes[0], world.nodes[1])
            let greeters =
                try await start("two", in: two.sandbox("t21")) + start("hidden", in: two.sandbox("t21"), port: 81)
            let sandbox = NetworkNamespace(path: one.plane.layout.namespaceDirectory + "/ingress")
            for family in IPFamily.allCases {
                let expected = "two \(world.clientAddress(family))"
                for node in [two, one] {
                    let called = world.address(of: node, family)
                    #expect(await tcp(called, 8080, from: world.client) == expected, "\(called)")
                    #expect(await udp(called, 8080, from: world.client) == expected, "\(called)")
                }
                // One port of the client through both nodes at the same time, and still two connections.
                for kind in [Caller.Kind.tcp, .udp] {
                    var callers: [Caller] = []
                    for node in world.nodes {
                        callers.append(
                            try await Caller.open(
                                kind, to: world.address(of: node, family), 8080, from: world.client, sourcePort: 40_124)
                        )
                    }
                    for caller in callers + callers { #expect(try await caller.ask() == expected) }
                }
                // Programs of the node, and containers, the task itself among them.
                let own = world.address(of: one, family)
                #expect(await tcp(own, 8080, from: one.namespace).hasPrefix("two "))
                #expect(await tcp(own, 8080, from: one.sandbox("t12")).hasPrefix("two "))
                #expect(await tcp(world.address(of: two, family), 8080, from: two.sandbox("t21")).hasPrefix("two "))
                // A port that is not published does not answer in the ingress network.
                let inside = family == .v4 ? meshAddress(2, 1) : twin(meshAddress(2, 1))
                let heard = await tcp(inside, 81, from: sandbox, milliseconds: 400)
                #expect(!heard.hasPrefix("hidden"), "\(heard)")
            }
            #expect(await tcp(address6("::1"), 8080, from: one.namespace) == "Connection refused")
            // Tasks go out by IPv6 as well.
            let outside = try await Greeter.start("outside", in: world.client, port: 80, at: .unspecified(.v6))
            #expect(
                await tcp(World.clientAddress6, 80, from: two.sandbox("t21"))
                    == "outside \(world.address(of: two, .v6))")
            try await expectClean(world)

            try await apply(dual(swarm(world, tasks: [])), world)
            for family in IPFamily.allCases {
                #expect(await tcp(world.address(of: one, family), 8080, from: world.client) == "Connection refused")
            }
            withExtendedLifetime((greeters, outside)) {}
        }
    }

    @Test func `connections take turns among the tasks of both nodes, in each family by itself`() async throws {
        try await withWorld(nodes: 2) { world in
            try await world.addIPv6()
            try await apply(dual(swarm(world, tasks: [(1, 1), (2, 1)])), world)
            let greeters =
                try await start("one", in: world.nodes[0].sandbox("t11"))
                + start("two", in: world.nodes[1].sandbox("t21"))
            for family in IPFamily.allCases {
                var counts: [String: Int] = [:]
                for _ in 0..<20 {
                    counts[
                        await tcp(world.address(of: world.nodes[0], family), 8080, from: world.client), default: 0] += 1
                }
                let client = world.clientAddress(family)
                #expect(counts == ["one \(client)": 10, "two \(client)": 10])
            }
            withExtendedLifetime(greeters) {}
        }
    }

    @Test(arguments: Way.allCases)
    func `a port answers at the chosen addresses, subnets and links of either family, and nowhere else`(way: Way)
        async throws
    {
        try await withWorld(nodes: 2, by: way) { world in
            try await world.addIPv6()
            let (one, second) = (world.nodes[0], address6("2001:db8:1::11"))
            for (namespace, address) in [(one.namespace, second), (world.client, address6("2001:db8:1::50"))] {
                try await namespace.run {
                    try RouteSocket().perform(
                        AddAddress(LinkAddress(link: "eth0", network: IPNetwork(address: address, prefixLength: 64))))
                }
            }
            func networks(_ reach: PortReach?) -> [NodeNetwork] {
                dual(swarm(world, tasks: [(2, 1)])).map { network in
                    var network = network
                    for place in network.ingress?.ports.indices ?? 0..<0 { network.ingress?.ports[place].reach = reach }
                    return network
                }
            }
            try await apply(networks(nil), world)
            let greeters = try await start("t21", in: world.nodes[1].sandbox("t21"))
            /// Whether the first node's two addresses of IPv6 and that of IPv4 answer, and the second node's of IPv6.
            func answers() async -> [Bool] {
                var found: [Bool] = []
                for address in [
                    world.address(of: one, .v6), second, one.address, world.address(of: world.nodes[1], .v6),
                ] {
                    found.append(await tcp(address, 8080, from: world.client).hasPrefix("t21"))
                }
                return found
            }
            #expect(await answers() == [true, true, true, true])
            func networks6(_ texts: String...) -> [IPNetwork] { texts.compactMap { IPNetwork($0) } }
            let places: [(PortReach, [Bool])] = [
                (PortReach(addresses: [IPNetwork(second)]), [false, true, false, false]),
                (PortReach(addresses: networks6("2001:db8::/64")), [true, false, false, true]),
                (PortReach(addresses: networks6("2001:db8::/32", "2001:db8::/64")), [true, true, false, true]),
                (PortReach(addresses: [.everywhere(.v6)]), [true, true, false, true]),
                (PortReach(addresses: [.everywhere(.v4)]), [false, false, true, false]),
                (PortReach(addresses: [IPNetwork(second), IPNetwork(one.address)]), [false, true, true, false]),
                (PortReach(links: ["eth0"]), [true, true, true, true]),
                (PortReach(addresses: networks6("2001:db8:2::/64"), links: ["nolink"]), [false, false, false, false]),
            ]
            for (reach, expected) in places {
                try await apply(networks(reach), world)
                #expect(await answers() == expected, "\(reach)")
                try await expectClean(world)
            }
            // What narrows is repaired like everything else.
            try await one.namespace.run {
                try NftContext().run(
                    """
                    delete element ip6 node published { tcp . 8080 }
                    add element ip6 node published { tcp . 8080 : goto n1 }

                    """)
            }
            #expect(await answers()[0])
            _ = try await one.plane.resync(reason: "test")
            #expect(await answers() == [false, false, false, false])
            withExtendedLifetime(greeters) {}
        }
    }

    @Test func `one backend of IPv6 more or fewer is an element of the tables, and nothing is derived for it`()
        async throws
    {
        try await withWorld(nodes: 2) { world in
            try await world.addIPv6()
            let (one, two) = (world.nodes[0], world.nodes[1])
            try await apply(dual(swarm(world, tasks: [(1, 1), (2, 1)])), world)
            let greeters = try await start("t11", in: one.sandbox("t11")) + start("t21", in: two.sandbox("t21"))
            func heard() async -> Set<String> {
                var heard: Set<String> = []
                for _ in 0..<6 {
                    heard.insert(String(await tcp(world.address(of: one, .v6), 8080, from: world.client).prefix(3)))
                }
                return heard
            }
            #expect(await heard() == ["t11", "t21"])
            for (node, number, left) in [(UInt8(1), UInt8(1), "t21"), (2, 1, "t11")] {
                for comes in [false, true] {
                    let backend = MeshPort.Backend(address: twin(meshAddress(node, number)), port: 80)
                    var changes = NetworkChanges()
                    if comes {
                        changes.setMeshBackend(backend, of: .tcp, 8080)
                    } else {
                        changes.removeMeshBackend(backend, of: .tcp, 8080)
                    }
                    for plane in world.nodes.map(\.plane) {
                        let report = try await plane.apply(changes)
                        try #require(report.failures.isEmpty, "\(report.failures)")
                        #expect(report.derived == 0)
                    }
                    #expect(await heard() == (comes ? ["t11", "t21"] : [left]))
                }
            }
            try await expectClean(world)
            withExtendedLifetime(greeters) {}
        }
    }

    @Test(arguments: Way.allCases) func `a swarm that gets its second family keeps the connections that it has`(
        way: Way
    ) async throws {
        try await withWorld(nodes: 2, by: way) { world in
            try await world.addIPv6()
            let (one, two) = (world.nodes[0], world.nodes[1])
            try await apply(swarm(world, tasks: [(2, 1)]), world)
            let greeters = try await start("two", in: two.sandbox("t21"))
            let outside = try await Greeter.start("outside", in: world.client, port: 80)
            var held: [(caller: Caller, answer: String)] = []
            for node in world.nodes {
                for kind in [Caller.Kind.tcp, .udp] {
                    let caller = try await Caller.open(kind, to: node.address, 8080, from: world.client)
                    held.append((caller, "two \(World.clientAddress)"))
                }
            }
            let out = try await Caller.open(.tcp, to: World.clientAddress, 80, from: two.sandbox("t21"))
            held.append((out, "outside \(two.address)"))
            for (caller, answer) in held { #expect(try await caller.ask() == answer) }
            #expect(await tcp(world.address(of: one, .v6), 8080, from: world.client) == "Connection refused")

            try await apply(dual(swarm(world, tasks: [(2, 1)])), world)
            for (caller, answer) in held { #expect(try await caller.ask() == answer) }
            for node in world.nodes {
                #expect(
                    await tcp(world.address(of: node, .v6), 8080, from: world.client) == "two \(World.clientAddress6)")
            }
            // And back, as where an earlier version takes over.
            try await apply(swarm(world, tasks: [(2, 1)]), world)
            for (caller, answer) in held { #expect(try await caller.ask() == answer) }
            #expect(await tcp(world.address(of: one, .v6), 8080, from: world.client) == "Connection refused")
            withExtendedLifetime((greeters, outside)) {}
        }
    }

    @Test func `what is damaged of the mesh's IPv6 is repaired`() async throws {
        try await withWorld(nodes: 2) { world in
            try await world.addIPv6()
            let (one, two) = (world.nodes[0], world.nodes[1])
            try await apply(dual(swarm(world, tasks: [(2, 1)])), world)
            let greeters = try await start("two", in: two.sandbox("t21"))
            let sandbox = NetworkNamespace(path: one.plane.layout.namespaceDirectory + "/ingress")
            func nft(_ text: String) -> @Sendable () throws -> Void { { try NftContext().run(text) } }
            let routes: @Sendable () throws -> Void = {
                let socket = try RouteSocket()
                for route in try socket.routes(.v6, addedBy: 0) where route.gateway != nil {
                    try socket.perform(DeleteRoute(route).allowing(.missing))
                }
            }
            let damage: [(String, World.Node, NetworkNamespace, @Sendable () throws -> Void)] = [
                ("node's table", one, one.namespace, nft("delete table ip6 node")),
                ("turns", one, one.namespace, nft("flush map ip6 node turns")),
                ("sandbox's table", one, sandbox, nft("delete table ip6 ingress")),
                ("sandbox's chain", one, sandbox, nft("flush chain ip6 ingress n1")),
                ("sandbox's routes", one, sandbox, routes),
                ("sandbox's forwarding", one, sandbox, { try Sysctl.write("net/ipv6/conf/all/forwarding", "0") }),
                ("task's table", two, two.sandbox("t21"), nft("delete table ip6 mesh")),
                ("task's rules", two, two.sandbox("t21"), nft("flush chain ip6 mesh set_mark")),
                ("task's routes", two, two.sandbox("t21"), routes),
                (
                    "task's rule", two, two.sandbox("t21"),
                    {
                        let socket = try RouteSocket()
                        for rule in try socket.rules(.v6) where rule.priority == 77 {
                            try socket.perform(DeleteRule(rule))
                        }
                    }
                ),
                ("marks", two, two.sandbox("t21"), { try Sysctl.write("net/ipv6/fwmark_reflect", "0") }),
                (
                    "tunnel's neighbours", one, one.plane.layout.overlay("net"),
                    {
                        let socket = try RouteSocket()
                        for one in try socket.neighbours(.v6) where one.state == .permanent {
                            try socket.perform(DeleteNeighbour(one))
                        }
                    }
                ),
            ]
            let expected = "two \(World.clientAddress6)"
            for (name, node, place, doIt) in damage {
                try await place.run(doIt)
                let repaired = try await node.plane.resync(reason: name)
                #expect(!repaired.repairs.isEmpty && repaired.failures.isEmpty, "\(name): \(repaired.failures)")
                #expect(await tcp(world.address(of: one, .v6), 8080, from: world.client) == expected, "\(name)")
            }
            try await expectClean(world)
            withExtendedLifetime(greeters) {}
        }
    }
}
