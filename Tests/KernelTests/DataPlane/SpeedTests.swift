import Addressing
import DataPlane
import LinuxSystem
import Netlink
import TestKit
import Testing

/// Times are printed; the bounds are far above them, to find a step that grew by an order of magnitude.
@Suite(.serialized) struct SpeedTests {
    @Test func `a container comes and goes beside others that are not touched`() async throws {
        try await withWorld(nodes: 1) { world in
            let plane = world.nodes[0].plane
            let others = (1...20).map { container("c\($0)", UInt8(100 + $0)) }
            let all = try await plane.adopt(NodeNetwork(bridges: [docker0], sandboxes: others))
            try #require(all.failures.isEmpty, "\(all.failures)")
            print("20 containers at once: \(all.duration)")
            var (joins, leaves): ([Duration], [Duration]) = ([], [])
            for round in 0..<10 {
                let one = container("x\(round)", 10)
                let joined = try await plane.reconcile(NodeNetwork(bridges: [docker0], sandboxes: others + [one]))
                #expect(joined.failures.isEmpty)
                #expect(joined.scopes == [.node, .sandbox("x\(round)")])
                joins.append(joined.duration)
                let left = try await plane.reconcile(NodeNetwork(bridges: [docker0], sandboxes: others))
                #expect(left.failures.isEmpty)
                leaves.append(left.duration)
            }
            var early: [Duration] = []
            for round in 0..<5 {
                let one = container("y\(round)", 10)
                _ = try await plane.reconcile(NodeNetwork(bridges: [docker0], sandboxes: others + [one]))
                let left = try await plane.reconcile(
                    NodeNetwork(bridges: [docker0], sandboxes: others), removesLater: true)
                early.append(left.duration)
                // What comes next finds nothing of it: not its namespace, and not its link.
                let next = try await plane.prepareSandbox("y\(round)")
                #expect(try await next.run { try RouteSocket().links().map(\.name) } == ["lo"])
                try await plane.discardSandbox("y\(round)")
            }
            print("leave without waiting for the kernel: \(early.sorted()[2]) median")
            #expect(try await plane.resync(reason: "test").isClean)
            print("join: \(joins.sorted()[5]) median, leave: \(leaves.sorted()[5]) median")
            #expect(joins.sorted()[5] < .milliseconds(500))
        }
    }

    @Test func `a thousand service addresses, and a change of one`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            func network(_ services: [VirtualAddress]) -> NodeNetwork {
                NodeNetwork(
                    underlay: Underlay(address: node.address, peers: [node.address]),
                    bridges: [docker0, gatewayBridge],
                    overlays: [OverlayNetwork(id: "app", vni: 4097)],
                    sandboxes: [task(1, 1, isPublished: false, services: services)])
            }
            var services = (0..<1000).map { index in
                let base = IPAddress(10, 2, 0, 0).advanced(by: UInt32(index * 4))
                return VirtualAddress(address: base, backends: (1...3).map { base.advanced(by: $0) })
            }
            _ = try await node.plane.reconcile(network([]))
            let loaded = try await node.plane.reconcile(network(services))
            #expect(loaded.failures.isEmpty, "\(loaded.failures)")
            #expect(loaded.scopes == [.sandbox("t11")])
            services[500].backends.removeLast()
            let changed = try await node.plane.reconcile(network(services))
            // The address and one backend go, the address comes again, with a chain for two.
            #expect(changed.changes == 4)
            let compared = try await node.plane.resync(reason: "test")
            #expect(compared.isClean, "\(compared.repairs)")
            print(
                "1,000 addresses: \(loaded.duration), change of one: \(changed.duration), comparison: \(compared.duration)"
            )
            #expect(changed.duration < .milliseconds(500))
        }
    }
}
