import Model
import Testing

@testable import Orchestration

/// A bridge has 1,023 ports: whoever would be one too many is told so before it has a node.
struct BridgePortTests {
    private func swarm(_ name: String, nodes: [String], isInternal: Bool = false) throws -> SwarmSimulation {
        var swarm = SwarmSimulation()
        for id in nodes { swarm.addNode(id) }
        var request = NetworkRequest()
        request.name = name
        request.driver = "overlay"
        request.internal = isInternal
        request.ipam = AddressManagement(driver: "default", config: [AddressPool(subnet: "10.64.0.0/16")])
        swarm.state.networks[name] = try NetworkAllocator(state: swarm.state).allocate(request, id: name, at: swarm.now)
        return swarm
    }

    private func add(_ name: String, _ replicas: UInt64, in network: String?, to swarm: inout SwarmSimulation) {
        swarm.addService(name, replicas: replicas) { spec in
            guard let network else { return }
            var attachment = NetworkAttachmentConfig()
            attachment.target = network
            spec.taskTemplate.networks = [attachment]
        }
    }

    private func waiting(_ service: String, _ swarm: SwarmSimulation) -> [SwarmTask] {
        swarm.state.tasks(ofService: service).filter { $0.nodeID == nil && $0.isWanted }
    }

    @Test func `A8: of 1,200 tasks in a network on one node 1,022 run, and the others say that the network is full`()
        throws
    {
        var swarm = try swarm("closed", nodes: ["n1"], isInternal: true)
        add("web", 1200, in: "closed", to: &swarm)
        swarm.settle(rounds: 3)
        #expect(swarm.running("web").count == 1022)
        let waiting = waiting("web", swarm)
        #expect(waiting.count == 178)
        #expect(
            Set(waiting.map(\.status.err)) == ["no suitable node (network closed full on 1 node: 1022 tasks at most)"])
        // Others are not concerned.
        add("plain", 2, in: nil, to: &swarm)
        swarm.settle(rounds: 3)
        #expect(swarm.running("plain").count == 2)
        // Another node takes them.
        swarm.addNode("n2")
        swarm.settle(rounds: 3)
        #expect(swarm.running("web").count == 1200)
    }

    @Test func `A8: the way out is a bridge, too, which tasks of several networks share`() throws {
        var swarm = try swarm("open", nodes: ["n1"])
        add("web", 1000, in: "open", to: &swarm)
        swarm.addService("published", replicas: 30) { spec in
            var port = PortConfig()
            port.targetPort = 80
            port.publishedPort = 8080
            spec.endpointSpec = EndpointSpec()
            spec.endpointSpec?.ports = [port]
        }
        swarm.settle(rounds: 4)
        #expect(swarm.running("web").count + swarm.running("published").count == 1022)
        let reasons = Set((waiting("web", swarm) + waiting("published", swarm)).map(\.status.err))
        #expect(reasons == ["no suitable node (network docker_gwbridge full on 1 node: 1022 tasks at most)"])
    }

    @Test func `D7: a sealed task that publishes takes no port of the way out, unless another network leads there`() {
        func network(_ name: String, isInternal: Bool, isSealed: Bool = false, isIngress: Bool = false) -> SwarmNetwork
        {
            var network = SwarmNetwork(id: name)
            network.spec.name = name
            network.spec.internal = isInternal
            network.spec.ingress = isIngress
            network.driverState = Driver(name: "overlay", options: isSealed ? [Sealing.option: "true"] : [:])
            return network
        }
        let inner = network("inner", isInternal: true)
        let sealed = network("sealed", isInternal: true, isSealed: true)
        let open = network("open", isInternal: false)
        let ingress = network("ingress", isInternal: false, isIngress: true)
        func bridges(_ networks: [SwarmNetwork]) -> [String] {
            var task = SwarmTask(id: "t1")
            task.networksAttachments = networks.map { NetworkAttachment(network: $0, addresses: []) }
            return task.bridges.map(\.name)
        }
        #expect(bridges([inner]) == ["inner"])
        #expect(bridges([inner, ingress]) == ["inner", "ingress", "docker_gwbridge"])
        #expect(bridges([sealed]) == ["sealed"])
        #expect(bridges([sealed, ingress]) == ["sealed", "ingress"])
        #expect(bridges([sealed, inner, ingress]) == ["sealed", "inner", "ingress"])
        #expect(bridges([sealed, open, ingress]) == ["sealed", "open", "ingress", "docker_gwbridge"])
    }

    @Test func `a task takes the place of one that has not gone yet on a full node`() throws {
        var swarm = try swarm("closed", nodes: ["n1"], isInternal: true)
        add("web", 1022, in: "closed", to: &swarm)
        swarm.settle(rounds: 3)
        #expect(swarm.running("web").count == 1022)
        swarm.updateService("web") { $0.taskTemplate.forceUpdate = 1 }
        for _ in 0..<3 {
            swarm.plan()
            swarm.now = swarm.now.advanced(bySeconds: 1)
        }
        #expect(swarm.state.tasks(ofService: "web").contains { $0.spec.forceUpdate == 1 && $0.nodeID == "n1" })
        #expect(waiting("web", swarm).isEmpty)
    }
}
