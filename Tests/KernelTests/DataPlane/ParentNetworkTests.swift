import Addressing
import DataPlane
import LinuxSystem
import Logging
import Netlink
import TestKit
import Testing

/// Containers on a link of the node. Addresses are those of the switch that node and client are on: nobody translates anything.
@Suite struct ParentNetworkTests {
    private static func network(_ mode: MacvlanMode, parent: String = "eth0") -> ParentNetwork {
        ParentNetwork(id: "mv", parent: parent, kind: .macvlan(mode))
    }

    private static func address(_ last: UInt8) -> IPAddress { IPAddress(198, 51, 100, last) }

    private static func member(_ id: String, _ last: UInt8) -> Sandbox {
        Sandbox(
            id: id,
            endpoints: [
                Sandbox.Endpoint(
                    id: "em\(id)", network: .parent("mv"), interfaceName: "eth0",
                    address: IPNetwork(address: address(last), prefixLength: 24),
                    gateway: World.clientAddress)
            ], defaultRouteEndpointID: "em\(id)")
    }

    private static func index(of link: String, in namespace: NetworkNamespace) async throws -> UInt32? {
        try await namespace.run { try RouteSocket().links().first { $0.name == link }?.index }
    }

    private static func plane(like node: World.Node) -> NodeDataPlane {
        NodeDataPlane(
            runDirectory: node.plane.layout.runDirectory, nodeNamespace: node.namespace,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func `containers on a parent are neighbours of everybody on its wire, but of the node`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let report = try await node.plane.adopt(
                NodeNetwork(
                    parents: [Self.network(.bridge)], sandboxes: [Self.member("c1", 60), Self.member("c2", 61)]))
            try #require(report.failures.isEmpty, "\(report.failures)")
            let greeter = try await Greeter.start("c1", in: node.sandbox("c1"), port: 80)
            let outside = try await Greeter.start("out", in: world.client, port: 80)
            #expect(await tcp(Self.address(60), 80, from: world.client) == "c1 \(World.clientAddress)")
            #expect(await tcp(World.clientAddress, 80, from: node.sandbox("c2")) == "out 198.51.100.61")
            #expect(await tcp(Self.address(60), 80, from: node.sandbox("c2")) == "c1 198.51.100.61")
            #expect(await tcp(Self.address(60), 80, from: node.namespace, milliseconds: 700) != "c1 \(node.address)")
            let link = try await node.sandbox("c1").run { try RouteSocket().link(named: "eth0") }
            #expect(link?.macvlan == .bridge)
            #expect(link?.mac == MACAddress(for: Self.address(60)))
            let routes = try await node.sandbox("c1").run {
                try RouteSocket().routes(addedBy: ownProtocol) { _ in true }
            }
            #expect(routes.first?.gateway == World.clientAddress)
            #expect(try await node.plane.resync(reason: "test").isClean)
            withExtendedLifetime((greeter, outside)) {}
        }
    }

