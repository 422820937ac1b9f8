import Addressing
import EngineInterface
import Model
import TestKit
import Testing

@testable import Orchestration

/// Addresses that services ask for.
struct FixedAddressTests {
    private func swarm(_ nodes: [String] = ["n1", "n2"]) throws -> SwarmSimulation {
        var swarm = SwarmSimulation()
        for id in nodes { swarm.addNode(id) }
        var request = NetworkRequest()
        request.name = "app"
        request.driver = "overlay"
        request.ipam = AddressManagement(
            driver: "default", config: [AddressPool(subnet: "10.64.0.0/28", ipRange: "10.64.0.0/29")])
        swarm.state.networks["app"] = try NetworkAllocator(state: swarm.state).allocate(
            request, id: "app", at: swarm.now)
        return swarm
    }

    private func place(_ options: [String: String]) -> NetworkAttachmentConfig {
        var attachment = NetworkAttachmentConfig()
        attachment.target = "app"
        attachment.driverOpts = options.isEmpty ? nil : options
        return attachment
    }

    private func add(
        _ name: String, _ options: [String: String] = [:], replicas: UInt64? = 1, mode: EndpointMode = .vip,
        to swarm: inout SwarmSimulation
    ) {
        swarm.addService(name, replicas: replicas) { spec in
            spec.taskTemplate.networks = [place(options)]
            spec.endpointSpec = EndpointSpec()
            spec.endpointSpec?.mode = mode
        }
    }

    private func virtual(_ service: String, _ swarm: SwarmSimulation) -> [String] {
        (swarm.state.services[service]?.endpoint.virtualIPs ?? []).compactMap { $0.addr?.description }
    }

    private func addresses(_ service: String, _ swarm: SwarmSimulation) -> [String] {
        swarm.running(service).flatMap { $0.networksAttachments ?? [] }.flatMap(\.addresses).map(\.description)
    }

    @Test
    func `G5: a service and its only task have the addresses that they ask for, inside of the range and beside it`()
        throws
    {
        var swarm = try swarm()
        add("web", ["apus.ip": "10.64.0.12", "apus.task-ip": "10.64.0.5"], to: &swarm)
        add("direct", ["apus.ip": "10.64.0.13"], mode: .dnsrr, to: &swarm)
        add("other", replicas: 2, to: &swarm)
        swarm.settle()
        #expect(virtual("web", swarm) == ["10.64.0.12/28"] && addresses("web", swarm) == ["10.64.0.5/28"])
        #expect(virtual("direct", swarm).isEmpty && addresses("direct", swarm) == ["10.64.0.13/28"])
        #expect(addresses("other", swarm).count == 2)
    }

    @Test
    func
        `a task with a fixed address follows itself: over updates, failures and lost nodes, however many others want addresses`()
        throws
    {
        var swarm = try swarm()
        add("db", ["apus.task-ip": "10.64.0.3"], to: &swarm)
        // More than there are addresses.
        add("crowd", replicas: 9, mode: .dnsrr, to: &swarm)
        swarm.settle()
        func check(_ what: String) {
            #expect(addresses("db", swarm) == ["10.64.0.3/28"], "\(what)")
            #expect(!addresses("crowd", swarm).contains("10.64.0.3/28"), "\(what)")
        }
        check("at first")
        for number in 1...3 as ClosedRange<UInt64> {
            swarm.updateService("db") { $0.taskTemplate.forceUpdate = number }
            swarm.settle(rounds: 24)
            check("update \(number)")
        }
        let now = swarm.now
        let task = try #require(swarm.running("db").first)
        swarm = swarm.update(task.id) { $0.status = TaskStatus(.failed, "failed", at: now) }
        swarm.settle()
        check("after a failure")
        let node = try #require(swarm.running("db").first?.nodeID)
        swarm.state.nodes[node]?.status.state = .down
        swarm.settle(except: [node])
        check("after the loss of its node")
        #expect(swarm.running("db").first?.nodeID != node)
        // One that has no address waits, and says so; as soon as the range has one again it goes on.
        swarm.state.services["db"] = nil
        for task in swarm.state.tasks(ofService: "db") { swarm.state.tasks[task.id] = nil }
        swarm.settle(except: [node])
        #expect(addresses("crowd", swarm).contains("10.64.0.3/28"))
    }

