import Addressing
import Glibc
import LinuxSystem
import Model
import Netlink
import Nftables
import TestKit
import Testing

@testable import DataPlane

/// What the kernel has of an encrypted overlay, with a device of this test's in place of that of the process which encrypts.
@Suite struct EncryptedBridgeTests {
    private static let port: UInt16 = 4790

    /// Two nodes with a task each in `app`, which is encrypted.
    private func withNodes(_ body: (World) async throws -> Void) async throws {
        try await withWorld(nodes: 2) { world in
            var wanted = swarm(world, tasks: [(1, 1), (2, 1)])
            for index in wanted.indices {
                for place in wanted[index].overlays.indices where wanted[index].overlays[place].id == "app" {
                    wanted[index].overlays[place].isEncrypted = true
                    wanted[index].overlays[place].mtu = Underlay.encryptedMTU(1500, over: .v4)
                }
                wanted[index].underlay?.encryptedPorts = 1
            }
            try await apply(wanted, world)
            try await body(world)
        }
    }

    private func overlay(_ node: World.Node) -> NetworkNamespace { node.plane.layout.overlay("app") }

    /// Makes the device as the process does: persistent, down, with headers that say how frames are to be cut.
    private func makeDevice(_ node: World.Node) async throws {
        try await overlay(node).run {
            let device = try Descriptor.open("/dev/net/tun", O_RDWR)
            // struct ifreq: the name, then the flags IFF_TAP, IFF_NO_PI, IFF_VNET_HDR.
            var request = [UInt8](repeating: 0, count: 40)
            for (index, byte) in Array(Layout.encryptedTunnel.utf8).enumerated() { request[index] = byte }
            let flags: UInt16 = 0x5002
            request[16] = UInt8(flags & 0xff)
            request[17] = UInt8(flags >> 8)
            // TUNSETIFF, TUNSETPERSIST.
            try check(ioctl(device.raw, 0x4004_54ca, &request), "make a TAP device")
            try check(ioctl(device.raw, 0x4004_54cb, CInt(1)), "keep the TAP device")
        }
    }

    private func link(_ node: World.Node, _ name: String) async throws -> Link? {
        try await overlay(node).run { try RouteSocket().link(named: name) }
    }

    private func expectReady(_ node: World.Node) async throws {
        let found = try #require(try await link(node, Layout.encryptedTunnel))
        let bridge = try #require(try await link(node, Layout.overlayBridge))
        #expect(found.kind == "tun" && found.isUp && found.mtu == 1408 && found.group == 0)
        #expect(found.master == bridge.index)
        #expect(found.port?.learning == false && found.port?.locked == false)
        #expect(found.port?.broadcastFlood == true && found.port?.unicastFlood == true)
    }

    @Test func `there is no VXLAN device, and the process's device becomes the bridge's port as often as it is made`()
        async throws
    {
        try await withNodes { world in
            let node = world.nodes[0]
            #expect(try await link(node, Layout.overlayTunnel) == nil)
            // Nothing is to be put right as long as the process has not made it.
            let clean = try await node.plane.resync(reason: "test")
            #expect(clean.isClean, "\(clean)")
            try await makeDevice(node)
            #expect(try await node.plane.resync(reason: "test").failures.isEmpty)
            try await expectReady(node)
            #expect(try await node.plane.resync(reason: "test").isClean)
            let inside = try await node.sandbox("t11").run { try RouteSocket().link(named: "eth0") }
            #expect(inside?.mtu == 1408)

            try await overlay(node).run { try RouteSocket().perform(DeleteLink(.name(Layout.encryptedTunnel))) }
            #expect(try await node.plane.resync(reason: "test").failures.isEmpty)
            try await makeDevice(node)
            #expect(try await node.plane.resync(reason: "test").failures.isEmpty)
            try await expectReady(node)
            try await overlay(node).run {
                try RouteSocket().perform(SetLink(.name(Layout.encryptedTunnel), isUp: false))
            }
            #expect(try await node.plane.resync(reason: "test").count == 1)
            try await expectReady(node)
        }
    }

    /// MACs that the bridge knows behind the device.
    private func behind(_ node: World.Node) async throws -> Set<MACAddress> {
        try await overlay(node).run {
            let socket = try RouteSocket()
            guard let device = try socket.link(named: Layout.encryptedTunnel) else { return [] }
            let rows = try socket.forwardingEntries { $0.link == .index(device.index) }
            return Set(rows.filter { $0.owner == .master && $0.state == .noARP }.map(\.mac))
        }
    }

