import Addressing
import Model
import TestKit
import Testing

@testable import DataPlane

/// The whole value is the oracle: changes by key lead to the same network.
@Suite struct NetworkChangesTests {
    private static func network(_ random: inout SplitMix) -> NodeNetwork {
        func address(_ number: Int) -> IPNetwork {
            IPNetwork(address: IPAddress(10, 1, UInt8(number), 1), prefixLength: 24)
        }
        func chosen(_ letters: String) -> [String] {
            letters.map(String.init).filter { _ in Bool.random(using: &random) }
        }
        var network = NodeNetwork()
        network.bridges = chosen("abcd").map { id in
            BridgeNetwork(
                id: id, linkName: "br-\(id)", gateway: address(1), mtu: Int.random(in: 1400...1402, using: &random))
        }
        network.overlays = chosen("efgh").map { OverlayNetwork(id: $0, vni: UInt32.random(in: 1...3, using: &random)) }
        network.sandboxes = chosen("ijklmnop").map { id in
            Sandbox(id: id, resolver: ResolverPorts(udp: UInt16.random(in: 1...3, using: &random), tcp: 53))
        }
        if Bool.random(using: &random) {
            network.underlay = Underlay(
                address: IPAddress(10, 0, 0, 1), mtu: Int.random(in: 1500...1502, using: &random), peers: [])
        }
        if Bool.random(using: &random) {
            network.ingress = IngressSandbox(
                address: address(2), overlayID: "e", bridgeID: "a",
                gatewayAddresses: address(Int.random(in: 3...5, using: &random)))
        }
        return network
    }

    @Test(arguments: 1...20) func `changes lead where the whole value leads`(seed: UInt64) {
        var random = SplitMix(state: seed)
        var now = Self.network(&random)
        var gathered = NetworkChanges()
        let start = now
        for _ in 0..<10 {
            let next = Self.network(&random)
            let changes = NetworkChanges(from: now, to: next)
            #expect(changes.isEmpty == (now.parts == next.parts))
            now.apply(changes)
            #expect(now.parts == next.parts)
            #expect(now.sandboxes.count == next.sandboxes.count)
            gathered.merge(changes)
        }
        // Gathered, they are the same, in whatever order of keys.
        var atOnce = start
        atOnce.apply(gathered)
        #expect(atOnce.parts == now.parts)
    }

    @Test func `what is not named stays where it is`() {
        var network = NodeNetwork(sandboxes: ["c", "a", "b"].map { Sandbox(id: $0) })
        var changes = NetworkChanges()
        changes.set(.sandbox(Sandbox(id: "a", resolver: ResolverPorts(udp: 1, tcp: 2))))
        changes.set(.sandbox(Sandbox(id: "0")))
        changes.remove(.sandbox("b"))
        changes.remove(.overlay("none"))
        network.apply(changes)
        #expect(network.sandboxes.map(\.id) == ["c", "a", "0"])
        #expect(network.sandboxes[1].resolver?.udp == 1)
        #expect(changes.keys == [.sandbox("a"), .sandbox("0"), .sandbox("b"), .overlay("none")])
    }
}
