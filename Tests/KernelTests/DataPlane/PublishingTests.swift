import Addressing
import Engine
import Glibc
import LinuxSystem
import Model
import Netlink
import Nftables
import Synchronization
import TestKit
import Testing

@testable import DataPlane

/// Ports of the mesh that not everybody reaches, or reaches otherwise than by turns, and ranges of ports.
@Suite struct PublishingTests {
    /// The networks of `swarm(_:tasks:)` with one port of TCP, 8080, that leads to all tasks.
    private func networks(_ world: World, _ tasks: [(node: UInt8, number: UInt8)], _ reach: PortReach?) -> [NodeNetwork]
    {
        let backends = tasks.map { MeshPort.Backend(address: meshAddress($0.node, $0.number), port: 80) }
        return swarm(world, tasks: tasks).map { network in
            var network = network
            network.ingress?.ports = [
                MeshPort(transport: .tcp, publishedPort: 8080, backends: backends, reach: reach)
            ]
            return network
        }
    }

    private func greeters(_ world: World, _ tasks: [(node: UInt8, number: UInt8)]) async throws -> [Greeter] {
        var greeters: [Greeter] = []
        for task in tasks {
            let id = "t\(task.node)\(task.number)"
            greeters.append(
                try await Greeter.start(id, in: world.nodes[Int(task.node) - 1].sandbox(id), port: 80))
        }
        return greeters
    }

    @Test(arguments: Way.allCases)
    func `D2: a port answers at the chosen addresses and links, and nowhere else`(way: Way) async throws {
        try await withWorld(nodes: 2, by: way) { world in
            let (one, second) = (world.nodes[0], IPAddress(203, 0, 113, 1))
            // A second link of the first node, with the client behind it as well.
            try await one.namespace.run {
                try RouteSocket().perform([
                    CreateVeth(name: "eth1", isUp: true, peer: VethPeer(name: "eth1", namespace: world.client))
                ])
                try RouteSocket().perform([
                    AddAddress(LinkAddress(link: "eth1", network: IPNetwork(address: second, prefixLength: 24)))
                ])
            }
            try await world.client.run {
                try RouteSocket().perform([
                    AddAddress(
                        LinkAddress(
                            link: "eth1", network: IPNetwork(address: IPAddress(203, 0, 113, 50), prefixLength: 24))),
                    SetLink("eth1", isUp: true),
                ])
            }
            try await apply(networks(world, [(2, 1)], nil), world)
            let held = try await greeters(world, [(2, 1)])
            let local = IPAddress(127, 0, 0, 1)
            /// Whether the node's two addresses, its loopback and the other node's address answer.
            func answers() async -> [Bool] {
                var found: [Bool] = []
                for (address, namespace) in [
                    (one.address, world.client), (second, world.client), (local, one.namespace),
                    (world.nodes[1].address, world.client),
                ] {
                    found.append(await tcp(address, 8080, from: namespace, milliseconds: 2000).hasPrefix("t21"))
                }
                return found
            }
            #expect(await answers() == [true, true, true, true])
            let places: [(PortReach, [Bool])] = [
                (PortReach(addresses: [IPNetwork(second)]), [false, true, false, false]),
                (PortReach(links: ["eth1"]), [false, true, false, false]),
                (
                    PortReach(addresses: [IPNetwork(address: IPAddress(198, 51, 100, 0), prefixLength: 24)]),
                    [true, false, false, true]
                ),
                (
                    PortReach(addresses: [IPNetwork(address: IPAddress(127, 0, 0, 0), prefixLength: 8)]),
                    [false, false, true, false]
                ),
                (PortReach(addresses: [IPNetwork(local)], links: ["eth1"]), [false, true, true, false]),
                (
                    PortReach(addresses: [IPNetwork(IPAddress(192, 0, 2, 77))], links: ["nolink"]),
                    [false, false, false, false]
                ),
            ]
            for (reach, expected) in places {
                try await apply(networks(world, [(2, 1)], reach), world)
                #expect(await answers() == expected, "\(reach)")
                for node in world.nodes {
                    let found = try await node.plane.resync(reason: "test")
                    #expect(found.isClean, "\(found.repairs) \(found.failures)")
                }
            }
            // What narrows is repaired like everything else, and open again when it is wanted so.
            try await one.namespace.run {
                try NftContext().run(
                    """
                    delete element ip node published { tcp . 8080 }
                    add element ip node published { tcp . 8080 : goto n1 }

                    """)
            }
            #expect(await answers()[0])
            _ = try await one.plane.resync(reason: "test")
            #expect(await answers() == [false, false, false, false])
            try await apply(networks(world, [(2, 1)], nil), world)
            #expect(await answers() == [true, true, true, true])
            withExtendedLifetime(held) {}
        }
    }

