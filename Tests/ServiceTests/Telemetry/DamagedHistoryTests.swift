import GRDB
import TestKit
import Testing

@testable import Telemetry

/// What a file of history says that is whole for SQLite, and has other values than were written: a page was damaged, or somebody has changed it.
@Suite(.timeLimit(.minutes(3))) struct DamagedHistoryTests {
    /// A moment at which a block and a coarse block begin.
    private static let start: Int64 = 1_700_006_400
    private static let one = Entity(.container, "one")

    private static func add(_ history: History, at time: Int64) async throws {
        var row = SampleRow(of: ContainerSeries.self)
        row[ContainerSeries.memoryWorkingSetBytes] = 1000
        history.add([(one, row)], at: time)
        try await history.flush(at: time, whole: true)
    }

    /// Values that are known of the one container's memory.
    private static func known(_ history: History, _ times: Range<Int64>, now: Int64) async throws -> Int {
        let query = HistoryQuery(
            groups: [HistoryQuery.Group(name: "g", entities: [one])], series: ["memory_working_set_bytes"],
            from: times.lowerBound, to: times.upperBound, points: 600)
        return try await history.answer(query, now: now).curves.flatMap(\.average).count { $0 != nil }
    }

    /// Has the table hold nothing where its blocks were, which its columns do not allow.
    private static func empty(_ table: String, _ columns: [String], _ store: MetricsStore) async throws {
        let list = columns.map { "\($0) BLOB" }.joined(separator: ", ")
        try await store.file.pool.write { database in
            try database.execute(
                sql: """
                    ALTER TABLE \(table) RENAME TO former;
                    CREATE TABLE \(table) (key INTEGER PRIMARY KEY, \(list));
                    INSERT INTO \(table) (key) SELECT key FROM former;
                    DROP TABLE former;
                    """)
        }
    }

    private static func change(_ store: MetricsStore, _ statement: String) async throws {
        try await store.file.pool.write { database in try database.execute(sql: statement) }
    }

    @Test func `blocks that are not there are gaps, and history goes on after them`() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/metrics.db"
            let history = try await History.open(path, now: Self.start)
            // In the midst of a coarse block, which is gone on with.
            let end = Self.start + 7 * 3600
            for time in stride(from: Self.start, to: end, by: 300) { try await Self.add(history, at: time) }
            #expect(try await Self.known(history, Self.start..<end, now: end) > 70)

            try await Self.empty("fine", ["block"], history.store)
            try await Self.empty("coarse", ["average", "maximum"], history.store)
            #expect(try await Self.known(history, Self.start..<end - 7200, now: end) == 0)
            #expect(try await Self.known(history, end - 7200..<end - 3600, now: end) == 0)

            try await Self.add(history, at: end)
            try await Self.add(history, at: end + 600)
            #expect(try await Self.known(history, end..<end + 610, now: end + 610) == 2)
            try await history.close(at: end + 600)

            // The block that is gone on with after a start.
            let store = try await MetricsStore.open(path)
            try await Self.change(store, "UPDATE fine SET block = NULL")
            try await store.close()
            let second = try await History.open(path, now: end + 610)
            try await Self.add(second, at: end + 620)
            #expect(try await Self.known(second, end + 600..<end + 630, now: end + 630) == 1)
            try await second.close(at: end + 630)
        }
    }

    @Test(arguments: [Int64.max, .max - 1, .min, -1])
    func `how far five-minute values have come may be any number`(_ coarsened: Int64) async throws {
        try await withTemporaryDirectory { directory in
            let history = try await History.open(directory + "/metrics.db", now: Self.start)
            let end = Self.start + 7 * 3600
            for time in stride(from: Self.start, to: end, by: 600) { try await Self.add(history, at: time) }
            try await Self.change(history.store, "UPDATE progress SET coarsened = \(coarsened)")
            _ = try await Self.known(history, Self.start..<end, now: end)
            try await Self.add(history, at: end)
            #expect(try await Self.known(history, Self.start..<end, now: end) > 0)
            try await history.close(at: end)
        }
    }

    @Test func `what is of a kind that is none is left out`() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/metrics.db"
            let history = try await History.open(path, now: Self.start)
            try await Self.add(history, at: Self.start)
            try await Self.change(history.store, "UPDATE entity SET kind = 'container'")
            // The block of before is over, and read once more.
            try await Self.add(history, at: Self.start + 600)
            try await Self.add(history, at: Self.start + 1200)
            let end = Self.start + 1210
            #expect(try await Self.known(history, Self.start + 600..<end, now: end) == 2)
            try await history.close(at: end)
        }
    }
}
