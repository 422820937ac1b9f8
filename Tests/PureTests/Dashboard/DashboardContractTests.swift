import Foundation
import Testing

@testable import Dashboard

/// What the page asks of managers, and is told: `Tests/Page/contract.json`. The tests there hold the page and the made-up cluster to it.
@Suite struct DashboardContractTests {
    private struct Contract: Decodable {
        /// As in `service cpu task`: whose, which series, a line for each of what; `-` for one.
        var charts: [String]
        /// Kind → the names in it.
        var fields: [String: [String]]
    }

    private static func contract() throws -> Contract {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try JSONDecoder().decode(
            Contract.self, from: Data(contentsOf: tests.appending(path: "Page/contract.json")))
    }

    /// One of each kind, all of the id `x`, and all of them with each other.
    private static func state() -> DashboardState {
        var state = DashboardState(cluster: ClusterView())
        var task = TaskView(id: "x")
        (task.service, task.slot, task.node, task.container) = ("x", 1, "x", "c")
        task.addresses = [AddressView(network: "x", address: "10.0.0.2")]
        var container = ContainerView(id: "x")
        container.node = "x"
        state.nodes = [NodeView(id: "x")]
        state.services = [ServiceView(id: "x")]
        state.tasks = [task]
        state.networks = [NetworkView(id: "x")]
        state.containers = [container]
        return state
    }

    @Test func `each chart that the page asks for is one that a manager draws`() throws {
        let charts = try Self.contract().charts
        #expect(!charts.isEmpty)
        let window = try #require(DashboardWindow(from: 0, to: 60_000))
        for chart in charts {
            let words = chart.split(separator: " ").map(String.init)
            try #require(words.count == 3, "\(chart)")
            let kind = try #require(DashboardScope.Kind(rawValue: words[0]), "\(chart)")
            let query = DashboardMetricsQuery(
                scope: DashboardScope(kind, kind == .cluster ? "" : "x"), series: words[1],
                by: words[2] == "-" ? nil : words[2], window: window, points: 6)
            let recipe = try #require(EngineDashboard.recipe(query), "\(chart)")
            let groups = try #require(EngineDashboard.groups(query, recipe.kind, Self.state()), "\(chart)")
            #expect(!groups.isEmpty && !recipe.series.isEmpty, "\(chart)")
        }
    }

    @Test func `what a manager tells has the names that the contract has`() throws {
        let views: [String: Any] = [
            "cluster": ClusterView(), "nodes": NodeView(id: ""), "nodes.use": NodeUse(),
            "services": ServiceView(id: ""), "services.use": TaskUse(),
            "services.ports": PortView(published: 1, target: 1, transport: "tcp", mode: "ingress"),
            "services.addresses": AddressView(network: "", address: ""),
            "services.update": UpdateView(state: "updating", parallelism: 1),
            "tasks": TaskView(id: ""), "tasks.use": TaskUse(),
            "tasks.addresses": AddressView(network: "", address: ""),
            "networks": NetworkView(id: ""), "containers": ContainerView(id: ""), "containers.use": TaskUse(),
            "alerts": AlertView(id: ""),
            "paths": PathView(from: "", to: "", kind: "vxlan", roundTrip: nil, loss: 0, mtu: nil, at: 0),
            "query": DashboardMetrics(from: 0, step: 1, lines: []),
            "query.lines": DashboardMetrics.Line(name: "", values: []),
            "query.gaps": DashboardMetrics.Gap(node: "", from: 0, to: 1),
            "logs": DashboardLogPage(reachedBack: 0),
            "logs.lines": DashboardLogLine(time: 0, stamp: "", task: "", node: "", stream: 1, text: ""),
            "logs/volume": DashboardLogVolume(from: 0, step: 1, buckets: 1),
            "events": DashboardEventPage(),
            "events.events": EventView(time: 0, type: "", action: "", id: ""),
            "alertBook": DashboardAlertBook(), "alertBook.rules": AlertRuleView(),
            "alertBook.silences": AlertSilenceView(id: ""), "alertBook.over": AlertOverView(id: ""),
        ]
        let fields = try Self.contract().fields
        #expect(Set(fields.keys) == Set(views.keys))
        for (kind, view) in views {
            let names = Mirror(reflecting: view).children.compactMap { $0.label }
            #expect(fields[kind]?.sorted() == names.sorted(), "\(kind)")
        }
    }
}
