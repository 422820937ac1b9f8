import Addressing
@testable import DataPlane
import LinuxSystem
import Netlink
import TestKit
import Testing

@Suite struct PlanTests {
    private let layout = Layout(runDirectory: "/run/test")
    private let bridge = BridgeNetwork(
        id: "b0", linkName: "docker0", gateway: IPNetwork(address: IPAddress(172, 17, 0, 1), prefixLength: 16))

    private func container(_ id: String, _ last: UInt8) -> Sandbox {
        Sandbox(
            id: id,
            endpoints: [
                .init(
                    id: "0123456789abcdef\(id)", network: .bridge("b0"), interfaceName: "eth0",
                    address: IPNetwork(address: IPAddress(172, 17, 0, last), prefixLength: 16),
                    gateway: IPAddress(172, 17, 0, 1))
            ], defaultRouteEndpointID: "0123456789abcdef\(id)")
    }

    private func derive(_ network: NodeNetwork, filtersBridges: Bool = true) -> Derivation {
        Derivation(network, layout: layout, filtersBridges: filtersBridges)
    }

    @Test func `from what is wanted to what is wanted there is nothing to do`() {
        let network = NodeNetwork(
            underlay: Underlay(address: IPAddress(192, 0, 2, 1), peers: []), bridges: [bridge],
            overlays: [
                OverlayNetwork(
                    id: "o", vni: 4097,
                    remoteEndpoints: [.init(address: IPAddress(10, 1, 0, 9), vtep: IPAddress(192, 0, 2, 2))])
            ], sandboxes: [container("c", 2)])
        let derivation = derive(network)
        for (scope, input) in derivation.inputs() {
            let state = derivation.state(for: input)
            let plan = NamespacePlan(from: state.kernel, to: state, in: derivation.namespace(of: scope))
            #expect(plan.isEmpty, "\(scope): \(plan.summary)")
        }
    }

