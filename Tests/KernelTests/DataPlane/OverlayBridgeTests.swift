import Addressing
import LinuxSystem
import Model
import Netlink
import TestKit
import Testing

@testable import DataPlane

/// What an overlay's bridge knows of endpoints on other nodes.
@Suite struct OverlayBridgeTests {
    private func overlay(_ id: String, _ node: World.Node) throws -> NetworkNamespace {
        try #require(node.plane.layout.namespace(of: .overlay(id)))
    }

    @Test func `endpoints on other nodes are reached without a look at every port`() async throws {
        try await withWorld(nodes: 2) { world in
            try await apply(swarm(world, tasks: [(2, 1)], callers: [(1, 2)]), world)
            let (one, two) = (world.nodes[0], world.nodes[1])
            let greeter = try await Greeter.start("two", in: two.sandbox("t21"), port: 80)
            let caller = one.sandbox("t12")
            let (direct, outside) = ("two \(taskAddress(1, 2))", "two \(World.clientAddress)")
            // Whoever is asked for must go on to be: that is broadcast.
            for node in world.nodes {
                for id in ["app", "net"] {
                    try await overlay(id, node).run {
                        try RouteSocket().perform(SetPort("vx0", PortOptions(unicastFlood: false)))
                    }
                }
            }
            #expect(await tcp(taskAddress(2, 1), 80, from: caller) == direct)
            #expect(await tcp(one.address, 8080, from: world.client) == outside)

            // What the bridge does not know goes nowhere now, and did go to the tunnel.
            let row = ForwardingEntry(link: "vx0", mac: MACAddress(for: taskAddress(2, 1)), owner: .master)
            try await overlay("app", one).run { try RouteSocket().perform(DeleteForwardingEntry(row)) }
            #expect(await tcp(taskAddress(2, 1), 80, from: caller, milliseconds: 400) != direct)
            try await overlay("app", one).run {
                try RouteSocket().perform(SetPort("vx0", PortOptions(unicastFlood: true)))
            }
            #expect(await tcp(taskAddress(2, 1), 80, from: caller) == direct)

            for node in world.nodes {
                let report = try await node.plane.resync(reason: "test")
                #expect(!report.repairs.isEmpty && report.failures.isEmpty, "\(report.failures)")
                #expect(try await node.plane.resync(reason: "test").isClean)
            }
            withExtendedLifetime(greeter) {}
        }
    }

    @Test func `an endpoint that comes here and goes away again is known where it is`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let network = swarm(world, tasks: [], callers: [(1, 1)])[0]
            try #require(try await node.plane.adopt(network).failures.isEmpty)
            let moving = task(1, 4, isPublished: false)
            let address = taskAddress(1, 4)
            let remote = RemoteEndpoint(address: address, vtep: IPAddress(198, 51, 100, 77))
            let port = Layout.overlayPort(moving.endpoints[0].id)
            let bridge = try overlay("app", node)

            func step(_ what: String, at places: [String], _ say: (inout NetworkChanges) -> Void) async throws {
                var changes = NetworkChanges()
                say(&changes)
                let report = try await node.plane.apply(changes)
                #expect(report.failures.isEmpty, "\(what): \(report.failures)")
                let found = try await bridge.run {
                    let socket = try RouteSocket()
                    return try socket.forwardingEntries().compactMap { entry -> String? in
                        guard entry.owner == .master, entry.state == .noARP, entry.mac == MACAddress(for: address),
                            case .index(let index) = entry.link
                        else { return nil }
                        return try socket.link(at: index)?.name
                    }
                }
                #expect(found == places, "\(what)")
                let compared = try await node.plane.resync(reason: "test")
                #expect(compared.isClean, "\(what): \(compared.repairs) \(compared.failures)")
            }
            try await step("elsewhere", at: ["vx0"]) { $0.setRemote(remote, in: "app") }
            try await step("here as well", at: [port]) { $0.set(.sandbox(moving)) }
            let greeter = try await Greeter.start("here", in: node.sandbox("t14"), port: 80)
            #expect(await tcp(address, 80, from: node.sandbox("t11")) == "here \(taskAddress(1, 1))")
            try await step("here alone", at: [port]) { $0.removeRemote(address, from: "app") }
            try await step("elsewhere as well", at: [port]) { $0.setRemote(remote, in: "app") }
            #expect(await tcp(address, 80, from: node.sandbox("t11")) == "here \(taskAddress(1, 1))")
            withExtendedLifetime(greeter) {}
            try await step("elsewhere alone", at: ["vx0"]) { $0.remove(.sandbox("t14")) }
            try await step("from there to here", at: [port]) {
                $0.removeRemote(address, from: "app")
                $0.set(.sandbox(moving))
            }
            try await step("from here to there", at: ["vx0"]) {
                $0.remove(.sandbox("t14"))
                $0.setRemote(remote, in: "app")
            }
            try await step("nowhere", at: []) { $0.removeRemote(address, from: "app") }
        }
    }
}
