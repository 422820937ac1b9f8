import Addressing
import Logging
import Model
import NodeProtocol
import TestKit
import Testing

@testable import Cluster

/// When tasks get connections and when they may stop, by what nodes acknowledge.
@Suite struct HandoverTests {
    private let now = ContinuousClock.now

    private func waiter(_ id: String) -> Acknowledgements.Waiter { .init(purpose: .drain, taskID: id) }

    @Test func `a countdown ends with the last node of the last scope`() {
        var nodes = Acknowledgements()
        let (a, b) = (NetworkFact.Scope.network("a"), NetworkFact.Scope.swarm)
        nodes.join("one", a, isBack: false)
        nodes.join("two", a, isBack: false)
        nodes.join("two", b, isBack: false)
        nodes.wait(waiter("t"), for: [(a, 7), (b, 3)])
        nodes.acknowledge("one", a, 9)
        nodes.acknowledge("two", a, 6)
        nodes.acknowledge("two", b, 3)
        #expect(nodes.takePassed().isEmpty)
        // Who comes later knows nothing older.
        nodes.join("three", a, isBack: false)
        nodes.acknowledge("two", a, 7)
        #expect(nodes.takePassed() == [waiter("t")])
        nodes.wait(waiter("u"), for: [(a, 7)])
        #expect(nodes.takePassed().isEmpty, "the third has not said anything")
        nodes.leave("three", a)
        #expect(nodes.takePassed() == [waiter("u")], "a node that is gone is not waited for")
        nodes.wait(waiter("v"), for: [(a, 7), (b, 3)])
        #expect(nodes.takePassed() == [waiter("v")], "all have")
    }

    @Test func `a node that is back is waited for until it has everything`() {
        var nodes = Acknowledgements()
        let a = NetworkFact.Scope.network("a")
        nodes.join("one", a, isBack: false)
        nodes.join("two", a, isBack: false)
        nodes.wait(waiter("t"), for: [(a, 7)])
        nodes.leave("two", a)
        nodes.join("two", a, isBack: true)
        nodes.acknowledge("one", a, 7)
        #expect(nodes.takePassed().isEmpty)
        nodes.acknowledge("two", a, 8)
        #expect(nodes.takePassed() == [waiter("t")])
        // One that asks for everything anew has to say everything anew.
        nodes.join("three", a, isBack: false)
        nodes.wait(waiter("s"), for: [(a, 9)])
        nodes.acknowledge("one", a, 9)
        nodes.forget("one", a)
        for node in ["two", "three"] { nodes.acknowledge(node, a, 9) }
        #expect(nodes.takePassed().isEmpty)
        nodes.acknowledge("one", a, 9)
        #expect(nodes.takePassed() == [waiter("s")])
        nodes.leave("three", a)
        // Cancelled ones pass no more.
        nodes.wait(waiter("u"), for: [(a, 10)])
        nodes.cancel(waiter("u"))
        for node in ["one", "two"] { nodes.acknowledge(node, a, 10) }
        #expect(nodes.takePassed().isEmpty)
    }

