import Addressing
import LinuxSystem
import Model
import Netlink
import Nftables
import TestKit
import Testing

@testable import DataPlane

/// Who reaches whom, and the outside, on overlays of each kind.
@Suite struct SeparationTests {
    /// What an overlay is, and whether its tasks publish a port.
    enum Kind: CaseIterable {
        case open, closed, published, sealed

        /// On `docker_gwbridge`.
        var hasWay: Bool { self == .open || self == .published }
        var isPublished: Bool { self == .published || self == .sealed }
    }

    private static let tasks: [(node: UInt8, number: UInt8)] = [(1, 1), (1, 2), (2, 1)]

    private func networks(_ world: World, _ kind: Kind) -> [NodeNetwork] {
        let wanted =
            kind.isPublished ? swarm(world, tasks: Self.tasks) : swarm(world, tasks: [], callers: Self.tasks)
        return wanted.map { network in
            var network = network
            for index in network.sandboxes.indices where !kind.hasWay {
                network.sandboxes[index].endpoints.removeAll { $0.network == .bridge("gw") }
                network.sandboxes[index].defaultRouteEndpointID = nil
            }
            return network
        }
    }

    /// Programs in all three tasks.
    private func startGreeters(_ world: World) async throws -> [Greeter] {
        var greeters: [Greeter] = []
        for task in Self.tasks {
            let id = "t\(task.node)\(task.number)"
            let namespace = world.nodes[Int(task.node) - 1].sandbox(id)
            greeters.append(try await Greeter.start(id, in: namespace, port: 80))
        }
        return greeters
    }

    /// What is not to be heard is waited for shortly.
    private func expect(
        _ answer: String, isHeard: Bool, _ what: String, by call: (_ milliseconds: Int) async -> String
    ) async {
        let heard = await call(isHeard ? 10_000 : 400)
        #expect((heard == answer) == isHeard, "\(what): \(heard)")
    }

