import Addressing
import Model
import Netlink
import Testing

@testable import Engine

/// What a node's engine takes from the link by which others reach it.
@Suite struct UnderlayTests {
    @Test(arguments: ["198.51.100.11/24", "2001:db8::11/64"])
    func `overlays have the room of the link that has the node's address, in the node's own network`(
        _ text: String
    ) async throws {
        try await EngineFixture.run { node in
            let own = try #require(IPNetwork(text))
            try await node.namespace.run {
                try RouteSocket().perform([
                    SetLink("lo", isUp: true), CreateBridge(name: "un0", mtu: 1400, isUp: true),
                    AddAddress(LinkAddress(link: .name("un0"), network: own)),
                ])
            }
            let networks = node.engine.swarmNetworks
            let peer = SwarmNetworkState.Peer(
                nodeID: "n1", hostname: "n1", address: own.address, ingressAddresses: nil)
            try await networks.apply(
                [NetworkChangeSet(.swarm, sequence: 1, isSnapshot: true, upserts: [.peer(peer)])], nodeID: "n1")
            #expect(node.engine.network.underlayMTU == 1400)
            try await node.namespace.run { try RouteSocket().perform(SetLink(.name("un0"), mtu: 1380)) }
            let change = try await networks.followUnderlay()
            #expect(change?.before == 1400 && change?.now == 1380)
        }
    }
}
