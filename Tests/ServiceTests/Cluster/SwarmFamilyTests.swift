import Addressing
import Cluster
import EngineInterface
import Faults
import Model
import TestKit
import Testing

/// A swarm whose nodes reach each other by IPv6 alone.
@Suite(.serialized, .timeLimit(.minutes(3))) struct SwarmFamilyTests {
    @Test func `nodes join over IPv6, a second manager with its store, and hear of networks of both families`()
        async throws
    {
        try await withNodes(2, .v6) { nodes in
            let (first, second) = (nodes[0], nodes[1])
            try await first.running { manager in
                try await first.initialise(manager)
                let token = try #require(try await manager.inspectSwarm().joinTokens?.manager)
                let own = try await manager.inspectNode("self")
                #expect(own.managerStatus?.addr?.description == "[::1]:\(first.port)")
                #expect(own.status.addr?.description == "::1")
                try await second.running { other in
                    try await second.join(other, token: token, manager: first)
                    try await eventually("both nodes are managers") {
                        let nodes = try await manager.listNodes(Filters())
                        return nodes.count {
                            $0.managerStatus?.reachability == "reachable" && $0.status.state == .ready
                        }
                            == 2
                    }
                    var request = NetworkRequest()
                    request.name = "net"
                    request.enableIPv6 = true
                    let network = try await manager.createSwarmNetwork(request)
                    _ = try await other.createService(service("web", replicas: 2, networks: ["net"]))
                    try await eventually("both nodes know the service's addresses of both families") {
                        [first, second].allSatisfy { node in
                            let known = node.executor.network?.networks.first { $0.network.id == network }?.services
                                .first
                            return known?.virtualAddresses?.v4 != nil && known?.virtualAddresses?.v6 != nil
                                && known?.backends.count == 4
                        }
                    }
                    let state = try #require(second.executor.network)
                    #expect(state.peers.count == 2 && state.peers.allSatisfy { $0.address.family == .v6 })
                }
            }
        }
    }
}
