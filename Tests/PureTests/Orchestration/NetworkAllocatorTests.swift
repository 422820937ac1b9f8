import Addressing
import Faults
import Model
import Orchestration
import TestKit
import Testing

@Suite struct NetworkAllocatorTests {
    private func request(_ name: String, _ subnets: [String] = []) -> NetworkRequest {
        var request = NetworkRequest()
        request.name = name
        request.driver = "overlay"
        if !subnets.isEmpty {
            request.ipam = AddressManagement(driver: "default", config: subnets.map { AddressPool(subnet: $0) })
        }
        return request
    }

    private func subnets(_ network: SwarmNetwork) -> [String] { network.addressRanges.map(\.subnet.description) }

    @Test func `default pools keep clear of 10·0, of each other, of the nodes' routes, and random ones of everything`()
        throws
    {
        var swarm = SwarmSimulation()
        swarm.addNode("n1")
        swarm.state.nodes["n1"]?.description?.routedSubnets = ["10.1.0.0/23", "198.51.100.0/24"]
        for index in 0..<40 {
            let made = try NetworkAllocator(state: swarm.state).allocate(
                request("net\(index)"), id: "net\(index)", at: swarm.now)
            swarm.state.networks[made.id] = made
        }
        let all = try swarm.state.networks.values.flatMap(subnets).map { try #require(IPNetwork($0)) }
        let forbidden = ["10.0.0.0/16", "10.1.0.0/23"].compactMap { IPNetwork($0) }
        for (index, subnet) in all.enumerated() {
            #expect(!forbidden.contains { $0.overlaps(subnet) }, "\(subnet)")
            #expect(!all[(index + 1)...].contains { $0.overlaps(subnet) }, "\(subnet)")
        }
        #expect(Set(swarm.state.networks.values.compactMap(\.vni)).count == 41)
    }

    @Test func `an MTU that no link can have is refused: every node of the network would have to set it`() throws {
        var wanted = request("a")
        for text in ["-1", "0", "65536", "big"] {
            wanted.options = ["com.docker.network.driver.mtu": text]
            #expect(throws: APIError(.invalidInput, "invalid MTU: \(text) is not a number from 68 to 65535")) {
                try told {
                    try NetworkAllocator(state: SwarmState()).allocate(wanted, id: "a", at: .now)
                }
            }
        }
        wanted.options = ["com.docker.network.driver.mtu": "1400"]
        _ = try NetworkAllocator(state: SwarmState()).allocate(wanted, id: "a", at: .now)
    }

    @Test func `a subnet within another network's is refused`() throws {
        var swarm = SwarmSimulation()
        let made = try NetworkAllocator(state: swarm.state).allocate(
            request("a", ["192.168.0.0/16", "192.170.0.0/16"]), id: "a", at: swarm.now)
        #expect(subnets(made) == ["192.168.0.0/16", "192.170.0.0/16"])
        swarm.state.networks["a"] = made
        for subnet in ["192.168.5.0/24", "192.0.0.0/8", "240.255.7.0/24"] {
            #expect(throws: APIError(.forbidden, "Pool overlaps with other one on this address space")) {
                try told {
                    try NetworkAllocator(state: swarm.state).allocate(request("b", [subnet]), id: "b", at: swarm.now)
                }
            }
        }
        let beside = try NetworkAllocator(state: swarm.state).allocate(
            request("b", ["10.0.0.0/16"]), id: "b", at: swarm.now)
        #expect(subnets(beside) == ["10.0.0.0/16"])
    }

    @Test func `a new leader goes on after the addresses of before, so that a freed one rests`() throws {
        var swarm = SwarmSimulation()
        for id in ["n1", "n2"] { swarm.addNode(id) }
        let made = try NetworkAllocator(state: swarm.state).allocate(request("app"), id: "app", at: swarm.now)
        swarm.state.networks["app"] = made
        swarm.addService("web", replicas: 3) { spec in
            var attachment = NetworkAttachmentConfig()
            attachment.target = "app"
            spec.taskTemplate.networks = [attachment]
        }
        swarm.settle()
        func addresses() -> Set<String> {
            Set(swarm.running("web").flatMap { $0.networksAttachments ?? [] }.flatMap(\.addresses).map(\.description))
        }
        let before = addresses()
        #expect(before.count == 3)
        // The old leader's places are forgotten, and a task gives up its address.
        swarm.planner = SwarmPlanner(makeID: { [counter = Counter()] in "next\(counter.next())" })
        let now = swarm.now
        let ended = try #require(swarm.running("web").max { $0.id < $1.id }?.id)
        swarm = swarm.update(ended) { $0.status = TaskStatus(.failed, "failed", at: now) }
        swarm.settle()
        #expect(addresses().count == 3 && addresses().subtracting(before).count == 1)
    }
}
