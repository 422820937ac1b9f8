import Addressing
import LinuxSystem
import Model
import Netlink
import Nftables
import TestKit
import Testing

@testable import DataPlane

/// Connections of a time before the networks and ports that are there now.
@Suite struct ForgettingTests {
    private func bridge(_ id: String, isOpen: Bool) -> BridgeNetwork {
        BridgeNetwork(
            id: id, linkName: "br-\(id)",
            gateway: IPNetwork(address: IPAddress(172, 21, 0, 1), prefixLength: 16), allowsInterContainer: isOpen)
    }

    private func member(_ id: String, _ last: UInt8, of bridge: String) -> Sandbox {
        Sandbox(
            id: id,
            endpoints: [
                .init(
                    id: "e0\(id)", network: .bridge(bridge), interfaceName: "eth0",
                    address: IPNetwork(address: IPAddress(172, 21, 0, last), prefixLength: 16),
                    gateway: IPAddress(172, 21, 0, 1))
            ], defaultRouteEndpointID: "e0\(id)")
    }

    /// Two containers that talk with each other, and may not any more afterwards.
    private func talk(then closed: NodeNetwork, _ names: [String]) async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let open = NodeNetwork(
                bridges: [bridge("plain", isOpen: true)],
                sandboxes: [member("a1", 10, of: "plain"), member("b1", 11, of: "plain")])
            try await apply([open], world)
            let target = IPAddress(172, 21, 0, 11)
            func ask(_ caller: String, _ kind: Caller.Kind, milliseconds: Int = 10_000) async -> String {
                do {
                    return try await Caller.open(
                        kind, to: target, 80, from: node.sandbox(caller), sourcePort: 41_000, milliseconds: milliseconds
                    ).ask()
                } catch { return "\(error)" }
            }
            var greeters = [try await Greeter.start("b", in: node.sandbox("b1"), port: 80)]
            #expect(await ask("a1", .udp) == "b 172.21.0.10")
            #expect(await ask("a1", .udp) == "b 172.21.0.10")
            try await apply([closed], world)
            if names[1] != "b1" {
                greeters.append(try await Greeter.start("b", in: node.sandbox(names[1]), port: 80))
            }
            #expect(await ask(names[0], .udp, milliseconds: 400) != "b 172.21.0.10")
            withExtendedLifetime(greeters) {}
        }
    }

    @Test func `a network that forbids talk forbids it to containers with the addresses of those that talked`()
        async throws
    {
        try await talk(
            then: NodeNetwork(
                bridges: [bridge("apart", isOpen: false)],
                sandboxes: [member("a2", 10, of: "apart"), member("b2", 11, of: "apart")]), ["a2", "b2"])
    }

    @Test func `a connection that is known is no leave to talk`() async throws {
        // The same bridge and the same containers: nothing is forgotten.
        try await talk(
            then: NodeNetwork(
                bridges: [bridge("plain", isOpen: false)],
                sandboxes: [member("a1", 10, of: "plain"), member("b1", 11, of: "plain")]), ["a1", "b1"])
    }

    /// Leads the first node from one network to another: by what differs, or as a whole.
    private func lead(_ world: World, from old: NodeNetwork, to new: NodeNetwork, byKey: Bool) async throws {
        let plane = world.nodes[0].plane
        let report =
            byKey ? try await plane.apply(NetworkChanges(from: old, to: new)) : try await plane.reconcile(new)
        try #require(report.failures.isEmpty, "\(report.failures)")
    }

    @Test(arguments: [false, true])
    func `nothing is known of the connections of a container that went`(byKey: Bool) async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let address = IPAddress(172, 17, 0, 10)
            func known() async throws -> Int {
                try await node.namespace.run {
                    try ConntrackSocket().connections().filter { connection in
                        [connection.original, connection.reply].contains {
                            $0.source == address || $0.destination == address
                        }
                    }.count
                }
            }
            let other = container("c2", 11)
            try await apply([NodeNetwork(bridges: [docker0], sandboxes: [container("c1", 10), other])], world)
            let outside = try await Greeter.start("outside", in: world.client, port: 80)
            #expect(await udp(World.clientAddress, 80, from: node.sandbox("c1")) == "outside \(node.address)")
            #expect(await tcp(World.clientAddress, 80, from: node.sandbox("c1")) == "outside \(node.address)")
            let held = try await Caller.open(.tcp, to: World.clientAddress, 80, from: node.sandbox("c2"))
            #expect(try await held.listen() == "outside \(node.address)")
            #expect(try await known() >= 2)
            // The next with this address would get what is still under way to the one before.
            let networks = [[container("c1", 10), other], [other, container("c3", 10)], [other]].map {
                NodeNetwork(bridges: [docker0], sandboxes: $0)
            }
            try await lead(world, from: networks[0], to: networks[1], byKey: byKey)
            try await lead(world, from: networks[1], to: networks[2], byKey: byKey)
            #expect(try await known() == 0)
            #expect(try await held.ask() == "outside \(node.address)")
            withExtendedLifetime(outside) {}
        }
    }

    @Test func `connections are counted first, and looked through once a second however many ends there are`()
        async throws
    {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            // Services are at the overlay: a task with its own is looked at as a whole whenever anything changes there.
            var network = swarm(world, tasks: [(1, 1), (1, 2), (1, 3)])[0]
            let services = network.sandboxes[0].services
            for place in network.sandboxes.indices { network.sandboxes[place].services = [] }
            let others = (UInt8(200)..<220).map { IPAddress(10, 1, 0, $0) }
            let vtep = IPAddress(198, 51, 100, 77)
            for place in network.overlays.indices where network.overlays[place].id == "app" {
                network.overlays[place].services = services
                network.overlays[place].remoteEndpoints += others.map { RemoteEndpoint(address: $0, vtep: vtep) }
            }
            try #require(try await node.plane.adopt(network).failures.isEmpty)
            func remove(_ places: Range<Int>) async throws {
                for place in places {
                    var changes = NetworkChanges()
                    changes.removeRemote(others[place], from: "app")
                    #expect(try await node.plane.apply(changes).failures.isEmpty)
                }
            }

            var before = ConntrackCounters.now
            try await remove(0..<6)
            try await eventually("three sandboxes are asked") { (ConntrackCounters.now - before).counts >= 3 }
            #expect((ConntrackCounters.now - before).dumps == 0, "none has a connection")

            // One of two sandboxes, which both know it.
            let greeter = try await Greeter.start("two", in: node.sandbox("t12"), port: 80)
            #expect(await udp(taskAddress(1, 2), 80, from: node.sandbox("t11")) == "two \(taskAddress(1, 1))")
            before = ConntrackCounters.now
            let begun = ContinuousClock.now
            try await remove(6..<7)
            try await eventually("two sandboxes are looked through") { (ConntrackCounters.now - before).dumps >= 2 }
            try await remove(7..<18)
            try await eventually("and again") { (ConntrackCounters.now - before).dumps >= 4 }
            // A look that is under way comes to its end before this.
            try await remove(18..<19)
            let dumps = (ConntrackCounters.now - before).dumps
            let seconds = Int((ContinuousClock.now - begun) / .seconds(1))
            #expect(dumps <= 2 * (seconds + 1), "\(dumps) in \(seconds) s")
            withExtendedLifetime(greeter) {}
        }
    }

    // MARK: what was sent while nothing listened

    /// Asks until an answer comes: the sender is as old as its first question.
    private func answer(_ caller: Caller) async -> String {
        // A refusal that came before is told first; and what ends by changes may be looked for a second later.
        for _ in 0..<10 { if let answer = try? await caller.ask() { return answer } }
        return "none"
    }

    private func unanswered(_ caller: Caller) async {
        for _ in 0..<2 { await #expect(throws: SystemError.self) { _ = try await caller.ask() } }
    }

    @Test(arguments: [false, true], [false, true])
    func `a sender that is older than a published port is served, and again after a restart`(
        hasAddress: Bool, byKey: Bool
    ) async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let port = HostPort(
                transport: .udp, hostAddress: hasAddress ? node.address : nil, hostPort: 9970,
                targetAddress: IPAddress(172, 17, 0, 10), targetPort: 80)
            let none = NodeNetwork(bridges: [docker0])
            try await apply([none], world)
            let callers = [
                try await Caller.open(.udp, to: node.address, 9970, from: world.client, milliseconds: 300),
                try await Caller.open(.udp, to: node.address, 9970, from: node.namespace, milliseconds: 300),
            ]
            for caller in callers { await unanswered(caller) }
            for name in ["first", "second"] {
                let one = NodeNetwork(bridges: [docker0], sandboxes: [container(name, 10, published: [port])])
                try await lead(world, from: none, to: one, byKey: byKey)
                let greeter = try await Greeter.start(name, in: node.sandbox(name), port: 80)
                #expect(await answer(callers[0]) == "\(name) \(World.clientAddress)")
                #expect(await answer(callers[1]).hasPrefix(name + " "))
                try await lead(world, from: one, to: none, byKey: byKey)
                for caller in callers { await unanswered(caller) }
                withExtendedLifetime(greeter) {}
            }
        }
    }

    @Test(arguments: Way.allCases) func `a sender that is older than a port of the mesh is served, by any node`(
        way: Way
    ) async throws {
        try await withWorld(nodes: 2, by: way) { world in
            var before = swarm(world, tasks: [(2, 1)])
            for index in before.indices { before[index].ingress?.ports = [] }
            try await apply(before, world)
            var callers: [Caller] = []
            for node in world.nodes {
                callers.append(
                    try await Caller.open(.udp, to: node.address, 8080, from: world.client, milliseconds: 300))
            }
            for caller in callers { await unanswered(caller) }
            try await apply(swarm(world, tasks: [(2, 1)]), world)
            let greeter = try await Greeter.start("two", in: world.nodes[1].sandbox("t21"), port: 80)
            for caller in callers { #expect(await answer(caller) == "two \(World.clientAddress)") }
            withExtendedLifetime(greeter) {}
        }
    }

    @Test func `a sender of the time without rules is served once they are there again`() async throws {
        try await withWorld(nodes: 2) { world in
            try await apply(swarm(world, tasks: [(2, 1)], callers: [(1, 2)]), world)
            let (one, two) = (world.nodes[0], world.nodes[1])
            let greeter = try await Greeter.start("two", in: two.sandbox("t21"), port: 80)
            for place in [one.namespace, one.sandbox("t12")] {
                try await place.run { try NftContext().run("flush ruleset") }
            }
            let outer = try await Caller.open(.udp, to: one.address, 8080, from: world.client, milliseconds: 300)
            let inner = try await Caller.open(
                .udp, to: serviceAddress, 80, from: one.sandbox("t12"), milliseconds: 300)
            for caller in [outer, inner] { await unanswered(caller) }
            #expect(try await one.plane.resync(reason: "test").failures.isEmpty)
            #expect(await answer(outer) == "two \(World.clientAddress)")
            #expect(await answer(inner) == "two \(taskAddress(1, 2))")
            withExtendedLifetime(greeter) {}
        }
    }

    @Test(arguments: Way.allCases) func `a sender that is older than a service's address is served`(way: Way)
        async throws
    {
        try await withWorld(nodes: 2, by: way) { world in
            var before = swarm(world, tasks: [(2, 1)], callers: [(1, 2)])
            // Another service's makes the kernel watch over connections.
            let other = VirtualAddress(address: IPAddress(10, 1, 0, 101), backends: [taskAddress(2, 1)])
            for index in before[0].sandboxes.indices { before[0].sandboxes[index].services = [other] }
            try await apply(before, world)
            let (one, two) = (world.nodes[0], world.nodes[1])
            let greeter = try await Greeter.start("two", in: two.sandbox("t21"), port: 80)
            let caller = try await Caller.open(
                .udp, to: serviceAddress, 80, from: one.sandbox("t12"), milliseconds: 300)
            await unanswered(caller)
            try await apply(swarm(world, tasks: [(2, 1)], callers: [(1, 2)]), world)
            #expect(await answer(caller) == "two \(taskAddress(1, 2))")
            withExtendedLifetime(greeter) {}
        }
    }
}
