import Foundation
import GRDB
import LocalStore
import Model
import Telemetry
import TestKit
import Testing

/// Databases as earlier versions have left them, written down as the statements that make them.
@Suite struct RecordedDatabaseTests {
    /// - Parameter name: Of a file in `Tests/Fixtures/Databases`, without its ending.
    private static func make(_ name: String, at path: String) throws {
        let statements = String(decoding: try RecordedFiles.data("Databases/\(name).sql"), as: UTF8.self)
        let queue = try DatabaseQueue(path: path)
        try queue.write { database in try database.execute(sql: statements) }
        try queue.close()
    }

    @Test func `events that were ever kept are told, in every form of their file`() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/events.db"
            try Self.make("events.1", at: path)
            let store = try await EventStore.open(path)
            #expect(store.setAside == nil)
            let events = try await store.read(EventStore.Selection(after: 0, to: 2_000_000, limit: 10))
            #expect(events.map(\.position) == [1_048_577, 1_048_579])
            let first = try #require(events.first)
            #expect(first.node == nil && first.event.type == "container" && first.event.action == "start")
            #expect(first.event.attributes == ["image": "nginx:latest", "name": "web"])
            #expect(first.event.time == Timestamp(nanosecondsSinceEpoch: 1_700_006_400_000_000_005))
            let second = try #require(events.last)
            #expect(second.id == EventID(origin: "8899aabbccddeeff", sequence: 7) && second.node?.name == "node-2")
            #expect(second.event.scope == "swarm" && second.event.attributes.isEmpty)
            let beginning = try await store.begin()
            #expect(beginning.log == "0011223344556677" && beginning.count == 2)
            #expect(beginning.position > 1_048_579 && beginning.streams.map(\.sequence) == [7])
            try await store.close()
        }
    }

    @Test func `history that was ever kept is read, in every form of its file`() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/metrics.db"
            try Self.make("metrics.1", at: path)
            // A moment at which a block and a coarse block begin.
            let start: Int64 = 1_700_006_400
            let now = start + 610
            let history = try await History.open(path, now: now)
            #expect(history.setAside == nil)
            func curves(from: Int64, to: Int64) async throws -> [HistoryAnswer.Curve] {
                try await history.answer(
                    HistoryQuery(
                        groups: [HistoryQuery.Group(name: "g", entities: [Entity(.container, "one")])],
                        series: ["memory_working_set_bytes"], from: from, to: to, points: 600), now: now
                ).curves
            }
            let fine = try await curves(from: start, to: start + 600)
            #expect(fine.flatMap(\.average).compactMap { $0 } == [1000, 1024])
            let coarse = try await curves(from: start - 28_800, to: start - 28_800 + 600)
            #expect(coarse.flatMap(\.average).compactMap { $0 } == [3000, 2000])
            #expect(coarse.flatMap(\.maximum).compactMap { $0 } == [4000, 4048])
            try await history.close(at: now)
        }
    }
}
