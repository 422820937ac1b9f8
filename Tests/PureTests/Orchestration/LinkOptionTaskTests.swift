import Model
import Orchestration
import Testing

/// Options of a service's networks on their way into its tasks.
@Suite struct LinkOptionTaskTests {
    private static let name = "com.docker.network.endpoint.ifname"

    private func swarm(_ options: [String: String]) throws -> SwarmSimulation {
        var swarm = SwarmSimulation()
        for id in ["n1", "n2"] { swarm.addNode(id) }
        for (name, driver) in [("app", "overlay"), ("lan", "macvlan")] {
            var request = NetworkRequest()
            (request.name, request.driver) = (name, driver)
            if driver == "macvlan" {
                request.scope = "swarm"
                request.configFrom = NetworkRequest.ConfigurationSource(network: "cfg")
            } else {
                request.ipam = AddressManagement(driver: "default", config: [AddressPool(subnet: "10.64.0.0/24")])
            }
            swarm.state.networks[name] = try NetworkAllocator(state: swarm.state).allocate(
                request, id: name, at: swarm.now)
        }
        swarm.addService("web", replicas: 2) { $0.taskTemplate.networks = Self.places(options) }
        swarm.settle()
        return swarm
    }

    /// On the overlay with the options, on the other with a name of its own.
    private static func places(_ options: [String: String]) -> [NetworkAttachmentConfig] {
        [("app", options), ("lan", [name: "wire0"])].map { target, options in
            var config = NetworkAttachmentConfig()
            (config.target, config.driverOpts) = (target, options)
            return config
        }
    }

    @Test func `tasks have the options of their links on overlays and on networks that nodes make, without addresses`()
        throws
    {
        let swarm = try swarm([Self.name: "lan0", "apus.ip": "10.64.0.77"])
        let tasks = swarm.running("web")
        #expect(tasks.count == 2)
        for task in tasks {
            #expect(task.networksAttachments?.map(\.driverOpts) == [[Self.name: "lan0"], [Self.name: "wire0"]])
        }
        for task in try self.swarm([:]).running("web") {
            #expect(task.networksAttachments?.map(\.driverOpts) == [nil, [Self.name: "wire0"]])
        }
    }

    @Test func `another option makes the tasks anew, the same one does not`() throws {
        var swarm = try swarm([Self.name: "lan0"])
        let before = Set(swarm.running("web").map(\.id))
        swarm.updateService("web") { $0.taskTemplate.networks = Self.places([Self.name: "lan0"]) }
        swarm.settle()
        #expect(Set(swarm.running("web").map(\.id)) == before)
        swarm.updateService("web") { $0.taskTemplate.networks = Self.places([Self.name: "lan1"]) }
        swarm.settle(rounds: 24)
        let after = swarm.running("web")
        #expect(after.count == 2 && before.isDisjoint(with: after.map(\.id)))
        #expect(after.allSatisfy { $0.networksAttachments?.first?.driverOpts == [Self.name: "lan1"] })
    }
}
