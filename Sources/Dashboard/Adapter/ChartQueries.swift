package import Foundation
import Telemetry

// Charts' curves, from what each node keeps of itself: one question a node, whose answers are added up on one grid.
extension ChartRequest {
    /// What each node is asked, by its id. A node has itself under a name of its own.
    var queries: [String: HistoryQuery] {
        var groups: [String: [HistoryQuery.Group]] = [:]
        for group in self.groups {
            for (node, entities) in Dictionary(grouping: group.entities, by: \.node) {
                groups[node, default: []].append(
                    HistoryQuery.Group(
                        name: group.name,
                        entities: entities.map { $0.kind == .node ? .node : Entity(.container, $0.id) }))
            }
        }
        return groups.mapValues {
            HistoryQuery(groups: $0, series: series, from: window.from / 1000, to: window.to / 1000, points: points)
        }
    }

    /// What the nodes have answered, added up. Who has not answered, or on another grid than most others, or of another time, is silent; what a
    /// node was not asked for does not count.
    func sum(_ answers: [String: HistoryAnswer], of asked: Set<String>) -> ChartAnswer {
        let (from, to) = (window.from / 1000, window.to / 1000)
        let fitting = answers.filter { _, answer in
            // A grid begins at most a step before the window.
            (1...max(1, to - from + 600)).contains(answer.stepSeconds)
                && (from - answer.stepSeconds...to).contains(answer.start)
        }
        let steps = Dictionary(fitting.map { ($0.value.stepSeconds, 1) }, uniquingKeysWith: +)
        guard let step = steps.max(by: { ($0.value, $1.key) < ($1.value, $0.key) })?.key else {
            return ChartAnswer(from: window.from, step: 10_000, curves: [], silent: asked.sorted())
        }
        let ordered = fitting.filter { $0.value.stepSeconds == step }.sorted { $0.key < $1.key }
        let start = ordered.map(\.value.start).min() ?? from
        let groupsAsked = queries.mapValues { Set($0.groups.map(\.name)) }
        var sums: [[String]: [Double?]] = [:]
        var silent = asked
        for (node, answer) in ordered {
            let distance = answer.start - start
            guard distance % step == 0, distance / step < Int64(clamping: points) else { continue }
            let offset = Int(clamping: distance / step)
            silent.remove(node)
            for curve in answer.curves.prefix(HistoryQuery.mostCurves)
            where groupsAsked[node]?.contains(curve.group) == true {
                var values = sums[[curve.group, curve.series]] ?? []
                for (index, value) in curve.average.prefix(HistoryQuery.mostPoints).enumerated() {
                    while values.count <= index + offset { values.append(nil) }
                    guard let value else { continue }
                    values[index + offset] = (values[index + offset] ?? 0) + value  // trap: there are so many
                }
                sums[[curve.group, curve.series]] = values
            }
        }
        let curves = groups.flatMap { group in
            series.compactMap { name in
                sums[[group.name, name]].map { ChartAnswer.Curve(group: group.name, series: name, values: $0) }
            }
        }
        return ChartAnswer(
            from: Self.milliseconds(start), step: Self.milliseconds(step), curves: curves,
            silent: silent.sorted())
    }

    /// Answers what is asked for by asking nodes.
    /// - Parameter ask: Hands each node, by its id, a query; gives the answers of those that have answered in time.
    package func answer(by ask: @Sendable ([String: Data]) async -> [String: Data]) async throws -> ChartAnswer {
        let encoder = JSONEncoder()
        let sent = try queries.mapValues { try encoder.encode($0) }
        let decoder = JSONDecoder()
        // What is no answer is as if there were none.
        let answers = await ask(sent).compactMapValues { try? decoder.decode(HistoryAnswer.self, from: $0) }
        return sum(answers, of: Set(sent.keys))
    }

    private static func milliseconds(_ seconds: Int64) -> Int64 {
        let (milliseconds, isTooMuch) = seconds.multipliedReportingOverflow(by: 1000)
        return isTooMuch ? .max : milliseconds
    }
}
