import DataPlane
import EngineInterface
import Faults
import LinuxSystem
import Model
import Netlink
import TestKit
import Testing

@testable import Engine

@Suite(.timeLimit(.minutes(2))) struct NetworkRaceTests {
    private func makeNetwork(_ name: String, _ engine: NodeEngine) async throws -> String {
        var request = NetworkRequest()
        request.name = name
        return try await engine.networks.createNetwork(request).id
    }

    @Test func `a container that starts on a network while it is removed finds it gone, and keeps nothing of it`()
        async throws
    {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let network = try await makeNetwork("n", engine)
            let id = try await fixture.create(["sleep", "1000"]) { $0.hostConfig.networkMode = "n" }
            // Nobody else writes: the removal waits for its word to be off the record.
            let lock = try await onThread { try StoreLock(engine.paths.database) }
            async let removed: Void = engine.networks.removeNetwork("n")
            try await eventually("the network is taken out") { engine.networks.networks.network(network) == nil }
            await #expect(throws: APIError(.notFound, "network n not found")) {
                try await told {
                    _ = try await engine.endpoints.allocateNetworks(id)
                }
            }
            try await onThread { try lock.release() }
            try await removed
            #expect(try fixture.record(id).endpoints.allSatisfy { !$0.isJoined })
            await #expect(throws: APIError(.notFound, "network n not found")) {
                try await told {
                    try await engine.containers.startContainer(id)
                }
            }
            #expect(engine.network.dataPlane.sandboxNamespace(id).exists() == false)
        }
    }

    @Test func `of those who connect a container to one network at once one succeeds`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            _ = try await makeNetwork("n", engine)
            let id = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.networkMode = "bridge" }
            let succeeded = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        do {
                            try await engine.endpoints.connectNetwork("n", container: id, settings: nil)
                            return true
                        } catch { return false }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(succeeded == 1)
            let places = try fixture.record(id).endpoints
            #expect(places.map(\.networkName).sorted() == ["bridge", "n"])
            #expect(places.allSatisfy { $0.isJoined })
            #expect(Set(places.compactMap(\.address)).count == 2)
            try await engine.endpoints.disconnectNetwork("n", container: id, force: false)
            await #expect(throws: APIError.self) {
                try await told {
                    try await engine.endpoints.disconnectNetwork("n", container: id, force: false)
                }
            }
        }
    }

    @Test func `a place is had while the link of one that was left is there, which goes then`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            _ = try await makeNetwork("n", engine)
            let other = EndpointRecord(networkID: try await makeNetwork("m", engine), networkName: "m")
            let id = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.networkMode = "n" }
            // As whoever is given up or killed has left it: on record it is so, and in the kernel it is not yet.
            try await engine.endpoints.drop(id) { $0.networkName == "n" }
            try await engine.table.update(id) { $0.endpoints.append(other) }
            await engine.endpoints.finishConnections()
            let places = try fixture.record(id).endpoints
            #expect(places.map(\.networkName) == ["m"])
            #expect(places.first?.isJoined == true && places.first?.interfaceName == "eth1")
            let isThere = try await engine.network.dataPlane.sandboxNamespace(id).run {
                let route = try RouteSocket()
                return try ["eth0", "eth1"].map { try route.link(named: $0) != nil }
            }
            #expect(isThere == [false, true])
        }
    }

    @Test func `the gateway bridge stays while a container is on it though the node leaves the swarm`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            _ = try await engine.networks.networks.ensureGatewayBridge(taken: [], routed: [])
            let name = LocalNetwork.gatewayBridgeName
            let id = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.networkMode = name }
            try await engine.tasks.leaveNetworks()
            #expect(engine.networks.networks.named(name) != nil)
            // Whoever comes next has its network.
            let other = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.networkMode = "bridge" }
            #expect(try fixture.record(other).endpoints.first?.isJoined == true)
            for one in [id, other] {
                try await engine.containers.removeContainer(one, force: true, removeVolumes: true)
            }
            try await engine.tasks.leaveNetworks()
            #expect(engine.networks.networks.named(name) == nil)
        }
    }

    /// Destinations and gateways of the routes of IPv4 that lead over a gateway, as the kernel writes them.
    private func gateways(_ id: String, _ engine: NodeEngine) async throws -> [Substring] {
        let text = try await engine.network.dataPlane.sandboxNamespace(id).run {
            try Files.text("/proc/thread-self/net/route") ?? ""
        }
        return text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\t")
            return fields.count > 2 && fields[1] == "00000000" && fields[2] != "00000000" ? fields[2] : nil
        }
    }

    @Test func `who leaves the bridge that led outside has docker_gwbridge at once, until there is another`()
        async throws
    {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            _ = try await engine.networks.networks.ensureGatewayBridge(taken: [], routed: [])
            _ = try await makeNetwork("n", engine)
            let id = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.networkMode = "n" }
            let first = try await gateways(id, engine)
            #expect(first.count == 1)
            // A place that a manager would have given it: no swarm is here, so there is nothing in the kernel of it.
            var place = EndpointRecord(networkID: "over", networkName: "over")
            place.overlay = EndpointRecord.Overlay(vni: 4100, isInternal: false, isIngress: false)
            (place.attachmentID, place.endpointID, place.interfaceName) = ("t1", "e1", "eth7")
            let overlay = place
            try await engine.table.update(id) { $0.endpoints.append(overlay) }

            try await engine.endpoints.disconnectNetwork("n", container: id, force: false)
            let places = try fixture.record(id).endpoints
            #expect(places.map(\.networkName) == ["over", LocalNetwork.gatewayBridgeName])
            #expect(places.allSatisfy { $0.isJoined })
            let second = try await gateways(id, engine)
            #expect(second.count == 1 && second != first)

            try await engine.endpoints.connectNetwork("n", container: id, settings: nil)
            #expect(try fixture.record(id).endpoints.map(\.networkName) == ["over", "n"])
            #expect(try await gateways(id, engine) == first)
        }
    }
}
