import Addressing
import Model
import Orchestration
import Testing

/// Places of containers outside of services on swarm networks, as the leader plans them.
@Suite struct AttachmentTests {
    private func swarm(_ subnets: String...) throws -> SwarmSimulation {
        var swarm = SwarmSimulation()
        for id in ["n1", "n2"] { swarm.addNode(id) }
        var request = NetworkRequest()
        request.name = "att"
        request.attachable = true
        request.ipam = AddressManagement(
            driver: "default", config: (subnets.isEmpty ? ["10.198.0.0/29"] : subnets).map { AddressPool(subnet: $0) })
        request.enableIPv6 = subnets.contains { $0.contains(":") }
        swarm.state.networks["att"] = try NetworkAllocator(state: swarm.state).allocate(
            request, id: "att", at: swarm.now)
        return swarm
    }

    private func attach(
        _ swarm: inout SwarmSimulation, _ id: String, on node: String = "n1", address: String? = nil,
        address6: String? = nil
    ) {
        var task = SwarmTask(id: id)
        task.createdAt = swarm.now
        task.nodeID = node
        task.desiredState = .running
        task.spec.networkAttachmentSpec = NetworkAttachmentSpec(
            containerID: "c-\(id)", containerName: id, address: address.map { RequestedAddresses($0) })
        var place = NetworkAttachmentConfig()
        place.target = "att"
        task.spec.networks = [place]
        swarm.state.tasks[id] = task
    }

    private func address(_ swarm: SwarmSimulation, _ id: String) -> String? {
        swarm.state.tasks[id]?.networksAttachments?.first?.addresses.first?.description
    }

    @Test func `an attachment gets an address on its node, and keeps it whatever happens to services`() throws {
        var swarm = try swarm()
        attach(&swarm, "a")
        swarm.addService("web", replicas: 2)
        swarm.settle()
        swarm.state.services["web"] = nil
        swarm.state.nodes["n1"]?.spec.availability = .drain
        swarm.settle()
        let task = try #require(swarm.state.tasks["a"])
        #expect(task.status.state == .running && task.nodeID == "n1" && task.isWanted)
        #expect(address(swarm, "a") == "10.198.0.2/29")
        #expect(swarm.state.tasks.count == 1)
    }

    @Test func `an address that is asked for is given unless it is taken, and then when it is free`() throws {
        var swarm = try swarm()
        attach(&swarm, "a", address: "10.198.0.5")
        swarm.settle(rounds: 2)
        #expect(address(swarm, "a") == "10.198.0.5/29")
        attach(&swarm, "b", on: "n2", address: "10.198.0.5")
        attach(&swarm, "c", on: "n2", address: "10.198.0.1")
        attach(&swarm, "d", on: "n2", address: "10.9.0.1")
        // The subnet's own address and its broadcast address.
        attach(&swarm, "e", on: "n2", address: "10.198.0.0")
        attach(&swarm, "f", on: "n2", address: "10.198.0.7")
        swarm.plan()
        for id in ["b", "c", "d", "e", "f"] {
            #expect(address(swarm, id) == nil && swarm.state.tasks[id]?.status.err == "Address already in use")
        }
        let now = swarm.now
        swarm = swarm.update("a") { $0.status = TaskStatus(.complete, "released", at: now) }
        // The ended attachment gives way in one pass and is forgotten in the next.
        swarm.plan()
        swarm.plan()
        #expect(address(swarm, "b") == "10.198.0.5/29" && swarm.state.tasks["a"] == nil)
    }

