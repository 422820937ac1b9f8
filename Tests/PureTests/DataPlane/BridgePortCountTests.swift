import Addressing
@testable import DataPlane
import TestKit
import Testing

@Suite struct BridgePortCountTests {
    private let bridges = [
        BridgeNetwork(
            id: "b0", linkName: "docker0", gateway: IPNetwork(address: IPAddress(172, 17, 0, 1), prefixLength: 16)),
        BridgeNetwork(
            id: "b1", linkName: "br-empty", gateway: IPNetwork(address: IPAddress(172, 19, 0, 1), prefixLength: 16)),
    ]

    private func container(_ number: UInt8) -> Sandbox {
        Sandbox(
            id: "c\(number)",
            endpoints: [
                .init(
                    id: "b\(number)", network: .bridge("b0"), interfaceName: "eth0",
                    address: IPNetwork(address: IPAddress(172, 17, 0, number), prefixLength: 16)),
                .init(
                    id: "o\(number)", network: .overlay("app"), interfaceName: "eth1",
                    address: IPNetwork(address: IPAddress(10, 1, 0, number), prefixLength: 24)),
            ])
    }

    @Test func `A8: every port that a pass has put into a bridge counts, the tunnel's as well`() {
        let network = NodeNetwork(
            underlay: Underlay(address: IPAddress(192, 0, 2, 1), peers: []), bridges: bridges,
            overlays: [OverlayNetwork(id: "app", vni: 4097)], sandboxes: [container(2), container(3)])
        let derivation = Derivation(network, layout: Layout(runDirectory: "/run/test"), filtersBridges: true)
        var counts = BridgePortCounts()
        for (scope, input) in derivation.inputs() { counts.add(derivation.state(for: input).kernel, of: scope) }
        #expect(counts.bridges == ["docker0": 2, "br-empty": 0])
        #expect(counts.overlays == ["app": 3])
    }
}
