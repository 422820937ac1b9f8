import TestKit
import Testing

@testable import Telemetry

/// Curves of made-up histories, beside the same from the samples by the shortest way.
@Suite(.timeLimit(.minutes(5))) struct HistoryOracleTests {
    /// A moment at which a block begins.
    private static let start: Int64 = 1_700_006_400
    private static let seconds: Int64 = 2 * 3600

    private typealias Samples = [Entity: [(time: Int64, row: SampleRow)]]

    /// Samples of entities that begin and end at different moments, with gaps, counters that begin again and values that come and go.
    private static func samples(_ random: inout SeededGenerator) -> Samples {
        var samples: Samples = [:]
        for number in 0..<Int.random(in: 1...6, using: &random) {
            let isBusy = Bool.random(using: &random)
            var time = start + Int64.random(in: 0...60, using: &random) * 10
            let end = start + seconds - Int64.random(in: 0...200, using: &random) * 10
            var rows: [(time: Int64, row: SampleRow)] = []
            var values = ContainerSeries.allCases.map { _ in Int64.random(in: 0...1 << 40, using: &random) }
            while time < end {
                var row = SampleRow(of: ContainerSeries.self)
                for series in ContainerSeries.allCases where values.indices.contains(series.rawValue) {
                    let place = series.rawValue
                    switch Int.random(in: 0..<100, using: &random) {
                    case 0: values[place] = 0
                    case 1: continue  // Not known this time.
                    case 2..<(isBusy ? 100 : 20): values[place] += Int64.random(in: 0...1 << 21, using: &random)
                    default: break
                    }
                    row[series] = values[place]
                }
                rows.append((time, row))
                switch Int.random(in: 0..<200, using: &random) {
                case 0: time += Int64.random(in: 25...130, using: &random) * 10
                case 1..<20: time += 20
                default: time += 10
                }
            }
            samples[Entity(.container, "c\(number)")] = rows
        }
        return samples
    }

    /// What was sampled, told as the daemon tells it, which ends once on the way and begins again.
    private static func kept(
        _ samples: Samples, at path: String, _ random: inout SeededGenerator
    ) async throws -> History {
        var history = try await History.open(path, now: start)
        let restart = start + Int64.random(in: 1..<seconds / 10, using: &random) * 10
        var byTime: [Int64: [(entity: Entity, row: SampleRow)]] = [:]
        for (entity, rows) in samples {
            for (time, row) in rows { byTime[time, default: []].append((entity: entity, row: row)) }
        }
        for time in stride(from: start, to: start + seconds, by: 10) {
            if time == restart {
                try await history.close(at: time)
                history = try await History.open(path, now: time)
            }
            history.add(byTime[time] ?? [], at: time)
            // What is not written yet is answered as well.
            if Int.random(in: 0..<4, using: &random) > 0 { try await history.flush(at: time) }
        }
        return history
    }

    private static func query(of samples: Samples, _ random: inout SeededGenerator) -> HistoryQuery {
        let entities = samples.keys.sorted { $0.name < $1.name } + [Entity(.container, "nobody")]
        let groups = (0..<Int.random(in: 1...4, using: &random)).map { number in
            HistoryQuery.Group(name: "g\(number)", entities: entities.filter { _ in Bool.random(using: &random) })
        }
        let series = (0..<Int.random(in: 1...4, using: &random)).compactMap { _ in
            ContainerSeries.allCases.randomElement(using: &random)?.name
        }
        let from = start + Int64.random(in: -1000...seconds, using: &random)
        let to = from + Int64.random(in: 1...seconds, using: &random)
        return HistoryQuery(
            groups: groups, series: series, from: from, to: to, points: Int.random(in: 1...600, using: &random),
            combination: Bool.random(using: &random) ? .sum : .max)
    }

    /// One entity's values by step: a gauge's average and largest; of a counter the increase a second, and the fastest.
    private static func steps(
        _ rows: [(time: Int64, row: SampleRow)], _ series: ContainerSeries, _ grid: HistoryQuery.Grid
    ) -> [Int64: (average: Double, maximum: Double)] {
        var found: [Int64: [(value: Double, weight: Double)]] = [:]
        var last: (time: Int64, value: Int64)?
        for (time, row) in rows {
            guard let value = row[series] else { continue }
            defer { last = (time, value) }
            guard time >= grid.start else { continue }
            let step = (time - grid.start) / grid.step
            switch series.kind {
            case .gauge: found[step, default: []].append((Double(value), 1))
            case .counter:
                guard let last, time - last.time <= 300 else { continue }
                let increase = value < last.value ? value : value - last.value
                found[step, default: []].append((Double(increase), Double(time - last.time)))
            }
        }
        return found.mapValues { told -> (average: Double, maximum: Double) in
            let isGauge = series.kind == .gauge
            let weight = told.reduce(0) { $0 + $1.weight }
            return (
                told.reduce(0) { $0 + $1.value } / weight,
                told.map { isGauge ? $0.value : $0.value / $0.weight }.max() ?? 0
            )
        }
    }

    private static func expected(
        _ query: HistoryQuery, _ samples: Samples, _ grid: HistoryQuery.Grid
    ) -> [HistoryAnswer.Curve] {
        query.groups.flatMap { group in
            query.series.compactMap { name -> HistoryAnswer.Curve? in
                guard let series = ContainerSeries.allCases.first(where: { $0.name == name }) else { return nil }
                let entities = group.entities.map { steps(samples[$0] ?? [], series, grid) }
                func curve(_ value: ((average: Double, maximum: Double)) -> Double) -> [Double?] {
                    (0..<Int64(grid.count)).map { step -> Double? in
                        let told = entities.compactMap { $0[step].map(value) }
                        if told.isEmpty { return nil }
                        return query.combination == .sum ? told.reduce(0, +) : told.max()
                    }
                }
                return HistoryAnswer.Curve(
                    group: group.name, series: name, average: curve { $0.average }, maximum: curve { $0.maximum })
            }
        }
    }

    private static func isSame(_ one: [Double?], _ other: [Double?]) -> Bool {
        one.count == other.count
            && zip(one, other).allSatisfy { one, other in
                guard let one, let other else { return one == nil && other == nil }
                return abs(one - other) <= 1e-9 * max(1, abs(one), abs(other))
            }
    }

    @Test(arguments: Array(UInt64(1)...16))
    func `curves are what the samples say, whatever the gaps and beginnings`(seed: UInt64) async throws {
        try await withTemporaryDirectory { directory in
            var random = SeededGenerator(seed: seed)
            let samples = Self.samples(&random)
            let history = try await Self.kept(samples, at: directory + "/metrics.db", &random)
            let now = Self.start + Self.seconds
            for _ in 0..<20 {
                let query = Self.query(of: samples, &random)
                let answer = try await history.answer(query, now: now)
                let grid = try query.grid(now: now)
                let expected = Self.expected(query, samples, grid)
                #expect(answer.start == grid.start && answer.stepSeconds == grid.step)
                try #require(answer.curves.count == expected.count)
                for (curve, other) in zip(answer.curves, expected) {
                    #expect(curve.group == other.group && curve.series == other.series)
                    #expect(Self.isSame(curve.average, other.average), "\(query)")
                    #expect(Self.isSame(curve.maximum, other.maximum), "\(query)")
                }
            }
            try await history.close(at: now)
        }
    }

    @Test func `five-minute values are told of the columns that are asked for`() async throws {
        try await withTemporaryDirectory { directory in
            let history = try await History.open(directory + "/metrics.db", now: Self.start)
            let entity = Entity(.container, "one")
            let end = Self.start + 8 * 3600
            for time in stride(from: Self.start, to: end, by: 10) {
                var row = SampleRow(of: ContainerSeries.self)
                for series in ContainerSeries.allCases {
                    row[series] = (time - Self.start) * Int64(series.rawValue + 1)
                }
                history.add([(entity: entity, row: row)], at: time)
                if time % 600 == 0 { try await history.flush(at: time) }
            }
            let query = HistoryQuery(
                groups: [HistoryQuery.Group(name: "g", entities: [entity])],
                series: ["restarts", "cpu_microseconds", "tcp_established", "restarts"], from: Self.start, to: end,
                points: 600)
            let curves = try await history.answer(query, now: end).curves
            try #require(curves.map(\.series) == query.series && curves.allSatisfy { $0.average.count == 96 })
            let columns: [ContainerSeries] = [.restarts, .cpuMicroseconds, .tcpEstablished, .restarts]
            // The very first sample has no increase; the last ten minutes are samples.
            for (curve, column) in zip(curves, columns) {
                let factor = Double(column.rawValue + 1)
                for (step, value) in curve.average.enumerated().dropFirst() {
                    let expected = column.kind == .counter ? factor : factor * (Double(step) * 300 + 145)
                    #expect(Self.isSame([value], [expected]), "\(column) \(step)")
                }
            }
            try await history.close(at: end)
        }
    }

    @Test func `who asks for a thousand years has no more looked for than there is`() async throws {
        try await withTemporaryDirectory { directory in
            let history = try await History.open(directory + "/metrics.db", now: Self.start)
            let entity = Entity(.container, "one")
            for time in stride(from: Self.start, to: Self.start + 1200, by: 10) {
                var row = SampleRow(of: ContainerSeries.self)
                row[ContainerSeries.processes] = 7
                history.add([(entity: entity, row: row)], at: time)
                try await history.flush(at: time)
            }
            for (from, now) in [(Self.start, Self.start + 1200), (0, Self.start + 1200), (0, 0)] {
                let query = HistoryQuery(
                    groups: [HistoryQuery.Group(name: "g", entities: [entity])], series: ["processes"], from: from,
                    to: 1 << 40, points: 600)
                let answer = try await history.answer(query, now: now)
                let average = try #require(answer.curves.first).average
                #expect(average.compactMap { $0 } == [7])
            }
            try await history.close(at: Self.start + 1200)
        }
    }
}
