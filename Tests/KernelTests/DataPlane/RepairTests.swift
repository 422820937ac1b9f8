import Addressing
import Glibc
import LinuxSystem
import Logging
import Model
import Netlink
import Nftables
import TestKit
import Testing

@testable import DataPlane

@Suite struct RepairTests {
    @Test func `whatever is damaged is found and repaired`() async throws {
        try await withWorld(nodes: 2) { world in
            let wanted = swarm(world, tasks: [(2, 1)], callers: [(1, 2)])
            for (node, network) in zip(world.nodes, wanted) { _ = try await node.plane.reconcile(network) }
            let greeter = try await Greeter.start("two", in: world.nodes[1].sandbox("t21"), port: 80)
            for damage in Damage.all {
                for node in world.nodes {
                    // The pair belongs to a container of the second node.
                    if damage.name == "container's pair", node.number == 1 { continue }
                    guard let place = place(of: damage.scope, node), wantedThere(damage.scope, wanted, node) else {
                        continue
                    }
                    try await place.run(damage.doIt)
                    let report = try await node.plane.resync(reason: "test")
                    #expect(report.failures.isEmpty, "\(damage.name): \(report.failures)")
                    #expect(!report.repairs.isEmpty, "\(damage.name) was not noticed")
                    let again = try await node.plane.resync(reason: "test")
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

    @Test func `a namespace whose name was taken away gets it back with all that is in it`() async throws {
        try await withWorld(nodes: 2) { world in
            let wanted = swarm(world, tasks: [(2, 1)])
            for (node, network) in zip(world.nodes, wanted) { _ = try await node.plane.reconcile(network) }
            let node = world.nodes[1]
            let layout = node.plane.layout
            let greeter = try await Greeter.start("two", in: node.sandbox("t21"), port: 80)
            let scopes: [Scope] = [.sandbox("t21"), .ingress, .overlay("net")]
            for scope in scopes {
                guard let place = place(of: scope, node) else { continue }
                let before = try Files.status(place.path)?.st_ino
                try await place.remove()
                let report = try await node.plane.resync(reason: "test", scopes: [scope])
                #expect(report.repairs == [scope: ["the namespace's name was missing"]], "\(report.failures)")
                #expect(try Files.status(place.path)?.st_ino == before)
                #expect(await tcp(world.nodes[0].address, 8080, from: world.client) == "two \(World.clientAddress)")
            }
            // Without a daemon that holds it, a container's is found by a process of the container.
            try await node.sandbox("t21").remove()
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let next = NodeDataPlane(runDirectory: layout.runDirectory, nodeNamespace: node.namespace, log: log)
            try await next.recover("t21", process: getpid())
            #expect(!node.sandbox("t21").exists(), "the daemon's own namespace was taken for a container's")
            withExtendedLifetime(greeter) {}
        }
    }

    @Test func `what comes newly wanted while it is compared is told as no repair`() async throws {
        try await withWorld(nodes: 1) { world in
            let plane = world.nodes[0].plane
            _ = try await plane.adopt(NodeNetwork(bridges: [docker0]))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...8 {
                    group.addTask {
                        let all = (1...number).map { container("c\($0)", UInt8(10 + $0)) }
                        _ = try await plane.reconcile(NodeNetwork(bridges: [docker0], sandboxes: all))
                    }
                    group.addTask {
                        let report = try await plane.resync(reason: "test")
                        #expect(report.isClean, "\(report.repairs) \(report.failures)")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `rules that were changed while no daemon was there are found by the next one`() async throws {
        try await withWorld(nodes: 2) { world in
            let wanted = swarm(world, tasks: [(2, 1)], callers: [(1, 2)])
            for (node, network) in zip(world.nodes, wanted) { _ = try await node.plane.reconcile(network) }
            let node = world.nodes[0]
            try await node.namespace.run { try NftContext().run("flush chain ip node publish") }
            try await node.sandbox("t12").run { try NftContext().run("flush chain ip lb n1") }
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let next = NodeDataPlane(
                runDirectory: node.plane.layout.runDirectory, nodeNamespace: node.namespace, log: log)
            let report = try await next.adopt(wanted[0])
            #expect(report.failures.isEmpty, "\(report.failures)")
            #expect(report.scopes == [.node, .sandbox("t12")])
            let greeter = try await Greeter.start("two", in: world.nodes[1].sandbox("t21"), port: 80)
            #expect(await tcp(node.address, 8080, from: world.client) == "two \(World.clientAddress)")
            #expect(await tcp(serviceAddress, 80, from: node.sandbox("t12")) == "two \(taskAddress(1, 2))")
            withExtendedLifetime(greeter) {}
        }
    }

    @Test func `what changes without a word, and what nobody wants, is found in passing`() async throws {
        try await withWorld(nodes: 1) { world in
            let wanted = swarm(world, tasks: [(1, 1)])
            let node = world.nodes[0]
            _ = try await node.plane.adopt(wanted[0])
            let stray = try await NetworkNamespace.create(at: node.plane.layout.namespaceDirectory + "/c-stray")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await node.plane.run() }
                // The first thing it does is to compare everything.
                try await eventually(within: .seconds(20), "the stray namespace's end") { !stray.exists() }
                let name = "net/ipv4/conf/docker_gwbridge/route_localnet"
                try await node.namespace.run { try Sysctl.write(name, "0") }
                try await node.plane.layout.ingress.remove()
                try await eventually(within: .seconds(20), "the parameter") {
                    try await node.namespace.run { try Sysctl.read(name) } == "1"
                }
                try await eventually(within: .seconds(20), "the name") { node.plane.layout.ingress.exists() }
                group.cancelAll()
            }
        }
    }

    @Test func `a namespace that cannot be entered keeps nobody from looking at the others`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let containers = [container("c1", 11), container("c2", 12)]
            _ = try await node.plane.adopt(NodeNetwork(bridges: [docker0], sandboxes: containers))
            #expect(try await node.plane.silentlyChanged().isEmpty)
            try await onThread { try Mounts.bind("/proc/self/ns/uts", to: node.sandbox("c1").path) }
            let name = "net/ipv4/conf/all/accept_redirects"
            try await node.sandbox("c2").run { try Sysctl.write(name, "1") }
            let changed = try await node.plane.silentlyChanged()
            #expect(changed == [.sandbox("c1"), .sandbox("c2")])
            let report = try await node.plane.resync(reason: "test", scopes: changed)
            #expect(report.failures[.sandbox("c1")] != nil)
            #expect(try await node.sandbox("c2").run { try Sysctl.read(name) } == "0")
        }
    }

    @Test func `what fits is left alone, by apply, by comparison and by the next daemon`() async throws {
        try await withWorld(nodes: 2) { world in
            let wanted = swarm(world, tasks: [(1, 1), (2, 1)], callers: [(1, 2)])
            for (node, network) in zip(world.nodes, wanted) { _ = try await node.plane.adopt(network) }
            for (node, network) in zip(world.nodes, wanted) {
                #expect(try await node.plane.reconcile(network).isUnchanged)
                let report = try await node.plane.resync(reason: "test")
                #expect(report.isClean, "\(report.repairs) \(report.failures)")
            }
            let node = world.nodes[0]
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let next = NodeDataPlane(
                runDirectory: node.plane.layout.runDirectory, nodeNamespace: node.namespace, log: log)
            let adopted = try await next.adopt(wanted[0])
            #expect(adopted.isUnchanged, "\(adopted)")
            // And one that comes back with less to do takes away what is left over.
            let last = NodeDataPlane(
                runDirectory: node.plane.layout.runDirectory, nodeNamespace: node.namespace, log: log)
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
            for (node, network) in zip(world.nodes, wanted) { _ = try await node.plane.reconcile(network) }
            for node in world.nodes {
                try await node.plane.teardown()
                let links = try await node.namespace.run { try RouteSocket().links().map(\.name) }
                #expect(Set(links) == ["lo", "eth0"])
                #expect(try await node.namespace.run { try Ruleset().tables() }.isEmpty)
                #expect(try NetworkNamespace.list(in: node.plane.layout.namespaceDirectory).isEmpty)
            }
        }
    }

    @Test func `the node's table of an earlier version, which had another name, goes with the first pass`() async throws
    {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            try await node.namespace.run { try NftContext().run("add table ip swarm\nadd table ip6 swarm\n") }
            let report = try await node.plane.adopt(NodeNetwork(bridges: [docker0]))
            #expect(report.failures.isEmpty, "\(report.failures)")
            let names = try await node.namespace.run { try Ruleset().tables().map(\.name) }
            #expect(names.contains("node") && !names.contains("swarm"))
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
                    return try await one.namespace.run { try Ruleset().has(RulesetTable(family: 2, name: "node")) }
                }
                for place in [one.namespace, one.plane.layout.ingress] {
                    try await place.run { try NftContext().run("flush ruleset") }
                    try await eventually(within: .seconds(1), "the rules of \(place.path)") {
                        try await place.run { !(try Ruleset().tables()).isEmpty }
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
            #expect(
                features.hasVXLAN && features.locksPorts && features.guardsPorts && features.hasEgressRules
                    && features.translatesAddresses)
            #expect(features.warnings.isEmpty)
            #expect(try NetworkNamespace.list(in: world.nodes[0].plane.layout.namespaceDirectory).isEmpty)
        }
    }
}
