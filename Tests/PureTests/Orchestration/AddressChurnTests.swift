import Addressing
import Model
import TestKit
import Testing

@testable import Orchestration

/// Networks, services and tasks that come and go: addresses come back, and rest.
struct AddressChurnTests {
    /// The swarm with a small ingress network.
    private func swarm(ingress: String, nodes: Int) throws -> SwarmSimulation {
        var swarm = SwarmSimulation()
        let subnet = try #require(IPNetwork(ingress))
        var pool = AllocatedPools.Pool(subnet: subnet, gateway: subnet.first.advanced(by: 1))
        pool.range = nil
        swarm.state.networks["ingress"]?.ipamOptions?.configs = [pool]
        for number in 1...nodes { swarm.addNode("n\(number)") }
        return swarm
    }

    private func addNetwork(_ name: String, to swarm: inout SwarmSimulation) throws {
        var request = NetworkRequest()
        request.name = name
        request.driver = "overlay"
        swarm.state.networks[name] = try NetworkAllocator(state: swarm.state).allocate(request, id: name, at: swarm.now)
    }

    private func addService(_ name: String, in network: String, replicas: UInt64 = 1, to swarm: inout SwarmSimulation) {
        swarm.addService(name, replicas: replicas) { spec in
            var attachment = NetworkAttachmentConfig()
            attachment.target = network
            spec.taskTemplate.networks = [attachment]
            var port = PortConfig()
            port.targetPort = 80
            spec.endpointSpec = EndpointSpec()
            spec.endpointSpec?.ports = [port]
        }
    }

    private func held(in network: String, _ state: SwarmState) -> Set<IPAddress> {
        Set(state.tasks.lookup.addresses(in: network).elements)
            .union(state.services.lookup.addresses(in: network).elements)
            .union(network == "ingress" ? Set(state.nodes.lookup.ingressAddresses.elements) : [])
    }

