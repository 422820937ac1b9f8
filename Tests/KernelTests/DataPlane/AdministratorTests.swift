import Addressing
import LinuxSystem
import Model
import Nftables
import TestKit
import Testing

@testable import DataPlane

/// The chain of the node's administrator.
@Suite struct AdministratorTests {
    /// What `ufw enable` and `ufw deny 8081` have in the kernel, of which a published port meets something.
    private static let ufw = """
        table ip filter {
        chain ufw-before-input { iifname "lo" accept; ct state related,established accept; }
        chain ufw-user-input { tcp dport 8081 drop; }
        chain ufw-before-forward { ct state related,established accept; }
        chain ufw-user-forward { }
        chain INPUT { type filter hook input priority 0; policy drop; jump ufw-before-input; jump ufw-user-input; }
        chain FORWARD { type filter hook forward priority 0; policy drop; jump ufw-before-forward; jump ufw-user-forward; }
        }

        """
    /// The same of firewalld with the zone `public`, in which nothing but SSH is open.
    private static let firewalld = """
        table inet firewalld {
        chain filter_INPUT { type filter hook input priority 10; policy accept; ct state { established, related } accept;
        ct status dnat accept; iifname "lo" accept; ct state invalid drop; tcp dport 22 accept; reject with icmpx admin-prohibited; }
        chain filter_FORWARD { type filter hook forward priority 10; policy accept; ct state { established, related } accept;
        ct status dnat accept; iifname "lo" accept; ct state invalid drop; reject with icmpx admin-prohibited; }
        }

        """

    private let target = IPAddress(172, 17, 0, 10)

    private func rules(_ text: String, on node: World.Node) async throws {
        try await node.namespace.run { try NftContext().run(text) }
    }

    @Test func `D1: the administrator's rules see the port that was called, and outlive whatever is made anew`()
        async throws
    {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            func wanted(_ port: UInt16) -> NodeNetwork {
                NodeNetwork(
                    bridges: [docker0],
                    sandboxes: [
                        container(
                            "c1", 10,
                            published: [
                                HostPort(transport: .tcp, hostPort: port, targetAddress: target, targetPort: 80),
                                HostPort(transport: .tcp, hostPort: 8082, targetAddress: target, targetPort: 80),
                            ])
                    ])
            }
            try await apply([wanted(8081)], world)
            let greeter = try await Greeter.start("c1", in: node.sandbox("c1"), port: 80)
            let welcome = "c1 \(World.clientAddress)"
            let held = try await Caller.open(.tcp, to: node.address, 8081, from: world.client)
            #expect(try await held.listen() == welcome)
            #expect(await tcp(node.address, 8081, from: world.client) == welcome)
            try await rules(
                "add rule inet apus_admin inbound ip saddr \(World.clientAddress) tcp dport 8081 reject with tcp reset",
                on: node)
            func isClosed() async -> Bool {
                let (closed, open) = (
                    await tcp(node.address, 8081, from: world.client), await tcp(node.address, 8082, from: world.client)
                )
                return closed == "Connection refused" && open == welcome
            }
            #expect(await isClosed())
            // Connections that are open stay, and the node itself is not meant.
            #expect(try await held.ask() == welcome)
            #expect(await tcp(IPAddress(127, 0, 0, 1), 8081, from: node.namespace) == "c1 172.17.0.1")
            // Other ports, a comparison of everything, and a daemon that is new.
            try await apply([wanted(8081)], world)
            #expect(try await node.plane.resync(reason: "test").isClean)
            _ = try await node.plane.adopt(wanted(8081))
            #expect(await isClosed())
            // The table of the published ports itself lost, with a hook of the administrator's.
            try await rules("delete table ip node\ndelete chain inet apus_admin before_translation", on: node)
            #expect(await tcp(node.address, 8082, from: world.client, milliseconds: 2000) != welcome)
            #expect(try await !node.plane.resync(reason: "test").repairs.isEmpty)
            #expect(try await node.plane.resync(reason: "test").isClean)
            #expect(await isClosed())
            // A firewall that begins anew and loads the administrator's chain before the daemon sees it.
            try await rules(
                """
                flush ruleset
                table inet apus_admin {
                chain inbound {
                tcp dport 8082 reject with tcp reset
                }
                }
                """, on: node)
            _ = try await node.plane.resync(reason: "test")
            #expect(await tcp(node.address, 8082, from: world.client) == "Connection refused")
            #expect(await tcp(node.address, 8081, from: world.client) == welcome)
            // Whoever takes everything of ours away leaves the administrator's.
            try await node.plane.teardown()
            let left = try await node.namespace.run { try NftContext().tables([AdministratorTable.id]) }
            #expect(left[AdministratorTable.id]?.chains["inbound"]?.contains("tcp dport 8082") == true)
            withExtendedLifetime(greeter) {}
        }
    }

    /// As docs/publishing.md says it.
    @Test func `D1: with rules as ufw and firewalld have them a published port is judged by the administrator's chain`()
        async throws
    {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let published = [UInt16(8081), 8082].map {
                HostPort(transport: .tcp, hostPort: $0, targetAddress: target, targetPort: 80)
            }
            try await apply(
                [NodeNetwork(bridges: [docker0], sandboxes: [container("c1", 10, published: published)])], world)
            let greeter = try await Greeter.start("c1", in: node.sandbox("c1"), port: 80)
            let welcome = "c1 \(World.clientAddress)"
            /// Whether each of the two ports answers a client from outside.
            func answers() async -> [Bool] {
                var found: [Bool] = []
                for port in [UInt16(8081), 8082] {
                    found.append(await tcp(node.address, port, from: world.client, milliseconds: 1500) == welcome)
                }
                return found
            }
            #expect(await answers() == [true, true])
            // What is forwarded ufw drops, as it comes; allowed, its word about the port is about programs of the node.
            try await rules(Self.ufw, on: node)
            #expect(await answers() == [false, false])
            try await rules("add rule ip filter ufw-user-forward oifname docker0 accept", on: node)
            #expect(await answers() == [true, true])
            let own = "add rule inet apus_admin inbound tcp dport 8081 ip saddr \(World.clientAddress) drop"
            try await rules(own, on: node)
            #expect(await answers() == [false, true])
            try await rules("delete table ip filter\nflush chain inet apus_admin inbound", on: node)
            #expect(await answers() == [true, true])
            // firewalld lets pass what is translated; a reload replaces its own table alone.
            try await rules(Self.firewalld, on: node)
            #expect(await answers() == [true, true])
            try await rules(own, on: node)
            #expect(await answers() == [false, true])
            try await rules("delete table inet firewalld\n" + Self.firewalld, on: node)
            _ = try await node.plane.resync(reason: "test")
            #expect(await answers() == [false, true])
            withExtendedLifetime(greeter) {}
        }
    }
}