    @Test(arguments: Kind.allCases)
    func `D7: an open overlay leads outside, an internal one with a published port, and a sealed one never`(
        kind: Kind
    ) async throws {
        try await withWorld(nodes: 2) { world in
            try await apply(networks(world, kind), world)
            let one = world.nodes[0]
            let own = one.sandbox("t11")
            var greeters = try await startGreeters(world)
            greeters.append(try await Greeter.start("outside", in: world.client, port: 7000))
            greeters.append(try await Greeter.start("node", in: one.namespace, port: 7001))

            // Here and on the other node.
            #expect(await tcp(taskAddress(1, 2), 80, from: own) == "t12 \(taskAddress(1, 1))")
            #expect(await tcp(taskAddress(2, 1), 80, from: own) == "t21 \(taskAddress(1, 1))")
            await expect("outside \(one.address)", isHeard: kind.hasWay, "the outside by TCP") {
                await tcp(World.clientAddress, 7000, from: own, milliseconds: $0)
            }
            await expect("outside \(one.address)", isHeard: kind.hasWay, "the outside by UDP") {
                await udp(World.clientAddress, 7000, from: own, milliseconds: $0)
            }
            await expect("node 172.18.0.11", isHeard: kind.hasWay, "the node itself") {
                await tcp(one.address, 7001, from: own, milliseconds: $0)
            }
            for node in world.nodes {
                let answers = [
                    await tcp(node.address, 8080, from: world.client),
                    await udp(node.address, 8080, from: world.client),
                ]
                for answer in answers {
                    #expect(answer.hasSuffix(" \(World.clientAddress)") == kind.isPublished, "\(answer)")
                }
            }
            if kind == .sealed {
                // What others publish, at their addresses in the ingress network.
                await expect("t21 \(meshAddress(1, 1))", isHeard: false, "a task by the ingress network") {
                    await tcp(meshAddress(2, 1), 80, from: own, milliseconds: $0)
                }
            }
            for node in world.nodes { #expect(try await node.plane.resync(reason: "test").isClean) }
            withExtendedLifetime(greeters) {}
        }
    }

    /// The network `app` of every task keeps them apart, as far as these nodes know.
    private func apart(_ numbers: Set<UInt8>, _ world: World) -> [NodeNetwork] {
        zip(world.nodes, networks(world, .published)).map { node, network in
            var network = network
            for index in network.overlays.indices where network.overlays[index].id == "app" {
                network.overlays[index].keepsEndpointsApart = numbers.contains(node.number)
            }
            return network
        }
    }

    private func setGuard(_ isAwake: Bool, _ world: World) async throws {
        for node in world.nodes {
            try await node.plane.layout.overlay("app").run {
                try NftContext().run("add table \(GuardTable.id)\(isAwake ? "" : " { flags dormant; }")\n")
            }
        }
    }

    private func setIsolation(_ isIsolated: Bool, _ world: World) async throws {
        for node in world.nodes {
            let tasks = Self.tasks.filter { $0.node == node.number }
            let ports = tasks.map { Layout.overlayPort("eat\($0.node)\($0.number)") } + [Layout.overlayTunnel]
            try await node.plane.layout.overlay("app").run {
                try RouteSocket().perform(ports.map { SetPort($0, PortOptions(isolated: isIsolated)) })
            }
        }
    }

    /// From the first node's first task to its neighbour and to the other node's, and back from there.
    private func expectPeers(_ world: World, here: Bool, elsewhere: Bool, _ what: String) async {
        let (own, far) = (world.nodes[0].sandbox("t11"), world.nodes[1].sandbox("t21"))
        await expect("t12 \(taskAddress(1, 1))", isHeard: here, "\(what), here") {
            await tcp(taskAddress(1, 2), 80, from: own, milliseconds: $0)
        }
        await expect("t21 \(taskAddress(1, 1))", isHeard: elsewhere, "\(what), elsewhere") {
            await tcp(taskAddress(2, 1), 80, from: own, milliseconds: $0)
        }
        await expect("t11 \(taskAddress(2, 1))", isHeard: elsewhere, "\(what), from elsewhere") {
            await tcp(taskAddress(1, 1), 80, from: far, milliseconds: $0)
        }
    }

    @Test func `D7: with enable_icc=false an overlay's tasks reach the outside and are published, and reach no other`()
        async throws
    {
        try await withWorld(nodes: 2) { world in
            try await apply(apart([], world), world)
            var greeters = try await startGreeters(world)
            greeters.append(try await Greeter.start("outside", in: world.client, port: 7000))
            await expectPeers(world, here: true, elsewhere: true, "nowhere apart")
            // Either node's word is enough for what crosses the tunnel.
            try await apply(apart([2], world), world)
            await expectPeers(world, here: true, elsewhere: false, "apart on the other node")
            try await apply(apart([1], world), world)
            await expectPeers(world, here: false, elsewhere: false, "apart on this node")
            try await apply(apart([1, 2], world), world)
            await expectPeers(world, here: false, elsewhere: false, "apart")

            let own = world.nodes[0].sandbox("t11")
            #expect(await tcp(World.clientAddress, 7000, from: own) == "outside \(world.nodes[0].address)")
            for node in world.nodes {
                #expect(await tcp(node.address, 8080, from: world.client).hasSuffix(" \(World.clientAddress)"))
                #expect(await udp(node.address, 8080, from: world.client).hasSuffix(" \(World.clientAddress)"))
            }

            // Two things hold it, of which each is enough, and nothing else does.
            try await setGuard(false, world)
            await expectPeers(world, here: false, elsewhere: false, "by the bridge's ports")
            try await setIsolation(false, world)
            await expectPeers(world, here: true, elsewhere: true, "by nothing")
            try await setGuard(true, world)
            await expectPeers(world, here: false, elsewhere: false, "by the guard")
            for node in world.nodes {
                #expect(try await node.plane.resync(reason: "test").repairs.keys.contains(.overlay("app")))
                #expect(try await node.plane.resync(reason: "test").isClean)
            }
            withExtendedLifetime(greeters) {}
        }
    }
}