    @Test
    func
        `C1: 300 times an overlay and a published service are made and removed at once, and an ingress network of 13 addresses is never used up`()
        throws
    {
        var seeds = SeededGenerator.fresh("AddressChurnTests")
        var random = SplitMix(state: seeds.next())
        var swarm = try swarm(ingress: "10.255.0.0/28", nodes: 3)
        swarm.settle(rounds: 2)
        for round in 0..<300 {
            try addNetwork("net\(round)", to: &swarm)
            addService("web\(round)", in: "net\(round)", to: &swarm)
            // Agents take their steps when they come to it; some of the tasks never start before all is removed again.
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                swarm.plan()
                swarm.stagger(&random)
                swarm.now = swarm.now.advanced(bySeconds: 1)
            }
            let service = try #require(swarm.state.services["web\(round)"])
            #expect(
                (service.endpoint.virtualIPs ?? []).count == 2,
                "round \(round): \(swarm.state.tasks(ofService: service.id).compactMap(\.status.err))")
            // What nobody has is not held, and nothing is held that nobody has.
            let ingress = try #require(swarm.state.networks["ingress"])
            let usage = try #require(swarm.state.addressUsage(of: ingress, RestingAddresses()).first)
            #expect(usage.used == held(in: "ingress", swarm.state).count && usage.used + usage.free == 13)
            #expect(swarm.state.usedAddressShare(of: ingress) == Double(usage.used) / 13)
            swarm.state.services["web\(round)"] = nil
            swarm.state.networks["net\(round)"] = nil
        }
        swarm.settle()
        #expect(held(in: "ingress", swarm.state).count == 3)
        #expect(swarm.state.tasks.isEmpty)
        let ids = Set(swarm.state.networks.keys)
        #expect(ids == ["ingress"])
    }

    @Test func `what rests is counted, forgotten after a minute, and gone with its network`() throws {
        var swarm = try swarm(ingress: "10.255.0.0/28", nodes: 1)
        try addNetwork("app", to: &swarm)
        let network = try #require(swarm.state.networks["app"])
        addService("web", in: "app", replicas: 3, to: &swarm)
        swarm.settle(rounds: 3)
        var resting = RestingAddresses()
        let before = swarm.state
        swarm.state.services["web"] = nil
        swarm.settle(rounds: 3)
        let changes = SwarmChanges(from: before, to: swarm.state)
        resting.follow(from: before, to: swarm.state, changes, at: swarm.now)
        let usage = try #require(swarm.state.addressUsage(of: network, resting).first)
        #expect(usage.used == 0 && usage.resting == 4 && usage.free == 253 && usage.unavailable == 3)
        // The same told twice is the same, and somebody who has one of them by now has it.
        resting.follow(from: swarm.state, to: swarm.state, changes, at: swarm.now)
        #expect(resting.oldestFirst(in: "app").map(\.self).count == 4)
        resting.forget(at: swarm.now.advanced(bySeconds: 59))
        #expect(resting.oldestFirst(in: "app").map(\.self).count == 4)
        var later = resting
        later.forget(at: swarm.now.advanced(bySeconds: 60))
        #expect(later.oldestFirst(in: "app").map(\.self).isEmpty)
        let last = swarm.state
        swarm.state.networks["app"] = nil
        resting.follow(from: last, to: swarm.state, SwarmChanges(from: last, to: swarm.state), at: swarm.now)
        #expect(resting.oldestFirst(in: "app").map(\.self).isEmpty)
    }

    @Test func `what is counted of a range: the rest of the subnet is there for who asks for it`() throws {
        let subnet = try #require(IPNetwork("10.64.0.0/24"))
        let gateway = IPAddress(10, 64, 0, 1)
        let range = AddressRange(
            subnet: subnet, range: IPNetwork("10.64.0.0/28"), reserved: [gateway, IPAddress(10, 64, 0, 200)])
        // .1 to .15 without the gateway; beside them only those that nobody can have are not to be had.
        #expect(range.capacity == 14 && range.unavailable == 4)
        #expect(range.mayGive(IPAddress(10, 64, 0, 15)) && !range.mayGive(IPAddress(10, 64, 0, 16)))
        let wide = AddressRange(subnet: try #require(IPNetwork("fd00::/64")))
        #expect(wide.capacity == (1 << 64) - 1 && wide.unavailable == 1)
    }

    @Test func `which part of a network's addresses is in use is told of the fuller family, and of the range alone`()
        throws
    {
        var network = SwarmNetwork(id: "w1")
        #expect(SwarmState().usedAddressShare(of: network) == nil)
        func pool(_ subnet: String, range: String? = nil) throws -> AllocatedPools.Pool {
            let subnet = try #require(IPNetwork(subnet))
            var pool = AllocatedPools.Pool(subnet: subnet, gateway: subnet.first.advanced(by: 1))
            pool.range = range.flatMap { IPNetwork($0) }
            return pool
        }
        func share(_ addresses: [[String]]) throws -> Double? {
            var state = SwarmState()
            state.networks["w1"] = network
            for (number, own) in addresses.enumerated() {
                var task = SwarmTask(id: "t\(number)")
                task.desiredState = .running
                task.status.state = .running
                let addresses = try own.map { try #require(IPNetwork($0)) }
                task.networksAttachments = [NetworkAttachment(network: network, addresses: addresses)]
                state.tasks[task.id] = task
            }
            let share = state.usedAddressShare(of: network)
            for id in state.tasks.keys.map(\.self) { state.tasks[id] = nil }
            #expect(state.usedAddressShare(of: network) == 0, "what nobody has any more is not counted")
            return share
        }
        network.ipamOptions = AllocatedPools()
        network.ipamOptions?.configs = try [pool("10.1.0.0/29"), pool("10.2.0.0/29"), pool("fd00::/125")]
        // 5 of each subnet of IPv4 can be given, and 6 of IPv6.
        #expect(try share([["10.1.0.2/29", "fd00::2/125"], ["10.1.0.3/29", "fd00::3/125"]]) == 2.0 / 6)
        #expect(try share([["10.1.0.2/29"], ["10.1.0.3/29"], ["10.2.0.2/29", "fd00::3/125"]]) == 3.0 / 10)
        // A task and the one that follows it, of the same address.
        #expect(try share([["fd00::2/125"], ["fd00::2/125"], ["fd00::3/125"]]) == 2.0 / 6)
        network.ipamOptions?.configs = try [pool("10.1.0.0/24", range: "10.1.0.0/29")]
        // 6 of the range can be given; who asked for one beside it takes none of them.
        #expect(try share([["10.1.0.2/24"], ["10.1.0.200/24"], ["10.1.0.201/24"]]) == 1.0 / 6)
    }
}
