import Addressing
@testable import DataPlane
import Model
import Nftables
import TestKit
import Testing

@Suite struct MeshBackendsTests {
    private let gateway = IPAddress(172, 18, 0, 2)
    private func ingressAddress(_ number: Int) -> IPAddress { IPAddress(10, 255, 1, UInt8(number)) }
    private func localTarget(_ number: Int) -> IPAddress { IPAddress(172, 18, 0, UInt8(10 + number)) }

    private func task(_ number: Int, hasLocalTarget: Bool = true) -> Sandbox {
        var sandbox = Sandbox(
            id: "t\(number)",
            endpoints: [
                .init(
                    id: "i\(number)", network: .overlay("net"), interfaceName: "eth0",
                    address: IPNetwork(address: ingressAddress(number), prefixLength: 16)),
                .init(
                    id: "g\(number)", network: .bridge("gw"), interfaceName: "eth1",
                    address: IPNetwork(address: localTarget(number), prefixLength: 16),
                    gateway: IPAddress(172, 18, 0, 1)),
            ], defaultRouteEndpointID: hasLocalTarget ? "g\(number)" : nil)
        sandbox.mesh = MeshMembership(
            endpointID: "i\(number)", gateway: IPAddress(10, 255, 0, 1),
            targetPorts: [.init(transport: .tcp, port: 80)])
        return sandbox
    }

    /// A node with some of the tasks, and one port that leads to `backends`.
    private func node(_ here: [Sandbox], _ backends: [Int]) -> NodeNetwork {
        NodeNetwork(
            ingress: IngressSandbox(
                address: IPNetwork(address: IPAddress(10, 255, 0, 2), prefixLength: 16), overlayID: "net",
                bridgeID: "gw", gatewayAddresses: IPNetwork(address: gateway, prefixLength: 16),
                ports: [
                    MeshPort(
                        transport: .tcp, publishedPort: 8080,
                        backends: backends.map { .init(address: ingressAddress($0), port: 80) })
                ]), sandboxes: here)
    }

    @Test(arguments: 0...5, 0...5)
    func `every task has one turn in a round`(_ here: Int, _ elsewhere: Int) throws {
        let network = node((0..<here).map { task($0) }, Array(0..<(here + elsewhere)))
        let turns = try #require(network.meshAtNode.first).backends
        let inside = try #require(network.meshAtSandbox.first).backends
        let direct = turns.filter { $0.address != gateway }
        #expect(direct == (0..<here).map { .init(address: localTarget($0), port: 80) })
        #expect(turns.filter { $0.address == gateway }.allSatisfy { $0.port == 8080 })
        #expect(turns.count == (here == 0 ? 1 : here + elsewhere))
        let remote = (here..<(here + elsewhere)).map(ingressAddress)
        #expect(inside.map(\.address) == (elsewhere == 0 ? (0..<here).map(ingressAddress) : remote))
    }

    @Test func `a task without a way out by a bridge is reached through the overlay`() throws {
        let network = node([task(1, hasLocalTarget: false)], [1])
        #expect(network.meshAtNode.first?.backends == [.init(address: gateway, port: 8080)])
        #expect(network.meshAtSandbox.first?.backends == [.init(address: ingressAddress(1), port: 80)])
    }

    @Test func `what changes among tasks elsewhere is no concern of the node's table`() {
        #expect(NodeTable(.v4, wanted: node([], [1, 2])).table == NodeTable(.v4, wanted: node([], [3])).table)
    }

