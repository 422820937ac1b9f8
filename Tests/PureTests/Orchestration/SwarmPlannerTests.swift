import Addressing
import Model
import Orchestration
import Testing

@Suite struct SwarmPlannerTests {
    private func threeNodes() -> SwarmSimulation {
        var swarm = SwarmSimulation()
        for id in ["n1", "n2", "n3"] { swarm.addNode(id) }
        return swarm
    }

    private func publish(_ spec: inout ServiceSpec, _ published: Int, _ target: Int) {
        var port = PortConfig()
        port.publishedPort = published
        port.targetPort = target
        spec.endpointSpec = EndpointSpec()
        spec.endpointSpec?.ports = [port]
    }

    @Test func `three replicas of a published service are spread over three nodes with addresses on ingress`() throws {
        var swarm = threeNodes()
        swarm.addService("web", replicas: 3) { publish(&$0, 8080, 80) }
        swarm.settle()
        let tasks = swarm.running("web")
        #expect(Set(tasks.compactMap(\.nodeID)) == ["n1", "n2", "n3"])
        #expect(Set(tasks.compactMap(\.slot)) == [1, 2, 3])
        let addresses = tasks.compactMap { $0.networksAttachments?.first?.addresses.first?.address }
        let others = swarm.state.nodes.values.compactMap { $0.membership?.ingressAddresses?.primary }
        #expect(Set(addresses + others).count == 6)
        #expect(swarm.state.services["web"]?.endpoint.virtualIPs?.first?.networkID == "ingress")
        #expect(swarm.state.services["web"]?.endpoint.ports?.first?.publishedPort == 8080)
    }

    @Test func `a global service has one task on each node that fits, and follows nodes that come and are emptied`() {
        var swarm = threeNodes()
        swarm.addService("agent", replicas: nil)
        swarm.settle()
        #expect(Set(swarm.running("agent").compactMap(\.nodeID)) == ["n1", "n2", "n3"])
        swarm.addNode("n4")
        swarm.state.nodes["n1"]?.spec.availability = .drain
        swarm.settle()
        #expect(Set(swarm.running("agent").compactMap(\.nodeID)) == ["n2", "n3", "n4"])
    }

    @Test(arguments: [NodeAvailability.active, .pause])
    func `a service on every node waits for none that is down, and is on it again when it is back`(
        availability: NodeAvailability
    ) throws {
        var swarm = threeNodes()
        swarm.addService("agent", replicas: nil)
        swarm.settle()
        let before = Set(swarm.running("agent").map(\.id))
        swarm.state.nodes["n2"]?.spec.availability = availability
        swarm.state.nodes["n2"]?.status.state = .down
        swarm.settle(except: ["n2"])
        let lost = swarm.state.tasks.values.filter { $0.nodeID == "n2" }
        #expect(lost.map(\.desiredState) == [.shutdown] && Set(lost.map(\.id)).isSubset(of: before))
        let service = try #require(swarm.state.services["agent"])
        let status = ServiceStatuses(swarm.state).status(of: service)
        #expect(status.runningTasks == 2 && status.desiredTasks == 2)
        swarm.state.nodes["n2"]?.spec.availability = .active
        swarm.state.nodes["n2"]?.status.state = .ready
        swarm.settle()
        #expect(Set(swarm.running("agent").compactMap(\.nodeID)) == ["n1", "n2", "n3"])
        #expect(Set(swarm.running("agent").map(\.id)).intersection(before).count == 2)
    }

    @Test(arguments: [nil, "start-first"])
    func `an update of a service on every node leaves a paused node alone until it takes tasks again`(
        order: String?
    ) throws {
        var swarm = threeNodes()
        swarm.addService("agent", replicas: nil) {
            $0.updateConfig = UpdateConfiguration()
            $0.updateConfig?.order = order
        }
        swarm.settle()
        let kept = try #require(swarm.running("agent").first { $0.nodeID == "n2" })
        func images() -> [String] {
            swarm.running("agent").map { "\($0.nodeID ?? "") \($0.spec.containerSpec?.image ?? "")" }.sorted()
        }
        swarm.state.nodes["n2"]?.spec.availability = .pause
        swarm.updateService("agent") { $0.taskTemplate.containerSpec?.image = "nginx:2" }
        swarm.settle(rounds: 20)
        #expect(images() == ["n1 nginx:2", "n2 nginx", "n3 nginx:2"])
        #expect(swarm.running("agent").contains { $0.id == kept.id })
        #expect(swarm.state.services["agent"]?.updateStatus?.state == "completed")
        // None follows what ends there.
        let now = swarm.now
        swarm = swarm.update(kept.id) { $0.status = TaskStatus(.failed, "failed", at: now, error: "exit 1") }
        swarm.settle()
        #expect(swarm.state.tasks.values.filter { $0.nodeID == "n2" }.map(\.id) == [kept.id])
        swarm.state.nodes["n2"]?.spec.availability = .active
        swarm.settle()
        #expect(images() == ["n1 nginx:2", "n2 nginx:2", "n3 nginx:2"])
    }

