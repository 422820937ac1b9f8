import Addressing
import DataPlane
import LinuxSystem
import Logging
import Model
import Netlink
import TestKit
import Testing

@Suite struct SwarmTests {
    @Test func `tasks on two nodes talk through the overlay and reach the outside through docker_gwbridge`()
        async throws
    {
        try await withWorld(nodes: 2) { world in
            try await apply(swarm(world, tasks: [(1, 1), (2, 1)]), world)
            let (one, two) = (world.nodes[0], world.nodes[1])
            let greeters = [
                try await Greeter.start("two", in: two.sandbox("t21"), port: 80),
                try await Greeter.start("outside", in: world.client, port: 80),
            ]
            #expect(await tcp(taskAddress(2, 1), 80, from: one.sandbox("t11")) == "two \(taskAddress(1, 1))")
            #expect(await udp(taskAddress(2, 1), 80, from: one.sandbox("t11")) == "two \(taskAddress(1, 1))")
            #expect(await tcp(World.clientAddress, 80, from: one.sandbox("t11")) == "outside \(one.address)")
            withExtendedLifetime(greeters) {}
        }
    }

    @Test func `a service address spreads over its tasks, moves with them, and refuses without`() async throws {
        try await withWorld(nodes: 2) { world in
            try await apply(swarm(world, tasks: [(1, 1), (2, 1)], callers: [(1, 2)]), world)
            let (one, two) = (world.nodes[0], world.nodes[1])
            let greeters = [
                try await Greeter.start("one", in: one.sandbox("t11"), port: 80),
                try await Greeter.start("two", in: two.sandbox("t21"), port: 80),
            ]
            let caller = one.sandbox("t12")
            var counts: [String: Int] = [:]
            for _ in 0..<100 { counts[await tcp(serviceAddress, 80, from: caller), default: 0] += 1 }
            let seen = taskAddress(1, 2)
            #expect(Set(counts.keys) == ["one \(seen)", "two \(seen)"])
            // Random: one of 100 fair choices falling below 20 has a chance of 1 in 10⁹.
            #expect(counts.values.allSatisfy { $0 >= 20 }, "\(counts)")

            let held = try await Caller.open(.tcp, to: serviceAddress, 80, from: caller)
            let owner = try await held.listen()
            let talker = try await Caller.open(.udp, to: serviceAddress, 80, from: caller)
            var first = try await talker.ask()
            // Drained: gone from the services, still an endpoint.
            let isTwo = owner.hasPrefix("two")
            var drained = swarm(world, tasks: [(1, 1), (2, 1)], callers: [(1, 2)])
            let left = isTwo ? taskAddress(1, 1) : taskAddress(2, 1)
            for node in drained.indices {
                for index in drained[node].sandboxes.indices {
                    drained[node].sandboxes[index].services = [
                        VirtualAddress(address: serviceAddress, backends: [left])
                    ]
                }
            }
            try await apply(drained, world)
            #expect(try await held.ask() == owner)
            #expect(await tcp(serviceAddress, 80, from: caller) == "\(isTwo ? "one" : "two") \(seen)")

            // Gone: connections end instead of hanging, and who keeps sending datagrams moves.
            try await apply(swarm(world, tasks: [isTwo ? (1, 1) : (2, 1)], callers: [(1, 2)]), world)
            let survivor = "\(isTwo ? "one" : "two") \(seen)"
            first = try await talker.ask()
            #expect(first == survivor)
            await #expect(throws: SystemError.self) { _ = try await held.ask() }

            try await apply(swarm(world, tasks: [], callers: [(1, 2)]), world)
            #expect(await tcp(serviceAddress, 80, from: caller) == "Connection refused")
            withExtendedLifetime(greeters) {}
        }
    }

    @Test func `A4: a connection of which one end has said enough is not forgotten while the other works`() async throws
    {
        try await withWorld(nodes: 1) { world in
            try await apply(swarm(world, tasks: [(1, 1)], callers: [(1, 2)]), world)
            for namespace in [world.nodes[0].sandbox("t11"), world.nodes[0].sandbox("t12")] {
                for state in ["close_wait", "fin_wait"] {
                    let seconds = try await namespace.run {
                        try Files.text("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_\(state)")
                    }
                    // The kernel's own are 60 and 120.
                    #expect(seconds == "7500\n", "\(state) in \(namespace)")
                }
            }
        }
    }

