import Addressing
import LinuxSystem
import Model
import Netlink
import Nftables
import TestKit
import Testing

@testable import DataPlane

@Suite struct IngressTrialTests {
    private let usual = IPNetwork(address: IPAddress(240, 255, 0, 0), prefixLength: 16)

    private func trial(_ hindrance: @escaping @Sendable () throws -> Void) async throws -> IngressTrouble? {
        try await IngressTrial.run(usual, hindrance: hindrance)
    }

    @Test func `this kernel carries an ingress network of any numbers, and nothing is left of the trial`() async throws
    {
        try await withWorld(nodes: 1) { world in
            let plane = world.nodes[0].plane
            var times: [Duration] = []
            for text in ["240.255.0.0/16", "198.18.0.0/16", "10.255.0.0/16", "172.30.7.0/28"] {
                let subnet = try #require(IPNetwork(text))
                let start = ContinuousClock.now
                #expect(try await plane.tryIngress(subnet) == nil)
                let took = ContinuousClock.now - start
                print("trial of \(text): \(took)")
                times.append(took)
            }
            // The quickest: a busy machine may add to any of them.
            #expect(try #require(times.min()) < .seconds(2))
            #expect(try NetworkNamespace.list(in: plane.layout.namespaceDirectory).isEmpty)
        }
    }

    @Test(arguments: ["all", "default"])
    func `a parameter that keeps neighbours from being found is named`(scope: String) async throws {
        let trouble = try await trial {
            try Sysctl.write("net/ipv4/conf/\(scope)/arp_ignore", "8")
            // What a link begins with it has from then on.
            if scope == "default" { try Sysctl.write("net/ipv4/conf/eth0/arp_ignore", "8") }
        }
        #expect(trouble == .parameter(name: "net.ipv4.conf.\(scope).arp_ignore", value: "8"))
    }

    @Test func `a parameter that is set and does no harm is not told of`() async throws {
        #expect(
            try await trial {
                try Sysctl.write("net/ipv4/conf/all/arp_ignore", "1")
                try Sysctl.write("net/ipv4/conf/all/arp_filter", "1")
                try Sysctl.write("net/ipv4/conf/all/rp_filter", "1")
            } == nil)
    }

    @Test func `what leads these numbers nowhere is told from a kernel that carries nothing`() async throws {
        let near = IPNetwork(address: IPAddress(240, 255, 0, 0), prefixLength: 24)
        #expect(
            try await trial {
                try RouteSocket().perform(AddRoute(Route(destination: near, kind: .unreachable)))
            } == .lost)
        // At sending as at receiving.
        for hook in ["input", "output"] {
            let side = hook == "input" ? "saddr" : "daddr"
            let rule =
                "table ip site { chain c { type filter hook \(hook) priority 0; ip \(side) 240.0.0.0/4 drop; }; }"
            #expect(try await trial { try NftContext().run(rule) } == .lost)
        }
        let all = "table ip site { chain c { type filter hook input priority 0; drop; }; }"
        #expect(try await trial { try NftContext().run(all) } == .silent)
    }

    @Test func `a client from outside must be answered, not the neighbour alone`() async throws {
        let rule = "table ip site { chain c { type filter hook input priority 0; ip saddr 192.0.2.0/24 drop; }; }"
        #expect(try await trial { try NftContext().run(rule) } == .silent)
    }
}