    @Test func `scaling down keeps the lowest slots and scaling to nothing leaves nothing`() {
        var swarm = threeNodes()
        swarm.addService("web", replicas: 5)
        swarm.settle()
        swarm.state.services["web"]?.spec.mode.replicated = .init(replicas: 2)
        swarm.settle()
        #expect(Set(swarm.running("web").compactMap(\.slot)) == [1, 2])
        swarm.state.services["web"] = nil
        swarm.settle()
        #expect(swarm.state.tasks.isEmpty)
    }

    @Test func `a node's loss moves its tasks at once and nothing else`() {
        var swarm = threeNodes()
        swarm.addService("web", replicas: 3)
        swarm.settle()
        let before = Set(swarm.running("web").filter { $0.nodeID != "n2" }.map(\.id))
        swarm.state.nodes["n2"]?.status.state = .down
        swarm.settle(except: ["n2"])
        #expect(before.isSubset(of: Set(swarm.running("web").map(\.id))))
        #expect(swarm.running("web").filter { $0.nodeID != "n2" }.count == 3)
    }

    @Test func `a failed task is followed by another after the delay, never before, and never with condition none`()
        throws
    {
        var swarm = threeNodes()
        swarm.addService("job", replicas: 1)
        swarm.addService("once", replicas: 1) {
            $0.taskTemplate.restartPolicy = TaskRestartPolicy(); $0.taskTemplate.restartPolicy?.condition = "none"
        }
        swarm.settle()
        for service in ["job", "once"] {
            let id = try #require(swarm.running(service).first?.id)
            let now = swarm.now
            swarm = swarm.update(id) {
                $0.status = TaskStatus(.failed, "failed", at: now, error: "task: non-zero exit (3)")
            }
        }
        let planned = swarm.plan()
        let wake = try #require(planned)
        #expect(wake.timeSince(swarm.now) == 5)
        #expect(swarm.state.tasks.values.contains { $0.serviceID == "job" && $0.desiredState == .ready })
        swarm.obey()
        #expect(swarm.running("job").isEmpty)
        swarm.settle()
        #expect(swarm.running("job").count == 1)
        #expect(swarm.running("once").isEmpty)
        #expect(swarm.state.tasks.values.filter { $0.serviceID == "once" }.count == 1)
    }

    @Test(arguments: [false, true])
    func `what cannot even be prepared is tried once in each delay, not as fast as it is refused`(isJob: Bool) {
        var swarm = threeNodes()
        swarm.addService("web", replicas: 1) {
            $0.taskTemplate.restartPolicy = TaskRestartPolicy()
            $0.taskTemplate.restartPolicy?.delay = 5_000_000_000
            guard isJob else { return }
            $0.mode = ServiceMode()
            $0.mode.replicatedJob = .init(maxConcurrent: 1, totalCompletions: 1)
        }
        if isJob {
            swarm.state.services["web"]?.jobStatus = JobStatus(jobIteration: ObjectVersion(), lastExecution: swarm.now)
        }
        var made: Set<String> = []
        for _ in 0..<62 {
            swarm.plan()
            let now = swarm.now
            for task in swarm.state.tasks.values where task.isLive && task.nodeID != nil {
                made.insert(task.id)
                swarm = swarm.update(task.id) {
                    $0.status = TaskStatus(.rejected, "preparing", at: now, error: "No such image: nginx")
                }
            }
            swarm.now = now.advanced(byNanoseconds: 500_000_000)
        }
        // 31 seconds: the first, the one that is made as soon as it ends, and one after each five seconds.
        #expect(made.count == 8)
        #expect(swarm.state.tasks.values.count(where: \.isWanted) == 1)
        // An update waits for no delay of what it replaces.
        swarm.updateService("web") { $0.taskTemplate.containerSpec?.image = "nginx:2" }
        swarm.plan()
        let next = swarm.state.tasks.values.filter { $0.isWanted && $0.isLive }
        #expect(next.map { $0.spec.containerSpec?.image } == ["nginx:2"])
        #expect(swarm.state.tasks.values.count(where: \.isWanted) == 1)
    }

