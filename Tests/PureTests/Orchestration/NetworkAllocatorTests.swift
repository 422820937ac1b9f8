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
        swarm.state.nodes["n1"]?.description?.routedSubnets = ["10.1.0.0/23", "198.51.100.0/24"].compactMap {
            IPNetwork($0)
        }
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

    @Test func `D7: only an internal overlay is sealed, and of the swarm's networks only an overlay`() throws {
        func made(_ text: String, isInternal: Bool = true, driver: String = "overlay") throws -> SwarmNetwork {
            var wanted = request("a")
            wanted.driver = driver
            wanted.internal = isInternal
            wanted.options = [Sealing.option: text]
            if driver != "overlay" {
                wanted.configFrom = NetworkRequest.ConfigurationSource(network: "settings")
            }
            return try NetworkAllocator(state: SwarmState()).allocate(wanted, id: "a", at: .now)
        }
        for text in ["true", "on", "1", ""] { #expect(try made(text).isSealed) }
        for text in ["false", "off", "0"] {
            #expect(try !made(text).isSealed)
            #expect(try made(text, isInternal: false).leadsOutside)
        }
        #expect(throws: NetworkOptionError.internalOnly(Sealing.option)) { try made("true", isInternal: false) }
        #expect(throws: NetworkOptionError.neitherOnNorOff(option: Sealing.option, value: "yes")) { try made("yes") }
        #expect(throws: NetworkOptionError.notOfDriver(option: Sealing.option, driver: "macvlan")) {
            try made("true", driver: "macvlan")
        }
    }

    @Test func `D7: an overlay may keep its tasks apart, the ingress network may not`() throws {
        func made(_ text: String, isIngress: Bool = false) throws -> SwarmNetwork {
            var wanted = request("a")
            wanted.ingress = isIngress
            wanted.options = [InterContainer.option: text]
            return try NetworkAllocator(state: SwarmState()).allocate(wanted, id: "a", at: .now)
        }
        #expect(InterContainer.isOff(try made("false").driverState?.options))
        #expect(!InterContainer.isOff(try made("true").driverState?.options))
        _ = try made("true", isIngress: true)
        #expect(throws: UnsupportedError.self) { try made("false", isIngress: true) }
        #expect(throws: NetworkOptionError.self) { try made("off") }
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

    private func dual(_ name: String, _ subnets: [String] = [], v4: Bool? = nil) -> NetworkRequest {
        var request = request(name, subnets)
        request.enableIPv4 = v4
        request.enableIPv6 = true
        return request
    }

    @Test func `a network of both families gets a subnet of each, the swarm's own where none is named`() throws {
        var swarm = SwarmSimulation()
        func make(_ request: NetworkRequest) throws -> SwarmNetwork {
            let made = try NetworkAllocator(state: swarm.state).allocate(request, id: request.name, at: swarm.now)
            swarm.state.networks[made.id] = made
            return made
        }
        let first = try make(dual("a"))
        let own = UniqueLocalPrefix(hashing: "c").network
        let v6 = try #require(first.addressRanges.first { $0.subnet.family == .v6 }?.subnet.v6)
        #expect(first.addressRanges.map(\.subnet.family) == [.v4, .v6] && v6.prefixLength == 64 && own.contains(v6))
        #expect(first.spec.iPv6Enabled == true && !first.isIPv6Alone)
        let second = try make(dual("b"))
        #expect(Set(subnets(first)).isDisjoint(with: subnets(second)))
        #expect(
            try subnets(make(dual("c", ["2001:db8:7::/64", "192.168.7.0/24"]))) == [
                "2001:db8:7::/64", "192.168.7.0/24",
            ])
        #expect(try subnets(make(dual("d", ["2001:db8:8::/64"]))).count == 2)
        let alone = try make(dual("e", v4: false))
        #expect(alone.isIPv6Alone && alone.addressRanges.count == 1)
        #expect(throws: (any Error).self) { try make(dual("x", ["fd01::/64", "fd02::/64"], v4: false)) }
        // Pools of a family that a network does not have are passed over.
        #expect(try subnets(make(request("g", ["fd00::/64", "10.9.0.0/24"]))) == ["10.9.0.0/24"])
        #expect(try make(request("h", ["fd00::/64"])).addressRanges.map(\.subnet.family) == [.v4])
        #expect(try make(dual("i", ["10.9.1.0/24"], v4: false)).addressRanges.map(\.subnet.family) == [.v6])
        let plain = try make(request("f"))
        #expect(plain.spec.iPv6Enabled == nil && plain.addressRanges.map(\.subnet.family) == [.v4])
    }

    @Test(arguments: [nil, false] as [Bool?])
    func `services and tasks get an address of each family of their networks`(v4: Bool?) throws {
        var swarm = SwarmSimulation()
        for id in ["n1", "n2"] { swarm.addNode(id) }
        swarm.state.networks["app"] = try NetworkAllocator(state: swarm.state).allocate(
            dual("app", v4: v4), id: "app", at: swarm.now)
        let families: [IPFamily] = v4 == false ? [.v6] : [.v4, .v6]
        swarm.addService("web", replicas: 3) { spec in
            var attachment = NetworkAttachmentConfig()
            attachment.target = "app"
            spec.taskTemplate.networks = [attachment]
        }
        swarm.settle()
        let virtual = (swarm.state.services["web"]?.endpoint.virtualIPs ?? []).compactMap(\.addr)
        #expect(virtual.map(\.family) == families)
        let places = swarm.running("web").flatMap { $0.networksAttachments ?? [] }
        #expect(places.count == 3 && places.allSatisfy { $0.addresses.map(\.family) == families })
        let all = virtual + places.flatMap(\.addresses)
        #expect(Set(all).count == all.count)
        #expect(Set(places.map(\.tag)).count == 3)
    }

    @Test func `a task takes no address while one of its network's families has none left`() throws {
        var swarm = SwarmSimulation()
        for id in ["n1", "n2"] { swarm.addNode(id) }
        // The gateway, the service and one task.
        swarm.state.networks["app"] = try NetworkAllocator(state: swarm.state).allocate(
            dual("app", ["10.77.0.0/24", "fd00:77::/126"]), id: "app", at: swarm.now)
        swarm.addService("web", replicas: 2) { spec in
            var attachment = NetworkAttachmentConfig()
            attachment.target = "app"
            spec.taskTemplate.networks = [attachment]
        }
        swarm.settle()
        #expect(swarm.running("web").count == 1)
        let waiting = swarm.state.tasks.values.filter { $0.status.err?.contains("no available IPv6 addresses") == true }
        #expect(waiting.count == 1 && waiting.allSatisfy { ($0.networksAttachments ?? []).isEmpty })
    }
}
