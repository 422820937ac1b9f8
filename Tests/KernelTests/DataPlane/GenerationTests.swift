import Addressing
import LinuxSystem
import Model
import Netlink
import Nftables
import TestKit
import Testing

@testable import DataPlane

/// Rules that nobody else has changed are not read again, and whatever somebody else changes is found all the same.
@Suite(.serialized) struct GenerationTests {
    private func network(_ world: World) -> NodeNetwork {
        var network = swarm(world, tasks: [(1, 1), (1, 2), (1, 3)])[0]
        for place in network.sandboxes.indices { network.sandboxes[place].services = [] }
        for place in network.overlays.indices where network.overlays[place].id == "app" {
            network.overlays[place].services = [
                VirtualAddress(address: serviceAddress, backends: [1, 2, 3].map { taskAddress(1, $0) })
            ]
        }
        return network
    }

    /// What a comparison costs that is made because something was heard.
    private func compare(_ plane: NodeDataPlane, _ scopes: Set<Scope>) async throws -> (DriftReport, KernelCounters) {
        let before = KernelCounters.now
        let report = try await plane.mailbox.compare(scopes, reason: "test")
        return (report, KernelCounters.now - before)
    }

    private let scopes: Set<Scope> = [
        .node, .ingress, .overlay("app"), .overlay("net"), .sandbox("t11"), .sandbox("t12"), .sandbox("t13"),
    ]

    @Test func `after changes of our own no comparison reads a rule`() async throws {
        try await withWorld(nodes: 1) { world in
            let plane = world.nodes[0].plane
            var network = network(world)
            try #require(try await plane.adopt(network).failures.isEmpty)
            // What was there before may be anything.
            let (first, _) = try await compare(plane, scopes)
            #expect(first.isClean, "\(first.repairs)")

            // Elements by our own messages, rules by nft's language, and a sandbox that is new.
            var changes = NetworkChanges()
            changes.setRemote(
                RemoteEndpoint(address: IPAddress(10, 1, 0, 200), vtep: IPAddress(198, 51, 100, 77)), in: "app")
            changes.setBackend(IPAddress(10, 1, 0, 200), of: serviceAddress, in: "app")
            #expect(try await plane.apply(changes).failures.isEmpty)
            let removed = network.sandboxes.removeLast()
            #expect(try await plane.reconcile(network).failures.isEmpty)
            network.sandboxes.append(removed)
            #expect(try await plane.reconcile(network).failures.isEmpty)

            let (report, cost) = try await compare(plane, scopes)
            #expect(report.isClean, "\(report.repairs) \(report.failures)")
            #expect(cost.contexts == 0, "\(cost)")
            let thorough = try await plane.resync(reason: "test")
            #expect(thorough.isClean, "\(thorough.repairs) \(thorough.failures)")
        }
    }

    @Test func `what others change is found, also when our own changes come in between`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let plane = node.plane
            try #require(try await plane.adopt(network(world)).failures.isEmpty)
            #expect(try await compare(plane, scopes).0.isClean)
            let table = ServiceTable.id(of: .v4)
            for step in UInt8(0)..<4 {
                var changes = NetworkChanges()
                changes.setBackend(IPAddress(10, 1, 0, 201 + step), of: serviceAddress, in: "app")
                if step % 2 == 0 { #expect(try await plane.apply(changes).failures.isEmpty) }
                try await NftContext.with(node.sandbox("t11")) { nft in
                    try nft.run("flush table \(table)\n")
                }
                if step % 2 == 1 { #expect(try await plane.apply(changes).failures.isEmpty) }
                let (report, _) = try await compare(plane, [.sandbox("t11")])
                #expect(report.repairs[.sandbox("t11")]?.isEmpty == false, "step \(step): \(report)")
                let (second, _) = try await compare(plane, [.sandbox("t11")])
                #expect(second.isClean, "step \(step): \(second.repairs)")
            }
        }
    }

    @Test func `generations are counted as the kernel does`() {
        #expect(RulesetGenerations.number(1, after: 1) == 2)
        #expect(RulesetGenerations.number(.max, after: 1) == 1)
        #expect(RulesetGenerations.number(.max - 1, after: 1) == .max)
        #expect(RulesetGenerations.number(.max - 1, after: 3) == 2)
    }
}
