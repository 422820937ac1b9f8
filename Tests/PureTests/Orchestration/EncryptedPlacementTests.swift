import Model
import Testing

@testable import Orchestration

struct EncryptedPlacementTests {
    private func network(_ name: String, _ swarm: SwarmSimulation, encrypted: Bool) throws -> SwarmNetwork {
        var request = NetworkRequest()
        request.name = name
        request.driver = "overlay"
        request.options = encrypted ? ["encrypted": ""] : nil
        return try NetworkAllocator(state: swarm.state).allocate(request, id: name, at: swarm.now)
    }

    @Test func `the option is kept as it was given, beside the number`() throws {
        let made = try network("sealed", SwarmSimulation(), encrypted: true)
        #expect(made.isEncrypted)
        #expect(made.driverState?.options == ["encrypted": "", SwarmNetwork.identifierOption: "4097"])
        #expect(try !network("open", SwarmSimulation(), encrypted: false).isEncrypted)
        // As in Docker the option's value does not count.
        #expect(SwarmNetwork.isEncrypted(["encrypted": "false"]) && !SwarmNetwork.isEncrypted([:]))
    }

    @Test func `tasks in an encrypted network go to nodes that can encrypt, those in others anywhere`() throws {
        var swarm = SwarmSimulation()
        for id in ["able", "old", "unable"] { swarm.addNode(id) }
        swarm.state.nodes["able"]?.description?.encryption = NodeEncryption()
        swarm.state.nodes["unable"]?.description?.encryption = NodeEncryption(reason: "no TAP devices")
        for (name, encrypted) in [("sealed", true), ("open", false)] {
            swarm.state.networks[name] = try network(name, swarm, encrypted: encrypted)
            swarm.addService(name, replicas: 6) { spec in
                var attachment = NetworkAttachmentConfig()
                attachment.target = name
                spec.taskTemplate.networks = [attachment]
            }
        }
        for _ in 0..<4 { swarm.plan() }
        func places(_ service: String) -> [String] {
            swarm.state.tasks.values.filter { $0.serviceID == service }.compactMap(\.nodeID)
        }
        #expect(places("sealed") == Array(repeating: "able", count: 6))
        #expect(Set(places("open")) == ["able", "old", "unable"])

        swarm.state.nodes["able"]?.description?.encryption = nil
        swarm.addService("later", replicas: 1) { spec in
            var attachment = NetworkAttachmentConfig()
            attachment.target = "sealed"
            spec.taskTemplate.networks = [attachment]
        }
        for _ in 0..<4 { swarm.plan() }
        let waiting = try #require(swarm.state.tasks.values.first { $0.serviceID == "later" })
        #expect(waiting.nodeID == nil)
        #expect(
            waiting.status.err?.contains("encrypted networks not possible on 3 nodes") == true,
            "\(waiting.status.err ?? "")")
    }
}