    @Test(arguments: Way.allCases) func `D2: a port is never open to all while it is narrowed, widened or given up`(
        way: Way
    ) async throws {
        try await withWorld(nodes: 1, by: way) { world in
            let node = world.nodes[0]
            let narrow = PortReach(addresses: [IPNetwork(IPAddress(127, 0, 0, 1))])
            func wanted(_ isThere: Bool) -> [NodeNetwork] {
                networks(world, [(1, 1)], narrow).map { network in
                    var network = network
                    if !isThere { network.ingress?.ports = [] }
                    return network
                }
            }
            try await apply(wanted(true), world)
            let held = try await greeters(world, [(1, 1)])
            #expect(await tcp(IPAddress(127, 0, 0, 1), 8080, from: node.namespace).hasPrefix("t11"))
            let isOver = Flag()
            try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                group.addTask {
                    var (asked, answered) = (0, 0)
                    while !isOver.isSet || asked < 100 {
                        asked += 1
                        let answer = await tcp(node.address, 8080, from: world.client, milliseconds: 2000)
                        if answer.hasPrefix("t11") { answered += 1 }
                    }
                    return (asked, answered)
                }
                for round in 0..<20 { try await apply(wanted(round % 2 == 1), world) }
                isOver.set()
                for try await (asked, answered) in group { #expect(answered == 0, "of \(asked)") }
            }
            withExtendedLifetime(held) {}
        }
    }

    @Test(arguments: Way.allCases)
    func `a local port answers on nodes with a task, with their tasks, and refuses at once on others`(way: Way)
        async throws
    {
        try await withWorld(nodes: 2, by: way) { world in
            let tasks: [(node: UInt8, number: UInt8)] = [(2, 1), (2, 2)]
            try await apply(networks(world, tasks, PortReach(isLocal: true)), world)
            let held = try await greeters(world, tasks)
            var seen: Set<String> = []
            for _ in 0..<6 { seen.insert(await tcp(world.nodes[1].address, 8080, from: world.client)) }
            #expect(seen == ["t21 \(World.clientAddress)", "t22 \(World.clientAddress)"])
            #expect(await tcp(world.nodes[0].address, 8080, from: world.client) == "Connection refused")
            try await apply(networks(world, tasks, nil), world)
            #expect(await tcp(world.nodes[0].address, 8080, from: world.client).hasPrefix("t2"))
            withExtendedLifetime(held) {}
        }
    }

