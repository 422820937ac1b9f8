import Foundation
import Testing

@testable import Dashboard
@testable import Telemetry

/// Curves of several nodes as one chart.
@Suite struct ChartQueriesTests {
    private static func request() throws -> ChartRequest {
        let window = try #require(DashboardWindow(from: 100_000, to: 160_000))
        return ChartRequest(
            groups: [
                .init(name: "web", entities: [.init(.container, "a", node: "n1"), .init(.container, "b", node: "n2")]),
                .init(name: "node", entities: [.init(.node, "n1", node: "n1")]),
            ], series: ["cpu_microseconds"], window: window, points: 6)
    }

    private static func answer(start: Int64, step: Int64 = 10, _ curves: [(String, [Double?])]) -> HistoryAnswer {
        HistoryAnswer(
            start: start, stepSeconds: step,
            curves: curves.map {
                HistoryAnswer.Curve(group: $0.0, series: "cpu_microseconds", average: $0.1, maximum: $0.1)
            })
    }

    @Test func `each node is asked for what it keeps`() throws {
        let queries = try Self.request().queries
        #expect(queries.keys.sorted() == ["n1", "n2"])
        #expect(queries["n1"]?.groups.map(\.name) == ["web", "node"])
        #expect(queries["n1"]?.groups.last?.entities == [.node])
        #expect(queries["n2"]?.groups.map(\.entities) == [[Entity(.container, "b")]])
        #expect(queries["n2"]?.from == 100 && queries["n2"]?.to == 160)
    }

    @Test func `answers are added up by time, wherever each begins`() throws {
        let sum = try Self.request().sum(
            [
                "n1": Self.answer(start: 100, [("web", [1, nil, 3]), ("node", [7])]),
                "n2": Self.answer(start: 110, [("web", [10, 10, nil])]),
            ], of: ["n1", "n2"])
        #expect(sum.from == 100_000 && sum.step == 10_000 && sum.silent.isEmpty)
        #expect(sum.curves.map(\.group) == ["web", "node"])
        #expect(sum.curves.first?.values == [1, 10, 13, nil])
        #expect(sum.curves.last?.values == [7])
    }

    @Test func `who does not answer, or on another grid, is silent`() throws {
        let request = try Self.request()
        let other = request.sum(
            ["n1": Self.answer(start: 100, [("web", [1])]), "n2": Self.answer(start: 100, step: 20, [("web", [5])])],
            of: ["n1", "n2", "n3"])
        #expect(other.silent == ["n2", "n3"] && other.curves.first?.values == [1])
        let none = request.sum([:], of: ["n1"])
        #expect(none.silent == ["n1"] && none.curves.isEmpty && none.from == 100_000)
    }

    @Test func `what a node answers cannot hurt`() throws {
        let long = Array(repeating: Double?.some(1), count: 100_000)
        let sum = try Self.request().sum(
            [
                "n1": Self.answer(start: .min, [("web", long)]), "n2": Self.answer(start: .max, [("web", long)]),
                "n3": Self.answer(start: 100, step: 0, [("web", long)]),
            ], of: ["n1", "n2", "n3"])
        #expect(sum.curves.allSatisfy { $0.values.count <= 2 * HistoryQuery.mostPoints })
        // Nor silence another, or speak for one: a grid of a time before, a step of its own, a group that it was not asked for.
        for lie in [
            Self.answer(start: .min, [("web", long)]), Self.answer(start: 100, step: .max, [("web", long)]),
            Self.answer(start: 0, [("web", [9])]), Self.answer(start: 100, [("node", [9])]),
        ] {
            let request = try Self.request()
            for (honest, other) in [("n1", "n2"), ("n2", "n1")]
            where other == "n2" || lie.start != 100 || lie.stepSeconds != 10 {
                let sum = request.sum(
                    [honest: Self.answer(start: 100, [("web", [1])]), other: lie], of: ["n1", "n2"])
                #expect(sum.curves.map(\.values) == [[1]] && !sum.silent.contains(honest), "\(other): \(lie.start)")
            }
        }
    }

    @Test func `a node is asked and answers as JSON`() async throws {
        let answer = try await Self.request().answer { queries in
            queries.compactMapValues { query in
                // A node that understands nothing does not answer.
                guard let query = try? JSONDecoder().decode(HistoryQuery.self, from: query) else { return nil }
                let answer = Self.answer(start: 100, query.groups.map { ($0.name, [2]) })
                return try? JSONEncoder().encode(answer)  // As above.
            }
        }
        #expect(answer.curves.first?.values == [4] && answer.silent.isEmpty)
        let lies = try await Self.request().answer { $0.mapValues { _ in Data("no".utf8) } }
        #expect(lies.silent == ["n1", "n2"])
    }
}