    @Test func `what waits for a restart delay asks to be planned when that is over, whoever leads by then`() throws {
        var swarm = threeNodes()
        swarm.addService("web", replicas: 1)
        // The third is made when the second would have started: it waits as long again.
        for round in 0..<3 {
            swarm.plan()
            let task = try #require(swarm.state.tasks.values.first { $0.isWanted && $0.isLive })
            #expect((task.desiredState == .running) == (round == 0))
            let now = swarm.now
            swarm = swarm.update(task.id) {
                $0.status = TaskStatus(.rejected, "preparing", at: now, error: "No such image: nginx")
            }
            if round == 0 { continue }
            swarm.planner = SwarmPlanner { "next\(round)" }
            let planned = swarm.plan()
            let wake = try #require(planned)
            #expect(wake.timeSince(now) == 5)
            #expect(!swarm.state.tasks.values.contains { $0.isLive })
            swarm.now = wake
        }
        swarm.plan()
        swarm.obey()
        swarm.now = swarm.now.advanced(bySeconds: 5)
        swarm.plan()
        swarm.obey()
        #expect(swarm.running("web").count == 1)
    }

    @Test func `a stamp of the far future keeps no place from its next task, nor an update from its end`() throws {
        let far = try #require(Timestamp("9999-12-31T23:59:59Z"))
        var swarm = threeNodes()
        swarm.addService("web", replicas: 1)
        swarm.settle()
        let first = try #require(swarm.running("web").first)
        swarm = swarm.update(first.id) { $0.status = TaskStatus(.failed, "failed", at: far) }
        swarm.settle()
        #expect(swarm.running("web").count == 1 && swarm.running("web").first?.id != first.id)
        swarm.updateService("web") { $0.taskTemplate.containerSpec?.image = "nginx:2" }
        swarm.plan()
        swarm.obey()
        for id in swarm.state.tasks.keys {
            swarm = swarm.update(id) { if $0.assignment?.runningSince != nil { $0.assignment?.runningSince = far } }
        }
        swarm.settle()
        #expect(swarm.state.services["web"]?.updateStatus?.state == "completed")
    }

    @Test func `any number of replicas is made in parts, as fast as they come to run, and nobody else waits`() {
        var swarm = threeNodes()
        swarm.addService("endless", replicas: .max)
        swarm.addService("job", replicas: nil) {
            $0.mode = ServiceMode()
            $0.mode.replicatedJob = .init(maxConcurrent: .max, totalCompletions: .max)
        }
        swarm.addService("web", replicas: 2)
        func count(_ service: String) -> Int { swarm.state.tasks.values.count { $0.serviceID == service } }
        for _ in 0..<3 { swarm.plan() }
        #expect(count("endless") == 1000)
        #expect(count("job") == 1000)
        swarm.obey()
        #expect(swarm.running("web").count == 2)
        swarm.plan()
        #expect(count("endless") == 2000)
        #expect(count("job") == 2000)
        swarm.state.services["endless"]?.spec.mode.replicated = .init(replicas: 1500)
        for _ in 0..<2 {
            swarm.obey()
            swarm.plan()
        }
        #expect(swarm.running("endless").count == 1500)
    }

    @Test func `a network that a service names twice is one`() throws {
        var swarm = threeNodes()
        swarm.addService("web", replicas: 1) {
            $0.taskTemplate.networks = ["a", "b", "a"].map { alias in
                var config = NetworkAttachmentConfig()
                (config.target, config.aliases) = ("ingress", [alias])
                return config
            }
        }
        swarm.settle()
        let task = try #require(swarm.running("web").first)
        #expect(task.networksAttachments?.count == 1)
        #expect(task.networksAttachments?.first?.aliases == ["a", "b", "a"])
        // One of each family.
        #expect(swarm.state.services["web"]?.endpoint.virtualIPs?.compactMap(\.addr?.family) == [.v4, .v6])
    }

