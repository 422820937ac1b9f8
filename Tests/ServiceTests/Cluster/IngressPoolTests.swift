import Addressing
import EngineInterface
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