    @Test(arguments: 0..<30 as Range<UInt64>)
    func `whatever nodes do, a countdown is what a scan would say`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var nodes = Acknowledgements()
        let scope = NetworkFact.Scope.swarm
        var acknowledged: [String: UInt64] = [:]
        /// By waiter: the state, and the nodes that it waits for as long as they have not come so far.
        var waiting: [Acknowledgements.Waiter: (UInt64, Set<String>)] = [:]
        var sequence: UInt64 = 0
        for step in 0..<600 {
            let node = "node\(Int.random(in: 0..<6, using: &random))"
            switch Int.random(in: 0..<8, using: &random) {
            case 0:
                nodes.leave(node, scope)
                acknowledged[node] = nil
            case 1:
                if acknowledged[node] != nil { continue }
                let isBack = Bool.random(using: &random)
                for (key, value) in waiting {
                    waiting[key]?.1 = isBack ? value.1.union([node]) : value.1.subtracting([node])
                }
                nodes.join(node, scope, isBack: isBack)
                acknowledged[node] = 0
            case 2...4:
                guard let known = acknowledged[node], known < sequence else { continue }
                let new = UInt64.random(in: known...sequence, using: &random)
                nodes.acknowledge(node, scope, new)
                acknowledged[node] = new
            default:
                sequence += UInt64.random(in: 0...1, using: &random)
                nodes.wait(waiter("\(step)"), for: [(scope, sequence)])
                waiting[waiter("\(step)")] = (sequence, Set(acknowledged.keys))
            }
            let passed = Set(nodes.takePassed())
            let expected = waiting.filter { _, state in
                !state.1.contains { node in acknowledged[node].map { $0 < state.0 } ?? false }
            }
            #expect(passed == Set(expected.keys), "seed \(seed), step \(step)")
            for key in passed { waiting[key] = nil }
        }
    }

    private func task(_ id: String, _ state: TaskState, isWanted: Bool = true) -> SwarmTask {
        var task = SwarmTask(id: id)
        task.serviceID = "service"
        task.nodeID = "node"
        task.status.state = state
        task.desiredState = isWanted ? .running : .shutdown
        return task
    }

    @Test func `an update's new task is used before the old one is let go of`() {
        var planner = BackendPlanner()
        let isOldNew = planner.take("old", task("old", .running), isNodeReady: true, now: now)
        #expect(!isOldNew, "it was in use before")
        #expect(planner.settle(now: now) == ["old": true])
        let isNew = planner.take("new", task("new", .assigned), isNodeReady: true, now: now)
        #expect(isNew)
        #expect(planner.settle(now: now).isEmpty)
        _ = planner.take("new", task("new", .running), isNodeReady: true, now: now)
        _ = planner.take("old", task("old", .running, isWanted: false), isNodeReady: true, now: now)
        #expect(planner.settle(now: now).isEmpty && planner.isServing("old"))
        planner.acknowledged("new", now: now)
        #expect(planner.settle(now: now) == ["new": true, "old": false])
        // What has ceased to be a backend never becomes one again.
        _ = planner.take("newer", task("newer", .running), isNodeReady: true, now: now)
        #expect(planner.settle(now: now).isEmpty && !planner.isServing("old"))
    }

    @Test func `nodes that say nothing are waited for until the deadline, and a node that is down has no backends`() {
        var planner = BackendPlanner()
        _ = planner.settle(now: now)
        let isNew = planner.take("one", task("one", .running), isNodeReady: true, now: now)
        #expect(isNew)
        #expect(planner.settle(now: now).isEmpty)
        #expect(planner.nextDeadline == now + BackendPlanner.deadline)
        #expect(planner.settle(now: now + BackendPlanner.deadline) == ["one": true])
        #expect(planner.nextDeadline == nil)
        _ = planner.take("one", task("one", .running), isNodeReady: false, now: now)
        #expect(planner.settle(now: now) == ["one": false])
        _ = planner.take("one", task("one", .running), isNodeReady: true, now: now)
        #expect(planner.settle(now: now) == ["one": true])
        _ = planner.take("one", nil, isNodeReady: false, now: now)
        #expect(planner.settle(now: now) == ["one": false])
    }

    @Test func `a task goes on until every manager's nodes have let go of it`() {
        var drains = DrainPlanner()
        drains.begin("t", now: now)
        #expect(drains.take(others: [[]], now: now).isEmpty)
        #expect(drains.isHeld("t") && drains.drained.isEmpty)
        let isDone = drains.acknowledged("t", now: now)
        #expect(!isDone)
        #expect(drains.isHeld("t") && drains.drained == ["t"])
        #expect(drains.take(others: [["x"]], now: now).isEmpty)
        #expect(drains.take(others: [["x", "t"]], now: now) == ["t"])
        #expect(!drains.isHeld("t") && drains.isKnown("t") && drains.drained == ["t"], "what is let go of is let go of")
        drains.end("t")
        #expect(!drains.isKnown("t") && drains.drained.isEmpty)

        var late = DrainPlanner()
        late.begin("t", now: now)
        #expect(late.take(others: [[]], now: now).isEmpty && late.nextDeadline == now + DrainPlanner.deadline)
        #expect(late.pass(to: now + DrainPlanner.deadline) == ["t"])
        #expect(!late.isHeld("t") && late.drained.isEmpty)
    }
}

/// What the agent keeps of networks.
@Suite struct AppliedNetworksTests {
    @Test func `a node knows its networks and its own places, until they end`() throws {
        func endpoint(_ task: String, _ node: String, _ last: UInt8) -> NetworkFact {
            .endpoint(
                network: "net",
                .init(
                    addresses: HostAddresses(IPAddress(10, 0, 0, last)), nodeID: node, taskID: task,
                    vtep: IPAddress(192, 0, 2, 1), containerID: "", names: []))
        }
        var applied = AppliedNetworks([SwarmNetwork(id: "old")])
        #expect(applied.ids == ["old"] && applied.networks.map(\.id) == ["old"])
        let scope = NetworkFact.Scope.network("net")
        applied.take(
            NetworkChangeSet(
                scope, sequence: 1, isSnapshot: true,
                upserts: [.network(SwarmNetwork(id: "net")), endpoint("mine", "me", 2), endpoint("other", "you", 3)]),
            nodeID: "me")
        #expect(applied.ids == ["net", "old"])
        #expect(applied.has("mine", in: "net") && !applied.has("other", in: "net"))
        applied.take(
            NetworkChangeSet(scope, sequence: 2, removals: [.endpoint(network: "net", IPAddress(10, 0, 0, 2))]),
            nodeID: "me")
        #expect(!applied.has("mine", in: "net"))
        applied.take(NetworkChangeSet(scope, sequence: 3, isEnd: true), nodeID: "me")
        #expect(applied.ids == ["old"])
    }

    @Test func `networks and tasks are kept a row each`() async throws {
        try await withTemporaryDirectory { directory in
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let (store, empty) = try await AssignedStore.open(directory, log: log)
            #expect(empty.tasks.isEmpty && empty.networks.isEmpty && empty.unread.isEmpty)
            var network = SwarmNetwork(id: "net")
            network.spec.name = "mesh"
            try await store.save(networks: [("net", network), ("other", SwarmNetwork(id: "other"))])
            try await store.save([("one", SwarmTask(id: "one")), ("two", SwarmTask(id: "two"))])
            try await store.save([("one", nil)])
            try await store.save(networks: [("other", nil)])
            try await store.close()
            let (again, kept) = try await AssignedStore.open(directory, log: log)
            #expect(kept.tasks == [SwarmTask(id: "two")] && kept.networks == [network])
            try await again.close()
        }
    }
}
