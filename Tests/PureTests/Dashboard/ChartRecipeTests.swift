import Testing

@testable import Dashboard

@Suite struct ChartRecipeTests {
    private func state() -> DashboardState {
        var state = DashboardState(cluster: ClusterView())
        state.nodes = ["n2", "n1"].map { id in
            var node = NodeView(id: id)
            node.name = "node-\(id.dropFirst())"
            return node
        }
        var service = ServiceView(id: "s")
        service.name = "web"
        state.services = [service]
        state.tasks = [("t1", 1, "n1", "c1"), ("t2", 2, "n2", "c2"), ("t0", 1, "n2", "c0")].map {
            id, slot, node, container in
            var task = TaskView(id: id)
            (task.service, task.slot, task.node, task.container) = ("s", slot, node, container)
            return task
        }
        return state
    }

    private func query(_ scope: DashboardScope, _ series: String, by: String? = nil) throws -> DashboardMetricsQuery {
        let window = try #require(DashboardWindow(from: 0, to: 60_000))
        return DashboardMetricsQuery(scope: scope, series: series, by: by, window: window, points: 6)
    }

    @Test func `a place's line has its tasks of before as well`() throws {
        let groups = EngineDashboard.groups(
            try query(DashboardScope(.service, "s"), "cpu", by: "task"), .container, state())
        #expect(groups?.map(\.name) == ["web.1", "web.2"])
        #expect(groups?.first?.entities.map(\.id).sorted() == ["c0", "c1"])
    }

    @Test func `of a service of many tasks none is left out`() throws {
        for (count, lines) in [(100, 100), (128, 128), (129, 128), (300, 128)] {
            var state = state()
            state.tasks = (1...count).map { slot in
                var task = TaskView(id: "t\(slot)")
                (task.service, task.slot, task.node, task.container) = ("s", slot, "n1", "c\(slot)")
                return task
            }
            let groups = EngineDashboard.groups(
                try query(DashboardScope(.service, "s"), "drops", by: "task"), .container, state)
            #expect(groups?.count == lines)
            let entities = (groups ?? []).flatMap(\.entities)
            #expect(Set(entities.map(\.id)).count == count && entities.count == count)
            #expect(groups?.last?.name == (count == lines ? "web.\(count)" : "\(count - lines + 1) more"))
        }
    }

    @Test func `a cluster's lines are its nodes, by name`() throws {
        let groups = EngineDashboard.groups(try query(DashboardScope(.cluster), "cpu", by: "node"), .node, state())
        #expect(groups?.map(\.name) == ["node-1", "node-2"])
        #expect(groups?.first?.entities == [ChartEntity(.node, "n1", node: "n1")])
        let network = EngineDashboard.groups(
            try query(DashboardScope(.cluster), "network", by: "node"), .container, state())
        #expect(network?.last?.entities.map(\.id).sorted() == ["c0", "c2"])
    }

    @Test func `several services have a line each, those that are not there have none`() throws {
        var state = state()
        var other = ServiceView(id: "o")
        other.name = "api"
        state.services.append(other)
        var task = TaskView(id: "t9")
        (task.service, task.slot, task.node, task.container) = ("o", 1, "n1", "c9")
        state.tasks.append(task)
        var asked = try query(DashboardScope(.service, "gone"), "cpu")
        asked.others = [DashboardScope(.service, "o"), DashboardScope(.service, "s")]
        let groups = EngineDashboard.groups(asked, .container, state)
        #expect(groups?.map(\.name) == ["api", "web"])
        #expect(groups?.first?.entities.map(\.id) == ["c9"] && groups?.last?.entities.count == 3)
    }

