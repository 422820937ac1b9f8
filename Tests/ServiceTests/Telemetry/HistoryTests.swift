import GRDB
import Glibc
import LinuxSystem
import TestKit
import Testing

@testable import Telemetry

/// What is kept of samples on disk, and what is answered of them.
@Suite(.timeLimit(.minutes(3))) struct HistoryTests {
    /// A moment at which a block and a coarse block begin.
    private static let start: Int64 = 1_700_006_400
    private static let one = Entity(.container, "one")

    private static func row(cpu: Int64, memory: Int64) -> SampleRow {
        var row = SampleRow(of: ContainerSeries.self)
        row[ContainerSeries.cpuMicroseconds] = cpu
        row[ContainerSeries.memoryWorkingSetBytes] = memory
        return row
    }

    private static func query(_ entities: [Entity] = [one], from: Int64, to: Int64, points: Int = 600) -> HistoryQuery {
        HistoryQuery(
            groups: [HistoryQuery.Group(name: "g", entities: entities)],
            series: ["cpu_microseconds", "memory_working_set_bytes"], from: from, to: to, points: points)
    }

    /// Samples of one container every ten seconds: half a processor, and memory that tells the time.
    private static func fill(_ history: History, _ times: Range<Int64>, _ entities: [Entity] = [one]) async throws {
        for time in stride(from: times.lowerBound, to: times.upperBound, by: 10) {
            let row = row(cpu: (time - start) * 500_000, memory: time - start)
            history.add(entities.map { ($0, row) }, at: time)
            try await history.flush(at: time)
        }
    }

    @Test func `samples are answered before and after they are on disk, and over a restart`() async throws {
        #expect(Self.start % 14_400 == 0)
        try await withTemporaryDirectory { directory in
            let path = directory + "/metrics.db"
            let history = try await History.open(path, now: Self.start)
            try await Self.fill(history, Self.start..<Self.start + 1500)
            let answer = try await history.answer(
                Self.query(from: Self.start, to: Self.start + 1500), now: Self.start + 1500)
            #expect(answer.stepSeconds == 10 && answer.start == Self.start)
            let (cpu, memory) = (answer.curves[0], answer.curves[1])
            func increases(_ count: Int) -> [Double?] { Array(repeating: 500_000, count: count) }
            let unknown: [Double?] = [nil]
            #expect(cpu.average == unknown + increases(149))
            let sizes: [Double?] = (0..<150).map { Double($0) * 10 }
            #expect(memory.average == sizes)
            try await history.close(at: Self.start + 1500)

            let second = try await History.open(path, now: Self.start + 1520)
            try await Self.fill(second, Self.start + 1520..<Self.start + 1800)
            let again = try await second.answer(
                Self.query(from: Self.start, to: Self.start + 1800), now: Self.start + 1800)
            #expect(again.curves[1].average[150...151] == [nil, nil], "the time without a daemon")
            // The first increase after it is over thirty seconds.
            let whole: [Double?] = unknown + increases(149) + unknown + unknown + increases(28)
            #expect(again.curves[0].average == whole)
            try await second.close(at: Self.start + 1800)
        }
    }

    @Test func `a daemon that is killed costs two minutes at most`() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/metrics.db"
            var history: History? = try await History.open(path, now: Self.start)
            if let history { try await Self.fill(history, Self.start..<Self.start + 400) }
            history = nil
            let second = try await History.open(path, now: Self.start + 410)
            let answer = try await second.answer(
                Self.query(from: Self.start, to: Self.start + 400), now: Self.start + 410)
            #expect(answer.curves[1].average.compactMap { $0 }.count >= 28)
        }
    }

    @Test
    func `what is older than six hours is answered of five minutes, and what is older than eight days of nothing`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let history = try await History.open(directory + "/metrics.db", now: Self.start)
            let end = Self.start + 8 * 3600
            try await Self.fill(history, Self.start..<end)
            let fine = try await history.store.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM fine") }
            #expect(fine == 37, "six hours, and the present block")
            let answer = try await history.answer(Self.query(from: Self.start, to: end), now: end)
            #expect(answer.stepSeconds == 300 && answer.curves[0].average.count == 96)
            // The very first sample has no increase; and all the rest is there, whatever it is read of.
            let increase = [Double?](repeating: 500_000, count: 95)
            #expect(Array(answer.curves[0].average.dropFirst()) == increase)
            #expect(answer.curves[0].maximum.allSatisfy { $0 == 500_000 })
            let firstValues: [Double] = (0..<96).map { Double($0) * 300 }
            #expect(answer.curves[1].average == firstValues.map { (first: Double) -> Double? in first + 145 })
            #expect(answer.curves[1].maximum == firstValues.map { (first: Double) -> Double? in first + 290 })

            let late = end + 9 * 86_400
            history.add([(Self.one, Self.row(cpu: 1, memory: 1))], at: late)
            try await history.flush(at: late, whole: true)
            #expect(try await history.store.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM coarse") } == 0)
            #expect(try await history.store.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM fine") } == 1)
        }
    }

    @Test func `containers of a service are added up, or the largest is taken`() async throws {
        try await withTemporaryDirectory { directory in
            let history = try await History.open(directory + "/metrics.db", now: Self.start)
            let entities = (0..<3).map { Entity(.container, "c\($0)") }
            try await Self.fill(history, Self.start..<Self.start + 300, entities)
            var query = Self.query(
                entities + [Entity(.container, "nobody")], from: Self.start, to: Self.start + 300, points: 5)
            let sum = try await history.answer(query, now: Self.start + 300)
            #expect(sum.stepSeconds == 60 && sum.curves[0].average == Array(repeating: 1_500_000, count: 5))
            query.combination = .max
            let largest = try await history.answer(query, now: Self.start + 300)
            #expect(largest.curves[0].average == Array(repeating: 500_000, count: 5))
            await #expect(throws: HistoryQueryError.unknownSeries("x")) {
                query.series = ["x"]
                _ = try await history.answer(query, now: Self.start)
            }
            await #expect(throws: HistoryQueryError.tooMany("points")) {
                _ = try await history.answer(Self.query(from: 0, to: 1, points: 601), now: Self.start)
            }
            await #expect(throws: HistoryQueryError.emptyRange) {
                _ = try await history.answer(Self.query(from: 10, to: 10), now: Self.start)
            }
        }
    }

    @Test func `of what waits for a disk the oldest is given up first`() async throws {
        try await withTemporaryDirectory { directory in
            var bounds = History.Bounds()
            bounds.waiting = 3
            let history = try await History.open(directory + "/metrics.db", bounds: bounds, now: Self.start)
            let first = TimeGrid.block(at: Self.start)
            for time in stride(from: Self.start, to: Self.start + 6000, by: 600) {
                history.add([(Self.one, Self.row(cpu: 1, memory: 1))], at: time)
            }
            // The last one is not over yet.
            let numbers = history.unwritten([Self.one]).map { $0.number - first }
            #expect(numbers.count <= 7 && numbers.suffix(4) == [6, 7, 8, 9], "\(numbers)")
            try await history.close(at: Self.start + 6000)
        }
    }

    @Test func `the oldest goes when the quota is used up`() async throws {
        try await withTemporaryDirectory { directory in
            var bounds = History.Bounds()
            bounds.quotaBytes = 400 << 10
            let history = try await History.open(directory + "/metrics.db", bounds: bounds, now: Self.start)
            var random = SeededGenerator(seed: 7)
            let entities = (0..<20).map { Entity(.container, "c\($0)") }
            for time in stride(from: Self.start, to: Self.start + 4 * 3600, by: 10) {
                history.add(
                    entities.map { entity in
                        var row = SampleRow(of: ContainerSeries.self)
                        for series in ContainerSeries.allCases.prefix(20) {
                            row[series] = Int64.random(in: 0...1 << 30, using: &random)
                        }
                        return (entity, row)
                    }, at: time)
                if time % 120 == 0 { try await history.flush(at: time) }
            }
            #expect(try await history.store.usedBytes() <= bounds.quotaBytes)
            let newest = try await history.answer(
                Self.query([entities[0]], from: Self.start + 4 * 3600 - 600, to: Self.start + 4 * 3600),
                now: Self.start + 4 * 3600)
            #expect(newest.curves[0].average.allSatisfy { $0 != nil })
            // What has gone can be had of nothing; what is in use is bounded with the journal.
            let size = try Files.status(directory + "/metrics.db")?.st_size ?? 0
            #expect(size < 2 << 20)
        }
    }

    @Test func `more entities than there may be are refused and counted`() async throws {
        try await withTemporaryDirectory { directory in
            var bounds = History.Bounds()
            bounds.entities = 2
            let history = try await History.open(directory + "/metrics.db", bounds: bounds, now: Self.start)
            try await Self.fill(history, Self.start..<Self.start + 10, (0..<5).map { Entity(.container, "c\($0)") })
            #expect(history.refusedCount == 3)
        }
    }

    @Test func `a damaged file is set aside, one at a time, and history begins anew`() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/metrics.db"
            for round in 0..<3 {
                // The journal of before would mend it.
                for suffix in ["-wal", "-shm"] { try Files.remove(path + suffix) }
                try Files.writeAtomically(Array(repeating: UInt8(clamping: 65 + round), count: 20_000), to: path)
                let history = try await History.open(path, now: Self.start)
                #expect(history.setAside != nil)
                try await Self.fill(history, Self.start..<Self.start + 50)
                try await history.close(at: Self.start + 50)
            }
            let names = try Files.list(directory)
            #expect(names.filter { $0.contains("damaged") }.count == 1, "\(names)")
        }
    }

    @Test func `a block that cannot be read is a gap, and the others are there`() async throws {
        try await withTemporaryDirectory { directory in
            let history = try await History.open(directory + "/metrics.db", now: Self.start)
            try await Self.fill(history, Self.start..<Self.start + 1800)
            try await history.store.file.pool.write { database in
                try database.execute(
                    sql: "UPDATE fine SET block = x'01ff00' WHERE key / 16777216 = ?",
                    arguments: [TimeGrid.block(at: Self.start + 600)])
            }
            let answer = try await history.answer(
                Self.query(from: Self.start, to: Self.start + 1800), now: Self.start + 1800)
            #expect(answer.curves[1].average.compactMap { $0 }.count == 120)
        }
    }

    @Test func `a clock that is put back or far ahead does no harm`() async throws {
        try await withTemporaryDirectory { directory in
            let history = try await History.open(directory + "/metrics.db", now: Self.start)
            try await Self.fill(history, Self.start..<Self.start + 1300)
            try await Self.fill(history, Self.start - 86_400..<Self.start - 86_400 + 1300)
            for time: Int64 in [.max - 10, 0, -5, Self.start + 2000] {
                history.add([(Self.one, Self.row(cpu: 1, memory: 1))], at: time)
                try await history.flush(at: time)
            }
            _ = try await history.answer(Self.query(from: Self.start, to: Self.start + 1300), now: .max)
        }
    }

    @Test func `thirty containers together take no longer than one after another, and their history has its bound`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let history = try await History.open(directory + "/metrics.db", now: Self.start)
            let entities = (0..<30).map { Entity(.container, "c\($0)") }
            var random = SeededGenerator(seed: 3)
            var row = SampleRow(of: ContainerSeries.self)
            let end = Self.start + 6 * 3600
            for time in stride(from: Self.start, to: end, by: 10) {
                for series in ContainerSeries.allCases.prefix(20) {
                    row[series] = (row[series] ?? 0) + Int64.random(in: 0...100_000, using: &random)
                }
                history.add(entities.map { ($0, row) }, at: time)
                if time % 600 == 0 { try await history.flush(at: time) }
            }
            func time(_ entities: [Entity], _ name: String) async throws -> Duration {
                var times: [Duration] = []
                for _ in 0..<3 {
                    let start = ContinuousClock.now
                    let answer = try await history.answer(Self.query(entities, from: Self.start, to: end), now: end)
                    times.append(ContinuousClock.now - start)
                    #expect(answer.curves[0].average.count == 540 && answer.curves[1].average.allSatisfy { $0 != nil })
                }
                let best = times.min() ?? .zero
                print("\(name): \(best) for two series of six hours")
                return best
            }
            // No more than one after another, whatever else the machine does.
            let one = try await time([entities[0]], "one container")
            #expect(try await time(entities, "thirty containers together") < one * 90)
            let bytes = try await history.store.usedBytes()
            print("\(bytes / 30) bytes a container for six hours")
            #expect(bytes / 30 < 300_000)
        }
    }
}
