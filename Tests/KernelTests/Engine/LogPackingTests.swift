import EngineInterface
import LinuxSystem
import Model
import TestKit
import Testing

@testable import Engine
@testable import Logs

/// Logs of real containers whose files are packed, and what all logs of a node may take.
@Suite(.timeLimit(.minutes(3))) struct LogPackingTests {
    private static let lines = 60_000
    private static let script =
        "i=0; while [ $i -lt \(lines) ]; do echo \"line $i of many that are written one by one\"; i=$((i+1)); done | cat"

    private func start(
        _ fixture: EngineFixture, _ driver: String, _ options: [String: String], _ script: String = script
    ) async throws -> String {
        try await fixture.start(["sh", "-c", script]) { request in
            request.hostConfig.logConfig.type = driver
            request.hostConfig.logConfig.config = options
            request.configuration.labels = ["color": "blue"]
            request.configuration.env = ["ZONE=a b"]
        }
    }

    private func end(_ fixture: EngineFixture, _ id: String) async throws {
        let end = try await fixture.engine.containers.waitForContainer(id, .notRunning)
        _ = try await within(.seconds(60)) { try await end.result() }
    }

    private func texts(
        _ fixture: EngineFixture, _ id: String, _ change: (inout LogQuery) -> Void = { _ in }
    ) async throws -> [String] {
        var query = LogQuery()
        change(&query)
        var all: [String] = []
        for try await chunks in try await fixture.engine.logs.containerLogs(id, query).output {
            all += chunks.map { String(buffer: $0.bytes) }
        }
        return all
    }

    private static func line(_ number: Int) -> String { "line \(number) of many that are written one by one\n" }

    @Test(arguments: ["json-file", "local"])
    func `what is rotated is packed, read by every flag, and goes with its container`(driver: String) async throws {
        try await EngineFixture.run { fixture in
            let options = ["max-size": "512k", "max-file": "20", "compress": "true", "labels": "color", "env": "ZONE"]
            let id = try await start(fixture, driver, options)
            // One that follows from the beginning reads files while they are packed.
            async let followed = texts(fixture, id) { $0.follow = true }
            try await end(fixture, id)
            let log = LogSegments(path: fixture.engine.paths.log(of: id))
            try await eventually(within: .seconds(30), "all files are packed") {
                try log.numbers().count > 5 && log.unpacked().isEmpty
            }
            let wanted = (0..<Self.lines).map(Self.line)
            #expect(try await followed == wanted)
            #expect(try await texts(fixture, id) == wanted)
            #expect(try await texts(fixture, id) { $0.tail = 40_000 } == wanted.suffix(40_000))
            let stamped = try await texts(fixture, id) { $0.timestamps = true }
            let moment = try #require(Timestamp(String(stamped[20_000].prefix { $0 != " " })))
            let since = try await texts(fixture, id) { $0.since = moment }
            #expect(since.last == wanted.last && since.count >= Self.lines - 20_000 && since.count < Self.lines)
            let detailed = try await texts(fixture, id) { query in
                query.details = true
                query.tail = 1
            }
            #expect(detailed == ["ZONE=a+b,color=blue " + Self.line(Self.lines - 1)])
            // What counts is what they take.
            let usage = try await fixture.engine.quota.usage()
            #expect(usage.size < 2 << 20 && usage.size > 20_000)
            try await fixture.engine.containers.removeContainer(id, force: true, removeVolumes: false)
            #expect(try Files.list(fixture.engine.paths.files(of: id)) == [])
            #expect(fixture.log.withLock { $0.filter { $0.contains("packed") } } == [])
        }
    }

    @Test func `a tag is shown where one is asked for, and what is none is refused`() async throws {
        try await EngineFixture.run { fixture in
            let id = try await start(
                fixture, "json-file", ["tag": "{{.ImageName}}/{{.ID}}", "labels-regex": "^col"], "echo x")
            try await end(fixture, id)
            try await eventually { try await texts(fixture, id).count == 1 }
            #expect(try await texts(fixture, id) { $0.details = true } == ["color=blue,tag=box%2F\(id.prefix(12)) x\n"])
            await #expect(throws: LogOptionError.self) {
                try await start(fixture, "local", ["tag": "{{.Nothing}}"], "true")
            }
        }
    }

    @Test func `a restarted daemon packs what was left`() async throws {
        try await EngineFixture.run { fixture in
            let id = try await start(fixture, "local", ["max-size": "512k", "max-file": "20", "compress": "false"])
            try await end(fixture, id)
            try await fixture.engine.table.update(id) { record in
                record.hostConfig.logConfig.config["compress"] = "true"
            }
            #expect(try LogSegments(path: fixture.engine.paths.log(of: id)).unpacked().count > 3)
        } restarted: { fixture in
            let id = try #require(fixture.engine.table.all.first?.id)
            let log = LogSegments(path: fixture.engine.paths.log(of: id))
            try await eventually(within: .seconds(30), "all files are packed") { try log.unpacked().isEmpty }
            #expect(try await texts(fixture, id) == (0..<Self.lines).map(Self.line))
        }
    }

    @Test func `F4: all logs of a node stay within their bound, and the oldest go first`() async throws {
        let bound: Int64 = 3 << 20
        try await EngineFixture.run(logBound: .bytes(bound)) { fixture in
            let options = ["max-size": "256k", "max-file": "100"]
            let old = try await start(fixture, "json-file", options)
            try await end(fixture, old)
            let events = fixture.engine.events
            let new = try await start(fixture, "json-file", options)
            try await end(fixture, new)
            try await eventually(within: .seconds(30), "the bound holds") {
                try await fixture.engine.quota.usage().size <= bound
            }
            let (first, second) = (try await texts(fixture, old), try await texts(fixture, new))
            // Each has its newest lines; of the older one only what was written last may be left.
            #expect(first.last == Self.line(Self.lines - 1) && second.last == Self.line(Self.lines - 1))
            #expect(first.count < second.count && first.count < 10_000)
            #expect(second == (Self.lines - second.count..<Self.lines).map(Self.line))
            let told = await events.recent("container", since: Timestamp(seconds: 0)).filter {
                $0.action == "log-dropped"
            }
            #expect(
                told.contains {
                    $0.actorID == old && $0.attributes["reason"] == "the quota of the node's logs was reached"
                })
            // A container goes on writing whatever the bound is.
            #expect(try fixture.record(new).phase.exitCode == 0)
        }
    }
}
