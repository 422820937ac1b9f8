import LinuxSystem
import Telemetry

/// How long history takes: six hours of one container, on a node with many; and of a service's hundred tasks, ten on each of ten nodes, whose files are
/// read at once here, as they would be there.
struct HistoryTimes {
    let directory: String
    let containers: Int
    /// Of history.
    let seconds: Int64

    private static let start: Int64 = 1_700_006_400
    private static let nodes = 10
    private static let tasks = 10
    private static let rounds = 31

    private var end: Int64 { Self.start + seconds }

    func measure() async throws {
        let node = try await filled("node", containers)
        let one = query([[Entity(.container, "c0")]])
        try await Self.time("history-of-a-container", atMost: 5) { _ = try await node.answer(one, now: end) }
        try await node.close(at: end)

        var all: [History] = []
        for number in 0..<Self.nodes { all.append(try await filled("node-\(number)", Self.tasks)) }
        let histories = all
        let service = query((0..<Self.tasks).map { [Entity(.container, "c\($0)")] })
        try await Self.time("history-of-a-service-of-100", atMost: 100) {
            try await withThrowingTaskGroup(of: Int.self) { group in
                for history in histories {
                    group.addTask { try await history.answer(service, now: end).curves.count }
                }
                var curves = 0
                for try await count in group { curves += count }
                guard curves == Self.nodes * Self.tasks else { throw Missing(curves: curves) }
            }
        }
        try await ServiceParts(
            start: Self.start, end: end, tasks: Self.tasks,
            histories: histories.enumerated().map { (name: "n\($0.offset)", history: $0.element) }
        ).measure()
        for history in histories { try await history.close(at: end) }
    }

    private struct Missing: Error { let curves: Int }

    /// As the page asks: one series, a curve a task.
    private func query(_ groups: [[Entity]]) -> HistoryQuery {
        HistoryQuery(
            groups: groups.enumerated().map { HistoryQuery.Group(name: "g\($0.offset)", entities: $0.element) },
            series: ["cpu_microseconds"], from: Self.start, to: end, points: 360)
    }

    /// Every series of every container changes with every sample.
    private func filled(_ name: String, _ count: Int) async throws -> History {
        let history = try await History.open("\(directory)/\(name).db", now: Self.start)
        let entities = (0..<count).map { Entity(.container, "c\($0)") }
        for time in stride(from: Self.start, to: end, by: 10) {
            history.add(
                entities.enumerated().map { index, entity in
                    var row = SampleRow(of: ContainerSeries.self)
                    for series in ContainerSeries.allCases {
                        let chance = Int64.random(in: 0..<1000)
                        let grown = (time - Self.start) * 1000 * Int64(series.rawValue + index % 7 + 1)
                        row[series] = series.kind == .counter ? grown + chance : 50_000_000 + chance * 4096
                    }
                    return (entity: entity, row: row)
                }, at: time)
            try await history.flush(at: time)
        }
        return history
    }

    /// Prints how many milliseconds something takes: the median of the rounds.
    static func time(_ name: String, atMost aim: Double, _ body: () async throws -> Void) async throws {
        var times: [Double] = []
        for _ in 0..<rounds {
            let begun = ContinuousClock.now
            try await body()
            times.append((ContinuousClock.now - begun) / .milliseconds(1))
        }
        tell(name, times.sorted()[rounds / 2], "ms", atMost: aim)
    }
}