    @Test
    func `the bridge knows who is elsewhere behind the device, as soon as there is one and as long as they are there`()
        async throws
    {
        try await withNodes { world in
            let node = world.nodes[0]
            let other = MACAddress(for: taskAddress(2, 1))
            let (late, early) = (IPAddress(10, 1, 0, 77), IPAddress(10, 1, 0, 78))
            func change(_ address: IPAddress, isThere: Bool) async throws {
                var changes = NetworkChanges()
                if isThere {
                    changes.setRemote(RemoteEndpoint(address: address, vtep: world.nodes[1].address), in: "app")
                } else {
                    changes.removeRemote(address, from: "app")
                }
                #expect(try await node.plane.apply(changes).failures.isEmpty)
            }
            // Without a device there is nothing to be said, and nothing wrong.
            try await change(early, isThere: true)
            #expect(try await node.plane.resync(reason: "test").isClean)
            try await makeDevice(node)
            #expect(try await node.plane.resync(reason: "test").failures.isEmpty)
            #expect(try await behind(node) == [other, MACAddress(for: early)])
            try await change(late, isThere: true)
            #expect(try await behind(node) == [other, MACAddress(for: early), MACAddress(for: late)])
            try await change(early, isThere: false)
            #expect(try await behind(node) == [other, MACAddress(for: late)])
            #expect(try await node.plane.resync(reason: "test").isClean)
            // It goes and comes again, with a change meanwhile.
            try await overlay(node).run { try RouteSocket().perform(DeleteLink(.name(Layout.encryptedTunnel))) }
            try await change(late, isThere: false)
            try await change(early, isThere: true)
            try await makeDevice(node)
            #expect(try await node.plane.resync(reason: "test").failures.isEmpty)
            #expect(try await behind(node) == [other, MACAddress(for: early)])
        }
    }

    @Test func `D5: ESP is taken from any address, as behind a translation, but at the node's own alone`() async throws
    {
        try await withNodes { world in
            let (one, two) = (world.nodes[0], world.nodes[1])
            let second = IPAddress(198, 51, 100, 99)
            try await one.namespace.run {
                try RouteSocket().perform(
                    AddAddress(LinkAddress(link: "eth0", network: IPNetwork(address: second, prefixLength: 24))))
            }
            let greeters = [
                try await Greeter.start("esp", in: one.namespace, port: Self.port, at: one.address),
                try await Greeter.start("esp", in: one.namespace, port: Self.port, at: second),
            ]
            #expect(await udp(one.address, Self.port, from: two.namespace).hasPrefix("esp"))
            // No member has its address.
            #expect(await udp(one.address, Self.port, from: world.client).hasPrefix("esp"))
            #expect(await !udp(second, Self.port, from: world.client, milliseconds: 2000).hasPrefix("esp"))
            // A container of another node is masqueraded there, so it would be taken for a member.
            let masqueraded = await udp(one.address, Self.port, from: two.sandbox("t21"), milliseconds: 2000)
            #expect(!masqueraded.hasPrefix("esp"))
            // Without the rules the other address answers: it is they that keep it shut.
            try await one.namespace.run { try NftContext().run("flush chain ip node raw_in\n") }
            #expect(await udp(second, Self.port, from: world.client).hasPrefix("esp"))
            _ = try await one.plane.resync(reason: "test")
            #expect(await !udp(second, Self.port, from: world.client, milliseconds: 2000).hasPrefix("esp"))
            withExtendedLifetime(greeters) {}
        }
    }

    @Test func `VXLAN in clear is delivered to no endpoint of it, also where somebody makes a device for it`()
        async throws
    {
        try await withNodes { world in
            let (one, two) = (world.nodes[0], world.nodes[1])
            // As a daemon of before, or a user, might have it.
            let space = overlay(one)
            try await one.namespace.run {
                try RouteSocket().perform(
                    CreateVXLAN(
                        name: "vx9", settings: VXLANSettings(id: 4097, local: one.address, port: 4789), mtu: 1450,
                        namespace: space))
            }
            try await space.run {
                try RouteSocket().perform([
                    SetLink("vx9", isUp: true)
                ])
                var change = SetLink(.name("vx9"))
                change.master = .link(.name(Layout.overlayBridge))
                try RouteSocket().perform(change)
            }
            let source = taskAddress(2, 1)
            let target = taskAddress(1, 1)
            let inner = Frames.udp(source, target, port: 80, Array("[clear]".utf8))
            let inside =
                [8, 0, 0, 0, 0, 0x10, 0x01, 0] + MACAddress(for: target).octets + MACAddress(for: source).octets + [
                    8, 0,
                ]
                + inner
            let to = try #require(try await one.namespace.run { try RouteSocket().link(named: "eth0")?.mac }).octets
            let by = try #require(try await two.namespace.run { try RouteSocket().link(named: "eth0")?.mac }).octets
            let frame = to + by + [8, 0] + Frames.udp(two.address, one.address, port: 4789, inside)
            let ear = Ear(link: "eth0", namespace: one.sandbox("t11"))
            let heard = try await exchange([("clear", frame)], by: "eth0", of: two.namespace, to: [ear]).heard
            #expect(heard.isEmpty)
            // Without the rule it arrives: it is the rule that keeps it out.
            try await one.namespace.run { try NftContext().run("flush set ip node encvni\n") }
            let open = try await exchange([("clear", frame)], by: "eth0", of: two.namespace, to: [ear]).heard
            #expect(open == ["clear"])
            // And the device is none of ours.
            _ = try await one.plane.resync(reason: "test")
            #expect(try await link(one, "vx9") == nil)
        }
    }
}
