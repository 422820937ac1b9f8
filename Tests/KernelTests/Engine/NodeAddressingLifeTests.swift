import Addressing
import LinuxSystem
import Model
import Netlink
import TestKit
import Testing

@testable import Engine

/// A daemon that is started again with other pools, and another address for docker0.
@Suite(.timeLimit(.minutes(2))) struct NodeAddressingLifeTests {
    private func subnets(_ fixture: EngineFixture) -> [String: [String]] {
        Dictionary(
            uniqueKeysWithValues: fixture.engine.networks.networks.all.map { network in
                (network.name, network.ranges.map(\.subnet.description))
            })
    }

    private func make(_ name: String, _ fixture: EngineFixture) async throws {
        var request = NetworkRequest()
        request.name = name
        _ = try await fixture.engine.networks.createNetwork(request)
    }

    @Test func `C2: no bridge changes with the pools, nor docker0's address while a container is on it`() async throws {
        let pool = try #require(IPNetwork("10.217.0.0/16"))
        let later = try NodeAddressing(pools: ["base=\(pool),size=24"], bridge: "10.218.0.1/24", keptOut: [])
        let before = Kept<[String: [String]]>([:])
        try await EngineFixture.run(later: later) { fixture in
            try await make("first", fixture)
            _ = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.networkMode = "bridge" }
            let found = subnets(fixture)
            before.withLock { $0 = found }
        } restarted: { next in
            try await next.waitForLog("docker0 keeps its address")
            #expect(subnets(next) == before.withLock { $0 })
            try await make("second", next)
            let made = try #require(subnets(next)["second"]?.first.flatMap { IPNetwork($0) })
            #expect(pool.contains(made) && made.prefixLength == 24)
        }
    }

    @Test func `C2: docker0 has the address that is named from a start on at which nobody is on it`() async throws {
        let wanted = try #require(IPNetwork("10.218.0.1/24"))
        let later = try NodeAddressing(pools: [], bridge: wanted.description, keptOut: [])
        let former = Kept<IPNetwork?>(nil)
        try await EngineFixture.run(later: later) { fixture in
            let address = fixture.engine.networks.networks.named("bridge")?.bridgeAddresses?.primary
            former.withLock { $0 = address }
        } restarted: { next in
            let gone = former.withLock { $0 }
            try await eventually(within: .seconds(20), "docker0 has moved") {
                let found = try await next.namespace.run { try RouteSocket().addresses().map(\.network) }
                return found.contains(wanted) && !found.contains { $0 == gone }
            }
            let id = try await next.start(["sleep", "1000"]) { $0.hostConfig.networkMode = "bridge" }
            let address = try #require(try next.record(id).endpoints.first?.address)
            #expect(wanted.masked.contains(address.address))
        }
    }
}