    @Test func `calls from one address get one task, whichever node is called`() async throws {
        try await withWorld(nodes: 2) { world in
            let tasks: [(node: UInt8, number: UInt8)] = [(1, 1), (2, 1), (1, 2), (2, 2)]
            var sources: [IPAddress] = []
            for last in UInt8(100)..<124 { sources.append(IPAddress(198, 51, 100, last)) }
            try await world.client.run { [sources] in
                try RouteSocket().perform(
                    sources.map {
                        AddAddress(LinkAddress(link: "eth0", network: IPNetwork(address: $0, prefixLength: 24)))
                    })
            }
            try await apply(networks(world, tasks, PortReach(isBySource: true)), world)
            let held = try await greeters(world, tasks)
            var chosen: [IPAddress: Set<String>] = [:]
            for source in sources {
                for node in world.nodes {
                    for _ in 0..<3 {
                        let answer = await tcp(node.address, 8080, from: world.client, source: source)
                        #expect(answer.hasSuffix(" \(source)"), "\(answer)")
                        chosen[source, default: []].insert(answer)
                    }
                }
            }
            #expect(chosen.values.allSatisfy { $0.count == 1 }, "\(chosen)")
            // 24 addresses and four tasks: each has some.
            let answers: Set<String> = chosen.values.reduce(into: []) { $0.formUnion($1) }
            let tasksThatAnswer: Set<Substring> = Set(answers.map { $0.prefix(3) })
            #expect(tasksThatAnswer.count == 4)
            for node in world.nodes { #expect(try await node.plane.resync(reason: "test").isClean) }
            withExtendedLifetime(held) {}
        }
    }

    @Test func `A9: ten thousand ports of UDP are one element, two seconds and 20 MB`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let target = IPAddress(172, 17, 0, 10)
            _ = try await node.plane.reconcile(NodeNetwork(bridges: [docker0]))
            let before = try residentBytes()
            let clock = ContinuousClock()
            let start = clock.now
            let requests = [
                PortReservations.Request(
                    transport: .udp, first: 10_000, targetAddress: target, targetPort: 10_000, count: 10_000)
            ]
            let ports = try await node.plane.reservations.reserve(requests, owner: "c1", endpoint: ("e", "e0c1"))
            #expect(ports.map(\.published.hostPorts) == [10_000...19_999])
            let report = try await node.plane.reconcile(
                NodeNetwork(bridges: [docker0], sandboxes: [container("c1", 10, published: ports)]))
            let took = clock.now - start
            #expect(report.failures.isEmpty, "\(report.failures)")
            let more = try residentBytes() - before
            print("10,000 UDP ports: \(took), \(more / 1024) KiB")
            #expect(took < .seconds(10))
            #expect(more < 20 << 20)
            let id = NodeTable.id(of: .v4)
            let listed = try await node.namespace.run { try NftContext().tables([id]) }
            let table = try #require(listed[id])
            #expect(table.elements(of: ElementSet("hostspans")) == ["udp . 10000-19999": "172.17.0.10"])
            #expect(table.elements(of: ElementSet("hostports")).isEmpty)
            for port in [UInt16(10_000), 15_000, 19_999] {
                let greeter = try await Greeter.start("c1", in: node.sandbox("c1"), port: port)
                #expect(await udp(node.address, port, from: world.client) == "c1 \(World.clientAddress)")
                withExtendedLifetime(greeter) {}
            }
            #expect(try await node.plane.resync(reason: "test").isClean)
            // A row of so many is looked at when it is taken, and not held: it leaves the daemon its descriptors.
            let isHeld = try await node.namespace.run { try isTaken(15_000) }
            #expect(!isHeld)
            // Where a program of the node has one, it is named.
            let program = try await Greeter.start("program", in: node.namespace, port: 25_000)
            await #expect {
                _ = try await node.plane.reservations.reserve(
                    [.init(transport: .udp, first: 20_000, targetAddress: target, targetPort: 1, count: 10_000)],
                    owner: "c3", endpoint: ("e", "e0c3"))
            } throws: { error in
                guard case PortError.notPublished(_, _, .notBound(_, 25_000, _, 5001, .udp, .addressInUse)) = error
                else {
                    return false
                }
                return true
            }
            withExtendedLifetime(program) {}
            // One that somebody else wants is taken, as if it were alone.
            await #expect(throws: PortError.self) {
                _ = try await node.plane.reservations.reserve(
                    [.init(transport: .udp, first: 12_345, targetAddress: target, targetPort: 1)], owner: "c2",
                    endpoint: ("e", "e0c2"))
            }
        }
    }

    @Test func `A9: ten thousand ports of a service are one element on every way through the mesh`() async throws {
        try await withWorld(nodes: 2) { world in
            let tasks: [(node: UInt8, number: UInt8)] = [(1, 1), (2, 1)]
            func wanted(_ tasks: [(node: UInt8, number: UInt8)], _ first: UInt16, _ last: UInt16) -> [NodeNetwork] {
                let backends = tasks.map { MeshPort.Backend(address: meshAddress($0.node, $0.number), port: first) }
                return swarm(world, tasks: tasks).map { network in
                    var network = network
                    network.ingress?.ports = [
                        MeshPort(transport: .udp, publishedPort: first, backends: backends, lastPort: last)
                    ]
                    for place in network.sandboxes.indices {
                        network.sandboxes[place].mesh?.targetPorts = [.init(transport: .udp, port: first, last: last)]
                    }
                    return network
                }
            }
            let clock = ContinuousClock()
            let start = clock.now
            try await apply(wanted(tasks, 10_000, 19_999), world)
            print("10,000 UDP ports of a service on two nodes: \(clock.now - start)")
            #expect(clock.now - start < .seconds(20))
            let id = NodeTable.id(of: .v4)
            for node in world.nodes {
                let listed = try await node.namespace.run { try NftContext().tables([id]) }
                let table = try #require(listed[id])
                #expect(table.elements(of: ElementSet("publishedspans")) == ["udp . 10000-19999": "goto w2"])
                #expect(table.elements(of: ElementSet("turnspans")).count == 2)
                #expect(table.elements(of: ElementSet("published")).isEmpty)
            }
            for port in [UInt16(10_000), 15_000, 19_999] {
                var greeters: [Greeter] = []
                for task in tasks {
                    let name = "t\(task.node)\(task.number)"
                    greeters.append(
                        try await Greeter.start(name, in: world.nodes[Int(task.node) - 1].sandbox(name), port: port))
                }
                for node in world.nodes {
                    var seen: Set<String> = []
                    for _ in 0..<4 { seen.insert(await udp(node.address, port, from: world.client)) }
                    #expect(
                        seen == ["t11 \(World.clientAddress)", "t21 \(World.clientAddress)"],
                        "\(port) at \(node.address)")
                }
                withExtendedLifetime(greeters) {}
            }
            for node in world.nodes { #expect(try await node.plane.resync(reason: "test").isClean) }
            // A row that is another one takes the place of the first; beyond it nothing answers any more.
            try await apply(wanted([(2, 1)], 10_000, 10_099), world)
            let greeter = try await Greeter.start("t21", in: world.nodes[1].sandbox("t21"), port: 10_050)
            #expect(await udp(world.nodes[0].address, 10_050, from: world.client) == "t21 \(World.clientAddress)")
            #expect(await udp(world.nodes[0].address, 15_000, from: world.client) == "Connection refused")
            // Held by sockets, so that programs of the node hear of it: those of the row, and no other.
            let isHeld = try await world.nodes[0].namespace.run {
                try [UInt16(10_099), 10_100].map { try isTaken($0) }
            }
            #expect(isHeld == [true, false])
            for node in world.nodes { #expect(try await node.plane.resync(reason: "test").isClean) }
            withExtendedLifetime(greeter) {}
        }
    }

    private final class Flag: Sendable {
        private let state = Atomic<Bool>(false)
        var isSet: Bool { state.load(ordering: .relaxed) }
        func set() { state.store(true, ordering: .relaxed) }
    }

    private func residentBytes() throws -> Int {
        let text = try Files.text("/proc/self/statm") ?? ""
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
    }
}

/// Whether a port of UDP is somebody's, in the calling thread's namespace.
private func isTaken(_ port: UInt16) throws -> Bool {
    let descriptor = Descriptor(owning: try check(socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0), "open a socket"))
    let place = InternetSocketAddress(IPAddress(0, 0, 0, 0), port: port)
    return place.withPointer { Glibc.bind(descriptor.raw, $0, $1) } < 0
}
