import Addressing
@testable import DataPlane
import LinuxSystem
import Netlink
import Testing

@Suite struct PlanTests {
    private let layout = Layout(runDirectory: "/run/test")
    private let bridge = BridgeNetwork(
        id: "b0", linkName: "docker0", gateway: IPv4Network(address: IPv4Address(172, 17, 0, 1), prefixLength: 16))

    private func container(_ id: String, _ last: UInt8) -> Sandbox {
        Sandbox(
            id: id,
            endpoints: [
                .init(
                    id: "0123456789abcdef\(id)", network: .bridge("b0"), interfaceName: "eth0",
                    address: IPv4Network(address: IPv4Address(172, 17, 0, last), prefixLength: 16),
                    gateway: IPv4Address(172, 17, 0, 1))
            ], defaultRouteEndpointID: "0123456789abcdef\(id)")
    }

    private func derive(_ network: NodeNetwork, filtersBridges: Bool = true) -> Derivation {
        Derivation(network, layout: layout, filtersBridges: filtersBridges)
    }

    @Test func `from what is wanted to what is wanted there is nothing to do`() {
        let network = NodeNetwork(
            underlay: Underlay(address: IPv4Address(192, 0, 2, 1), peers: []), bridges: [bridge],
            overlays: [
                OverlayNetwork(
                    id: "o", vni: 4097,
                    remoteEndpoints: [.init(address: IPv4Address(10, 1, 0, 9), vtep: IPv4Address(192, 0, 2, 2))])
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
        let inside = NamespacePlan(from: KernelState(), to: after.sandboxState(container("c", 2), [1500]), in: nil)
        #expect(
            inside.building.map { "\($0)" } == [
                "add address 172.17.0.2/16 to eth0", "change link eth0", "set neighbour 172.17.0.1 on eth0",
                "add route 0.0.0.0/0 via 172.17.0.1 dev eth0 table 254",
            ])
        let gone = NamespacePlan(from: after.nodeState().kernel, to: before.nodeState(), in: nil)
        #expect(gone.summary == ["delete neighbour 172.17.0.2 on docker0", "delete link a0123456789ab"])
    }

    @Test func `a tunnel to another place is made again with all that hangs on it`() {
        let remote = RemoteEndpoint(address: IPv4Address(10, 1, 0, 9), vtep: IPv4Address(192, 0, 2, 2))
        let overlay = OverlayNetwork(id: "o", vni: 4097, remoteEndpoints: [remote])
        func state(_ address: IPv4Address) -> WantedNamespace {
            derive(NodeNetwork()).overlayState(overlay, Underlay(address: address, peers: []), [])
        }
        let plan = NamespacePlan(
            from: state(IPv4Address(192, 0, 2, 1)).kernel, to: state(IPv4Address(192, 0, 2, 7)), in: layout.overlay("o")
        )
        #expect(
            plan.summary == [
                "delete link vx0", "create vxlan vx0 with id 4097", "change link vx0", "change bridge port vx0",
                "set forwarding entry 02:42:0a:01:00:09 on vx0", "change link vx0", "set neighbour 10.1.0.9 on vx0",
            ])
    }

    @Test func `a remote endpoint comes as forwarding before neighbour and goes the other way round`() {
        let remote = RemoteEndpoint(address: IPv4Address(10, 1, 0, 9), vtep: IPv4Address(192, 0, 2, 2))
        let underlay = Underlay(address: IPv4Address(192, 0, 2, 1), peers: [])
        func state(_ remotes: [RemoteEndpoint]) -> WantedNamespace {
            derive(NodeNetwork()).overlayState(OverlayNetwork(id: "o", vni: 1, remoteEndpoints: remotes), underlay, [])
        }
        let coming = NamespacePlan(from: state([]).kernel, to: state([remote]), in: nil)
        #expect(coming.summary == ["set forwarding entry 02:42:0a:01:00:09 on vx0", "set neighbour 10.1.0.9 on vx0"])
        let going = NamespacePlan(from: state([remote]).kernel, to: state([]), in: nil)
        #expect(
            going.summary == ["delete neighbour 10.1.0.9 on vx0", "delete forwarding entry 02:42:0a:01:00:09 on vx0"])
        var moved = remote
        moved.vtep = IPv4Address(192, 0, 2, 3)
        let moving = NamespacePlan(from: state([remote]).kernel, to: state([moved]), in: nil)
        #expect(moving.summary == ["set forwarding entry 02:42:0a:01:00:09 on vx0"])
    }

    @Test func `containers that may not talk are kept apart by rules or by isolation, not by both`() {
        var closed = bridge
        closed.allowsInterContainer = false
        let network = NodeNetwork(bridges: [closed], sandboxes: [container("c", 2)])
        let filtered = derive(network).nodeState().kernel.links
        #expect(filtered["docker0"]?.make == .bridge(BridgeOptions(multicastSnooping: false, callIPTables: true)))
        #expect(filtered["a0123456789ab"]?.port?.isolated == false)
        #expect(filtered["a0123456789ab"]?.port?.broadcastFlood == false)
        let plain = derive(network, filtersBridges: false).nodeState().kernel.links
        #expect(plain["docker0"]?.make == .bridge(BridgeOptions(multicastSnooping: false)))
        #expect(plain["a0123456789ab"]?.port?.isolated == true)
    }

    @Test func `what changes for one container leaves the inputs of others alone`() {
        let before = derive(NodeNetwork(bridges: [bridge], sandboxes: [container("c", 2), container("d", 3)]))
        var other = container("d", 3)
        other.services = [VirtualAddress(address: IPv4Address(10, 1, 0, 5), backends: [])]
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
        let backend = IPv4Address(10, 1, 0, 9)
        var caller = Sandbox(
            id: "c",
            endpoints: [
                .init(
                    id: "e", network: .overlay("o"), interfaceName: "eth0",
                    address: IPv4Network(address: IPv4Address(10, 1, 0, 2), prefixLength: 24))
            ], services: [VirtualAddress(address: IPv4Address(10, 1, 0, 100), backends: [backend])])
        let remote = RemoteEndpoint(address: backend, vtep: IPv4Address(192, 0, 2, 2))
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
