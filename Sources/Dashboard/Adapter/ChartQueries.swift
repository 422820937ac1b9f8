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
            var query = HistoryQuery(
                groups: $0, series: series, from: window.from / 1000, to: window.to / 1000, points: points)
            query.readsPacked = true
            return query
        }
    }

    /// Which sum a node's curve goes into.
    private struct CurveName: Hashable {
        let group: String
        let series: String
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
        var sums: [CurveName: [Double?]] = [:]
        var silent = asked
        for (node, answer) in ordered {
            let distance = answer.start - start
            guard distance % step == 0, distance / step < Int64(clamping: points) else { continue }
            let offset = Int(clamping: distance / step)
            silent.remove(node)
            guard let asked = groupsAsked[node] else { continue }
            for curve in answer.curves.prefix(HistoryQuery.mostCurves) where asked.contains(curve.group) {
                let name = CurveName(group: curve.group, series: curve.series)
                Self.add(curve.average, at: offset, to: &sums[name, default: []])
            }
        }
        let curves = groups.flatMap { group in
            series.compactMap { name in
                sums[CurveName(group: group.name, series: name)].map {
                    ChartAnswer.Curve(group: group.name, series: name, values: $0)
                }
            }
        }
        return ChartAnswer(
            from: Self.milliseconds(start), step: Self.milliseconds(step), curves: curves,
            silent: silent.sorted())
    }

    /// Adds a node's curve to those of others, of which it begins so many steps after the first. A value that none can have measured is none.
    private static func add(_ values: [Double?], at offset: Int, to sum: inout [Double?]) {
        let values = values.prefix(HistoryQuery.mostPoints)
        let missing = values.count + offset - sum.count
        if missing > 0, !values.isEmpty { sum.append(contentsOf: repeatElement(nil, count: missing)) }
        for (index, value) in values.enumerated() {
            let step = index + offset
            guard let value, abs(value) <= HistoryAnswer.mostValue, sum.indices.contains(step) else { continue }
            sum[step] = (sum[step] ?? 0) + value
        }
    }

    /// Answers what is asked for by asking nodes.
    /// - Parameter ask: Hands each node, by its id, a query; gives the answers of those that have answered in time.
    package func answer(by ask: @Sendable ([String: Data]) async -> [String: Data]) async throws -> ChartAnswer {
        let encoder = JSONEncoder()
        let sent = try queries.mapValues { try encoder.encode($0) }
        // What is no answer is as if there were none.
        let answers = await ask(sent).compactMapValues { try? HistoryAnswer(sent: $0) }
        return sum(answers, of: Set(sent.keys))
    }

    private static func milliseconds(_ seconds: Int64) -> Int64 {
        let (milliseconds, isTooMuch) = seconds.multipliedReportingOverflow(by: 1000)
        return isTooMuch ? .max : milliseconds
    }
}
