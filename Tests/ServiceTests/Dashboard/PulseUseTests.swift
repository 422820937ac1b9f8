import EngineInterface
import Model
import Testing

@testable import Cluster
@testable import Dashboard

/// What nodes and tasks use, as the page shows it.
@Suite struct PulseUseTests {
    private static func pulse(_ time: Int64, cpu: UInt64, task: UInt64) -> NodePulse {
        var node = [UInt64](repeating: 0, count: NodePulseSeries.allCases.count)
        node[NodePulseSeries.cpuMicroseconds.rawValue] = cpu
        node[NodePulseSeries.processors.rawValue] = 4
        node[NodePulseSeries.memoryUsedBytes.rawValue] = 25
        node[NodePulseSeries.memoryBytes.rawValue] = 100
        var values = [UInt64](repeating: 0, count: TaskPulseSeries.allCases.count)
        values[TaskPulseSeries.cpuMicroseconds.rawValue] = task
        values[TaskPulseSeries.memoryWorkingSetBytes.rawValue] = 1000
        return NodePulse(time: time, node: node, tasks: ["t1": values, "t2": values, "foreign": values])
    }

    @Test func `shares of a node, cores of tasks, and a service's sum`() {
        var board = PulseBoard()
        for (time, cpu, task) in [(1000, 1_000_000, 0), (1010, 21_000_000, 5_000_000)] as [(Int64, UInt64, UInt64)] {
            board.take(Self.pulse(time, cpu: cpu, task: task), of: "n1", now: time) { $0 == "foreign" ? nil : "s1" }
        }
        var state = DashboardState(cluster: ClusterView())
        state.nodes = [NodeView(id: "n1"), NodeView(id: "n2")]
        state.services = [ServiceView(id: "s1")]
        state.tasks = ["t1", "t2", "t3"].map { id in
            var task = TaskView(id: id)
            task.service = "s1"
            return task
        }
        state.fill(from: board, now: 1020)
        #expect(state.nodes[0].use?.cpu == 0.5 && state.nodes[0].use?.memory == 0.25)
        #expect(state.nodes[0].use?.disk == nil && state.nodes[0].use?.at == 1_010_000 && state.nodes[1].use == nil)
        #expect(state.tasks[0].use?.cpu == 0.5 && state.tasks[0].use?.memory == 1000 && state.tasks[2].use == nil)
        #expect(state.services[0].use?.cpu == 1 && state.services[0].use?.memory == 2000)
        state.fill(from: board, now: 1100)
        #expect(state.nodes[0].use?.cpu == 0.5 && state.nodes[0].use?.at == 1_010_000, "what was told last stays")
        #expect(state.tasks[0].use?.memory == 1000 && state.tasks[0].use?.at == 1_010_000)
        #expect(state.services[0].use == nil, "and is no part of what a service uses now")
    }

    @Test func `containers of other nodes are shown with their node, in words, with what they use`() throws {
        let id = String(repeating: "c", count: 64)
        var container = StandaloneContainer(
            id: id, name: "cache", image: "redis", state: "running", created: Timestamp(seconds: 900))
        container.started = Timestamp(seconds: 1000)
        var news = StandaloneNews(place: 1, isWhole: true)
        news.leftOut = 2
        news.present = [container]
        var known = StandaloneBoard()
        for node in ["n1", "n2"] {
            if node == "n1" { news.present[0].id = String(repeating: "d", count: 64) }
            for piece in StandaloneMessages.pieces(news) {
                try known.take(try StandaloneMessages.told(piece), of: node) { _ in true }
            }
            news.present = [container]
        }
        var values = [UInt64](repeating: 0, count: TaskPulseSeries.allCases.count)
        values[TaskPulseSeries.memoryWorkingSetBytes.rawValue] = 1000
        var board = PulseBoard()
        board.take(
            NodePulse(time: 1010, containers: [id: values]), of: "n2", now: 1010, service: { _ in nil },
            isStandalone: { _ in true })
        var state = DashboardState(cluster: ClusterView())
        state.nodes = [NodeView(id: "n1"), NodeView(id: "n2")]
        // This node's own are known from its engine.
        state.add(known, but: "n1", now: Timestamp(seconds: 1120))
        state.fill(from: board, now: 1020)
        let shown = try #require(state.containers.first)
        #expect(state.containers.count == 1 && shown.id == id && shown.node == "n2" && shown.name == "cache")
        #expect(shown.status == "Up 2 minutes" && shown.createdAt == 900_000 && shown.use?.memory == 1000)
        #expect(state.nodes.map(\.moreContainers) == [nil, 2])
    }

    @Test func `alerts fire until they are over`() {
        let alerts = FiringAlerts(system: FakeEngine(), logger: .init(label: "test"))
        func event(_ action: String) -> EngineEvent {
            EngineEvent(
                type: LoggedEvent.alertType, action: action, actorID: "f1",
                attributes: [
                    "name": "NodeDown", "severity": "critical", "summary": "node x is down", "node.id": "n1",
                    "startsAt": "2026-01-02T03:04:05Z",
                ], scope: "swarm")
        }
        alerts.take(event("firing"))
        let view = alerts.views.first
        #expect(view?.rule == "NodeDown" && view?.kind == "node" && view?.subject == "n1")
        #expect(view?.since == 1_767_323_045_000)
        alerts.take(event("resolved"))
        #expect(alerts.views.isEmpty)
    }

    @Test func `an alert of a network leads to it`() {
        let alerts = FiringAlerts(system: FakeEngine(), logger: .init(label: "test"))
        alerts.take(
            EngineEvent(
                type: LoggedEvent.alertType, action: "firing", actorID: "f2",
                attributes: ["name": "NetworkConflict", "network.id": "w1", "network.name": "app"], scope: "swarm"))
        #expect(alerts.views.first?.kind == "network" && alerts.views.first?.subject == "w1")
    }
}
