import Addressing
import CLinux
import DataPlane
import LinuxSystem
import Logging
import Model
import Netlink
import PathProbes
import TestKit
import Testing

@Suite struct TunnelChecksumTests {
    @Test
    func
        `E2: overlays' own devices compute checksums before the card, and no link of the host does otherwise than before`()
        async throws
    {
        try await withNetworkNamespaces(1) { namespaces in
            try await withTemporaryDirectory { directory in
                let node = namespaces[0]
                let address = IPAddress(198, 51, 100, 2)
                try await node.run {
                    try RouteSocket().perform([
                        CreateVeth(name: "eth0", isUp: true, peer: VethPeer(name: "other")),
                        AddAddress(LinkAddress(link: "eth0", network: IPNetwork(address: address, prefixLength: 24))),
                    ])
                }
                let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                let plane = NodeDataPlane(runDirectory: directory, nodeNamespace: node, log: log)
                let network = NodeNetwork(
                    underlay: Underlay(address: address, link: "eth0", peers: [address]),
                    overlays: [OverlayNetwork(id: "one", vni: 4097), OverlayNetwork(id: "two", vni: 4098)])
                @Sendable func state(_ id: String) async throws -> CInt {
                    try await plane.layout.overlay(id).run { clinux_link_checksums("vx0") }
                }
                try await cleaningUp {
                    let report = try await plane.reconcile(network)
                    try #require(report.failures.isEmpty, "\(report.failures)")
                    let tunnels = TunnelChecksums(
                        directory: plane.layout.namespaceDirectory, prefix: Layout.overlayPrefix,
                        device: Layout.overlayTunnel)
                    #expect(try await tunnels.apply(byKernel: false) == 0)
                    #expect(try await tunnels.apply(byKernel: true) == 2)
                    #expect(try await state("one") == 0)
                    #expect(try await state("two") == 0)
                    #expect(try await node.run { clinux_link_checksums("eth0") } == 1)
                    // Again: nothing is to be done. One that somebody has put back is like the others again.
                    #expect(try await tunnels.apply(byKernel: true) == 0)
                    try await plane.layout.overlay("two").run { _ = clinux_set_link_checksums("vx0", 1) }
                    #expect(try await tunnels.apply(byKernel: true) == 1)
                    // The data plane does not take it for damage.
                    #expect(try await plane.reconcile(network).failures.isEmpty)
                    #expect(try await state("one") == 0)
                    #expect(try await tunnels.apply(byKernel: false) == 2)
                    #expect(try await state("one") == 1)
                } by: {
                    try await plane.teardown()
                }
            }
        }
    }
}
