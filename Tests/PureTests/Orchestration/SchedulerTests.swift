import Addressing
import Model
import Orchestration
import Testing

@Suite struct SchedulerTests {
    private func zones(_ zones: [String: String]) -> SwarmSimulation {
        var swarm = SwarmSimulation()
        for (id, zone) in zones {
            swarm.addNode(id)
            swarm.state.nodes[id]?.spec.labels = ["zone": zone]
        }
        return swarm
    }

    private func counts(_ swarm: SwarmSimulation, _ service: String) -> [String: Int] {
        Dictionary(swarm.running(service).map { (swarm.state.nodes[$0.nodeID ?? ""]?.spec.labels["zone"] ?? "", 1) }) {
            $0 + $1
        }
    }

    @Test func `tasks are spread over the values of a label, whatever the number of nodes with each`() {
        var swarm = zones(["a1": "a", "a2": "a", "a3": "a", "a4": "a", "b1": "b"])
        swarm.addService("web", replicas: 6) {
            $0.taskTemplate.placement = Placement()
            $0.taskTemplate.placement?.preferences = [.init(spread: .init("node.labels.zone"))]
        }
        swarm.settle()
        #expect(counts(swarm, "web") == ["a": 3, "b": 3])
        swarm.addService("plain", replicas: 5)
        swarm.settle()
        #expect(counts(swarm, "plain") == ["a": 4, "b": 1])
    }

    @Test func `a preference that names no label changes nothing`() {
        var swarm = zones(["a1": "a", "a2": "a", "b1": "b"])
        swarm.addService("web", replicas: 6) {
            $0.taskTemplate.placement = Placement()
            $0.taskTemplate.placement?.preferences = [.init(spread: .init("anything"))]
        }
        swarm.settle()
        #expect(counts(swarm, "web") == ["a": 4, "b": 2])
    }

