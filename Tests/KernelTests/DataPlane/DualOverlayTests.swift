import Addressing
import LinuxSystem
import Model
import Netlink
import Nftables
import TestKit
import Testing

@testable import DataPlane

/// Overlays with addresses of either family and of both, over an underlay of either.
@Suite struct DualOverlayTests {
    private func address(_ node: UInt8, _ family: IPFamily) -> IPAddress {
        family == .v4 ? IPAddress(10, 1, 0, node * 10) : address6("fd00:1::\(node)0")
    }

    private func service(_ family: IPFamily) -> IPAddress {
        family == .v4 ? IPAddress(10, 1, 0, 100) : address6("fd00:1::100")
    }

    private func prefix(_ family: IPFamily) -> Int { family == .v4 ? 24 : 64 }
    private func mac(_ node: UInt8) -> MACAddress { MACAddress(tag: EndpointTag(number: 0x0a01_0000 + UInt32(node))) }

    /// A task on each node, the second node's and the third's behind a service.
    private func wanted(
        _ world: World, _ families: Families, backends: [UInt8], over underlay: IPFamily = .v4
    ) -> [NodeNetwork] {
        world.nodes.map { node in
            let remotes = world.nodes.filter { $0.number != node.number }.map { peer in
                RemoteEndpoint(
                    addresses: HostAddresses(families.all.map { address(peer.number, $0) }), mac: mac(peer.number),
                    vtep: world.address(of: peer, underlay))
            }
            let services = families.all.map { family in
                VirtualAddress(address: service(family), backends: backends.map { address($0, family) })
            }
            let own = families.all.map {
                IPNetwork(address: address(node.number, $0), prefixLength: prefix($0))
            }
            return NodeNetwork(
                underlay: Underlay(
                    address: world.address(of: node, underlay),
                    peers: Set(world.nodes.map { world.address(of: $0, underlay) })),
                overlays: [
                    OverlayNetwork(
                        id: "app", vni: 4097, mtu: 1500 - Underlay.overhead(over: underlay), remoteEndpoints: remotes,
                        services: services)
                ],
                sandboxes: [
                    Sandbox(
                        id: "t\(node.number)",
                        endpoints: [
                            .init(
                                id: "ea\(node.number)", network: .overlay("app"), interfaceName: "eth0",
                                addresses: EndpointAddresses(own), mac: mac(node.number))
                        ])
                ])
        }
    }

    @Test(arguments: Families.allCases, IPFamily.allCases)
    func `E1: tasks reach each other and services in every family, over either`(
        families: Families, underlay: IPFamily
    ) async throws {
        try await withWorld(nodes: 3) { world in
            if underlay == .v6 { try await world.addIPv6(alone: true) }
            try await apply(wanted(world, families, backends: [2, 3], over: underlay), world)
            let caller = world.nodes[0].sandbox("t1")
            for family in families.all {
                var greeters: [Greeter] = []
                for node in world.nodes.dropFirst() {
                    greeters.append(
                        try await Greeter.start(
                            "t\(node.number)", in: node.sandbox("t\(node.number)"), port: 80,
                            at: .unspecified(family)))
                }
                let own = address(1, family)
                #expect(await tcp(address(2, family), 80, from: caller) == "t2 \(own)")
                #expect(await udp(address(3, family), 80, from: caller) == "t3 \(own)")
                var heard: Set<String> = []
                for _ in 0..<40 { heard.insert(await tcp(service(family), 80, from: caller)) }
                #expect(heard == ["t2 \(own)", "t3 \(own)"])
                withExtendedLifetime(greeters) {}
            }
            for node in world.nodes {
                #expect(try await node.plane.resync(reason: "test").repairs.isEmpty, "node \(node.number)")
            }
            // One goes: the rest serve. None: refused at once.
            try await apply(wanted(world, families, backends: [3], over: underlay), world)
            for family in families.all {
                let greeter = try await Greeter.start(
                    "t3", in: world.nodes[2].sandbox("t3"), port: 81, at: .unspecified(family))
                for _ in 0..<5 { #expect(await tcp(service(family), 81, from: caller) == "t3 \(address(1, family))") }
                withExtendedLifetime(greeter) {}
            }
            try await apply(wanted(world, families, backends: [], over: underlay), world)
            for family in families.all {
                #expect(await tcp(service(family), 80, from: caller) == "Connection refused")
            }
            let tables = try await caller.run { try Ruleset().tables().map(\.family) }
            #expect(tables.contains(10) == families.all.contains(.v6))
        }
    }

    @Test func `details change a service of both families`() async throws {
        try await withWorld(nodes: 3) { world in
            try await apply(wanted(world, .dual, backends: [2]), world)
            let node = world.nodes[0]
            let caller = node.sandbox("t1")
            var changes = NetworkChanges()
            for family in IPFamily.allCases {
                changes.setBackend(address(3, family), of: service(family), in: "app")
                changes.removeBackend(address(2, family), of: service(family), in: "app")
            }
            let report = try await node.plane.apply(changes)
            try #require(report.failures.isEmpty, "\(report.failures)")
            for family in IPFamily.allCases {
                let greeter = try await Greeter.start(
                    "t3", in: world.nodes[2].sandbox("t3"), port: 80, at: .unspecified(family))
                for _ in 0..<5 { #expect(await tcp(service(family), 80, from: caller) == "t3 \(address(1, family))") }
                withExtendedLifetime(greeter) {}
            }
            #expect(try await node.plane.resync(reason: "test").repairs.isEmpty)
        }
    }

    @Test func `over an underlay of IPv6, what is no member's does not arrive`() async throws {
        try await withWorld(nodes: 2) { world in
            try await world.addIPv6(alone: true)
            try await apply(wanted(world, .v4, backends: [2], over: .v6), world)
            let greeter = try await Greeter.start("t2", in: world.nodes[1].sandbox("t2"), port: 80)
            let caller = world.nodes[0].sandbox("t1")
            #expect(await tcp(address(2, .v4), 80, from: caller) == "t2 \(address(1, .v4))")
            // The second node knows the first no more.
            var network = wanted(world, .v4, backends: [2], over: .v6)[1]
            network.underlay?.peers = [world.address(of: world.nodes[1], .v6)]
            let report = try await world.nodes[1].plane.reconcile(network)
            try #require(report.failures.isEmpty, "\(report.failures)")
            #expect(await tcp(address(2, .v4), 80, from: caller, milliseconds: 600) != "t2 \(address(1, .v4))")
            withExtendedLifetime(greeter) {}
        }
    }
}
