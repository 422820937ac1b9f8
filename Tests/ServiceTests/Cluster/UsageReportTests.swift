import EngineInterface
import Model
import Orchestration
import TestKit
import Testing

@testable import Cluster

/// What `GET /usage` tells: figures of what nodes have told, in units that a reader can do without the nodes.
@Suite(.timeLimit(.minutes(1))) struct UsageReportTests {
    private let now: Int64 = 1_000_000

    private func state() -> SwarmState {
        var state = SwarmState()
        for (id, name) in [("n1", "one"), ("n2", "two")] {
            var node = Node(id: id)
            node.spec.name = name
            node.status.state = .ready
            state.nodes[id] = node
        }
        for name in ["web", "db"] {
            var service = Service(id: "id-\(name)")
            service.spec.name = name
            state.services[service.id] = service
        }
        func task(_ id: String, _ service: String, slot: Int?, _ node: String?, _ now: TaskState, _ wanted: TaskState) {
            var task = SwarmTask(id: id)
            task.serviceID = "id-\(service)"
            task.slot = slot
            task.nodeID = node
            task.status.state = now
            task.desiredState = wanted
            state.tasks[id] = task
        }
        task("t1", "web", slot: 1, "n1", .running, .running)
        task("t2", "web", slot: 10, "n2", .running, .running)
        task("t3", "web", slot: 2, "n1", .preparing, .running)
        task("t4", "web", slot: 1, "n1", .failed, .shutdown)
        task("t5", "web", slot: 3, nil, .pending, .running)
        task("t6", "db", slot: nil, "n1", .running, .shutdown)
        return state
    }

    private func board() -> PulseBoard {
        var board = PulseBoard()
        for (time, cpu) in [(now - 30, 5), (now - 20, 7), (now, 37)] as [(Int64, UInt64)] {
            // Processor time of 30 s within 20 s; the pulse between was lost.
            let node: [UInt64] = [cpu * 1_000_000, 4, 300, 1000, 50, 200, 0, 0, 0, 0, 0, 2]
            let first: [UInt64] = [cpu * 100_000, 0, 64, 256, 11, 12, 13, 14, 5]
            let other: [UInt64] = [0, 0, 32, 0]
            board.take(
                NodePulse(time: time, node: node, tasks: ["t1": first, "t6": other, "t2": first]), of: "n1", now: now
            ) { ["t1": "id-web", "t6": "id-db"][$0] }
        }
        return board
    }

    @Test func `cores are per second of measuring, however far apart pulses are`() throws {
        let report = UsageReport(state: state(), board: board(), now: now)
        let node = try #require(report.nodes.first)
        #expect(node.name == "one" && node.state == "ready" && node.availability == "active")
        #expect(node.cores == 1.5 && node.processors == 4 && node.containers == 2)
        #expect(node.memoryBytes == 300 && node.memoryTotalBytes == 1000)
        #expect(node.diskBytes == 50 && node.diskTotalBytes == 200)
        #expect(node.measuredAt == Timestamp(seconds: now))
        let task = try #require(report.tasks(ofServices: nil).first { $0.id == "t1" })
        #expect(abs((task.cores ?? 0) - 0.15) < 1e-9)
        #expect(task.memoryBytes == 64 && task.memoryLimitBytes == 256 && task.processes == 5)
        #expect([task.blockReadBytes, task.blockWrittenBytes] == [11, 12])
        #expect([task.networkReceivedBytes, task.networkSentBytes] == [13, 14])
    }

    @Test func `tasks that run or are to are told, in the order of services and slots`() {
        let report = UsageReport(state: state(), board: board(), now: now)
        let all = report.tasks(ofServices: nil)
        #expect(all.map(\.name) == ["db.n1", "web.1", "web.2", "web.10"])
        #expect(all.map(\.nodeName) == ["one", "one", "one", "two"])
        #expect(report.tasks(ofServices: ["id-web"]).map(\.id) == ["t1", "t3", "t2"])
        #expect(report.tasks(ofServices: []).isEmpty)
        // Without a limit of its own a task has the node's memory.
        #expect(all.first?.memoryLimitBytes == 1000)
    }

    @Test func `what is not known is left out`() throws {
        var report = UsageReport(state: state(), board: board(), now: now)
        // Another node's word does not count; nobody has told of `two`.
        #expect(report.tasks(ofServices: nil).last?.memoryBytes == nil)
        #expect(report.nodes.last?.measuredAt == nil && report.nodes.last?.cores == nil)
        report = UsageReport(state: state(), board: board(), now: now + 61)
        #expect(report.nodes.allSatisfy { $0.measuredAt == nil && $0.memoryBytes == nil })
        #expect(report.tasks(ofServices: nil).allSatisfy { $0.measuredAt == nil && $0.memoryBytes == nil })
        var first = PulseBoard()
        first.take(NodePulse(time: now, node: [9, 4], tasks: ["t1": [9]]), of: "n1", now: now) { _ in "id-web" }
        report = UsageReport(state: state(), board: first, now: now)
        let task = try #require(report.tasks(ofServices: ["id-web"]).first)
        #expect(task.measuredAt != nil && task.cores == nil && task.memoryBytes == nil && task.memoryLimitBytes == nil)
        #expect(report.nodes.first?.cores == nil && report.nodes.first?.processors == 4)
    }

    @Test func `managers answer, and refuse services that there are not`() async throws {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            try await node.running { swarm in
                let usage = SwarmUsageReader(swarm)
                await #expect(throws: SwarmError.notMember) { try await usage.usage(ofServices: []) }
                try await node.initialise(swarm)
                _ = try await swarm.createService(service("web", replicas: 2))
                try await eventually("the tasks are placed") {
                    try await usage.usage(ofServices: ["web"]).tasks.count == 2
                }
                let all = try await usage.usage(ofServices: [])
                #expect(all.nodes.count == 1 && all.tasks.count == 2)
                #expect(try await usage.usage(ofServices: ["web"]).nodes.isEmpty)
                await #expect(throws: SwarmObjectError.notFound(.service, "nobody")) {
                    try await usage.usage(ofServices: ["nobody"])
                }
            }
        }
    }
}