    @Test func `a new container is a pair, a port, a forwarding entry, then its inside`() {
        let before = derive(NodeNetwork(bridges: [bridge]))
        let after = derive(NodeNetwork(bridges: [bridge], sandboxes: [container("c", 2)]))
        let node = NamespacePlan(from: before.nodeState().kernel, to: after.nodeState(), in: nil)
        #expect(
            node.summary == [
                "create veth a0123456789ab with peer eth0", "change bridge port a0123456789ab",
                "set forwarding entry 02:42:ac:11:00:02 on a0123456789ab", "change link a0123456789ab",
                "set neighbour 172.17.0.2 on docker0",
            ])
        #expect(node.madeLinks == ["a0123456789ab"])
        let inside = NamespacePlan(
            from: KernelState(), to: after.sandboxState(container("c", 2), [.init(mtu: 1500, gatewayMAC: bridge.mac)]),
            in: nil)
        #expect(
            inside.building.map { "\($0)" } == [
                "add address 172.17.0.2/16 to eth0", "change link eth0", "set neighbour 172.17.0.1 on eth0",
                "add route 0.0.0.0/0 via 172.17.0.1 dev eth0 table 254",
            ])
        let gone = NamespacePlan(from: after.nodeState().kernel, to: before.nodeState(), in: nil)
        #expect(gone.summary == ["delete neighbour 172.17.0.2 on docker0", "delete link a0123456789ab"])
    }

    @Test func `a tunnel to another place is made again with all that hangs on it`() {
        let remote = RemoteEndpoint(address: IPAddress(10, 1, 0, 9), vtep: IPAddress(192, 0, 2, 2))
        let overlay = OverlayNetwork(id: "o", vni: 4097, remoteEndpoints: [remote])
        func state(_ address: IPAddress) -> DesiredNamespace {
            derive(NodeNetwork()).overlayState(overlay, Underlay(address: address, peers: []), [:])
        }
        let plan = NamespacePlan(
            from: state(IPAddress(192, 0, 2, 1)).kernel, to: state(IPAddress(192, 0, 2, 7)), in: layout.overlay("o")
        )
        #expect(
            plan.summary == [
                "delete link vx0", "create vxlan vx0 with id 4097", "change link vx0", "change bridge port vx0",
                "set forwarding entry 02:42:0a:01:00:09 on vx0", "set forwarding entry 02:42:0a:01:00:09 on vx0",
                "change link vx0", "set neighbour 10.1.0.9 on vx0",
            ])
    }

    @Test func `a remote endpoint comes as forwarding before neighbour and goes the other way round`() {
        let remote = RemoteEndpoint(address: IPAddress(10, 1, 0, 9), vtep: IPAddress(192, 0, 2, 2))
        let underlay = Underlay(address: IPAddress(192, 0, 2, 1), peers: [])
        func state(_ remotes: [RemoteEndpoint]) -> DesiredNamespace {
            derive(NodeNetwork()).overlayState(OverlayNetwork(id: "o", vni: 1, remoteEndpoints: remotes), underlay, [:])
        }
        let coming = NamespacePlan(from: state([]).kernel, to: state([remote]), in: nil)
        // In the tunnel's table, and in the bridge's.
        #expect(
            coming.summary == [
                "set forwarding entry 02:42:0a:01:00:09 on vx0", "set forwarding entry 02:42:0a:01:00:09 on vx0",
                "set neighbour 10.1.0.9 on vx0",
            ])
        let owners = coming.building.compactMap { ($0 as? SetForwardingEntry)?.entry.owner }
        #expect(owners == [.device, .master])
        let going = NamespacePlan(from: state([remote]).kernel, to: state([]), in: nil)
        #expect(
            going.summary == [
                "delete neighbour 10.1.0.9 on vx0", "delete forwarding entry 02:42:0a:01:00:09 on vx0",
                "delete forwarding entry 02:42:0a:01:00:09 on vx0",
            ])
        var moved = remote
        moved.vtep = IPAddress(192, 0, 2, 3)
        let moving = NamespacePlan(from: state([remote]).kernel, to: state([moved]), in: nil)
        #expect(moving.summary == ["set forwarding entry 02:42:0a:01:00:09 on vx0"])
    }

    @Test func `an overlay's bridge knows whatever is elsewhere behind the tunnel, and what is here at its port`() {
        let (near, far) = (IPAddress(10, 1, 0, 7), IPAddress(10, 1, 0, 9))
        let remotes = [near, far].map { RemoteEndpoint(address: $0, vtep: IPAddress(192, 0, 2, 2)) }
        var box = container("c", 2)
        box.endpoints[0].network = .overlay("o")
        box.endpoints[0].mac = MACAddress(for: near)
        func rows(_ sandboxes: [Sandbox], isEncrypted: Bool = false) -> Set<String> {
            var overlay = OverlayNetwork(id: "o", vni: 1, remoteEndpoints: remotes)
            overlay.isEncrypted = isEncrypted
            let network = NodeNetwork(
                underlay: Underlay(address: IPAddress(192, 0, 2, 1), peers: []), overlays: [overlay],
                sandboxes: sandboxes)
            let derivation = derive(network)
            let state = derivation.inputs()[.overlay("o")].map { derivation.state(for: $0) }
            return Set(
                (state?.kernel.forwarding ?? [:]).keys.filter { $0.owner == .master }.map { "\($0.link) \($0.mac)" })
        }
        let port = Layout.overlayPort(box.endpoints[0].id)
        #expect(rows([]) == ["vx0 02:42:0a:01:00:07", "vx0 02:42:0a:01:00:09"])
        #expect(rows([box]) == ["\(port) 02:42:0a:01:00:07", "vx0 02:42:0a:01:00:09"])
        #expect(rows([box], isEncrypted: true) == ["\(port) 02:42:0a:01:00:07", "esp0 02:42:0a:01:00:09"])
    }

    @Test func `what is behind the process that encrypts is said once its device is there, and is then no repair`()
        throws
    {
        let remote = RemoteEndpoint(address: IPAddress(10, 1, 0, 9), vtep: IPAddress(192, 0, 2, 2))
        var overlay = OverlayNetwork(id: "o", vni: 1, remoteEndpoints: [remote])
        overlay.isEncrypted = true
        let network = NodeNetwork(
            underlay: Underlay(address: IPAddress(192, 0, 2, 1), peers: []), overlays: [overlay], sandboxes: [])
        let derivation = derive(network)
        let wanted = derivation.state(for: try #require(derivation.inputs()[.overlay("o")]))
        let tunnel = Layout.encryptedTunnel
        var have = wanted.kernel
        #expect(NamespacePlan(from: have, to: wanted, in: nil).isEmpty)
        // The process has not made it yet, or has lost it.
        have.forget(link: tunnel)
        #expect(have.forwarding.isEmpty && NamespacePlan(from: have, to: wanted, in: nil).isEmpty)
        // It comes as it is made: down, and no port.
        have.links[tunnel] = LinkState(make: .tap, isUp: false)
        let coming = NamespacePlan(from: have, to: wanted, in: nil)
        let row = "set forwarding entry 02:42:0a:01:00:09 on esp0"
        #expect(coming.summary.isEmpty && coming.building.isEmpty)
        #expect(coming.welcoming.last.map { "\($0)" } == row && coming.welcoming.count > 1)
        // Somebody has taken the row alone.
        have = wanted.kernel
        have.forwarding = [:]
        #expect(NamespacePlan(from: have, to: wanted, in: nil).summary == [row])
    }

    @Test func `MACs and marks are those that were given, whatever the addresses`() throws {
        let own = MACAddress(tag: EndpointTag(number: 0xfeed_0001))
        let gateway = try #require(MACAddress("02:00:00:00:00:01"))
        var named = bridge
        named.mac = gateway
        var box = container("c", 2)
        box.endpoints[0].mac = own
        let derivation = derive(NodeNetwork(bridges: [named], sandboxes: [box]))
        let node = derivation.nodeState()
        #expect(node.kernel.links["docker0"]?.mac == gateway)
        #expect(Array(node.kernel.neighbours.values) == [own])
        let input = try #require(derivation.inputs()[.sandbox("c")])
        let inside = derivation.state(for: input).kernel
        #expect(inside.links["eth0"]?.mac == own)
        #expect(Array(inside.neighbours.values) == [gateway])

        var remote = RemoteEndpoint(address: IPAddress(10, 255, 0, 9), vtep: IPAddress(192, 0, 2, 2))
        remote.mac = own
        let underlay = Underlay(address: IPAddress(192, 0, 2, 1), peers: [])
        let overlay = OverlayNetwork(id: "o", vni: 1, remoteEndpoints: [remote])
        let tunnel = derive(NodeNetwork()).overlayState(overlay, underlay, [:]).kernel
        #expect(tunnel.forwarding[ForwardingKey(link: "vx0", mac: own, owner: .device)]?.remote == remote.vtep)
        #expect(Array(tunnel.neighbours.values) == [own])

        var mesh = MeshMembership(endpointID: "e", gateway: IPAddress(10, 255, 0, 1), targetPorts: [])
        mesh.tags = EndpointTagBlock(base: EndpointTag(number: 0xfeed_0000), mask: EndpointTag(number: 0xffff_0000))
        mesh.gatewayMAC = gateway
        box.mesh = mesh
        box.endpoints.append(
            .init(
                id: "e", network: .overlay("o"), interfaceName: "eth1",
                address: IPNetwork(address: IPAddress(10, 255, 1, 7), prefixLength: 16)))
        let traits = [
            Derivation.NetworkTraits(mtu: 1500, gatewayMAC: gateway), .init(mtu: 1450, gatewayMAC: nil),
        ]
        let member = derive(NodeNetwork()).sandboxState(box, traits).kernel
        let rule = try #require(member.rules.first)
        func octets(_ number: UInt32?) -> [UInt8] { withUnsafeBytes(of: number ?? 0) { Array($0) } }
        #expect(octets(rule.mark) == [0xfe, 0xed, 0, 0])
        #expect(octets(rule.markMask) == [0xff, 0xff, 0, 0])
        #expect(member.neighbours[NeighbourKey(link: "eth1", address: IPAddress(10, 255, 0, 1))] == gateway)
    }

    @Test func `D7: an overlay that keeps endpoints apart isolates its ports and the tunnel, and its guard ends all`()
        throws
    {
        var overlay = OverlayNetwork(id: "o", vni: 1)
        let endpoint = Derivation.LocalEndpoint(
            port: "b1", namespace: layout.sandbox("c"), interface: "eth0",
            addresses: HostAddresses(IPAddress(10, 1, 0, 2)), mac: MACAddress(for: IPAddress(10, 1, 0, 2)),
            isLax: false, isGuarded: true)
        for (isEncrypted, tunnel) in [(false, Layout.overlayTunnel), (true, Layout.encryptedTunnel)] {
            for isApart in [false, true] {
                (overlay.isEncrypted, overlay.keepsEndpointsApart) = (isEncrypted, isApart)
                let state = derive(NodeNetwork()).overlayState(
                    overlay, Underlay(address: IPAddress(192, 0, 2, 1), peers: []), ["b1": endpoint])
                for link in ["b1", tunnel] { #expect(state.kernel.links[link]?.port?.isolated == isApart) }
                let guarding = try #require(state.fixedTables.first { $0.id == GuardTable.id })
                #expect(guarding.skeleton.contains("counter drop\ncounter drop\n") == isApart)
            }
        }
    }

    @Test func `D7: where the mesh is the only way out, answers find a route and nothing else leaves by it`() {
        var box = container("c", 2)
        box.endpoints.append(
            .init(
                id: "e", network: .overlay("o"), interfaceName: "eth1",
                address: IPNetwork(address: IPAddress(10, 255, 1, 7), prefixLength: 16)))
        box.mesh = MeshMembership(endpointID: "e", gateway: IPAddress(10, 255, 0, 1), targetPorts: [])
        let traits = [Derivation.NetworkTraits(mtu: 1500, gatewayMAC: nil), .init(mtu: 1450, gatewayMAC: nil)]
        func state(_ way: String?) -> DesiredNamespace {
            box.defaultRouteEndpointID = way
            return derive(NodeNetwork()).sandboxState(box, traits)
        }
        func refuses(_ state: DesiredNamespace) -> Bool {
            state.fixedTables.contains { $0.skeleton.contains("oifname \"eth1\" ct direction original counter reject") }
        }
        let everywhere = RouteKey(destination: .everywhere(.v4))
        let open = state(box.endpoints[0].id)
        #expect(open.kernel.routes[everywhere]?.link == "eth0" && !refuses(open))
        let sealed = state(nil)
        #expect(sealed.kernel.routes[everywhere]?.link == "eth1" && refuses(sealed))
        #expect(sealed.kernel.routes[everywhere]?.gateway == IPAddress(10, 255, 0, 1))
    }

    @Test func `an endpoint of both families has both addresses, gateways and routes, and one MAC`() throws {
        var dual = bridge
        dual.addresses.v6 = IPv6Network("fd00::1/64")
        var box = container("c", 2)
        box.endpoints[0].addresses.v6 = IPv6Network("fd00::2/64")
        box.endpoints[0].gateways.v6 = IPv6Address("fd00::1")
        let derivation = derive(NodeNetwork(bridges: [dual], sandboxes: [box]))
        let node = derivation.nodeState().kernel
        #expect(node.addresses.map(\.network.description).sorted() == ["172.17.0.1/16", "fd00::1/64"])
        #expect(node.neighbours.count == 2 && Set(node.neighbours.values).count == 1)
        let input = try #require(derivation.inputs()[.sandbox("c")])
        let inside = derivation.state(for: input).kernel
        #expect(inside.routes.keys.map(\.destination).sorted() == [.everywhere(.v4), .everywhere(.v6)])
        #expect(inside.neighbours.count == 2 && Set(inside.neighbours.values) == [dual.mac])
    }

    @Test func `containers that may not talk are kept apart by rules or by isolation, not by both`() {
        var closed = bridge
        closed.allowsInterContainer = false
        let network = NodeNetwork(bridges: [closed], sandboxes: [container("c", 2)])
        let filtered = derive(network).nodeState().kernel.links
        #expect(
            filtered["docker0"]?.make
                == .bridge(
                    BridgeOptions(
                        multicastSnooping: false, callIPTables: true, callIP6Tables: false, callARPTables: false)))
        #expect(filtered["a0123456789ab"]?.port?.isolated == false)
        #expect(filtered["a0123456789ab"]?.port?.broadcastFlood == false)
        let plain = derive(network, filtersBridges: false).nodeState().kernel.links
        #expect(plain["docker0"]?.make == .bridge(silent))
        #expect(plain["a0123456789ab"]?.port?.isolated == true)
        // That the one way has become the other is a change of the namespace, although nothing else is.
        #expect(derive(network).inputs()[.node] != derive(network, filtersBridges: false).inputs()[.node])
        // In IPv6 as well, where the network has it.
        closed.addresses.v6 = IPv6Network("fd00::1/64")
        let dual = derive(NodeNetwork(bridges: [closed])).nodeState().kernel.links["docker0"]
        #expect(
            dual?.make
                == .bridge(
                    BridgeOptions(
                        multicastSnooping: false, callIPTables: true, callIP6Tables: true, callARPTables: false)))
    }

    private let silent = BridgeOptions(
        multicastSnooping: false, callIPTables: false, callIP6Tables: false, callARPTables: false)

    @Test func `bridges whose containers may talk keep their packets from the rules`() {
        #expect(derive(NodeNetwork(bridges: [bridge])).nodeState().kernel.links["docker0"]?.make == .bridge(silent))
        var told = silent
        #expect(told.satisfies(silent))
        for call in [\BridgeOptions.callIPTables, \.callIP6Tables, \.callARPTables] {
            // A kernel that does not say has no such thing.
            told[keyPath: call] = nil
            #expect(told.satisfies(silent))
            told[keyPath: call] = true
            #expect(!told.satisfies(silent))
            told[keyPath: call] = false
        }
        told.callIPTables = nil
        #expect(!told.satisfies(BridgeOptions(callIPTables: true)))
    }

    @Test func `what changes for one container leaves the inputs of others alone`() {
        let before = derive(NodeNetwork(bridges: [bridge], sandboxes: [container("c", 2), container("d", 3)]))
        var other = container("d", 3)
        other.services = [VirtualAddress(address: IPAddress(10, 1, 0, 5), backends: [])]
        let after = derive(NodeNetwork(bridges: [bridge], sandboxes: [container("c", 2), other]))
        let changed = after.inputs().filter { before.inputs()[$0.key] != $0.value }.keys
        #expect(Set(changed) == [.sandbox("d")])
    }

    @Test func `a value that contradicts itself is told`() {
        #expect(derive(NodeNetwork(sandboxes: [container("c", 2)])).inconsistencies().count == 1)
        #expect(derive(NodeNetwork(bridges: [bridge], sandboxes: [container("c", 2)])).inconsistencies().isEmpty)
        #expect(derive(NodeNetwork(overlays: [OverlayNetwork(id: "o", vni: 1)])).inconsistencies().count == 1)
    }

    @Test func `connections end with an overlay's endpoint, not with its draining`() {
        let backend = IPAddress(10, 1, 0, 9)
        var caller = Sandbox(
            id: "c",
            endpoints: [
                .init(
                    id: "e", network: .overlay("o"), interfaceName: "eth0",
                    address: IPNetwork(address: IPAddress(10, 1, 0, 2), prefixLength: 24))
            ], services: [VirtualAddress(address: IPAddress(10, 1, 0, 100), backends: [backend])])
        let remote = RemoteEndpoint(address: backend, vtep: IPAddress(192, 0, 2, 2))
        let old = NodeNetwork(
            overlays: [OverlayNetwork(id: "o", vni: 1, remoteEndpoints: [remote])], sandboxes: [caller])
        caller.services[0].backends = []
        let drained = NodeNetwork(overlays: old.overlays, sandboxes: [caller])
        #expect(ConnectionEnds(from: old, to: drained).byScope.isEmpty)
        let gone = NodeNetwork(overlays: [OverlayNetwork(id: "o", vni: 1)], sandboxes: [caller])
        let ends = ConnectionEnds(from: drained, to: gone).byScope
        #expect(ends == [.sandbox("c"): [.answered(backend)]])
        // What could not be forgotten is tried again, unless somebody has the address again.
        #expect(ConnectionEnds(from: gone, to: gone, kept: ends).byScope == ends)
        #expect(ConnectionEnds(from: gone, to: old, kept: ends).byScope.isEmpty)
    }
}