    @Test func `a network's lines are the nodes with tasks in it, or all of these together`() throws {
        var state = state()
        var network = NetworkView(id: "n")
        network.name = "backend"
        state.networks = [network]
        for index in state.tasks.indices where state.tasks[index].id != "t0" {
            state.tasks[index].addresses = [AddressView(network: "n", address: "10.0.0.\(index)")]
        }
        let byNode = EngineDashboard.groups(
            try query(DashboardScope(.network, "n"), "network", by: "node"), .container, state)
        #expect(byNode?.map(\.name) == ["node-1", "node-2"])
        #expect(byNode?.map { $0.entities.map(\.id) } == [["c1"], ["c2"]])
        let together = EngineDashboard.groups(try query(DashboardScope(.network, "n"), "drops"), .container, state)
        #expect(together?.map(\.name) == ["backend"] && together?.first?.entities.count == 2)
        state.networks.append(NetworkView(id: "empty"))
        let none = EngineDashboard.groups(
            try query(DashboardScope(.network, "empty"), "network", by: "node"), .container, state)
        #expect(none == [])
    }

    @Test func `a chart of too many is refused as such, and not as one that is not there`() throws {
        for (count, isShowable) in [(EngineDashboard.mostEntities, true), (EngineDashboard.mostEntities + 1, false)] {
            var state = state()
            state.tasks = (1...count).map { slot in
                var task = TaskView(id: "t\(slot)")
                (task.service, task.slot, task.node, task.container) = ("s", slot, "n1", "c\(slot)")
                return task
            }
            let groups = try #require(
                EngineDashboard.groups(try query(DashboardScope(.service, "s"), "cpu"), .container, state))
            #expect(EngineDashboard.isShowable(groups) == isShowable)
        }
    }

    @Test func `what is not there has no chart`() throws {
        #expect(EngineDashboard.groups(try query(DashboardScope(.service, "x"), "cpu"), .container, state()) == nil)
        #expect(EngineDashboard.groups(try query(DashboardScope(.network, "x"), "cpu"), .container, state()) == nil)
        #expect(ChartRecipe("nothing", ofNode: false, byDirection: false) == nil)
        #expect(ChartRecipe("disk", ofNode: false, byDirection: false) == nil)
    }

    @Test func `lines are weighted sums, shares of a whole, and unknown where nothing is known`() throws {
        let disk = try #require(ChartRecipe("disk", ofNode: true, byDirection: false))
        #expect(disk.kind == .node && disk.series == ["filesystem_free_bytes", "filesystem_size_bytes"])
        let answer = ChartAnswer(
            from: 0, step: 10_000,
            curves: [
                .init(group: "a", series: "filesystem_size_bytes", values: [200, nil, 0]),
                .init(group: "a", series: "filesystem_free_bytes", values: [50, nil, 0]),
            ])
        #expect(disk.draw(answer, groups: ["a"]) == [.init(name: "a", values: [0.75, nil, nil])])
        // Of two groups each its own; and what a node tells of a whole that is next to nothing makes no share that cannot be written.
        let two = ChartAnswer(
            from: 0, step: 10_000,
            curves: answer.curves + [
                .init(group: "b", series: "filesystem_size_bytes", values: [8, .leastNonzeroMagnitude, 4, 2]),
                .init(group: "b", series: "filesystem_free_bytes", values: [2, -1e20, nil]),
            ])
        #expect(
            disk.draw(two, groups: ["b", "a", "c"]) == [
                .init(name: "b", values: [0.75, nil, 1, 1]), .init(name: "a", values: [0.75, nil, nil]),
                .init(name: "c", values: []),
            ])
    }

    @Test func `directions are lines of their own, or one sum`() throws {
        let both = try #require(ChartRecipe("network", ofNode: false, byDirection: true))
        let sum = try #require(ChartRecipe("network", ofNode: false, byDirection: false))
        let answer = ChartAnswer(
            from: 0, step: 1,
            curves: [
                .init(group: "a", series: "network_received_bytes", values: [3, nil]),
                .init(group: "a", series: "network_sent_bytes", values: [4, 5]),
            ])
        #expect(both.draw(answer, groups: ["a"]).map(\.name) == ["in", "out"])
        #expect(sum.draw(answer, groups: ["a"]) == [.init(name: "a", values: [7, 5])])
    }
}
