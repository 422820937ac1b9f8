import Concurrency
import EngineInterface
import Foundation
import Logging
import Model
import Synchronization
import Testing

@testable import Dashboard

/// What one user may take of a manager.
@Suite struct PlacesTests {
    @Test func `one user's questions wait for each other, not for those of others, and are bounded`() async throws {
        let work = WorkPlaces()
        let (running, gate) = (ObservableValue(0), ObservableValue(false))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<300 {
                group.addTask {
                    do {
                        return try await work.run("greedy") {
                            running.change { $0 += 1 }
                            try await gate.wait { $0 ? () : nil }
                            return true
                        }
                    } catch let error as DashboardError where error.code == .tooMany {
                        return false
                    }
                }
            }
            var refused = 0
            while refused < 300 - WorkPlaces.mostAsked, let wasDone = try await group.next() {
                if !wasDone { refused += 1 }
            }
            try await running.wait { $0 == WorkPlaces.perUser ? () : nil }
            #expect(try await work.run("other") { true })
            #expect(running.value == WorkPlaces.perUser)
            gate.set(true)
            var done = 0
            for try await wasDone in group { if wasDone { done += 1 } }
            #expect(done == WorkPlaces.mostAsked)
        }
        #expect(try await work.run("greedy") { true }, "places are given back")
    }

    /// Tells of no change, and says so at once.
    private actor Mute: DashboardBackend {
        var asked = 0
        var looked = 0
        func state() -> DashboardState {
            looked += 1
            var cluster = ClusterView()
            cluster.name = "\(looked)"
            return DashboardState(cluster: cluster)
        }
        func changes() -> AsyncStream<Void> {
            asked += 1
            return AsyncStream { $0.finish() }
        }
        func metrics(_: DashboardMetricsQuery) throws -> DashboardMetrics { throw DashboardError(.notKept) }
        func logs(_: DashboardLogQuery) -> DashboardLogPage { DashboardLogPage(reachedBack: 0) }
        func allLines(_: DashboardLogQuery) -> AsyncThrowingStream<[DashboardLogLine], any Error> {
            AsyncThrowingStream { $0.finish() }
        }
        func logVolume(_ query: DashboardLogQuery, buckets: Int) -> DashboardLogVolume {
            DashboardLogVolume(from: 0, step: 1, buckets: buckets)
        }
        func followLines(_: [DashboardScope], _: @escaping @Sendable ([DashboardLogLine]) -> Void) {}
        func events(_: DashboardWindow, limit: Int) -> DashboardEventPage { DashboardEventPage() }
        func followEvents(after _: String?, _: @escaping @Sendable (EventView) -> Void) {}
        func alertBook() throws -> DashboardAlertBook { throw DashboardError(.notKept) }
        func perform(_: DashboardAction, by: String) {}
        func refused(_: DashboardRefusal) {}
        func openTerminal(in _: String, size _: DashboardTerminalSize, by _: String) throws -> any DashboardTerminal {
            throw DashboardError(.notKept)
        }
    }

    @Test func `where nobody tells of changes the state is looked at now and then, not all the time`() async throws {
        let backend = Mute()
        let hub = StateHub(backend: backend, epoch: "e", logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await hub.run() }
            hub.enter()
            // The second look comes by itself.
            _ = try await hub.next(after: 1)
            #expect(await backend.asked <= 2)
            #expect(await backend.looked <= 3)
            hub.leave()
            group.cancelAll()
        }
    }

    @Test func `texts of others are cut`() {
        let long = String(repeating: "中", count: 5000)
        #expect(long.cut(to: .value).utf8.count < 264 && long.cut(to: .value).hasSuffix("…"))
        #expect("short".cut(to: .value) == "short")
        let labels = Dictionary(uniqueKeysWithValues: (0..<500).map { ("k\($0)", long) })
        #expect([0, 64, 65, labels.count].map { ListBound.leftOut(of: $0) } == [nil, nil, 1, 436])
        #expect(labels.cut.count == 64 && labels.cut["k0"]?.hasSuffix("…") == true)
        #expect(["a": "b"].cut == ["a": "b"])
    }

    @Test func `a line of a file stays one, and neither its text nor names move, hide or turn round others`() {
        let download = LogDownload(
            lines: AsyncThrowingStream { $0.finish() }, names: ["t": "we\u{202E}b.1", "n": "o\nne"],
            isSignedIn: { true }, departure: {}, close: {})
        func shown(_ text: String, stream: Int) -> String {
            download.text(DashboardLogLine(time: 1, stamp: "9Z", task: "t", node: "n", stream: stream, text: text))
        }
        #expect(shown("a\tb \u{4E2D}\u{1F600}", stream: 1).hasSuffix(" stdout a\tb \u{4E2D}\u{1F600}\n"))
        #expect(
            shown("\u{0}\u{1B}\u{7F}\u{85}\u{9B}1m\u{2028}\u{2029}\u{2066}\u{200F}", stream: 2)
                == "9Z we\u{FFFD}b.1@o\u{240A}ne stderr \u{2400}\u{241B}\u{2421}\u{FFFD}\u{FFFD}1m"
                + "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\n")
        #expect(shown("n3\r\u{2028}gone", stream: 3) == "# n3\u{240D}\u{FFFD}gone\n")
    }
}
