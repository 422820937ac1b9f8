import Addressing
import Glibc
import LinuxSystem
import Model
import Netlink
import Nftables
import TestKit
import Testing

@testable import DataPlane

/// What a container's port may say. Each attack is shown to work with the guard asleep.
@Suite struct GuardTests {
    private let internalBridge = BridgeNetwork(
        id: "bi", linkName: "br-int", gateway: IPNetwork(address: IPAddress(172, 20, 0, 1), prefixLength: 16),
        isInternal: true)

    /// Two nodes with tasks, and on the first two containers on docker0.
    private func withGuarded(
        _ body: (World) async throws -> Void
    ) async throws {
        try await withWorld(nodes: 2) { world in
            var wanted = swarm(world, tasks: [(1, 1), (2, 1)], callers: [(1, 2), (2, 2)])
            wanted[0].sandboxes += [container("c1", 10), container("c2", 11)]
            try await apply(wanted, world)
            try await body(world)
        }
    }

    private func setGuard(_ isAwake: Bool, _ world: World) async throws {
        for node in world.nodes {
            for place in [node.namespace, node.plane.layout.overlay("app"), node.plane.layout.overlay("net")] {
                try await place.run {
                    try NftContext().run("add table \(GuardTable.id)\(isAwake ? "" : " { flags dormant; }")\n")
                }
            }
        }
    }

    private func docker0Frames(to last: UInt8) -> Frames {
        Frames(
            own: IPAddress(172, 17, 0, 10), peer: IPAddress(172, 17, 0, last), gate: IPAddress(172, 17, 0, 1),
            other: IPAddress(172, 17, 0, 12))
    }

    @Test func `on a plain bridge a container says only its own, to its neighbours and to its node`() async throws {
        try await withGuarded { world in
            let node = world.nodes[0]
            let (own, neighbour) = (node.sandbox("c1"), node.sandbox("c2"))
            let toNeighbour = [Ear(link: "eth0", namespace: neighbour)]
            // The second: what the stack gets from the port itself, past the bridge.
            let toNode = [
                Ear(link: "docker0", namespace: node.namespace),
                Ear(link: "ae0c1", namespace: node.namespace, type: Wire.ip),
            ]
            let (there, home) = (docker0Frames(to: 11), docker0Frames(to: 1))
            func send(_ frames: Frames, _ kind: Frames.Kind, _ ears: [Ear]) async throws -> (
                sent: Set<String>, heard: Set<String>
            ) { try await exchange(frames.named(kind), by: "eth0", of: own, to: ears) }

            try await setGuard(false, world)
            for (frames, kind, ears) in [
                (there, Frames.Kind.bad, toNeighbour), (there, .ip6, toNeighbour), (home, .bad, toNode),
            ] {
                let heard = try await send(frames, kind, ears).heard
                #expect(heard.count > 8, "\(kind): \(heard.sorted())")
            }
            try await setGuard(true, world)
            try await node.namespace.run {
                try RouteSocket().perform(SetPort("ae0c1", PortOptions(groupForwardMask: 0)))
            }
            #expect(try await send(home, .reserved, [toNode[1]]).heard.count == 3)
            let repaired = try await node.plane.resync(reason: "test")
            #expect(repaired.repairs.keys.contains(.node))

            #expect(try await send(home, .reserved, [toNode[1]]).heard.isEmpty)
            for (frames, kind) in [(there, Frames.Kind.bad), (home, .bad), (there, .ip6), (home, .ip6)] {
                let heard = try await send(frames, kind, toNeighbour + toNode).heard
                #expect(heard.isEmpty, "\(kind): \(heard.sorted())")
            }
            for (frames, ears) in [(there, toNeighbour), (home, [toNode[0]])] {
                let (sent, heard) = try await send(frames, .good, ears)
                #expect(heard == sent)
            }
            // As it was saved with nft, and loaded again.
            try await reload(node.namespace)
            let heard = try await send(there, .bad, toNeighbour + toNode).heard
            #expect(heard.isEmpty, "\(heard.sorted())")
            let greeter = try await Greeter.start("c2", in: neighbour, port: 80)
            #expect(await tcp(IPAddress(172, 17, 0, 11), 80, from: own) == "c2 172.17.0.10")
            withExtendedLifetime(greeter) {}
        }
    }

    private func reload(_ namespace: NetworkNamespace) async throws {
        let nft = try #require(Processes.find("nft"))
        try await withTemporaryDirectory { directory in
            let path = directory + "/rules"
            try Files.writeAtomically("", to: path)
            let file = try Descriptor.open(path, O_WRONLY)
            let saved = try await Processes.run(
                SpawnRequest(
                    executable: nft, arguments: ["list", "table", "bridge", "guard"],
                    descriptors: [(from: file.raw, to: 1)], networkNamespace: namespace.path))
            #expect(saved == .exited(0))
            let rules = try #require(try Files.text(path))
            #expect(rules.contains("ether type != ip goto other"))
            try await namespace.run { try NftContext().run("delete table \(GuardTable.id)\n" + rules) }
        }
    }

