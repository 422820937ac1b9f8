import Concurrency
import EngineInterface
import Foundation
import Logging
import Model
import NIOCore
import TestKit
import Testing

@testable import Dashboard

@Suite struct StatedLevelTests {
    @Test(arguments: [
        (#"{"level":"error","msg":"x"}"#, StatedLevel.error), (#"{"ts":1,"severity": "WARNING"}"#, .warn),
        ("ts=1 level=info msg=\"0 errors\"", .info), ("2026-01-01 [Warning] disk", .warn),
        ("<11>1 2026 host app", .error),
        ("<30>Jan  2 15:04:05", .info), ("[12:00] [FATAL] gone", .error), ("lvl=dbg level=debug", .debug),
    ])
    func `a level that is stated`(line: String, level: StatedLevel) { #expect(StatedLevel(line: line) == level) }

    @Test(arguments: [
        "0 errors, 3 warnings", "error: no such file", "loglevel=error", "<999>x", "", "[]", "<", "level=", "[1] x",
    ])
    func `nothing is guessed`(line: String) { #expect(StatedLevel(line: line) == nil) }
}

@Suite struct DashboardStateTests {
    /// What the hub looks at.
    private actor Stage: DashboardBackend {
        var shown = DashboardState(cluster: ClusterView())
        var error: DashboardError?
        /// What is told to who knows the look before; `nil` to tell all there is each time.
        var told: DashboardChanges?
        var askedSince: [UInt64?] = []
        /// Looks end while it is `true`, or when they are cancelled.
        let answers = ObservableValue(true)
        func tell(_ changes: DashboardChanges) { told = changes }
        func look(since number: UInt64?) async throws -> DashboardChanges {
            askedSince.append(number)
            try await answers.wait { $0 ? () : nil }
            if let told { return told }
            return DashboardChanges(whole: try state())
        }
        func show(_ state: DashboardState) { shown = state }
        func fail(_ error: DashboardError?) { self.error = error }
        func state() throws -> DashboardState {
            if let error { throw error }
            return shown
        }
        func changes() -> AsyncStream<Void> { AsyncStream { _ in } }
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

    private struct Told: Decodable {
        struct Item: Decodable { var id: String }
        var epoch: String
        var revision: UInt64
        var whole: Bool
        var problem: String?
        var set: [String: [Item?]]
        var gone: [String: [String]]
    }

    private func told(_ picture: StateHub.Picture, since revision: UInt64?) throws -> Told {
        try JSONDecoder().decode(Told.self, from: Data(picture.delta(since: revision).utf8))
    }

    private func state(services: [(String, Int)]) -> DashboardState {
        var state = DashboardState(cluster: ClusterView())
        state.services = services.map { name, running in
            var view = ServiceView(id: name)
            view.running = running
            return view
        }
        return state
    }

    @Test func `a tab is told what has changed since, and what is gone`() async throws {
        let stage = Stage()
        let hub = StateHub(backend: stage, epoch: "e", logger: Logger(label: "test"))
        await stage.show(state(services: [("a", 1), ("b", 1)]))
        let first = await hub.look()
        #expect(try told(first, since: nil).set["services"]?.compactMap { $0?.id }.sorted() == ["a", "b"])
        await stage.show(state(services: [("a", 2), ("c", 1)]))
        let second = await hub.look()
        let delta = try told(second, since: first.revision)
        #expect(!delta.whole && delta.set["services"]?.compactMap { $0?.id }.sorted() == ["a", "c"])
        #expect(delta.gone["services"] == ["b"] && delta.set["cluster"] == nil)
    }

    @Test func `what stays the same is no news`() async throws {
        let stage = Stage()
        let hub = StateHub(backend: stage, epoch: "e", logger: Logger(label: "test"))
        await stage.show(state(services: [("a", 1)]))
        let first = await hub.look()
        #expect(await hub.look().revision == first.revision)
    }

    /// What a page has made of what it was told: how many tasks of each service run.
    private struct Page {
        var services: [String: Int] = [:]
        var revision: UInt64?

        mutating func take(_ picture: StateHub.Picture) throws {
            struct Told: Decodable {
                struct Service: Decodable {
                    var id: String
                    var running: Int
                }
                struct Objects: Decodable { var services: [Service]? }
                struct Gone: Decodable { var services: [String]? }
                var whole: Bool
                var set: Objects
                var gone: Gone
            }
            let told = try JSONDecoder().decode(Told.self, from: Data(picture.delta(since: revision).utf8))
            if told.whole { services = [:] }
            for service in told.set.services ?? [] { services[service.id] = service.running }
            for id in told.gone.services ?? [] { services[id] = nil }
            revision = picture.revision
        }
    }

    @Test func `who is told what has changed knows what there is, however far behind`() async throws {
        var random = SeededGenerator.fresh("DashboardStateTests")
        let stage = Stage()
        let hub = StateHub(backend: stage, epoch: "e", logger: Logger(label: "test"))
        var (prompt, slow) = (Page(), Page())
        var known: [String: Int] = [:]
        for round in 1...300 {
            let isWhole = round == 1 || Int.random(in: 0..<20, using: &random) == 0
            let (before, most) = (known, round % 50 == 0 ? 600 : 4)
            for _ in 0..<Int.random(in: 0...most, using: &random) {
                let id = "s\(Int.random(in: 0..<800, using: &random))"
                known[id] = Bool.random(using: &random) ? Int.random(in: 0..<3, using: &random) : nil
            }
            let told = known.filter { isWhole || before[$0.key] != $0.value || $0.value == 0 }
            var changes = DashboardChanges(
                number: UInt64(round), isWhole: isWhole, state: state(services: told.map { ($0.key, $0.value) }))
            if !isWhole { changes.gone[.services] = before.keys.filter { known[$0] == nil } }
            await stage.tell(changes)
            let picture = await hub.look()
            try prompt.take(picture)
            if Int.random(in: 0..<40, using: &random) == 0 || round == 300 { try slow.take(picture) }
            #expect(prompt.services == known)
            if slow.revision == picture.revision { #expect(slow.services == known) }
        }
        #expect(await stage.askedSince == [UInt64?.none] + (1..<300).map { Optional(UInt64($0)) })
    }

    @Test func `a change costs what it is, and who lags for long begins anew`() async throws {
        let stage = Stage()
        let hub = StateHub(backend: stage, epoch: "e", logger: Logger(label: "test"))
        var first: StateHub.Picture?
        for round in 0..<100 {
            let changed = state(services: (0..<100).map { ("s\($0)", round) })
            await stage.tell(DashboardChanges(number: UInt64(round), isWhole: round == 0, state: changed))
            let picture = await hub.look()
            first = first ?? picture
            #expect(picture.remembered <= StateHub.leastTold && picture.objects.count == 101)
        }
        let (last, known) = (hub.current, try #require(first))
        #expect(try told(last, since: known.revision).whole)
        let delta = try told(last, since: last.revision - 1)
        #expect(!delta.whole && delta.set["services"]?.count == 100 && delta.set["cluster"] == nil)
    }

    @Test func `a problem is told and keeps what was known`() async throws {
        let stage = Stage()
        let hub = StateHub(backend: stage, epoch: "e", logger: Logger(label: "test"))
        await stage.show(state(services: [("a", 1)]))
        let first = await hub.look()
        await stage.fail(DashboardError(.noSwarm))
        let second = await hub.look()
        let delta = try told(second, since: first.revision)
        #expect(delta.problem == "noSwarm" && delta.gone.isEmpty && second.revision > first.revision)
        await stage.fail(nil)
        let third = await hub.look()
        #expect(try told(third, since: second.revision).problem == nil)
    }

    @Test func `a look that does not end is given up and told, and a later one finds what there is`() async throws {
        let stage = Stage()
        let hub = StateHub(
            backend: stage, epoch: "e", logger: Logger(label: "test"), longestLook: .milliseconds(200))
        await stage.show(state(services: [("a", 1)]))
        stage.answers.set(false)
        #expect(await hub.look().problem == "unavailable")
        stage.answers.set(true)
        try await eventually("a look that ends") { await hub.look().problem == nil }
        #expect(try told(hub.current, since: nil).set["services"]?.count == 1)
    }

    @Test func `who asks and is gone before there is an answer is no problem of others`() async throws {
        let stage = Stage()
        let hub = StateHub(backend: stage, epoch: "e", logger: Logger(label: "test"))
        await stage.show(state(services: [("a", 1)]))
        let first = await hub.look()
        stage.answers.set(false)
        try await withThrowingTaskGroup(of: StateHub.Picture.self) { group in
            for _ in 0..<2 { group.addTask { await hub.look() } }
            try await eventually("one looks and one waits") {
                stage.answers.waiterCount == 1 && hub.waiting == 1
            }
            group.cancelAll()
            for try await picture in group {
                #expect(picture.revision == first.revision && picture.problem == nil)
            }
        }
        #expect(hub.current.revision == first.revision && hub.current.problem == nil)
        stage.answers.set(true)
        await stage.show(state(services: [("a", 2)]))
        #expect(await hub.look().revision > first.revision)
    }

    @Test func `who asks while others look shares the next look`() async throws {
        let stage = Stage()
        let hub = StateHub(backend: stage, epoch: "e", logger: Logger(label: "test"))
        stage.answers.set(false)
        try await withThrowingTaskGroup(of: UInt64.self) { group in
            group.addTask { await hub.look().revision }
            try await eventually("a look has begun") { stage.answers.waiterCount == 1 }
            for _ in 0..<5 { group.addTask { await hub.look().revision } }
            try await eventually("five wait") { hub.waiting == 5 }
            await stage.tell(
                DashboardChanges(number: 1, isWhole: true, state: state(services: [("a", 1)])))
            stage.answers.set(true)
            for try await revision in group { #expect(revision == 1) }
        }
        #expect(await stage.askedSince == [nil, 1])
    }

    @Test func `a revision of another time gets everything`() async throws {
        let stage = Stage()
        let hub = StateHub(backend: stage, epoch: "e", logger: Logger(label: "test"))
        await stage.show(state(services: [("a\"\u{1}\\", 1)]))
        let told = try told(await hub.look(), since: 99)
        #expect(told.whole && told.set["services"]?.first??.id == "a\"\u{1}\\")
    }

    @Test func `an outbox keeps the newest and counts the rest`() async throws {
        let outbox = StreamOutbox()
        outbox.offer(
            (0..<2500).map {
                DashboardLogLine(time: Double($0), stamp: "\($0)", task: "", node: "", stream: 1, text: "")
            })
        let taken = try await outbox.take()
        #expect(taken.lines.count == StreamOutbox.mostLines && taken.skippedLines == 500)
        #expect(taken.lines.first?.stamp == "500")
    }

    @Test func `a tab that is slow is told how many events it was not told`() async throws {
        let outbox = StreamOutbox()
        for time in 0..<Int64(StreamOutbox.mostEvents) + 200 {
            outbox.offer(EventView(time: time, type: "service", action: "update", id: "web"))
        }
        let taken = try await outbox.take()
        #expect(taken.events.count == StreamOutbox.mostEvents && taken.skippedEvents == 200)
        #expect(taken.events.first?.time == 200)
    }

    @Test func `a page of events says whether earlier ones are left out`() {
        let events = (Int64(1)...4).map { EventView(time: $0, type: "service", action: "update", id: "web") }
        for (limit, times, isCut) in [(5, [1, 2, 3, 4], false), (4, [1, 2, 3, 4], false), (3, [2, 3, 4], true)] {
            var page = DashboardEventPage(events: events)
            page.keep(limit)
            #expect(page.events.map(\.time) == times.map { Int64($0) } && page.isCut == isCut)
        }
    }

    @Test func `a line of a service's log is taken apart`() throws {
        let text =
            "2026-08-12T14:13:20.000000001Z com.docker.swarm.node.id=n1,com.docker.swarm.service.id=s1,com.docker.swarm.task.id=t1 hello world\n"
        let line = try #require(
            LogLines.line(OutputChunk(stream: .standardError, bytes: ByteBuffer(string: text)), owner: ""))
        #expect(line.task == "t1" && line.node == "n1" && line.text == "hello world" && line.stream == 2)
        #expect(line.stamp == "2026-08-12T14:13:20.000000001Z")
    }

    @Test(arguments: ["", " ", "x", "2026-08-12T14:13:20Z", "\n", "error from daemon"])
    func `what is no line is a mark of ours`(text: String) throws {
        let line = try #require(
            LogLines.line(OutputChunk(stream: .systemError, bytes: ByteBuffer(string: text)), owner: ""))
        #expect(line.stream == 3)
    }

    @Test(arguments: ["the rest of a long line\n", "node-2: no answer", ""])
    func `what a container writes is never a mark of ours`(text: String) {
        for stream in [OutputChunk.Stream.standardOutput, .standardError] {
            #expect(LogLines.line(OutputChunk(stream: stream, bytes: ByteBuffer(string: text)), owner: "t1") == nil)
        }
    }

    @Test func `a window is bounded`() {
        #expect(DashboardWindow(from: 5, to: 5) == nil)
        #expect(DashboardWindow(from: .min, to: .max) == nil)
        #expect(DashboardWindow(from: 0, to: 33 * 86_400_000) == nil)
        #expect(DashboardWindow(from: 0, to: 60_000) != nil)
        #expect(DashboardScope(parsing: "service:") == nil && DashboardScope(parsing: "cluster:x") == nil)
        #expect(DashboardScope(parsing: "task:a:b") == DashboardScope(.task, "a:b"))
    }

    @Test func `an event of a repair says how much there was, and no other tells its error`() {
        let attributes = ["count": "3", "error": "no such device", "secret": "x"]
        func told(_ type: String) -> [String: String] {
            EventView(ToldEvent(EngineEvent(type: type, action: "drift", actorID: "w1", attributes: attributes)))
                .attributes
        }
        #expect(told("network") == ["count": "3", "error": "no such device"])
        #expect(told("daemon").isEmpty)
    }

    @Test func `pages come back the same from gzip`() throws {
        let bytes = ByteBuffer(string: String(repeating: "the same words again ", count: 500))
        let small = try #require(Gzip.compress(bytes))
        #expect(small.readableBytes < 400)
        #expect(Array(small.readableBytesView.prefix(2)) == [0x1F, 0x8B])
        #expect(Gzip.compress(ByteBuffer(string: "short")) == nil)
    }
}