    @Test func `who talks to a task that goes moves on, also when its namespace could not be changed at first`()
        async throws
    {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            func state(_ task: UInt8) -> NodeNetwork { swarm(world, tasks: [(1, task)], callers: [(1, 3)])[0] }
            try await apply([state(1)], world)
            var greeters = [try await Greeter.start("one", in: node.sandbox("t11"), port: 80)]
            let talker = try await Caller.open(
                .udp, to: serviceAddress, 80, from: node.sandbox("t13"), milliseconds: 500)
            let seen = taskAddress(1, 3)
            #expect(try await talker.ask() == "one \(seen)")

            // The caller's namespace refuses its new default route before its rules are changed.
            var refused = state(2)
            let index = try #require(refused.sandboxes.firstIndex { $0.id == "t13" })
            refused.sandboxes[index].endpoints[1].gateway = IPAddress(203, 0, 113, 1)
            let report = try await node.plane.reconcile(refused)
            #expect(report.failures[.sandbox("t13")] != nil)
            greeters.append(try await Greeter.start("two", in: node.sandbox("t12"), port: 80))
            await #expect(throws: SystemError.self) { _ = try await talker.ask() }

            try await apply([state(2)], world)
            #expect(try await talker.ask() == "two \(seen)")
            withExtendedLifetime(greeters) {}
        }
    }

    @Test(arguments: [1, 2] as [UInt8])
    func `who talks to a task that went while no daemon was there moves on with the next`(place: UInt8) async throws {
        try await withWorld(nodes: 2) { world in
            let (one, two) = (world.nodes[0], world.nodes[1])
            let (old, new): ((UInt8, UInt8), (UInt8, UInt8)) = ((place, 1), (place, 2))
            let host = world.nodes[Int(place) - 1]
            let seen = taskAddress(1, 3)
            try await apply(swarm(world, tasks: [old], callers: [(1, 3)]), world)
            var greeters = [try await Greeter.start("old", in: host.sandbox("t\(place)1"), port: 80)]
            let caller = one.sandbox("t13")
            let held = try await Caller.open(.tcp, to: serviceAddress, 80, from: caller)
            #expect(try await held.listen() == "old \(seen)")
            let inner = try await Caller.open(.udp, to: serviceAddress, 80, from: caller, milliseconds: 500)
            #expect(try await inner.ask() == "old \(seen)")
            let outer = try await Caller.open(.udp, to: one.address, 8080, from: world.client, milliseconds: 500)
            #expect(try await outer.ask() == "old \(World.clientAddress)")

            func daemon(_ wanted: [NodeNetwork]) async throws {
                _ = try await two.plane.reconcile(wanted[1])
                let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                let next = NodeDataPlane(
                    runDirectory: one.plane.layout.runDirectory, nodeNamespace: one.namespace, log: log)
                let report = try await next.adopt(wanted[0])
                #expect(report.failures.isEmpty, "\(report.failures)")
            }
            var drained = swarm(world, tasks: [old, new], callers: [(1, 3)])
            for node in drained.indices {
                for index in drained[node].sandboxes.indices {
                    drained[node].sandboxes[index].services = [
                        VirtualAddress(address: serviceAddress, backends: [taskAddress(place, 2)])
                    ]
                }
                for index in drained[node].ingress?.ports.indices ?? 0..<0 {
                    drained[node].ingress?.ports[index].backends = [.init(address: meshAddress(place, 2), port: 80)]
                }
            }
            try await daemon(drained)
            greeters.append(try await Greeter.start("new", in: host.sandbox("t\(place)2"), port: 80))
            #expect(try await held.ask() == "old \(seen)")
            #expect(try await inner.ask() == "old \(seen)")
            #expect(try await outer.ask() == "old \(World.clientAddress)")

            try await daemon(swarm(world, tasks: [new], callers: [(1, 3)]))
            #expect(try await inner.ask() == "new \(seen)")
            #expect(try await outer.ask() == "new \(World.clientAddress)")
            await #expect(throws: SystemError.self) { _ = try await held.ask() }
            withExtendedLifetime(greeters) {}
        }
    }

    @Test func `every node answers at a port of the mesh, and the task sees the client's address`() async throws {
        try await withWorld(nodes: 2) { world in
            try await apply(swarm(world, tasks: [(2, 1)], callers: [(1, 2)]), world)
            let (one, two) = (world.nodes[0], world.nodes[1])
            let greeter = try await Greeter.start("two", in: two.sandbox("t21"), port: 80)
            let expected = "two \(World.clientAddress)"
            #expect(await tcp(two.address, 8080, from: world.client) == expected)
            #expect(await tcp(one.address, 8080, from: world.client) == expected)
            #expect(await udp(two.address, 8080, from: world.client) == expected)
            #expect(await udp(one.address, 8080, from: world.client) == expected)
            #expect(await tcp(IPAddress(127, 0, 0, 1), 8080, from: one.namespace) == "two 172.18.0.1")
            #expect(await tcp(one.address, 8080, from: one.sandbox("t12")).hasPrefix("two "))
            #expect(await tcp(two.address, 8080, from: two.sandbox("t21")).hasPrefix("two "))
            // A port that is not published does not answer in the ingress network.
            let other = try await Greeter.start("hidden", in: two.sandbox("t21"), port: 81)
            let sandbox = NetworkNamespace(path: one.plane.layout.namespaceDirectory + "/ingress")
            #expect(
                await tcp(meshAddress(2, 1), 81, from: sandbox, milliseconds: 400)
                    != "hidden \(one.ingressAddress.address)")

            try await apply(swarm(world, tasks: []), world)
            #expect(await tcp(one.address, 8080, from: world.client) == "Connection refused")
            withExtendedLifetime((greeter, other)) {}
        }
    }

    @Test func `connections at the mesh take turns among the tasks`() async throws {
        try await withWorld(nodes: 2) { world in
            try await apply(swarm(world, tasks: [(1, 1), (2, 1)]), world)
            let greeters = [
                try await Greeter.start("one", in: world.nodes[0].sandbox("t11"), port: 80),
                try await Greeter.start("two", in: world.nodes[1].sandbox("t21"), port: 80),
            ]
            var counts: [String: Int] = [:]
            for _ in 0..<20 { counts[await tcp(world.nodes[0].address, 8080, from: world.client), default: 0] += 1 }
            #expect(counts == ["one \(World.clientAddress)": 10, "two \(World.clientAddress)": 10])
            withExtendedLifetime(greeters) {}
        }
    }
}
