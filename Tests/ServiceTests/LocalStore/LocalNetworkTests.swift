import Addressing
import LocalStore
import Model
import TestKit
import Testing

@testable import Engine

/// The node's own networks over restarts of a daemon that is told something else of their addresses.
@Suite struct LocalNetworkTests {
    private func subnets(_ networks: LocalNetworks) -> [String: [String]] {
        Dictionary(uniqueKeysWithValues: networks.all.map { ($0.name, $0.ranges.map(\.subnet.description)) })
    }

    private func addressing(
        _ pools: [String] = [], bridge: String = "", keptOut: [String] = []
    ) throws -> NodeAddressing {
        try NodeAddressing(pools: pools, bridge: bridge, keptOut: keptOut)
    }

    /// The networks of a daemon that starts with what is in a store.
    private func start(
        _ store: NodeStore, _ addressing: NodeAddressing, bridgeIPv6: DefaultBridgeIPv6 = .nothing
    ) async throws -> LocalNetworks {
        let networks = LocalNetworks(store: store, bridgeIPv6: bridgeIPv6, addressing: addressing)
        try await networks.load(routed: [])
        return networks
    }

    @Test func `C2: other pools change no network that is there, and are what the next is cut from`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try await NodeStore.open(directory + "/node.db")
            let first = try await start(store, addressing())
            _ = try await first.ensureGatewayBridge(taken: [], routed: [])
            let before = subnets(first)
            #expect(before["bridge"] == ["172.17.0.0/16"] && before["docker_gwbridge"]?.first == "172.18.0.0/16")

            let second = try await start(
                store, addressing(["base=10.200.0.0/16,size=24"], keptOut: ["172.16.0.0/12", "10.200.0.0/24"]))
            _ = try await second.ensureGatewayBridge(taken: [], routed: [])
            #expect(subnets(second) == before)
            #expect(second.keptOutNetworks.map(\.name).sorted() == ["bridge", "docker_gwbridge"])
            var request = NetworkRequest()
            request.name = "n"
            let next = try second.planner(routed: []).plan(request, id: "n", at: .now)
            #expect(next.ranges.map(\.subnet.description) == ["10.200.1.0/24"])
            try await store.close()
        }
    }

    @Test func `C2: all bridges of a new node are cut from its pools, and what leaves docker0 nothing is said`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let store = try await NodeStore.open(directory + "/node.db")
            let pools = ["base=10.200.0.0/16,size=24"]
            let full = try addressing(pools, keptOut: ["10.200.0.0/16"])
            await #expect(throws: NodeAddressingError.noneForBridge(.v4)) { _ = try await start(store, full) }
            let fullOfIPv6 = try addressing(pools + ["base=fd00:1::/56,size=64"], keptOut: ["fd00:1::/56"])
            await #expect(throws: NodeAddressingError.noneForBridge(.v6)) {
                _ = try await start(store, fullOfIPv6, bridgeIPv6: .chosen)
            }
            let networks = try await start(store, addressing(pools))
            _ = try await networks.ensureGatewayBridge(taken: [], routed: [])
            let found = subnets(networks)
            #expect(found["bridge"] == ["10.200.0.0/24"] && found["docker_gwbridge"]?.first == "10.200.1.0/24")
            try await store.close()
        }
    }

    @Test func `C2: docker0 moves to the address that is named while nobody is on it`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try await NodeStore.open(directory + "/node.db")
            let first = try await start(store, addressing())
            let id = first.named("bridge")?.id
            let wanted = try #require(IPNetwork("10.201.0.1/24"))
            let networks = try await start(store, addressing(bridge: wanted.description))
            #expect(subnets(networks)["bridge"] == ["172.17.0.0/16"])
            let left = try await networks.moveBridge(isInUse: true, taken: [])
            #expect(left?.kept?.description == "172.17.0.1/16" && left?.wanted == wanted)
            let wide = try #require(IPNetwork("10.200.0.0/15"))
            await #expect(throws: NodeAddressingError.bridgeTaken(wanted, by: wide)) {
                _ = try await networks.moveBridge(isInUse: false, taken: [wide])
            }
            #expect(subnets(networks)["bridge"] == ["172.17.0.0/16"])
            let moved = try await networks.moveBridge(isInUse: false, taken: [])
            #expect(moved == nil && networks.named("bridge")?.bridgeAddresses?.all == [wanted])

            // What is not named any more stays.
            let last = try await start(store, addressing())
            let kept = try await last.moveBridge(isInUse: false, taken: [])
            #expect(kept == nil && last.named("bridge")?.id == id && subnets(last)["bridge"] == ["10.201.0.0/24"])
            try await store.close()
        }
    }
}
