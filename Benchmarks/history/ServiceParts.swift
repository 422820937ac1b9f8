import Dashboard
import Foundation
import Telemetry

/// What the chart of a service's hundred tasks is spent on: one node's part, its answer on the way, and the manager's part.
struct ServiceParts {
    let start: Int64
    let end: Int64
    /// Of each node.
    let tasks: Int
    /// By the nodes' names.
    let histories: [(name: String, history: History)]

    private static let points = 360
    private static let series = "cpu_microseconds"

    func measure() async throws {
        guard let window = DashboardWindow(from: start * 1000, to: end * 1000), let one = histories.first else {
            return
        }
        let query = self.query(of: one.name)
        try await HistoryTimes.time("history-of-a-service-node", atMost: 20) {
            _ = try await one.history.answer(query, now: end)
        }
        // Of no series: blocks are looked for and gone through, and nothing is made of them.
        var empty = query
        empty.series = []
        let nothing = empty
        try await HistoryTimes.time("history-of-a-service-node-blocks", atMost: 15) {
            _ = try await one.history.answer(nothing, now: end)
        }
        let answer = try await one.history.answer(query, now: end)
        try await HistoryTimes.time("history-of-a-service-packing", atMost: 2) { _ = try answer.sent(to: query) }
        let bytes = try answer.sent(to: query).count
        tell("history-of-a-service-answer", Double(bytes) / 1024, "KiB", atMost: 48)

        var sent: [String: Data] = [:]
        for (name, history) in histories {
            let asked = self.query(of: name)
            sent[name] = try await history.answer(asked, now: end).sent(to: asked)
        }
        let answers = sent
        let request = ChartRequest(
            groups: histories.flatMap { node in
                (0..<tasks).map { task in
                    ChartRequest.Group(
                        name: group(task, of: node.name),
                        entities: [ChartEntity(.container, "c\(task)", node: node.name)])
                }
            }, series: [Self.series], window: window, points: Self.points)
        try await HistoryTimes.time("history-of-a-service-manager", atMost: 20) {
            let chart = try await request.answer { _ in answers }
            guard chart.silent.isEmpty, chart.curves.count == histories.count * tasks else {
                throw Missing(curves: chart.curves.count)
            }
        }
    }

    private struct Missing: Error { let curves: Int }

    /// As a manager asks a node.
    private func query(of node: String) -> HistoryQuery {
        var query = HistoryQuery(
            groups: (0..<tasks).map { task in
                HistoryQuery.Group(name: group(task, of: node), entities: [Entity(.container, "c\(task)")])
            }, series: [Self.series], from: start, to: end, points: Self.points)
        query.readsPacked = true
        return query
    }

    private func group(_ task: Int, of node: String) -> String { "\(node).\(task)" }
}
