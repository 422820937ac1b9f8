import Foundation
import Model
import Testing

@testable import Engine

/// Records as they are kept, and as they were kept before there were phases.
@Suite struct ContainerRecordTests {
    private func record() -> ContainerRecord {
        var record = ContainerRecord(
            id: String(repeating: "ab", count: 32), name: "web", created: Timestamp(seconds: 100), imageID: "sha256:00",
            configuration: ContainerConfiguration(), hostConfig: HostConfiguration(), commandLine: ["sleep", "1"])
        record.endpoints = [EndpointRecord(networkID: "n", networkName: "bridge")]
        record.restartCount = 3
        return record
    }

    /// What a daemon of before has written: Docker's state, and flags beside it.
    /// - Parameter text: The fields of the record that are no more, as that daemon wrote them.
    private func before(_ text: String) throws -> ContainerRecord {
        let written = try JSONEncoder().encode(record())
        var fields = try #require(try JSONSerialization.jsonObject(with: written) as? [String: Any])
        fields["phase"] = nil
        fields["health"] = nil
        let flags = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        fields.merge(flags) { $1 }
        return try JSONDecoder().decode(ContainerRecord.self, from: JSONSerialization.data(withJSONObject: fields))
    }

    private static let began = "2026-11-28T10:00:00Z"
    private static let ended = "2026-11-28T11:00:00Z"

    /// State, then flags that are not false, then what they are read as.
    private static let cases: [(state: String, flags: [String], phase: String)] = [
        (#""status":"created""#, [], "created(nil)"),
        (#""status":"created","exitCode":127,"error":"no such file""#, [], "created(failed 127 no such file)"),
        (#""status":"created""#, ["isWanted"], "created(interrupted)"),
        (#""status":"created""#, ["isWanted", "isStarting"], "starting"),
        (#""status":"running","running":true,"pid":42,"startedAt":"\#(began)""#, ["isWanted"], "running 42"),
        (
            #""status":"running","running":true,"pid":42,"startedAt":"\#(began)""#, ["isWanted", "ending"],
            "running 42 ended 9"
        ),
        (
            #""status":"paused","running":true,"paused":true,"pid":42,"startedAt":"\#(began)""#, ["isWanted"],
            "paused 42"
        ),
        (
            #""status":"running","running":true,"pid":42,"startedAt":"\#(began)""#, ["isStoppedByUser"],
            "stopping 42 user"
        ),
        (
            #""status":"running","running":true,"pid":42,"startedAt":"\#(began)""#,
            ["isStoppedByUser", "isBeingRestarted"], "stopping 42 restart"
        ),
        (
            #""status":"running","running":true,"pid":42,"startedAt":"\#(began)""#,
            ["isStoppedByUser", "endedUnhealthy"], "stopping 42 unhealthy"
        ),
        (
            #""status":"restarting","running":true,"restarting":true,"exitCode":3,"startedAt":"\#(began)","finishedAt":"\#(ended)""#,
            ["isWanted"], "restarting 3"
        ),
        (
            #""status":"restarting","running":true,"restarting":true,"exitCode":3,"startedAt":"\#(began)","finishedAt":"\#(ended)""#,
            ["isStoppedByUser", "isBeingRestarted"], "restarting 3"
        ),
        (
            #""status":"restarting","running":true,"restarting":true,"exitCode":3,"startedAt":"\#(began)","finishedAt":"\#(ended)""#,
            ["isStoppedByUser"], "exited 3 user"
        ),
        (
            #""status":"restarting","running":false,"restarting":true,"exitCode":3,"startedAt":"\#(began)","finishedAt":"\#(ended)""#,
            ["isWanted", "isStarting"], "starting again"
        ),
        (#""status":"exited","exitCode":3,"startedAt":"\#(began)","finishedAt":"\#(ended)""#, [], "exited 3 itself"),
        (
            #""status":"exited","exitCode":143,"startedAt":"\#(began)","finishedAt":"\#(ended)""#, ["isStoppedByUser"],
            "exited 143 user"
        ),
        (
            #""status":"exited","exitCode":255,"startedAt":"\#(began)","finishedAt":"\#(ended)""#, ["isWanted"],
            "exited 255 lost"
        ),
        (
            #""status":"exited","exitCode":127,"error":"no","startedAt":"\#(began)","finishedAt":"\#(ended)""#, [],
            "exited 127 startFailed"
        ),
        (
            #""status":"removing","exitCode":3,"startedAt":"\#(began)","finishedAt":"\#(ended)""#, ["isBeingRemoved"],
            "removing 3"
        ),
    ]

    @Test func `a record of before has the phase that its flags meant`() throws {
        for (state, given, phase) in Self.cases {
            let flags = ["isStoppedByUser", "isWanted", "isStarting", "isBeingRemoved"].map {
                "\"\($0)\":\(given.contains($0))"
            }
            var optional = ["isBeingRestarted", "endedUnhealthy"].filter(given.contains).map { "\"\($0)\":true" }
            if given.contains("ending") { optional.append(#""ending":{"code":9,"wasOutOfMemory":false}"#) }
            let text = "{\"state\":{\(state)},\((flags + optional).joined(separator: ","))}"
            let read = try before(text)
            #expect(Self.text(read.phase) == phase, "\(text)")
            #expect(read.restartCount == 3 && read.endpoints.count == 1 && read.name == "web")
            // And stays what it is.
            let again = try JSONDecoder().decode(ContainerRecord.self, from: JSONEncoder().encode(read))
            #expect(again.phase == read.phase)
        }
    }

    @Test func `health goes along`() throws {
        let read = try before(
            """
            {"state":{"status":"running","running":true,"pid":42,"startedAt":"\(Self.began)","health":{"status":"healthy",
            "failingStreak":0,"log":[]}},"isStoppedByUser":false,"isWanted":true,"isStarting":false,"isBeingRemoved":false}
            """)
        #expect(read.state.health?.status == "healthy")
        let again = try JSONDecoder().decode(ContainerRecord.self, from: JSONEncoder().encode(read))
        #expect(again.state == read.state)
    }

    private static func text(_ phase: ContainerPhase) -> String {
        switch phase {
        case .created(nil): "created(nil)"
        case .created(.failed(let code, let error)): "created(failed \(code) \(error))"
        case .created(.interrupted): "created(interrupted)"
        case .starting(let start): start.isRestart ? "starting again" : "starting"
        case .running(let run): "running \(run.pid)" + (run.end.map { " ended \($0.code)" } ?? "")
        case .paused(let run): "paused \(run.pid)"
        case .stopping(let run, let stop): "stopping \(run.pid) \(stop.by)"
        case .restarting(_, let exit): "restarting \(exit.code)"
        case .exited(let exit): "exited \(exit.code) \(exit.cause)"
        case .removing(let exit): "removing \(exit?.code ?? 0)"
        case .dead: "dead"
        }
    }
}
