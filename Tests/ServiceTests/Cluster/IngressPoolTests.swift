import Addressing
import EngineInterface
import Model
import Orchestration
import Testing

@testable import Cluster

@Suite struct IngressPoolTests {
    private func network(_ text: String) throws -> IPNetwork { try #require(IPNetwork(text)) }

    @Test func `the first that nothing routes is taken, unless one is asked for`() throws {
        #expect(try IngressPool.choose("", hasPools: false, routed: [])?.description == "240.255.0.0/16")
        let reserved = try network("240.0.0.0/4")
        #expect(try IngressPool.choose("", hasPools: false, routed: [reserved])?.description == "198.18.0.0/16")
        let both = [reserved, try network("198.18.7.0/24")]
        #expect(try IngressPool.choose("", hasPools: false, routed: both)?.description == "10.255.0.0/16")
        #expect(try IngressPool.choose("", hasPools: true, routed: []) == nil)
        #expect(try IngressPool.choose("10.7.1.0/20", hasPools: true, routed: [])?.description == "10.7.0.0/20")
    }

    /// Chooses for a node that cannot have these subnets.
    private func choose(
        _ text: String = "", pools: [String] = [], routed: [IPNetwork] = [], without troubles: [String: IngressTrouble]
    ) async throws -> String? {
        let chooser = try DefaultAddressPools(pools, size: 0).chooser
        return try await IngressPool.choose(text, pools: chooser, routed: routed) { troubles[$0.description] }?
            .description
    }

    @Test func `the first that the node carries is taken, unless one is asked for`() async throws {
        let trouble = IngressTrouble.lost
        #expect(try await choose(without: [:]) == "240.255.0.0/16")
        #expect(try await choose(without: ["240.255.0.0/16": trouble]) == "198.18.0.0/16")
        let routed = [try network("198.18.0.0/15")]
        #expect(try await choose(routed: routed, without: ["240.255.0.0/16": trouble]) == "10.255.0.0/16")
        // Where all of them are routed the first one is taken, as long as it works.
        let all = [try network("0.0.0.0/1"), try network("128.0.0.0/1")]
        #expect(try await choose(routed: all, without: [:]) == "240.255.0.0/16")
        #expect(try await choose("10.7.0.0/16", without: ["240.255.0.0/16": trouble]) == "10.7.0.0/16")
        #expect(try await choose(pools: ["10.8.0.0/16"], without: ["240.255.0.0/16": trouble]) == nil)
    }

    @Test func `where the node carries none the swarm is refused by name, with what is in the way`() async throws {
        let trouble = IngressTrouble.parameter(name: "net.ipv4.conf.all.arp_ignore", value: "8")
        func refuses(_ text: String, _ body: () async throws -> String?) async throws {
            let subnet = try network(text)
            await #expect(throws: SwarmError.ingressUnusable(subnet, trouble)) { try await body() }
        }
        let none = ["240.255.0.0/16": trouble, "198.18.0.0/16": trouble, "10.255.0.0/16": .lost]
        try await refuses("240.255.0.0/16") { try await choose(without: none) }
        try await refuses("10.7.0.0/16") { try await choose("10.7.0.0/16", without: ["10.7.0.0/16": trouble]) }
        try await refuses("10.8.0.0/24") { try await choose(pools: ["10.8.0.0/16"], without: ["10.8.0.0/24": trouble]) }
    }

    @Test func `one that is none, or that the node routes, is refused by name`() throws {
        for text in [
            "x", "10.0.0.0", "10.0.0.0/8", "10.0.0.0/29", "224.1.0.0/16", "127.1.0.0/16", "0.0.0.0/16", "fd00::/64",
        ] {
            #expect(throws: SwarmError.invalidIngressPool(text)) {
                try IngressPool.choose(text, hasPools: false, routed: [])
            }
        }
        let site = try network("10.0.0.0/8")
        #expect(throws: SwarmError.ingressPoolRouted("10.9.0.0/16", by: site)) {
            try IngressPool.choose("10.9.0.0/16", hasPools: false, routed: [site])
        }
    }
}
