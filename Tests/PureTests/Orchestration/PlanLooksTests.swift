import Model
import Orchestration
import StateStore
import Testing

/// How much is looked at to plan one change, in swarms of different sizes.
@Suite struct PlanLooksTests {
    /// A service that runs, of a swarm of which nothing but one of its tasks changes.
    private static func looks(
        replicas: UInt64?, nodes: Int, others: Int = 0, _ change: (inout SwarmTask) -> Void
    ) throws -> (looks: SwarmDraft.Looks, changed: Int) {
        var swarm = SwarmSimulation()
        for number in 0..<nodes { swarm.addNode("node\(String(format: "%05d", number))") }
        swarm.addService("service", replicas: replicas)
        for number in 0..<others { swarm.addService("other\(number)", replicas: 3) }
        swarm.settle(rounds: 2)
        var planner = swarm.planner
        func pass(from former: SwarmState) -> SwarmDraft {
            var draft = SwarmDraft(swarm.state, now: swarm.now)
            planner.plan(&draft, changes: SwarmChanges(from: former, to: swarm.state))
            swarm.state = draft.state
            return draft
        }
        // What has come of the last plan.
        _ = pass(from: swarm.state)
        let former = swarm.state
        let id = try #require(swarm.running("service").map(\.id).min())
        var task = try #require(swarm.state.tasks[id])
        change(&task)
        swarm.state.tasks[id] = task
        let draft = pass(from: former)
        // What has been planned is looked at once more.
        let next = pass(from: draft.state)
        var looks = draft.looks
        looks.add(next.looks)
        return (looks, SwarmChanges(from: former, to: next.state).tasks.count)
    }

    private static func fail(_ task: inout SwarmTask) {
        task.status = TaskStatus(.failed, "", at: Timestamp(seconds: 1_800_000_000), error: "exit 1")
    }

    @Test(arguments: [20, 1500] as [UInt64])
    func `a report on one of a service's tasks looks at its place`(replicas: UInt64) throws {
        let (looks, changed) = try Self.looks(replicas: replicas, nodes: 10) { $0.status.message = "healthy" }
        #expect(looks.places <= 2 && looks.nodes == 0 && changed == 1)
    }

    @Test(arguments: [(20, 10), (20, 400), (1500, 10)] as [(UInt64, Int)])
    func `a task that fails is replaced without a look at others`(replicas: UInt64, nodes: Int) throws {
        let (looks, changed) = try Self.looks(replicas: replicas, nodes: nodes, Self.fail)
        #expect(looks.places <= 3)
        #expect(looks.nodes <= 20)
        #expect(changed == 2)
    }

    @Test(arguments: [10, 200])
    func `a service with a task on each node is planned where something has changed`(nodes: Int) throws {
        let (looks, changed) = try Self.looks(replicas: nil, nodes: nodes, Self.fail)
        #expect(looks.places <= 3)
        #expect(looks.nodes <= 2)
        #expect(changed == 2)
    }

    @Test func `a node that changes is nothing to places on others`() throws {
        var swarm = SwarmSimulation()
        for number in 0..<100 { swarm.addNode("node\(String(format: "%05d", number))") }
        swarm.addService("global", replicas: nil)
        swarm.addService("some", replicas: 100)
        swarm.settle(rounds: 2)
        var planner = swarm.planner
        var draft = SwarmDraft(swarm.state, now: swarm.now)
        planner.plan(&draft, changes: SwarmChanges())
        let former = draft.state
        swarm.state = former
        swarm.state.nodes["node00001"]?.spec.labels["zone"] = "a"
        draft = SwarmDraft(swarm.state, now: swarm.now)
        planner.plan(&draft, changes: SwarmChanges(from: former, to: swarm.state))
        #expect(draft.looks.places <= 4)
    }

    @Test(arguments: [10, 300] as [UInt64])
    func `tasks that wait for an address wait until one is free`(waiting: UInt64) throws {
        var swarm = SwarmSimulation()
        for number in 0..<4 { swarm.addNode("node\(number)") }
        var request = NetworkRequest()
        request.name = "small"
        request.ipam = AddressManagement(driver: "default", config: [AddressPool(subnet: "10.9.9.0/28")])
        swarm.state.networks["small"] = try NetworkAllocator(state: swarm.state).allocate(
            request, id: "small", at: swarm.now)
        swarm.addService("full", replicas: 20 + waiting) { spec in
            var config = NetworkAttachmentConfig()
            config.target = "small"
            spec.taskTemplate.networks = [config]
        }
        swarm.addService("other", replicas: 3)
        swarm.settle(rounds: 3)
        #expect(swarm.state.tasks.values.count { $0.status.state == .new } > waiting)
        var planner = swarm.planner
        func pass(_ change: (inout SwarmState) -> Void) -> SwarmDraft {
            let former = swarm.state
            var state = former
            change(&state)
            swarm.state = state
            var draft = SwarmDraft(swarm.state, now: swarm.now)
            planner.plan(&draft, changes: SwarmChanges(from: former, to: swarm.state))
            swarm.state = draft.state
            return draft
        }
        _ = pass { _ in }
        let other = try #require(swarm.running("other").map(\.id).min())
        let unconcerned = pass { $0.tasks[other]?.status.message = "healthy" }
        #expect(unconcerned.looks.waiting == 0 && !unconcerned.hasChanges)
        let running = swarm.running("full").map(\.id).sorted()
        let concerned = pass { state in
            for id in running.prefix(2) {
                state.tasks[id]?.status = TaskStatus(
                    .failed, "", at: Timestamp(seconds: 1_800_000_000), error: "exit 1")
            }
        }
        #expect(concerned.looks.waiting > 0)
        // What has been given up is free from the next plan on.
        let next = pass { _ in }
        #expect(Set(next.state.tasks.values.filter { $0.status.state == .new }.map(\.id)).count < Int(waiting) + 20)
    }
}
