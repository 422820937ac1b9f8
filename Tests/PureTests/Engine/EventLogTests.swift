import EngineInterface
import LinuxSystem
import Logging
import Model
import TestKit
import Testing

@testable import Engine

/// What a log keeps, where readers go on, and who is told of what.
@Suite(.timeLimit(.minutes(2))) struct EventLogTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A log in a file, which is written as long as the body runs, as often as it is opened.
    private func withFile(_ body: (String) async throws -> Void) async throws {
        try await withTemporaryDirectory { try await body($0 + "/events.db") }
    }

    private func running<Answer: Sendable>(
        _ path: String, keeping most: Int? = nil, _ body: @escaping @Sendable (EventLog) async throws -> Answer
    ) async throws -> Answer {
        let log = await EventLog.open(path, log: Self.quiet)
        if let most { log.state.withLock { $0.mostKept = most } }
        let answer = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await log.run(Self.quiet) }
            let answer = try await body(log)
            group.cancelAll()
            return answer
        }
        try await log.close()
        return answer
    }

    private func settled(_ log: EventLog) async throws {
        try await log.saved.wait { saved in log.state.withLock { $0.last } <= saved ? true : nil }
    }

    private func past(
        _ log: EventLog, _ filters: [String: [String]] = [:], _ change: (inout EventQuery) -> Void = { _ in }
    )
        async throws -> [ToldEvent]
    {
        var query = EventQuery(Filters(filters))
        query.until = .now
        change(&query)
        var told: [ToldEvent] = []
        for await event in await log.tell(query, try EventFilter(query.filters)) { told.append(event) }
        return told
    }

    private func actions(_ numbers: Range<Int>) -> [String] { numbers.map { "a\($0)" } }

    @Test func `F8: what happened before a restart is told, and a cursor goes on exactly behind its event`()
        async throws
    {
        try await withFile { path in
            let before = Timestamp.now
            let cursor = try await running(path) { log in
                for number in 0..<1000 { log.publish("container", "a\(number)", "c") }
                let told = try await past(log) {
                    $0.since = before
                    $0.wantsCursors = true
                }
                #expect(told.map(\.event.action) == actions(0..<1000))
                return told.dropFirst(899).first?.cursor
            }
            let kept = try #require(cursor)
            try await running(path) { log in
                for number in 1000..<1010 { log.publish("container", "a\(number)", "c") }
                let all = try await past(log) { $0.since = before }
                #expect(all.map(\.event.action) == actions(0..<1010))
                let rest = try await past(log) { $0.cursor = EventCursor(kept.description) }
                #expect(rest.map(\.event.action) == actions(900..<1010))
                let ids: Set<String> = Set(rest.map { $0.id?.description ?? "" })
                #expect(ids.count == 110)
            }
        }
    }

    @Test func `a place that was told before a crash is not given to another event after it`() async throws {
        try await withFile { path in
            try await running(path) { log in
                log.publish("container", "written", "c")
                try await settled(log)
            }
            // As after kill -9: what was told last was not written.
            let crashed = await EventLog.open(path, log: Self.quiet)
            crashed.publish("container", "lost", "c")
            let cursor = try await past(crashed) {
                $0.wantsCursors = true; $0.since = .zero
            }.last?.cursor
            try await crashed.close()
            let lost = try #require(cursor)
            try await running(path) { log in
                for number in 0..<5 { log.publish("container", "\(number)", "c") }
                let rest = try await past(log) { $0.cursor = lost }
                #expect(rest.map(\.event.action) == (0..<5).map { "\($0)" })
            }
        }
    }

    @Test func `the file keeps so many, and who wants to go on before them is told that some are gone`() async throws {
        try await withFile { path in
            let first = try await running(path, keeping: 500) { log in
                log.publish("container", "first", "c")
                let first = try await past(log) {
                    $0.wantsCursors = true; $0.since = .zero
                }.first?.cursor
                for number in 0..<3000 {
                    log.publish("container", "a\(number)", "c")
                    if number % 300 == 0 { try await settled(log) }
                }
                return first
            }
            let cursor = try #require(first)
            try await running(path, keeping: 500) { log in
                let kept = try await past(log) { $0.since = .zero }
                #expect((500...550).contains(kept.count) && kept.last?.event.action == "a2999", "\(kept.count)")
                let rest = try await past(log) { $0.cursor = cursor }
                #expect(
                    rest.first?.event.action == ToldEvent.gapAction
                        && rest.dropFirst().map(\.event) == kept.map(\.event))
            }
        }
    }

    @Test func `managers are told of alerts and of what was done, also from the file`() async throws {
        try await withFile { path in
            try await running(path) { log in
                log.publish("alert", "firing", "f", scope: "swarm")
                log.publish("task", "running", "t", scope: "swarm")
                log.publish("container", "start", "c")
                log.publish("audit", "service-scale", "s", scope: "swarm")
                try await settled(log)
            }
            try await running(path) { log in
                var found: [NumberedEvent] = []
                // A page may have less than asked for: what managers know by themselves is left out of it.
                while found.count < 3 {
                    found += try await log.ownEvents(after: found.last?.sequence ?? 0, limit: 2)
                }
                #expect(found.map(\.event.type) == ["alert", "container", "audit"])
            }
        }
    }

    @Test func `a reader that is slower than the memory lasts reads on from the file`() async throws {
        try await withFile { path in
            try await running(path, keeping: 100_000) { log in
                let (reader, count) = (log.follow(since: nil, until: nil) { _ in true }, EventLog.capacity * 2)
                for number in 0..<count {
                    log.publish("container", "\(number)", "c")
                    if number % 4000 == 0 { try await settled(log) }
                }
                #expect(log.state.withLock { $0.floor } > 0, "all of them are in memory")
                var next = 0
                for await event in reader {
                    guard event.action == "\(next)" else {
                        Issue.record("\(event.action) in the place of \(next)")
                        break
                    }
                    next += 1
                    if next == count { break }
                }
            }
        }
    }

    @Test func `events of execs are told and not kept`() async throws {
        try await withFile { path in
            try await running(path) { log in
                log.publish("container", "exec_create: true", "c")
                log.publish("container", "start", "c")
                let told = try await past(log) { $0.since = .zero }
                #expect(told.count == 2)
            }
            try await running(path) { log in
                let told = try await past(log) { $0.since = .zero }
                #expect(told.map(\.event.action) == ["start"])
            }
        }
    }

    @Test func `Docker's clients are told of nothing else, whoever asks is told of all`() async throws {
        let log = EventLog()
        log.identify(as: EventNode(id: "n1", name: "one"))
        log.publish("container", "start", "c1", ["name": "web"])
        log.publish("node", "update", "n2", scope: "swarm")
        log.publish(
            EngineEvent(
                type: "task", action: "running", actorID: "t1", attributes: ["service.name": "web", "node.id": "n2"],
                scope: "swarm"), id: EventID(origin: "cluster/t1", sequence: 32))
        func actors(_ filters: [String: [String]]) async throws -> [String] {
            try await past(log, filters) { $0.since = .zero }.map(\.event.actorID)
        }
        #expect(try await actors([:]) == ["c1", "n2"])
        #expect(try await actors(["scope": ["swarm"]]) == ["n2"])
        #expect(try await actors(["service": ["web"]]).isEmpty)
        #expect(try await actors(["type": ["task"]]) == ["t1"])
        #expect(try await actors(["type": ["task", "container"]]) == ["c1", "t1"])
        #expect(try await actors(["type": ["task"], "service": ["web"], "node": ["n2"]]) == ["t1"])
        #expect(try await actors(["type": ["task"], "service": ["other"]]).isEmpty)
        #expect(try await actors(["scope": ["cluster"]]) == ["c1", "n2", "t1"])
        #expect(try await actors(["scope": ["cluster"], "node": ["one"]]) == ["c1"])
        let plain = try await past(log) { $0.since = .zero }
        #expect(plain.allSatisfy { $0.id == nil && $0.cursor == nil && $0.event.attributes["node.id"] == nil })
        let all = try await past(log, ["scope": ["cluster"]]) { $0.since = .zero }
        let ids: [String?] = all.map { $0.id?.description }
        #expect(ids == ["\(log.id)/1", "\(log.id)/2", "cluster/t1/32"])
        #expect(all.first?.event.attributes == ["name": "web", "node.id": "n1", "node.name": "one"])
    }

    @Test func `whoever asks for the cluster's is told of what happens while he reads`() async throws {
        let log = EventLog()
        log.identify(as: EventNode(id: "n1", name: "one"))
        let query = EventQuery(Filters(["scope": ["cluster"], "node": ["one"]]))
        let told = await log.tell(query, try EventFilter(query.filters))
        log.publish("container", "start", "c1")
        for await event in told {
            #expect(event.event.actorID == "c1" && event.event.attributes["node.id"] == "n1")
            break
        }
    }

    @Test func `a cursor of another node goes on half a minute earlier`() async throws {
        let log = EventLog()
        for seconds in [-60, -20, 10] as [Int64] {
            log.publish(
                EngineEvent(
                    type: "container", action: "\(seconds)", actorID: "c",
                    time: Timestamp(seconds: 1000 + seconds)))
        }
        let cursor = EventCursor(log: "other", position: 5, time: Timestamp(seconds: 1000))
        let rest = try await past(log) { $0.cursor = cursor }
        #expect(rest.map(\.event.action) == ["-20", "10"])
    }

    @Test func `texts that are no cursors are none`() {
        let cursor = EventCursor(log: "0a1b", position: 12, time: Timestamp(seconds: 3, nanoseconds: 4))
        #expect(EventCursor(cursor.description) == cursor)
        for text in [
            "", "a", "a.1", ".1.2", "a.-1.2", "a.1.2.3", "A.1.2", "a.99999999999999999999.1", "a.1.", "a/.1.2",
        ] {
            #expect(EventCursor(text) == nil, "\(text)")
        }
    }

    @Test func `of one node's logs the one that told something longest ago is forgotten`() async throws {
        let log = EventLog()
        func tell(_ name: String, _ number: Int64) async throws {
            let event = EngineEvent(type: "container", action: "start", actorID: "c")
            _ = try await log.take(
                [NumberedEvent(sequence: number, event: event)], through: number, of: name,
                at: EventNode(id: "n", name: "node"))
        }
        func known(_ numbers: Range<Int>) -> [Int64] { numbers.map { log.known(of: "log\($0)", at: "n") } }
        // The newest has the smallest numbers: it has only just begun.
        for number in 0..<6 { try await tell("log\(number)", Int64(100 - number)) }
        #expect(known(0..<6) == [0, 0, 98, 97, 96, 95])
        try await tell("log2", 99)
        try await tell("log6", 1)
        #expect(known(2..<7) == [99, 0, 96, 95, 1])
    }
}