    @Test func `an address that somebody has is waited for, in words, and taken when it is free`() throws {
        var swarm = try swarm()
        add("first", replicas: 3, to: &swarm)
        swarm.settle()
        let network = try #require(addresses("first", swarm).first)
        let held = String(network.prefix { $0 != "/" })
        // Two managers were asked at the same time.
        add("late", ["apus.ip": held], to: &swarm)
        swarm.settle(rounds: 3)
        let task = try #require(swarm.state.tasks(ofService: "late").first)
        #expect(task.status.state == .new && task.status.err == "address \(held) of network app is in use")
        swarm.updateService("first") { $0.mode.replicated = .init(replicas: 0) }
        swarm.settle()
        #expect(virtual("late", swarm) == ["\(held)/28"] && swarm.running("late").count == 1)
        // Another virtual address is another service to those who call it: the tasks follow.
        swarm.updateService("late") { $0.taskTemplate.networks = [place(["apus.ip": "10.64.0.14"])] }
        swarm.settle()
        #expect(virtual("late", swarm) == ["10.64.0.14/28"])
        for task in swarm.running("late") {
            let called = task.assignment?.virtualIPs.first?.addr
            #expect(called?.description == "10.64.0.14/28")
        }
    }

    @Test func `what cannot be had is refused by name`() throws {
        var swarm = try swarm()
        add("web", ["apus.ip": "10.64.0.12"], to: &swarm)
        add("plain", to: &swarm)
        swarm.settle()
        let task = try #require(swarm.running("plain").first)
        let taskAddress = try #require(task.networksAttachments?.first?.addresses.first?.address.description)
        func refusal(
            _ options: [String: String], replicas: UInt64? = 1, order: String? = nil, mode: EndpointMode = .vip,
            of service: String? = nil
        ) -> FixedAddressError? {
            var spec = ServiceSpec()
            spec.taskTemplate.networks = [place(options)]
            spec.endpointSpec = EndpointSpec()
            spec.endpointSpec?.mode = mode
            if let replicas { spec.mode.replicated = .init(replicas: replicas) } else { spec.mode.global = Empty() }
            spec.updateConfig = UpdateConfiguration()
            spec.updateConfig?.order = order
            do {
                try FixedAddressRules(swarm.state).check(spec, of: service)
                return nil
            } catch {
                return error
            }
        }
        #expect(refusal(["apus.ip": "10.64.0.11"]) == nil)
        #expect(refusal(["apus.ip": "10.64.0.12"], of: "web") == nil)
        #expect(refusal(["apus.ip": "ten"]) == .invalid("ten"))
        #expect(refusal(["apus.ip": "10.65.0.1"]) == .outside(address: "10.65.0.1", network: "app"))
        for text in ["10.64.0.0", "10.64.0.1", "10.64.0.15"] {
            #expect(refusal(["apus.ip": text]) == .reserved(address: text, network: "app"))
        }
        #expect(
            refusal(["apus.ip": "10.64.0.12"])
                == .taken(address: "10.64.0.12", network: "app", by: .service("web")))
        #expect(
            refusal(["apus.task-ip": taskAddress])
                == .taken(address: taskAddress, network: "app", by: .task(task.id)))
        #expect(
            refusal(["apus.ip": "10.64.0.11", "apus.task-ip": "10.64.0.11"])
                == .twice(address: "10.64.0.11", network: "app"))
        #expect(refusal(["apus.task-ip": "10.64.0.11"], replicas: 2) == .severalTasks(network: "app"))
        #expect(refusal(["apus.task-ip": "10.64.0.11"], replicas: nil) == .severalTasks(network: "app"))
        #expect(refusal(["apus.ip": "10.64.0.11"], replicas: 2, mode: .dnsrr) == .severalTasks(network: "app"))
        #expect(refusal(["apus.ip": "10.64.0.11"], replicas: 2) == nil)
        #expect(refusal(["apus.task-ip": "10.64.0.11"], order: "start-first") == .startsFirst(network: "app"))
    }
}