    @Test func `no node gets more than the limit, and the rest says why it waits`() {
        var swarm = zones(["n1": "a", "n2": "a"])
        swarm.addService("web", replicas: 5) {
            $0.taskTemplate.placement = Placement()
            $0.taskTemplate.placement?.maxReplicas = 2
        }
        swarm.settle()
        #expect(swarm.running("web").count == 4)
        #expect(
            swarm.state.tasks.values.compactMap(\.status.err) == [
                "no suitable node (max replicas per node limit exceed)"
            ])
    }

    @Test func `reservations beyond all numbers wait, and others go on`() {
        var swarm = zones(["n1": "a", "n2": "b"])
        for name in ["huge", "vast"] {
            swarm.addService(name, replicas: nil) {
                $0.taskTemplate.resources = ResourceRequirements()
                $0.taskTemplate.resources?.reservations = NodeResources()
                $0.taskTemplate.resources?.reservations?.memoryBytes = .max
                $0.taskTemplate.resources?.reservations?.nanoCPUs = .max
            }
        }
        swarm.addService("web", replicas: 2)
        swarm.settle()
        #expect(swarm.running("web").count == 2)
        #expect(swarm.running("huge").isEmpty && swarm.running("vast").isEmpty)
        #expect(
            Set(swarm.state.tasks.values.compactMap(\.status.err)) == ["insufficient resources on 1 node"])
    }

    @Test func `a row of host ports is in nobody's way but of those that meet it`() {
        func publish(_ spec: inout ServiceSpec, _ first: Int, _ count: Int?) {
            var port = PortConfig()
            (port.targetPort, port.publishedPort, port.publishMode, port.inRow) = (first, first, "host", count)
            spec.endpointSpec = EndpointSpec()
            spec.endpointSpec?.ports = [port]
        }
        var swarm = zones(["n1": "a"])
        swarm.addService("media", replicas: 1) { publish(&$0, 10_000, 10_000) }
        swarm.settle()
        #expect(swarm.running("media").count == 1)
        swarm.addService("inside", replicas: 1) { publish(&$0, 15_000, nil) }
        swarm.addService("beside", replicas: 1) { publish(&$0, 20_000, nil) }
        swarm.addService("across", replicas: 1) { publish(&$0, 19_000, 2000) }
        swarm.settle()
        #expect(swarm.running("beside").count == 1)
        #expect(swarm.running("inside").isEmpty && swarm.running("across").isEmpty)
        // What it had is free when it has gone, and an update of it has its own.
        swarm.updateService("media") { $0.taskTemplate.forceUpdate = 1 }
        swarm.settle(rounds: 20)
        #expect(swarm.running("media").map { $0.spec.forceUpdate } == [1])
    }

    @Test func `a number of the swarm's choice is in no row of another service`() {
        var swarm = zones(["n1": "a"])
        swarm.addService("media", replicas: 1) {
            var port = PortConfig()
            (port.targetPort, port.publishedPort, port.inRow) = (30_000, 30_000, 1000)
            $0.endpointSpec = EndpointSpec()
            $0.endpointSpec?.ports = [port]
        }
        swarm.settle()
        swarm.addService("web", replicas: 1) {
            var port = PortConfig()
            port.targetPort = 80
            $0.endpointSpec = EndpointSpec()
            $0.endpointSpec?.ports = [port]
        }
        swarm.settle()
        #expect(swarm.state.services["web"]?.endpoint.ports?.map(\.publishedPort) == [31_000])
        #expect(swarm.state.services["media"]?.endpoint.ports?.map(\.inRow) == [1000])
    }

    @Test func `a service on every node gets the port of the node that it asks for, and what it reserves, once`() {
        var swarm = zones(["n1": "a", "n2": "a"])
        swarm.addService("edge", replicas: nil) {
            var port = PortConfig()
            (port.targetPort, port.publishedPort, port.publishMode) = (80, 8080, "host")
            $0.endpointSpec = EndpointSpec()
            $0.endpointSpec?.ports = [port]
            $0.taskTemplate.placement = Placement()
            $0.taskTemplate.placement?.maxReplicas = 1
            $0.taskTemplate.resources = ResourceRequirements()
            $0.taskTemplate.resources?.reservations = NodeResources()
            // More than half of what a node has.
            $0.taskTemplate.resources?.reservations?.nanoCPUs = 3_000_000_000
        }
        swarm.settle()
        #expect(Set(swarm.running("edge").compactMap(\.nodeID)) == ["n1", "n2"])
        // Another that wants the same waits, and says why; an update of the first does not.
        let wanted = swarm.state.services["edge"]?.spec
        swarm.addService("rival", replicas: nil) {
            $0 = wanted ?? $0
            $0.name = "rival"
        }
        swarm.updateService("edge") { $0.taskTemplate.forceUpdate = 1 }
        swarm.plan()
        let early = swarm.state.tasks.values.filter { $0.serviceID == "edge" && $0.status.state == .assigned }
        #expect(early.count == 1 && early.allSatisfy { $0.desiredState == .ready })
        swarm.settle(rounds: 20)
        #expect(swarm.running("edge").map { $0.spec.forceUpdate } == [1, 1])
        #expect(
            Set(swarm.state.tasks.values.filter { $0.serviceID == "rival" }.compactMap(\.status.err)) == [
                "insufficient resources on 1 node"
            ])
    }

    @Test(arguments: [false, true])
    func `an update that starts first leaves tasks spread as evenly as before`(overZones: Bool) {
        var swarm = zones(["n1": "a", "n2": "b", "n3": "c"])
        swarm.addService("web", replicas: 3) {
            $0.updateConfig = UpdateConfiguration()
            $0.updateConfig?.order = "start-first"
            $0.updateConfig?.parallelism = 1
            guard overZones else { return }
            $0.taskTemplate.placement = Placement()
            $0.taskTemplate.placement?.preferences = [.init(spread: .init("node.labels.zone"))]
        }
        swarm.settle()
        for round in 1...3 {
            swarm.updateService("web") { $0.taskTemplate.forceUpdate = UInt64(round) }
            swarm.settle(rounds: 20)
            #expect(swarm.running("web").allSatisfy { $0.spec.forceUpdate == UInt64(round) })
            #expect(counts(swarm, "web") == ["a": 1, "b": 1, "c": 1])
        }
    }

    @Test func `reasons are told in Docker's words, the most frequent first`() {
        var swarm = zones(["n1": "a", "n2": "b", "n3": "b", "n4": "a"])
        swarm.state.nodes["n4"]?.spec.availability = .pause
        swarm.addService("web", replicas: 1) {
            $0.taskTemplate.placement = Placement()
            $0.taskTemplate.placement?.constraints = ["node.labels.zone == a"]
            $0.taskTemplate.resources = ResourceRequirements()
            $0.taskTemplate.resources?.reservations = NodeResources()
            $0.taskTemplate.resources?.reservations?.nanoCPUs = 64_000_000_000
        }
        swarm.settle()
        #expect(
            swarm.state.tasks.values.compactMap(\.status.err) == [
                "no suitable node (1 node not available for new tasks; insufficient resources on 3 nodes)"
            ]
                || swarm.state.tasks.values.compactMap(\.status.err) == [
                    "no suitable node (insufficient resources on 3 nodes; 1 node not available for new tasks)"
                ])
        swarm.updateService("web") { $0.taskTemplate.resources = nil }
        swarm.state.nodes["n1"]?.spec.labels = ["zone": "b"]
        swarm.settle()
        #expect(
            swarm.state.tasks.values.filter(\.isWanted).compactMap(\.status.err) == [
                "no suitable node (scheduling constraints not satisfied on 3 nodes; 1 node not available for new tasks)"
            ])
    }

    @Test func `constraints name nodes by id, name, role, address, platform and labels`() throws {
        var node = Node(id: "abc")
        var description = NodeDescription()
        description.hostname = "worker-1"
        description.platform = .init(architecture: "x86_64", system: "linux")
        description.engine.labels = ["disk": "ssd"]
        node.description = description
        node.spec.labels = ["zone": "East"]
        node.status.addr = IPAddress("10.1.2.3")
        for (text, matches) in [
            ("node.id==abc", true), ("node.id!=abc", false), ("node.hostname==worker-1", true),
            ("node.role==manager", false), ("node.role != manager", true), ("node.platform.os==linux", true),
            ("node.platform.arch==x86_64", true), ("node.labels.zone==east", true), ("node.labels.rack!=r1", true),
            ("node.labels.rack==r1", false), ("engine.labels.disk==ssd", true), ("engine.labels.disk!=ssd", false),
            ("bogus==1", false), ("bogus!=1", false), ("node.role== worker ", true), ("\tnode.role ==\tworker", true),
            ("Node.Labels.zone==EAST", true), ("node.labels.ZONE==east", false), ("ENGINE.labels.disk==ssd", true),
            ("node.ip==10.1.2.3", true), ("node.ip!=10.1.2.3", false), ("node.ip==10.1.2.4", false),
            ("node.ip==10.1.0.0/16", true), ("node.ip==10.1.9.9/16", true), ("node.ip!=10.1.0.0/16", false),
            ("node.ip==10.2.0.0/16", false), ("node.ip!=10.2.0.0/16", true), ("node.ip!=2001:db8::/32", true),
            ("node.ip==10.1", false), ("node.ip!=10.1", false),
        ] {
            #expect(try PlacementConstraint(text).matches(node) == matches, "\(text)")
        }
    }

    @Test func `a spread names labels as constraints do`() throws {
        for (text, usual) in [("Node.Labels.zone", "node.labels.zone"), ("ENGINE.LABELS.rack", "engine.labels.rack")] {
            let spread = try #require(SpreadPreference(text))
            #expect(spread == SpreadPreference(usual) && spread != SpreadPreference(usual.uppercased()))
        }
        #expect(SpreadPreference("node.labels.") == nil && SpreadPreference("node.zone") == nil)
    }

    @Test func `a node that is no longer fit loses its tasks to another`() {
        var swarm = zones(["n1": "a", "n2": "a"])
        swarm.addService("web", replicas: 2) {
            $0.taskTemplate.placement = Placement()
            $0.taskTemplate.placement?.constraints = ["node.labels.zone==a"]
        }
        swarm.settle()
        #expect(Set(swarm.running("web").compactMap(\.nodeID)) == ["n1", "n2"])
        swarm.state.nodes["n2"]?.spec.labels = [:]
        swarm.settle()
        #expect(swarm.running("web").compactMap(\.nodeID) == ["n1", "n1"])
    }

    @Test func `a node where a service keeps failing is avoided`() {
        var swarm = zones(["n1": "a", "n2": "a"])
        swarm.addService("web", replicas: 1) {
            $0.taskTemplate.restartPolicy = TaskRestartPolicy()
            $0.taskTemplate.restartPolicy?.delay = 0
        }
        swarm.state.cluster?.spec.orchestration = .init()
        swarm.state.cluster?.spec.orchestration?.taskHistoryRetentionLimit = 50
        var visited: [String] = []
        for _ in 0..<14 {
            swarm.plan()
            swarm.plan()
            swarm.obey()
            let now = swarm.now
            for task in swarm.running("web") {
                visited.append(task.nodeID ?? "")
                guard task.nodeID == "n1" else { continue }
                swarm = swarm.update(task.id) { $0.status = TaskStatus(.failed, "failed", at: now) }
            }
            swarm.now = swarm.now.advanced(bySeconds: 1)
        }
        #expect(visited.prefix(5) == ["n1", "n1", "n1", "n1", "n1"])
        #expect(visited.dropFirst(5).allSatisfy { $0 == "n2" } && visited.count > 5)
    }

    @Test func `attempts end a place, and only those within the window count`() throws {
        for window in [Int64(0), 20_000_000_000] {
            var swarm = zones(["n1": "a"])
            swarm.addService("web", replicas: 1) {
                $0.taskTemplate.restartPolicy = TaskRestartPolicy()
                $0.taskTemplate.restartPolicy?.delay = 1_000_000_000
                $0.taskTemplate.restartPolicy?.maxAttempts = 2
                $0.taskTemplate.restartPolicy?.window = window
            }
            swarm.settle()
            var failures = 0
            for _ in 0..<8 {
                guard let task = swarm.running("web").first else { break }
                failures += 1
                let now = swarm.now
                swarm = swarm.update(task.id) { $0.status = TaskStatus(.failed, "failed", at: now) }
                // Five of these rounds take 30 s: never three restarts within 20 s.
                swarm.settle(rounds: 5)
            }
            #expect(failures == (window == 0 ? 3 : 8))
        }
    }

    @Test func `a task with a port of SCTP goes where the kernel has it`() {
        var swarm = zones(["n1": "a", "n2": "a"])
        swarm.addService("signals", replicas: 1) {
            var port = PortConfig()
            (port.protocol, port.targetPort, port.publishedPort) = ("sctp", 36_412, 36_412)
            $0.endpointSpec = EndpointSpec()
            $0.endpointSpec?.ports = [port]
        }
        swarm.settle()
        #expect(swarm.running("signals").isEmpty)
        #expect(
            Set(swarm.state.tasks.values.compactMap(\.status.err)) == [
                "no suitable node (sctp not possible on 2 nodes)"
            ])
        swarm.state.nodes["n2"]?.description?.hasSCTP = true
        swarm.settle()
        #expect(swarm.running("signals").compactMap(\.nodeID) == ["n2"])
    }
}