    @Test func `what cannot be placed says why`() {
        var swarm = threeNodes()
        swarm.addService("nowhere", replicas: 1) {
            $0.taskTemplate.placement = Placement()
            $0.taskTemplate.placement?.constraints = ["node.labels.zone==moon"]
        }
        swarm.addService("big", replicas: 1) {
            $0.taskTemplate.resources = ResourceRequirements()
            $0.taskTemplate.resources?.reservations = NodeResources()
            $0.taskTemplate.resources?.reservations?.memoryBytes = 1 << 50
        }
        swarm.settle()
        let errors = swarm.state.tasks.values.compactMap(\.status.err).sorted()
        #expect(
            errors == [
                "no suitable node (insufficient resources on 3 nodes)",
                "no suitable node (scheduling constraints not satisfied on 3 nodes)",
            ])
    }

    @Test func `history is kept to its limit`() throws {
        var swarm = threeNodes()
        swarm.addService("web", replicas: 1)
        for _ in 0..<20 {
            swarm.settle(rounds: 3)
            if let id = swarm.running("web").first?.id {
                let now = swarm.now
                swarm = swarm.update(id) { $0.status = TaskStatus(.failed, "failed", at: now) }
            }
        }
        swarm.settle()
        #expect(swarm.state.tasks.values.filter { !$0.isLive }.count == 4)
        // Without a history the last of what has ended is kept all the same: it says that nothing follows.
        swarm.state.cluster?.spec.orchestration = .init()
        swarm.state.cluster?.spec.orchestration?.taskHistoryRetentionLimit = 0
        swarm.addService("once", replicas: 1) {
            $0.taskTemplate.restartPolicy = TaskRestartPolicy()
            $0.taskTemplate.restartPolicy?.condition = "none"
        }
        swarm.settle()
        let id = try #require(swarm.running("once").first?.id)
        let now = swarm.now
        swarm = swarm.update(id) { $0.status = TaskStatus(.complete, "finished", at: now) }
        swarm.settle()
        #expect(swarm.state.tasks.values.filter { !$0.isLive }.map(\.id) == [id])
    }

    @Test func `a second plan of a settled swarm changes nothing`() {
        var swarm = threeNodes()
        swarm.addService("web", replicas: 4) { publish(&$0, 0, 80) }
        swarm.addService("agent", replicas: nil)
        swarm.settle()
        var draft = SwarmDraft(swarm.state, now: swarm.now)
        swarm.planner.plan(&draft)
        #expect(!draft.hasChanges)
        #expect((30_000...32_767).contains(swarm.state.services["web"]?.endpoint.ports?.first?.publishedPort ?? 0))
    }

    @Test func `random trouble always ends in the wanted number of tasks, no address given twice`() {
        for seed in UInt64(1)...20 {
            var random = SplitMix(state: seed)
            var swarm = threeNodes()
            swarm.addService("web", replicas: 4) { publish(&$0, 8080, 80) }
            for _ in 0..<40 {
                switch Int.random(in: 0..<6, using: &random) {
                case 0:
                    if let id = swarm.state.tasks.values.filter(\.isLive).map(\.id).sorted().randomElement(
                        using: &random)
                    {
                        let now = swarm.now
                        swarm = swarm.update(id) { $0.status = TaskStatus(.failed, "failed", at: now) }
                    }
                case 1:
                    let node = ["n1", "n2", "n3"].randomElement(using: &random) ?? "n1"
                    swarm.state.nodes[node]?.status.state = Bool.random(using: &random) ? .down : .ready
                case 2:
                    swarm.state.services["web"]?.spec.mode.replicated = .init(
                        replicas: UInt64.random(in: 0...6, using: &random))
                case 3: swarm.obey()
                default: swarm.plan()
                }
                swarm.now = swarm.now.advanced(bySeconds: Int64.random(in: 0...4, using: &random))
                let live = swarm.state.tasks.values.filter(\.isLive).flatMap { $0.networksAttachments ?? [] }.flatMap(
                    \.addresses)
                #expect(Set(live).count == live.count, "seed \(seed): an address was given twice")
            }
            for node in ["n1", "n2", "n3"] { swarm.state.nodes[node]?.status.state = .ready }
            swarm.settle(rounds: 20)
            let wanted = swarm.state.services["web"]?.spec.replicas
            #expect(swarm.running("web").count == wanted, "seed \(seed)")
        }
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
