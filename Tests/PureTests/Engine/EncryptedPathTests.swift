import Addressing
import EngineInterface
import Model
import PathProbes
import Testing

@testable import Engine

/// Which ways to other nodes are measured encrypted.
@Suite struct EncryptedPathTests {
    private func state(isEncrypted: Bool, encrypting: Bool = true) throws -> SwarmNetworkState {
        var state = try NodeNetworkFixture.swarmState()
        var app = SwarmNetwork(id: "app")
        app.spec.name = "app"
        var options = [SwarmNetwork.identifierOption: "4097"]
        if isEncrypted { options[SwarmNetwork.encryptedOption] = "" }
        app.driverState = Driver(name: "overlay", options: options)
        state.networks[1].network = app
        state.peers.append(
            .init(nodeID: "n3", hostname: "node-3", address: IPAddress(203, 0, 113, 13), ingressAddresses: nil))
        for index in state.peers.indices where encrypting {
            state.peers[index].encryption = EncryptionPlace(
                number: UInt32(index + 1), page: 7, restarts: 0, lanes: 1)
        }
        return state
    }

    private func composer(_ state: SwarmNetworkState) throws -> NodeNetworkComposer {
        NodeNetworkComposer(
            containers: [try NodeNetworkFixture.taskContainer()], networks: [try NodeNetworkFixture.gatewayBridge()],
            facts: NetworkFacts(state), nodeID: "n1", underlayMTU: 1500)
    }

    @Test func `those to nodes with which an encrypted network is shared, and that encrypt`() throws {
        let composer = try composer(try state(isEncrypted: true))
        let demand = try #require(composer.encryptedPathDemand())
        #expect(demand.device.kind == .esp && demand.device.port == 4789 && demand.linkMTU == 1500)
        #expect(demand.targets.map(\.id) == ["n2"] && demand.members == [IPAddress(203, 0, 113, 12)])
        #expect(demand.managers.isEmpty)
        // In clear all are measured.
        #expect(composer.pathDemand()?.targets.map(\.id) == ["n2", "n3"])
        #expect(try self.composer(try state(isEncrypted: false)).encryptedPathDemand() == nil)
        #expect(try self.composer(try state(isEncrypted: true, encrypting: false)).encryptedPathDemand() == nil)
    }
}