    @Test func `a restarted daemon takes them over, repairs what was deleted, and removes what is wanted no more`()
        async throws
    {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let wanted = NodeNetwork(
                parents: [Self.network(.bridge)], sandboxes: [Self.member("c1", 60), Self.member("c2", 61)])
            let report = try await node.plane.adopt(wanted)
            try #require(report.failures.isEmpty, "\(report.failures)")
            let before = try await Self.index(of: "eth0", in: node.sandbox("c1"))
            let next = Self.plane(like: node)
            let adopted = try await next.adopt(wanted)
            #expect(adopted.isUnchanged, "\(adopted)")
            #expect(try await Self.index(of: "eth0", in: node.sandbox("c1")) == before)
            try await node.sandbox("c1").run { try RouteSocket().perform(DeleteLink("eth0")) }
            #expect(try await next.resync(reason: "test").failures.isEmpty)
            let greeter = try await Greeter.start("c1", in: node.sandbox("c1"), port: 80)
            #expect(await tcp(Self.address(60), 80, from: world.client) == "c1 \(World.clientAddress)")
            // What a daemon that comes after it no longer wants.
            var fewer = wanted
            fewer.sandboxes.removeLast()
            let last = try await Self.plane(like: node).adopt(fewer)
            #expect(last.failures.isEmpty, "\(last.failures)")
            #expect(!node.sandbox("c2").exists())
            #expect(await tcp(Self.address(60), 80, from: world.client) == "c1 \(World.clientAddress)")
            withExtendedLifetime(greeter) {}
        }
    }

    @Test func `a container that starts again at once has its address and MAC again`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            _ = try await node.plane.reconcile(NodeNetwork(parents: [Self.network(.bridge)]))
            for _ in 0..<5 {
                var coming = NetworkChanges()
                coming.set(.sandbox(Self.member("c1", 60)))
                let report = try await node.plane.apply(coming)
                try #require(report.failures.isEmpty, "\(report.failures)")
                // Somebody keeps the namespace longer than its name lives.
                let held = try node.sandbox("c1").open()
                var going = NetworkChanges()
                going.remove(.sandbox("c1"))
                _ = try await node.plane.apply(going, removesLater: true)
                _ = consume held
            }
            #expect(try await node.plane.resync(reason: "test").isClean)
        }
    }

    @Test func `private and vepa keep the containers of a parent apart; passthru has one`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            for mode in [MacvlanMode.private, .vepa] {
                let report = try await node.plane.reconcile(
                    NodeNetwork(
                        parents: [Self.network(mode)], sandboxes: [Self.member("c1", 60), Self.member("c2", 61)]))
                try #require(report.failures.isEmpty, "\(mode): \(report.failures)")
                let greeter = try await Greeter.start("c1", in: node.sandbox("c1"), port: 80)
                #expect(await tcp(Self.address(60), 80, from: world.client) == "c1 \(World.clientAddress)")
                // The switch sends nothing back where it came from.
                let answer = await tcp(Self.address(60), 80, from: node.sandbox("c2"), milliseconds: 700)
                #expect(!answer.hasPrefix("c1"), "\(mode): \(answer)")
                withExtendedLifetime(greeter) {}
                _ = try await node.plane.reconcile(NodeNetwork(parents: [Self.network(mode)]))
            }
            let report = try await node.plane.reconcile(
                NodeNetwork(
                    parents: [Self.network(.passthru)], sandboxes: [Self.member("c1", 60), Self.member("c2", 61)]))
            #expect(report.failures.count == 1, "\(report.failures)")
        }
    }

    @Test func `a container leaves the network of a parent and keeps the others`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            var both = container("c1", 10)
            both.endpoints.append(
                Sandbox.Endpoint(
                    id: "emc1", network: .parent("mv"), interfaceName: "eth1",
                    address: IPNetwork(address: Self.address(60), prefixLength: 24)))
            let report = try await node.plane.reconcile(
                NodeNetwork(bridges: [docker0], parents: [Self.network(.bridge)], sandboxes: [both]))
            try #require(report.failures.isEmpty, "\(report.failures)")
            #expect(try await Self.index(of: "eth1", in: node.sandbox("c1")) != nil)
            let first = try await Self.index(of: "eth0", in: node.sandbox("c1"))
            var changes = NetworkChanges()
            changes.set(.sandbox(container("c1", 10)))
            let left = try await node.plane.apply(changes)
            #expect(left.failures.isEmpty, "\(left.failures)")
            #expect(try await Self.index(of: "eth1", in: node.sandbox("c1")) == nil)
            #expect(try await Self.index(of: "eth0", in: node.sandbox("c1")) == first)
            changes.set(.sandbox(both))
            #expect(try await node.plane.apply(changes).failures.isEmpty)
            #expect(try await node.plane.resync(reason: "test").isClean)
        }
    }

    @Test func `what is made on a parent that is not there fails by itself, and is made once it comes`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let wanted = NodeNetwork(
                bridges: [docker0], parents: [Self.network(.bridge, parent: "late0")],
                sandboxes: [Self.member("c1", 60), container("c2", 11)])
            let report = try await node.plane.reconcile(wanted)
            #expect(Set(report.failures.keys) == [.sandbox("c1")], "\(report.failures)")
            try report.check(sandbox: "c2")
            try await node.namespace.run {
                try RouteSocket().perform(
                    CreateVeth(name: "late0", isUp: true, peer: VethPeer(name: "late1")))
            }
            #expect(try await node.plane.resync(reason: "test").failures.isEmpty)
            #expect(try await Self.index(of: "eth0", in: node.sandbox("c1")) != nil)
        }
    }

    @Test func `which kinds of links this kernel has is found by trying`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let features = try await node.plane.kernelFeatures()
            let answers = try await node.namespace.run {
                try RouteSocket().attempt([
                    CreateMacvlan(name: "t0", parent: "eth0", mode: .bridge), CreateDummy(name: "t1"),
                    CreateVLAN(name: "t2", parent: "eth0", id: 5),
                ])
            }
            #expect(features.links.contains(.macvlan) == (answers[0] == nil))
            #expect(features.links.contains(.dummy) == (answers[1] == nil))
            #expect(features.links.contains(.vlan) == (answers[2] == nil))
            // Links that are made for a network come and go with it, where the kernel has them.
            let made = NodeNetwork(parents: [
                ParentNetwork(id: "a", parent: "eth0.7", origin: .vlan(of: "eth0", id: 7), kind: .macvlan(.bridge)),
                ParentNetwork(id: "b", parent: "dm-b", origin: .dummy, kind: .macvlan(.bridge)),
            ])
            let report = try await node.plane.reconcile(made)
            let canMake = features.links.isSuperset(of: [.vlan, .dummy])
            #expect(report.failures.isEmpty == canMake, "\(report.failures)")
            guard canMake else { return }
            for name in ["eth0.7", "dm-b"] { #expect(try await Self.index(of: name, in: node.namespace) != nil) }
            let adopted = try await Self.plane(like: node).adopt(made)
            #expect(adopted.isUnchanged, "\(adopted)")
            _ = try await node.plane.reconcile(NodeNetwork())
            for name in ["eth0.7", "dm-b"] { #expect(try await Self.index(of: name, in: node.namespace) == nil) }
        }
    }
}