    @Test func `tasks hear nothing of each other on docker_gwbridge`() async throws {
        try await withGuarded { world in
            let node = world.nodes[0]
            let own = node.sandbox("t12")
            func frames(_ last: UInt8) -> Frames {
                Frames(
                    own: IPAddress(172, 18, 0, 12), peer: IPAddress(172, 18, 0, last),
                    gate: IPAddress(172, 18, 0, 1), other: IPAddress(172, 18, 0, 22))
            }
            let toTask = [Ear(link: "eth1", namespace: node.sandbox("t11"))]
            let toNode = [
                Ear(link: "docker_gwbridge", namespace: node.namespace),
                Ear(link: "aegt12", namespace: node.namespace, type: Wire.ip),
            ]
            func send(_ last: UInt8, _ kind: Frames.Kind, _ ears: [Ear]) async throws -> (
                sent: Set<String>, heard: Set<String>
            ) { try await exchange(frames(last).named(kind), by: "eth1", of: own, to: ears) }

            try await setGuard(false, world)
            for kind in [Frames.Kind.bad, .ip6, .good] {
                let heard = try await send(11, kind, toTask).heard
                #expect(!heard.isEmpty, "\(kind)")
            }
            try await setGuard(true, world)
            for (last, kind) in [(11, Frames.Kind.bad), (1, .bad), (11, .ip6), (1, .ip6)]
                as [(UInt8, Frames.Kind)]
            {
                let heard = try await send(last, kind, toTask + toNode).heard
                #expect(heard.isEmpty, "\(last) \(kind): \(heard.sorted())")
            }
            for ears in [toTask, [toNode[1]]] { #expect(try await send(1, .reserved, ears).heard.isEmpty) }
            // Not even what is its own, broadcasts included.
            #expect(try await send(11, .good, toTask).heard.isEmpty)
            let (sent, heard) = try await send(1, .good, [toNode[0]])
            #expect(heard == sent)
        }
    }

    @Test func `in an overlay a task says only its own, to tasks here, elsewhere and to the nodes' own endpoints`()
        async throws
    {
        try await withGuarded { world in
            let (one, two) = (world.nodes[0], world.nodes[1])
            func app(_ peer: IPAddress) -> Frames {
                Frames(
                    own: taskAddress(1, 2), peer: peer, gate: IPAddress(10, 1, 0, 1), other: taskAddress(2, 1))
            }
            func mesh(_ peer: IPAddress) -> Frames {
                Frames(
                    own: meshAddress(1, 1), peer: peer, gate: IPAddress(240, 255, 0, 1), other: meshAddress(2, 1))
            }
            let cases: [(frames: Frames, link: String, from: String, ear: Ear)] = [
                (app(taskAddress(1, 1)), "eth0", "t12", Ear(link: "eth0", namespace: one.sandbox("t11"))),
                (app(taskAddress(2, 2)), "eth0", "t12", Ear(link: "eth0", namespace: two.sandbox("t22"))),
                (
                    mesh(one.ingressAddress.address), "eth2", "t11",
                    Ear(link: "eth0", namespace: one.plane.layout.ingress)
                ),
                (mesh(meshAddress(2, 1)), "eth2", "t11", Ear(link: "eth2", namespace: two.sandbox("t21"))),
            ]
            for isAwake in [false, true] {
                try await setGuard(isAwake, world)
                for one in cases {
                    for kind in [Frames.Kind.bad, .ip6] {
                        let heard = try await exchange(
                            one.frames.named(kind), by: one.link, of: world.nodes[0].sandbox(one.from), to: [one.ear]
                        ).heard
                        #expect(heard.isEmpty == isAwake, "\(one.frames.peer) \(kind): \(heard.sorted())")
                    }
                }
            }
            let (sent, heard) = try await exchange(
                cases[0].frames.named(.good), by: "eth0", of: one.sandbox("t12"), to: [cases[0].ear])
            #expect(heard == sent)
            // Who is elsewhere is still found: the tunnel answers.
            let greeter = try await Greeter.start("two", in: two.sandbox("t22"), port: 80)
            #expect(await tcp(taskAddress(2, 2), 80, from: one.sandbox("t12")) == "two \(taskAddress(1, 2))")
            withExtendedLifetime(greeter) {}
        }
    }

    @Test func `nobody takes another's published traffic or gateway by ARP`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            var victim = task(1, 1, isPublished: false)
            let (stolen, thief) = (IPAddress(172, 18, 0, 11), IPAddress(172, 18, 0, 12))
            victim.published = [HostPort(transport: .tcp, hostPort: 7070, targetAddress: stolen, targetPort: 80)]
            var wanted = swarm(world, tasks: [], callers: [(1, 2)])
            wanted[0].sandboxes += [victim, container("c1", 10), container("c2", 11)]
            try await apply(wanted, world)
            let greeter = try await Greeter.start("victim", in: node.sandbox("t11"), port: 80)
            let storm = Frames(
                own: thief, peer: IPAddress(172, 18, 0, 1), gate: IPAddress(172, 18, 0, 1), other: stolen
            ).named(.bad)
            func attack() async throws {
                // Longer than the kernel keeps an entry from being changed.
                for _ in 0..<6 {
                    _ = try await exchange(
                        storm, by: "eth1", of: node.sandbox("t12"),
                        to: [Ear(link: "docker_gwbridge", namespace: node.namespace)])
                }
            }
            /// The node has to ask for the address.
            func forget() async throws {
                try await node.namespace.run {
                    let socket = try RouteSocket()
                    for entry in try socket.neighbours() where entry.address == stolen {
                        try socket.perform(DeleteNeighbour(entry))
                    }
                    try socket.perform(SetPort("aegt11", PortOptions(broadcastFlood: true)))
                }
                #expect(await tcp(node.address, 7070, from: world.client) == "victim \(World.clientAddress)")
            }
            func owner(_ address: IPAddress, in namespace: NetworkNamespace) async throws -> MACAddress? {
                try await namespace.run {
                    try RouteSocket().neighbours().first { $0.address == address && $0.mac != nil }?.mac
                }
            }
            try await setGuard(node, false)
            try await forget()
            try await attack()
            #expect(try await owner(stolen, in: node.namespace) == MACAddress(for: thief), "the attack works as such")
            try await setGuard(node, true)
            try await forget()
            try await attack()
            #expect(try await owner(stolen, in: node.namespace) == MACAddress(for: stolen), "guard alone")
            _ = try await node.plane.resync(reason: "test")
            try await setGuard(node, false)
            try await attack()
            #expect(try await owner(stolen, in: node.namespace) == MACAddress(for: stolen), "permanent entry alone")
            #expect(await tcp(node.address, 7070, from: world.client) == "victim \(World.clientAddress)")

            let gateway = IPAddress(172, 17, 0, 1)
            let claim = Frames(
                own: IPAddress(172, 17, 0, 10), peer: IPAddress(172, 17, 0, 11), gate: gateway, other: gateway
            ).named(.bad)
            let other = node.sandbox("c2")
            func attackGateway() async throws {
                for _ in 0..<6 {
                    _ = try await exchange(
                        claim, by: "eth0", of: node.sandbox("c1"), to: [Ear(link: "eth0", namespace: other)])
                }
            }
            func forgetGateway() async throws {
                try await other.run {
                    let socket = try RouteSocket()
                    for entry in try socket.neighbours() where entry.address == gateway {
                        try socket.perform(DeleteNeighbour(entry))
                    }
                }
                _ = await tcp(gateway, 9, from: other, milliseconds: 2000)
            }
            try await attackGateway()
            #expect(try await owner(gateway, in: other) == MACAddress(for: gateway), "permanent entry alone")
            try await forgetGateway()
            try await attackGateway()
            #expect(try await owner(gateway, in: other) != MACAddress(for: gateway), "the attack works as such")
            try await setGuard(node, true)
            try await forgetGateway()
            try await attackGateway()
            #expect(try await owner(gateway, in: other) == MACAddress(for: gateway), "guard alone")
            withExtendedLifetime(greeter) {}
        }
    }

    private func setGuard(_ node: World.Node, _ isAwake: Bool) async throws {
        try await node.namespace.run {
            try NftContext().run("add table \(GuardTable.id)\(isAwake ? "" : " { flags dormant; }")\n")
        }
    }

    @Test func `who administers its network may use an address that is nobody's, and no other`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            func network(isLax: Bool) -> NodeNetwork {
                var one = container("c1", 10)
                one.endpoints[0].isLax = isLax
                return NodeNetwork(
                    bridges: [docker0], sandboxes: [one, container("c2", 11), container("c3", 12)])
            }
            try await apply([network(isLax: false)], world)
            let extra = IPAddress(172, 17, 0, 200)
            try await node.sandbox("c1").run {
                try RouteSocket().perform(
                    AddAddress(LinkAddress(link: "eth0", network: IPNetwork(address: extra, prefixLength: 16))))
            }
            let greeter = try await Greeter.start("c1", in: node.sandbox("c1"), port: 80)
            let other = node.sandbox("c2")
            #expect(await tcp(extra, 80, from: other, milliseconds: 600) != "c1 172.17.0.11")
            try await apply([network(isLax: true)], world)
            try await eventually(within: .seconds(20), "the address") {
                await tcp(extra, 80, from: other, milliseconds: 600) == "c1 172.17.0.11"
            }
            #expect(try await node.plane.resync(reason: "test").isClean)
            let ears = [Ear(link: "eth0", namespace: other)]
            for kind in [Frames.Kind.bad, .ip6] {
                let heard = try await exchange(
                    docker0Frames(to: 11).named(kind), by: "eth0", of: node.sandbox("c1"), to: ears
                ).heard
                #expect(heard.isSubset(of: ["arp-probe", "ip-nobody", "ip-zero"]), "\(kind): \(heard.sorted())")
            }
            try await apply([network(isLax: false)], world)
            #expect(await tcp(extra, 80, from: other, milliseconds: 600) != "c1 172.17.0.11")
            withExtendedLifetime(greeter) {}
        }
    }
}
