import Cluster
import EngineInterface
import Model
import Synchronization
import TestKit
import Testing

/// What nodes are told of backends, and what a removed node is told: nothing.
@Suite(.serialized, .timeLimit(.minutes(3))) struct BackendTests {
    private func pinned(_ name: String, to node: String, published: Int) -> ServiceSpec {
        var spec = service(name, replicas: 1, published: published)
        spec.taskTemplate.placement = Placement()
        spec.taskTemplate.placement?.constraints = ["node.hostname==\(node)"]
        return spec
    }

    private func backends(_ node: TestNode) -> Int { node.backendCount ?? 0 }

    @Test func `a task gets new connections only when every node has its endpoint in force`() async throws {
        try await withSwarm { manager, first, _, second in
            second.executor.state.withLock { $0.holdsNetworks = true }
            _ = try await manager.createService(pinned("web", to: "node-1", published: 8080))
            try await eventually("it runs") { first.executor.running.count == 1 }
            try await eventually("that is on record") {
                try await manager.listServices(Filters(), withStatus: true).first?.serviceStatus?.runningTasks == 1
            }
            #expect(first.executor.network?.ports.count == 1 && backends(first) == 0)
            second.executor.state.withLock { $0.holdsNetworks = false }
            try await eventually(within: .seconds(3), "both nodes use it") {
                backends(first) == 1 && backends(second) == 1
            }
        }
    }

    @Test func `a task that is to stop stays in use until every node knows its successor`() async throws {
        try await withSwarm { manager, first, _, second in
            var spec = pinned("web", to: "node-1", published: 8080)
            spec.updateConfig = UpdateConfiguration()
            spec.updateConfig?.parallelism = 1
            spec.updateConfig?.order = "start-first"
            _ = try await manager.createService(spec)
            try await eventually("both nodes use it") { backends(first) == 1 && backends(second) == 1 }
            let old = try #require(first.executor.running.first)
            second.executor.state.withLock { $0.holdsNetworks = true }
            let present = try await manager.inspectService("web", insertDefaults: false)
            spec.taskTemplate.forceUpdate = 1
            _ = try await manager.updateService("web", version: present.version.index, spec, rollback: false)
            try await eventually("the successor runs and the old one is to stop") {
                let isToStop = try await manager.inspectTask(old).desiredState == .shutdown
                return isToStop && first.executor.running.count == 2
            }
            #expect(backends(first) == 1 && first.executor.running.contains(old))
            second.executor.state.withLock { $0.holdsNetworks = false }
            try await eventually(within: .seconds(3), "only the successor is left") {
                backends(first) == 1 && backends(second) == 1 && !first.executor.running.contains(old)
            }
            try await eventually(within: .seconds(10), "the update is complete") {
                try await manager.inspectService("web", insertDefaults: false).updateStatus?.state == "completed"
            }
        }
    }

    @Test func `a removed node is told nothing any more and gets no other session`() async throws {
        try await withSwarm { manager, first, worker, second in
            try await eventually("the node knows the swarm's networks") { second.executor.network != nil }
            try await manager.removeNode("node-2", force: true)
            for (name, port) in [("one", UInt16(8001)), ("two", 8002), ("three", 8003)] {
                _ = try await manager.createService(service(name, replicas: 1, published: Int(port)))
                try await eventually("the manager's node knows \(name)") {
                    first.executor.network?.ports.contains { $0.publishedPort == port } == true
                }
            }
            #expect(second.executor.network?.ports.isEmpty != false)
            #expect(try await manager.listNodes(Filters()).count == 1)
            #expect(await worker.swarmInfo().localNodeState != "inactive")
        }
    }
}
