import Addressing
import DataPlane
import LinuxSystem
import Logging
import Netlink
import Nftables
import TestKit
import Testing

@Suite struct RepairTests {
    /// Something that somebody does to our objects, where, and whether it is to be noticed there.
    private struct Damage: Sendable {
        let name: String
        let scope: Scope
        let doIt: @Sendable () throws -> Void

        init(_ name: String, _ scope: Scope, _ doIt: @escaping @Sendable () throws -> Void) {
            self.name = name
            self.scope = scope
            self.doIt = doIt
        }
    }

    private static func nft(_ commands: String) -> @Sendable () throws -> Void { { try NftContext().run(commands) } }
    private static func link(_ request: any NetlinkRequest) -> @Sendable () throws -> Void {
        { try RouteSocket().perform(request) }
    }

    private static let damages: [Damage] = [
        Damage("container's pair", .node, link(DeleteLink(.name("aegt21")))),
        Damage("container's interface from inside", .sandbox("t21"), link(DeleteLink("eth2"))),
        Damage("interface set down", .sandbox("t21"), link(SetLink("eth0", isUp: false))),
        Damage("default route", .sandbox("t21")) {
            let socket = try RouteSocket()
            for route in try socket.routes() where route.destination.prefixLength == 0 {
                try socket.perform(DeleteRoute(route))
            }
        },
        Damage("mesh rule", .sandbox("t21")) {
            let socket = try RouteSocket()
            for rule in try socket.rules() where rule.priority == 77 { try socket.perform(DeleteRule(rule)) }
        },
        Damage("mesh device table", .sandbox("t21"), nft("delete table netdev mesh")),
        Damage("service table", .sandbox("t12"), nft("delete table ip lb")),
        Damage("one backend", .sandbox("t12"), nft("delete element ip lb vip { 10.1.0.100 }")),
        Damage("forwarding entry", .overlay("app")) {
            let socket = try RouteSocket()
            for entry in try socket.forwardingEntries() where entry.owner == .device && entry.remote != nil {
                try socket.perform(DeleteForwardingEntry(entry))
            }
        },
        Damage("neighbour", .overlay("net")) {
            let socket = try RouteSocket()
            for one in try socket.neighbours() where one.state == .permanent {
                try socket.perform(DeleteNeighbour(one))
            }
        },
        Damage("tunnel", .overlay("net"), link(DeleteLink("vx0"))),
        Damage("bridge of an overlay", .overlay("app"), link(DeleteLink("br0"))),
        Damage("bridge of the node", .node, link(DeleteLink("docker_gwbridge"))),
        Damage("gateway address", .node) {
            let socket = try RouteSocket()
            for address in try socket.addresses() where address.network.address == IPv4Address(172, 18, 0, 1) {
                try socket.perform(DeleteAddress(address))
            }
        },
        Damage("element of the node", .node, nft("delete element ip swarm published { tcp . 8080 }")),
        Damage("foreign element", .node, nft("add element ip swarm published { tcp . 22 }")),
        Damage("rule of the node", .node, nft("flush chain ip swarm publish")),
        Damage("all rules of the node", .node, nft("flush ruleset")),
        Damage("all rules of the ingress sandbox", .ingress, nft("flush ruleset")),
        Damage("parameter", .node) { try Sysctl.write("net/ipv4/ip_forward", "0") },
    ]

    @Test func `whatever is damaged is found and repaired`() async throws {
        try await withWorld(nodes: 2) { world in
            let wanted = swarm(world, tasks: [(2, 1)], callers: [(1, 2)])
            for (node, network) in zip(world.nodes, wanted) { _ = try await node.plane.apply(network) }
            let greeter = try await Greeter.start("two", in: world.nodes[1].sandbox("t21"), port: 80)
            for damage in Self.damages {
                for node in world.nodes {
                    // The pair belongs to a container of the second node.
                    if damage.name == "container's pair", node.number == 1 { continue }
                    guard let place = place(of: damage.scope, node), wantedThere(damage.scope, wanted, node) else {
                        continue
                    }
                    try await place.run(damage.doIt)
                    let report = await node.plane.resync(reason: "test")
                    #expect(report.failures.isEmpty, "\(damage.name): \(report.failures)")
                    #expect(!report.repairs.isEmpty, "\(damage.name) was not noticed")
                    let again = await node.plane.resync(reason: "test")
                    #expect(again.isClean, "\(damage.name): \(again.repairs) \(again.failures)")
                }
                let expected = "two \(World.clientAddress)"
                #expect(await tcp(world.nodes[0].address, 8080, from: world.client) == expected, "\(damage.name)")
                let caller = world.nodes[0].sandbox("t12")
                #expect(await tcp(serviceAddress, 80, from: caller) == "two \(taskAddress(1, 2))", "\(damage.name)")
            }
            withExtendedLifetime(greeter) {}
        }
    }