    @Test func `turns are exchanged in one transaction, and nothing is taken away ahead of it`() {
        let change = NodeTable(.v4, wanted: node([task(1)], [1])).table.change(
            from: NodeTable(.v4, wanted: node([task(1)], [1, 2])).table)
        #expect(change.removals.isEmpty)
        #expect(
            change.commands == """
                delete element ip node published { tcp . 8080 }
                delete element ip node turns { tcp . 8080 . 0:1 }
                add chain ip node n1
                flush chain ip node n1
                add rule ip node n1 meta priority set numgen inc mod 1 dnat to meta l4proto . th dport . meta priority map @turns
                add element ip node published { tcp . 8080 : goto n1 }

                """)
        let first = NodeTable(.v4, wanted: node([task(1)], [1, 2])).table.sets.first { $0.name == "turns" }
        #expect(first?.elements == ["tcp . 8080 . none": "172.18.0.11 . 80", "tcp . 8080 . 0:1": "172.18.0.2 . 8080"])
    }

    @Test func `connections that went straight to a task end with it, and those of a port with the port`() {
        let old = node([task(1)], [1, 2])
        let drained = node([task(1)], [2])
        #expect(ConnectionEnds(from: old, to: drained).byScope[.node] == nil)
        #expect(
            ConnectionEnds(from: drained, to: node([], [2])).byScope[.node] == [
                .answered(localTarget(1)), .of(localTarget(1)),
            ])
        var closed = old
        closed.ingress?.ports = []
        #expect(
            ConnectionEnds(from: old, to: closed).byScope[.node] == [
                .port(8080, answeredFrom: gateway), .port(8080, answeredFrom: localTarget(1)),
            ])
    }

    @Test func `a port has turns of its own in each family, and IPv6 its own local target into the ingress sandbox`()
        throws
    {
        var here = task(1)
        here.endpoints[0].addresses.v6 = IPNetwork("fd00:255::11/64")?.v6
        here.endpoints[1].addresses.v6 = IPNetwork("fd00:18::11/64")?.v6
        here.endpoints[1].gateways.v6 = IPv6Address("fd00:18::1")
        var network = node([here], [1, 2])
        let (own, other) = (try #require(IPAddress("fd00:255::11")), try #require(IPAddress("fd00:255::12")))
        network.ingress?.ports[0].backends += [own, other].map { MeshPort.Backend(address: $0, port: 80) }
        // As long as the node has no local target of the family there are no turns of it.
        #expect(network.meshAtNode.first?.backends.contains { $0.address.family == .v6 } == false)
        network.ingress?.gatewayAddresses.v6 = IPNetwork("fd00:18::2/64")?.v6
        let turns = try #require(network.meshAtNode.first).backends.filter { $0.address.family == .v6 }
        #expect(turns.map { "\($0.address) \($0.port)" } == ["fd00:18::11 80", "fd00:18::2 8080"])
        let inside = try #require(network.meshAtSandbox.first).backends.map(\.address)
        #expect(inside == [ingressAddress(2), other])
        // By source, the places are in the order of the addresses, of each family by itself.
        network.ingress?.ports[0].reach = PortReach(isBySource: true)
        let all = try #require(network.meshAtNode.first).backends.map { "\($0.address) \($0.port)" }
        #expect(all == ["172.18.0.11 80", "172.18.0.2 8080", "fd00:18::11 80", "fd00:18::2 8080"])
    }

    @Test func `a bridge that gets a second family keeps its connections, and one that loses it those of the other`() {
        func network(_ texts: [String]) -> NodeNetwork {
            NodeNetwork(bridges: [
                BridgeNetwork(
                    id: "gw", linkName: "gw", addresses: EndpointAddresses(texts.compactMap { IPNetwork($0) }),
                    mac: MACAddress(tag: EndpointTag(number: 1)))
            ])
        }
        let (one, both) = (network(["172.18.0.1/16"]), network(["172.18.0.1/16", "fd00:18::1/64"]))
        #expect(ConnectionEnds(from: one, to: both, made: []).byScope.isEmpty)
        #expect(ConnectionEnds(from: both, to: one).byScope[.node]?.count == 1)
        #expect(ConnectionEnds(from: both, to: NodeNetwork()).byScope[.node]?.count == 2)
        #expect(ConnectionEnds(from: NodeNetwork(), to: both, made: ["gw"]).byScope[.node]?.count == 2)
    }
}

extension NodeTable {
    /// The ports of the mesh as they are before their backends have numbers.
    init(_ family: IPFamily, wanted: NodeNetwork) {
        self.init(family, wanted: wanted, ports: wanted.meshAtNode)
    }
}
