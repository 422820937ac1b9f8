import Foundation
import TestKit
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
        #expect(queries.values.allSatisfy { $0.readsPacked == true })
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

    @Test func `numbers that nothing can have are none, so that their sum can be told`() throws {
        let request = try Self.request()
        let sum = request.sum(
            [
                "n1": Self.answer(start: 100, [("web", [.greatestFiniteMagnitude, 1, .nan])]),
                "n2": Self.answer(start: 100, [("web", [.greatestFiniteMagnitude, 2, .infinity, 4])]),
            ], of: ["n1", "n2"])
        #expect(sum.curves.map(\.values) == [[nil, 3, nil, 4]])
    }

    @Test(arguments: Array(UInt64(1)...30))
    func `answers of any beginnings are added up as one would by hand`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let window = try #require(DashboardWindow(from: 100_000, to: 700_000))
        let nodes = (0..<Int.random(in: 1...8, using: &random)).map { "n\($0)" }
        let groups = (0..<Int.random(in: 1...5, using: &random)).map { number in
            ChartRequest.Group(
                name: "g\(number)",
                entities: nodes.filter { _ in Bool.random(using: &random) }.map { .init(.container, "c", node: $0) })
        }
        let request = ChartRequest(groups: groups, series: ["cpu_microseconds"], window: window, points: 60)
        var answers: [String: HistoryAnswer] = [:]
        for (node, query) in request.queries.sorted(by: { $0.key < $1.key }) {
            let start = 100 + Int64.random(in: 0..<5, using: &random) * 10
            let curves = query.groups.map { group -> (String, [Double?]) in
                let count = Int.random(in: 0...60, using: &random)
                let values = (0..<count).map { _ -> Double? in
                    Bool.random(using: &random) ? Double(Int.random(in: 0...1000, using: &random)) : nil
                }
                return (group.name, values)
            }
            answers[node] = Self.answer(start: start, curves)
        }
        let sum = request.sum(answers, of: Set(request.queries.keys))
        #expect(sum.silent.isEmpty)
        for group in groups where !group.entities.isEmpty {
            let values = try #require(sum.curves.first { $0.group == group.name }).values
            for index in 0..<70 {
                // Whole numbers: their order does not matter.
                let time = sum.from / 1000 + Int64(index) * 10
                let told = answers.values.compactMap { answer -> Double? in
                    let curve = answer.curves.first { $0.group == group.name }?.average ?? []
                    let place = Int((time - answer.start) / 10)
                    return time >= answer.start && place < curve.count ? curve[place] : nil
                }
                let value = index < values.count ? values[index] : nil
                #expect(value == (told.isEmpty ? nil : told.reduce(0, +)), "\(group.name) \(index)")
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
        let packed = try await Self.request().answer { queries in
            queries.compactMapValues { query in
                // As above.
                guard let query = try? JSONDecoder().decode(HistoryQuery.self, from: query) else { return nil }
                let answer = Self.answer(start: 100, query.groups.map { ($0.name, [2, nil]) })
                return try? answer.sent(to: query)  // As above.
            }
        }
        #expect(packed.curves.map(\.values) == [[4, nil], [2, nil]] && packed.silent.isEmpty)
        let lies = try await Self.request().answer { $0.mapValues { _ in Data("no".utf8) } }
        #expect(lies.silent == ["n1", "n2"])
    }
}