    private func place(of scope: Scope, _ node: World.Node) -> NetworkNamespace? {
        let layout = node.plane.layout
        return switch scope {
        case .node: node.namespace
        case .overlay(let id): layout.overlay(id)
        case .ingress: layout.ingress
        case .sandbox(let id): layout.sandbox(id)
        }
    }

    /// Pairs and sandboxes are on one node each.
    private func wantedThere(_ scope: Scope, _ wanted: [NodeNetwork], _ node: World.Node) -> Bool {
        switch scope {
        case .sandbox(let id): wanted[Int(node.number) - 1].sandboxes.contains { $0.id == id }
        case .node, .overlay, .ingress: true
        }
    }

    @Test func `what fits is left alone, by apply, by comparison and by the next daemon`() async throws {
        try await withWorld(nodes: 2) { world in
            let wanted = swarm(world, tasks: [(1, 1), (2, 1)], callers: [(1, 2)])
            for (node, network) in zip(world.nodes, wanted) { _ = try await node.plane.adopt(network) }
            for (node, network) in zip(world.nodes, wanted) {
                #expect(try await node.plane.apply(network).isUnchanged)
                let report = await node.plane.resync(reason: "test")
                #expect(report.isClean, "\(report.repairs) \(report.failures)")
            }
            let node = world.nodes[0]
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let next = DataPlane(runDirectory: node.plane.layout.runDirectory, nodeNamespace: node.namespace, log: log)
            let adopted = try await next.adopt(wanted[0])
            #expect(adopted.isUnchanged, "\(adopted)")
            // And one that comes back with less to do takes away what is left over.
            let last = DataPlane(runDirectory: node.plane.layout.runDirectory, nodeNamespace: node.namespace, log: log)
            let report = try await last.adopt(NodeNetwork(bridges: [docker0]))
            #expect(report.failures.isEmpty, "\(report.failures)")
            let links = try await node.namespace.run { try RouteSocket().links().map(\.name).sorted() }
            #expect(links.filter { $0 != "lo" } == ["docker0", "eth0"])
            #expect(try NetworkNamespace.list(in: last.layout.namespaceDirectory).isEmpty)
        }
    }

    @Test func `teardown leaves nothing`() async throws {
        try await withWorld(nodes: 2) { world in
            let wanted = swarm(world, tasks: [(1, 1), (2, 1)])
            for (node, network) in zip(world.nodes, wanted) { _ = try await node.plane.apply(network) }
            for node in world.nodes {
                try await node.plane.teardown()
                let links = try await node.namespace.run { try RouteSocket().links().map(\.name) }
                #expect(Set(links) == ["lo", "eth0"])
                #expect(try await node.namespace.run { try NftContext().tables() }.isEmpty)
                #expect(try NetworkNamespace.list(in: node.plane.layout.namespaceDirectory).isEmpty)
            }
        }
    }

    @Test func `a flush of all rules is repaired within a second while connections stay`() async throws {
        try await withWorld(nodes: 2) { world in
            let wanted = swarm(world, tasks: [(2, 1)])
            for (node, network) in zip(world.nodes, wanted) { _ = try await node.plane.adopt(network) }
            let (one, two) = (world.nodes[0], world.nodes[1])
            let greeter = try await Greeter.start("two", in: two.sandbox("t21"), port: 80)
            let held = try await Caller.open(.tcp, to: one.address, 8080, from: world.client)
            #expect(try await held.listen() == "two \(World.clientAddress)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await one.plane.run() }
                // The first comparison comes from the start itself; then nothing but what it hears.
                try await eventually(within: .seconds(2), "listening") {
                    try await one.namespace.run { try NftContext().run("flush ruleset") }
                    try await Task.sleep(for: .milliseconds(300))
                    return try await one.namespace.run { try NftContext().tables().contains(TableID(.ip, "swarm")) }
                }
                for place in [one.namespace, one.plane.layout.ingress] {
                    try await place.run { try NftContext().run("flush ruleset") }
                    try await eventually(within: .seconds(1), "the rules of \(place.path)") {
                        try await place.run { !(try NftContext().tables()).isEmpty }
                    }
                }
                try await eventually(within: .seconds(1), "an answer") {
                    await tcp(one.address, 8080, from: world.client) == "two \(World.clientAddress)"
                }
                #expect(try await held.ask() == "two \(World.clientAddress)")
                group.cancelAll()
            }
            withExtendedLifetime(greeter) {}
        }
    }

    @Test func `the kernel is asked what it can do`() async throws {
        try await withWorld(nodes: 1) { world in
            let features = try await world.nodes[0].plane.kernelFeatures()
            #expect(features.hasVXLAN && features.locksPorts && features.hasEgressRules && features.translatesAddresses)
            #expect(features.warnings.isEmpty)
            #expect(try NetworkNamespace.list(in: world.nodes[0].plane.layout.namespaceDirectory).isEmpty)
        }
    }
}