    @Test func `an address of either family may be asked for, or both`() throws {
        var swarm = try swarm("10.198.0.0/29", "fd00:7::/64")
        func addresses(_ id: String) -> [String] {
            (swarm.state.tasks[id]?.networksAttachments?.first?.addresses ?? []).map(\.description)
        }
        attach(&swarm, "a", address: "fd00:7::99")
        attach(&swarm, "b", on: "n2", address: "10.198.0.6,fd00:7::66")
        swarm.plan()
        #expect(addresses("a") == ["10.198.0.2/29", "fd00:7::99/64"])
        #expect(addresses("b") == ["10.198.0.6/29", "fd00:7::66/64"])
        // Neither is taken where one of them cannot be had.
        attach(&swarm, "c", address: "10.198.0.5,fd00:7::99")
        attach(&swarm, "d", address: "10.198.0.5,fd00:8::1")
        swarm.plan()
        for id in ["c", "d"] { #expect(swarm.state.tasks[id]?.status.err == "Address already in use") }
        attach(&swarm, "e", address: "10.198.0.5")
        swarm.plan()
        #expect(addresses("e").first == "10.198.0.5/29")
        // What a manager would have refused, and a record has all the same.
        for (id, text) in [("f", "10.198.0.3,10.198.0.4"), ("g", "10.198.0"), ("h", "10.198.0.3,x")] {
            attach(&swarm, id, address: text)
            swarm.plan()
            #expect(swarm.state.tasks[id]?.status.err == "Address already in use")
        }
        attach(&swarm, "i", address: "10.198.0.3")
        swarm.plan()
        #expect(addresses("i").first == "10.198.0.3/29")
    }

    @Test func `a full network says so, and what nobody waits for any more is forgotten`() throws {
        var swarm = try swarm("10.198.0.0/30")
        attach(&swarm, "a")
        swarm.plan()
        attach(&swarm, "b")
        let wake = swarm.plan()
        #expect(swarm.state.tasks["b"]?.status.err?.hasPrefix("no available IPv4 addresses") == true)
        #expect(wake?.timeSince(swarm.now) == 60)
        swarm.now = swarm.now.advanced(bySeconds: 60)
        swarm.plan()
        #expect(swarm.state.tasks["b"] == nil && swarm.state.tasks["a"] != nil)
    }

    /// As the planner's loop does: only what has changed is planned.
    private func planChanges(_ swarm: inout SwarmSimulation, since seen: inout SwarmState) {
        let state = swarm.state
        var draft = SwarmDraft(state, now: swarm.now)
        swarm.planner.plan(&draft, changes: SwarmChanges(from: seen, to: state))
        seen = state
        swarm.state = draft.state
    }

    @Test func `a full network is not looked through again until an address in it is free, and then at once`() throws {
        var swarm = try swarm("10.198.0.0/30")
        var seen = swarm.state
        attach(&swarm, "a")
        planChanges(&swarm, since: &seen)
        attach(&swarm, "b")
        for _ in 0..<3 {
            planChanges(&swarm, since: &seen)
            #expect(address(swarm, "b") == nil && address(swarm, "a") == "10.198.0.2/30")
        }
        let now = swarm.now
        swarm = swarm.update("a") { $0.status = TaskStatus(.complete, "released", at: now) }
        planChanges(&swarm, since: &seen)
        #expect(address(swarm, "b") == "10.198.0.2/30")
    }

    @Test func `an attachment goes with its node, not while the node is only down`() throws {
        var swarm = try swarm()
        attach(&swarm, "a", on: "n2")
        swarm.settle(rounds: 2)
        swarm.state.nodes["n2"]?.status.state = .down
        swarm.settle(except: ["n2"])
        #expect(address(swarm, "a") != nil)
        swarm.state.nodes["n2"] = nil
        swarm.plan()
        #expect(swarm.state.tasks["a"] == nil)
    }

    @Test func `random comings and goings never give an address twice nor leak one`() throws {
        for seed in UInt64(1)...20 {
            var random = SplitMix(state: seed)
            var swarm = try swarm("10.198.0.0/28")
            var count = 0
            for _ in 0..<200 {
                let live = swarm.state.tasks.values.filter(\.isLive).map(\.id).sorted()
                if Bool.random(using: &random) {
                    count += 1
                    attach(&swarm, "t\(count)", on: Bool.random(using: &random) ? "n1" : "n2")
                } else if let id = live.randomElement(using: &random) {
                    let now = swarm.now
                    swarm = swarm.update(id) { $0.status = TaskStatus(.complete, "released", at: now) }
                }
                swarm.plan()
                swarm.obey()
                let taken = swarm.state.tasks.values.filter(\.isLive).compactMap { address(swarm, $0.id) }
                #expect(Set(taken).count == taken.count, "seed \(seed)")
                let waiting = swarm.state.tasks.values.contains { $0.status.state == .new }
                #expect(!waiting || taken.count == 13, "seed \(seed): one waits though there is room")
                swarm.now = swarm.now.advanced(bySeconds: 1)
            }
        }
    }
}
