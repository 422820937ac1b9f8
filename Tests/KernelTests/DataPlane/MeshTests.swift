import Addressing
@testable import DataPlane
import Glibc
import LinuxSystem
import Model
import Netlink
import Synchronization
import TestKit
import Testing

/// Ports of the mesh, called on the node that has the task.
@Suite struct MeshTests {
    /// The same with other tasks behind the ports of the mesh.
    private func networks(
        _ world: World, tasks: [(node: UInt8, number: UInt8)], behind: [(node: UInt8, number: UInt8)]
    ) -> [NodeNetwork] {
        let backends = behind.map { MeshPort.Backend(address: meshAddress($0.node, $0.number), port: 80) }
        return swarm(world, tasks: tasks).map { network in
            var network = network
            network.ingress?.ports = [
                MeshPort(transport: .tcp, publishedPort: 8080, backends: backends),
                MeshPort(transport: .udp, publishedPort: 8080, backends: backends),
            ]
            return network
        }
    }

    @Test func `a task of the called node needs no overlay, wherever its server is bound`() async throws {
        try await withWorld(nodes: 2) { world in
            try await apply(swarm(world, tasks: [(2, 1)]), world)
            let (one, two) = (world.nodes[0], world.nodes[1])
            let task = two.sandbox("t21")
            let everywhere = try await Greeter.start("two", in: task, port: 80)
            let expected = "two \(World.clientAddress)"
            // One port of the client through both nodes at the same time, and still two connections.
            for kind in [Caller.Kind.tcp, .udp] {
                let callers = [
                    try await Caller.open(kind, to: one.address, 8080, from: world.client, sourcePort: 40123),
                    try await Caller.open(kind, to: two.address, 8080, from: world.client, sourcePort: 40123),
                ]
                for caller in callers + callers { #expect(try await caller.ask() == expected) }
            }
            // Without its port in the overlay it is reached on its own node alone.
            try await two.plane.layout.overlay("net").run {
                try RouteSocket().perform(SetLink(.name(Layout.overlayPort("eit21")), isUp: false))
            }
            #expect(await tcp(two.address, 8080, from: world.client) == expected)
            #expect(await udp(two.address, 8080, from: world.client) == expected)
            #expect(await tcp(one.address, 8080, from: world.client, milliseconds: 400) != expected)
            withExtendedLifetime(everywhere) {}
        }
        try await withWorld(nodes: 2) { world in
            try await apply(swarm(world, tasks: [(2, 1)]), world)
            let bound = try await Greeter.start(
                "bound", in: world.nodes[1].sandbox("t21"), port: 80, at: meshAddress(2, 1))
            for node in world.nodes {
                #expect(await tcp(node.address, 8080, from: world.client) == "bound \(World.clientAddress)")
            }
            withExtendedLifetime(bound) {}
        }
    }

    /// IPVS dropped the first packet of a connection from a port that had had one just before, which made a second of it.
    @Test func `A5: a connection from a port that had one just before waits for nothing, at any node`() async throws {
        try await withWorld(nodes: 2) { world in
            try await apply(swarm(world, tasks: [(1, 1), (2, 1)]), world)
            var closers: [Closer] = []
            for node in world.nodes {
                let id = "t\(node.number)1"
                closers.append(try await Closer.start(id, in: node.sandbox(id), port: 80))
            }
            let clock = ContinuousClock()
            var slow: [Duration] = []
            var answers: Set<String> = []
            for node in world.nodes {
                for number in 0..<500 {
                    let port = UInt16(41_000 + number % 50)
                    let began = clock.now
                    let caller = try await Caller.open(
                        .tcp, to: node.address, 8080, from: world.client, sourcePort: port)
                    answers.insert(try await caller.listen())
                    let took = clock.now - began
                    // The server ends first, so that the port is free at once on this side, and remembered on all others.
                    await #expect(throws: SystemError.self) { _ = try await caller.listen() }
                    if took > .milliseconds(900) { slow.append(took) }
                }
            }
            #expect(slow.isEmpty, "of 1,000 connections \(slow.count) took long: \(slow)")
            #expect(answers == ["t11", "t21"], "each has its turn")
            withExtendedLifetime(closers) {}
        }
    }

    @Test(arguments: Way.allCases) func `A3: a drained task keeps its connections, and their end is its own`(way: Way)
        async throws
    {
        try await withWorld(nodes: 2, by: way) { world in
            try await apply(networks(world, tasks: [(1, 1), (2, 1)], behind: [(2, 1)]), world)
            let (one, two) = (world.nodes[0], world.nodes[1])
            let greeters = [
                try await Greeter.start("one", in: one.sandbox("t11"), port: 80),
                try await Greeter.start("two", in: two.sandbox("t21"), port: 80),
            ]
            let (old, new) = ("two \(World.clientAddress)", "one \(World.clientAddress)")
            let held = try await Caller.open(.tcp, to: two.address, 8080, from: world.client)
            let talker = try await Caller.open(.udp, to: two.address, 8080, from: world.client)
            #expect(try await held.listen() == old)
            #expect(try await talker.ask() == old)

            try await apply(networks(world, tasks: [(1, 1), (2, 1)], behind: [(1, 1)]), world)
            #expect(try await held.ask() == old)
            #expect(try await talker.ask() == old)
            #expect(await tcp(two.address, 8080, from: world.client) == new)

            try await apply(networks(world, tasks: [(1, 1)], behind: [(1, 1)]), world)
            // What ends by changes is looked for right after these.
            if way == .whole { #expect(try await talker.ask() == new) }
            try await eventually("the talker is led on") { try await talker.ask() == new }
            await #expect(throws: SystemError.self) { _ = try await held.ask() }
            withExtendedLifetime(greeters) {}
        }
    }

    @Test(arguments: Way.allCases)
    func `A3: no connection is refused while tasks here and elsewhere take over from each other`(way: Way) async throws
    {
        try await withWorld(nodes: 2, by: way) { world in
            let tasks: [(node: UInt8, number: UInt8)] = [(1, 1), (1, 2), (2, 1), (2, 2)]
            func lead(to behind: [(node: UInt8, number: UInt8)]) async throws {
                try await apply(networks(world, tasks: tasks, behind: behind), world)
            }
            try await lead(to: [(2, 1)])
            var greeters: [Greeter] = []
            for task in tasks {
                let place = world.nodes[Int(task.node) - 1].sandbox("t\(task.node)\(task.number)")
                greeters.append(try await Greeter.start("t\(task.node)\(task.number)", in: place, port: 80))
            }
            let isOver = Flag()
            try await withThrowingTaskGroup(of: [String].self) { group in
                group.addTask {
                    var answers: [String] = []
                    while !isOver.isSet || answers.count < 100 {
                        answers.append(await tcp(world.nodes[1].address, 8080, from: world.client))
                    }
                    return answers
                }
                let steps: [[(node: UInt8, number: UInt8)]] = [
                    [(2, 1), (1, 1)], [(1, 1)], [(1, 1), (1, 2)], [(1, 2), (2, 2)], [(2, 2), (2, 1)], [(2, 1)],
                    [(1, 1)], tasks,
                ]
                for step in steps + steps { try await lead(to: step) }
                isOver.set()
                for try await answers in group {
                    let strange = answers.filter { !$0.hasSuffix(" \(World.clientAddress)") }
                    #expect(strange.isEmpty, "\(strange.count) of \(answers.count): \(Set(strange))")
                    #expect(Set(answers).count == 4)
                }
            }
            // Four tasks, two of them here: each has its turn.
            var counts: [String: Int] = [:]
            for _ in 0..<20 { counts[await tcp(world.nodes[1].address, 8080, from: world.client), default: 0] += 1 }
            #expect(counts.count == 4)
            #expect(counts.values.allSatisfy { $0 == 5 }, "\(counts)")
            withExtendedLifetime(greeters) {}
        }
    }
}

/// Says its name to each caller and ends the connection, as a server of short requests does.
private final class Closer: Sendable {
    private let listener: CInt

    static func start(_ name: String, in namespace: NetworkNamespace, port: UInt16) async throws -> Closer {
        try await namespace.run { try Closer(name, port) }
    }

    private init(_ name: String, _ port: UInt16) throws {
        let listener = try bound(SOCK_STREAM, IPAddress(0, 0, 0, 0), port)
        self.listener = listener
        try check(listen(listener, 256), "listen")
        let line = name + "\n"
        pthread_detach(
            try startThread {
                while true {
                    let connection = accept(listener, nil, nil)
                    if connection < 0 {
                        if errno == EINTR || errno == ECONNABORTED { continue }
                        break
                    }
                    _ = send(connection, line, line.utf8.count, CInt(MSG_NOSIGNAL))
                    close(connection)
                }
                close(listener)
            })
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }
}

private final class Flag: Sendable {
    private let state = Atomic<Bool>(false)
    var isSet: Bool { state.load(ordering: .relaxed) }
    func set() { state.store(true, ordering: .relaxed) }
}
