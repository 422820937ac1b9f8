import ContainerRuntime
import EngineInterface
import Faults
import Glibc
import LinuxSystem
import Model
import NIOCore
import TestKit
import Testing

@testable import Engine

/// What Docker's clients rely on: the order of answers and ends, and what is there when they ask.
@Suite(.timeLimit(.minutes(2))) struct ClientTests {
    private func always(_ request: inout ContainerCreateRequest) {
        request.hostConfig.restartPolicy.name = "always"
    }

    @Test func `a container that was killed can be removed at once`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            for change in [{ _ in }, always] as [(inout ContainerCreateRequest) -> Void] {
                let id = try await fixture.start(["sleep", "1000"], change)
                try await engine.containers.killContainer(id, signal: "KILL")
                #expect(try fixture.record(id).state.status == "exited")
                #expect(try fixture.record(id).state.exitCode == 137)
                try await engine.containers.removeContainer(id, force: false, removeVolumes: false)
            }
            // Any other signal is sent and no more.
            let id = try await fixture.start(["sleep", "1000"])
            try await within(.seconds(20)) { try await engine.containers.killContainer(id, signal: "USR1") }
            #expect(try fixture.record(id).isUp)
        }
    }

    @Test func `a wait ends with the process, though a policy starts the container again`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let id = try await fixture.start(["sleep", "1000"], always)
            for condition in [WaitCondition.notRunning, .nextExit] {
                let end = try await engine.containers.waitForContainer(id, condition)
                try await eventually { try fixture.record(id).isUp }
                try await engine.runtime.kill(id, signal: SIGKILL, all: false)
                #expect(try await within(.seconds(20)) { try await end.result() }.statusCode == 137)
                try await eventually(within: .seconds(20)) { try fixture.record(id).isUp }
            }
            #expect(engine.waiters.count == 0)
        }
    }

    @Test func `a container that is restarted is never told as ended, and one of --rm stays`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            for removes in [false, true] {
                let id = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.autoRemove = removes }
                let events = engine.events.follow(since: nil, until: nil) { $0.actorID == id }
                async let told = Self.states(events, fixture, id)
                try await engine.containers.restartContainer(id, signal: "KILL", timeout: 5)
                let seen = try await told
                #expect(seen.map(\.action) == ["kill", "die", "stop", "start", "restart"])
                #expect(seen.allSatisfy { $0.running })
                #expect(try fixture.record(id).isUp && !fixture.record(id).phase.isStoppedByUser)
                try await engine.containers.stopContainer(id, signal: "KILL", timeout: 5)
                if removes { try await eventually { engine.table.record(id) == nil } }
            }
        }
    }

    /// What is on record when each event is told, up to the restart's.
    private static func states(
        _ events: AsyncStream<EngineEvent>, _ fixture: EngineFixture, _ id: String
    ) async throws -> [(action: String, running: Bool)] {
        var seen: [(action: String, running: Bool)] = []
        for await event in events where event.type == "container" {
            seen.append((event.action, try fixture.record(id).state.running))
            if event.action == "restart" { break }
        }
        return seen
    }

    @Test func `a restart whose client goes is brought to its end`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let script = "trap 'sleep 0.5; exit 3' TERM; echo ready; while :; do sleep 0.01; done"
            let id = try await fixture.start(["sh", "-c", script])
            let log = engine.paths.log(of: id)
            try await eventually { try Files.text(log)?.contains("ready") == true }
            // To be cancelled, as a connection's is.
            let client = Task { try await engine.containers.restartContainer(id, signal: nil, timeout: 20) }
            try await eventually {
                if case .stopping(_, let stop) = try fixture.record(id).phase { stop.by == .restart } else { false }
            }
            client.cancel()
            await #expect(throws: CancellationError.self) { try await client.value }
            try await eventually(within: .seconds(20)) {
                let record = try fixture.record(id)
                return record.isUp && !record.phase.isStoppedByUser && record.state.finishedAt != .zero
            }
        }
    }

    @Test func `input goes on with the next client, unless it was to be the first one's alone`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let query = Self.query
            let script = "while read line; do echo \"got $line\"; done; echo end; sleep 1000"
            for once in [false, true] {
                let id = try await fixture.start(["sh", "-c", script]) { request in
                    request.configuration.openStdin = true
                    request.configuration.stdinOnce = once
                }
                @Sendable func attach(_ word: String, until wanted: String) async throws -> String {
                    let streams = try await engine.streams.attachContainer(id, query)
                    try await streams.write(ByteBuffer(string: word + "\n"))
                    await streams.closeInput()
                    var text = ""
                    for try await chunk in streams.output {
                        text += String(buffer: chunk.bytes)
                        if text.contains(wanted) { break }
                    }
                    await streams.detach()
                    return text
                }
                if once {
                    let text = try await within(.seconds(20)) { try await attach("one", until: "end\n") }
                    #expect(text == "got one\nend\n")
                } else {
                    for word in ["one", "two", "three"] {
                        let text = try await within(.seconds(20)) { try await attach(word, until: "got \(word)\n") }
                        #expect(text == "got \(word)\n")
                    }
                }
            }
        }
    }

    private static var query: AttachQuery {
        var query = AttachQuery()
        query.standardInput = true
        query.standardOutput = true
        query.stream = true
        return query
    }

    @Test func `what is missing beside the image is told at the start, or as the request's fault`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            func refusal(_ body: () async throws -> Void) async -> APIError? {
                await #expect(throws: APIError.self) { try await told { try await body() } }
            }
            for (mode, words) in [
                ("nosuchnet", "network nosuchnet not found"), ("container:nosuch", "No such container: nosuch"),
            ] {
                let id = try await fixture.create(["true"]) { $0.hostConfig.networkMode = mode }
                #expect(await refusal { try await engine.containers.startContainer(id) } == APIError(.notFound, words))
                #expect(try fixture.record(id).state.status == "created")
                #expect(try fixture.record(id).state.error.contains(words))
            }
            let pid = try await fixture.create(["true"]) { $0.hostConfig.pidMode = "container:nosuch" }
            let words = "No such container: nosuch"
            #expect(await refusal { try await engine.containers.startContainer(pid) } == APIError(.notFound, words))
            let from = await refusal {
                _ = try await fixture.create(["true"]) { $0.hostConfig.volumesFrom = ["nosuch"] }
            }
            #expect(from == APIError(.invalidInput, words))
            let plugin = await refusal {
                _ = try await fixture.create(["true"]) { request in
                    request.hostConfig.logConfig.type = "nosuch"
                }
            }
            #expect(plugin?.kind == .invalidInput)
            // An owner that comes later is joined.
            let later = try await fixture.create(["sleep", "1000"]) { $0.hostConfig.networkMode = "container:late" }
            let owner = try await fixture.start(["sleep", "1000"])
            try await engine.containers.renameContainer(owner, to: "late")
            try await engine.containers.startContainer(later)
            #expect(try fixture.record(later).hostConfig.networkMode == "container:" + owner)
        }
    }

    @Test func `home is that of the user, of a command inside too`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let script = "echo home=$HOME; sleep 1000"
            for (user, variables, wanted) in [
                ("12345:12345", [], "/"), ("", [], "/root"), ("34", [], "/srv"), ("34", ["HOME=/x"], "/x"),
            ] as [(String, [String], String)] {
                let id = try await fixture.create(["sh", "-c", script]) { request in
                    request.configuration.user = user
                    request.configuration.env = variables
                }
                try await engine.containers.startContainer(id)
                let log = engine.paths.log(of: id)
                try await eventually { try Files.text(log)?.contains("home=\(wanted)\n") == true }
                for (other, home) in [("", wanted), ("0", "/root"), ("99", "/")] {
                    var request = Model.ExecRequest()
                    request.cmd = ["sh", "-c", "echo home=$HOME"]
                    request.user = other
                    request.attachStdout = true
                    let exec = try await engine.execs.createExec(container: id, request)
                    var text = ""
                    for try await chunk in try await engine.execs.startExec(exec, height: nil, width: nil).output {
                        text += String(buffer: chunk.bytes)
                    }
                    #expect(text == "home=\(variables.isEmpty ? home : "/x")\n", "\(user) \(other)")
                }
            }
        }
    }

    @Test func `a command of a container that has gone meanwhile shows why in the words that clients know`()
        async throws
    {
        try await EngineFixture.run { fixture in
            let execs = fixture.engine.execs
            let id = execs.execs.create(containerID: "gone", Model.ExecRequest()).id
            var text = ""
            for try await chunk in try await execs.startExec(id, height: nil, width: nil).output {
                text += String(buffer: chunk.bytes)
            }
            #expect(text == "No such container: gone\r\n")
        }
    }

    @Test func `many commands at once all tell their exit codes`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let id = try await fixture.start(["sleep", "1000"])
            try await withThrowingTaskGroup(of: Int?.self) { group in
                for number in 0..<150 {
                    group.addTask {
                        var request = Model.ExecRequest()
                        request.cmd = ["sh", "-c", "exit \(number % 7)"]
                        request.attachStdout = true
                        let exec = try await engine.execs.createExec(container: id, request)
                        let streams = try await engine.execs.startExec(exec, height: nil, width: nil)
                        for try await _ in streams.output {}
                        await streams.finished()
                        return try await engine.execs.inspectExec(exec).exitCode == number % 7 ? nil : number
                    }
                }
                for try await wrong in group { #expect(wrong == nil) }
            }
        }
    }

    @Test func `info names the seccomp profile that containers have`() async throws {
        try await EngineFixture.run { fixture in
            #expect(try await fixture.engine.system.systemInfo().securityOptions == ["name=seccomp,profile=default"])
            for (options, mode) in [([], 2), (["seccomp=unconfined"], 0)] as [([String], Int)] {
                let id = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.securityOpt = options }
                let file = "/proc/\(try fixture.record(id).processID)/status"
                try await eventually("\(options)") {
                    let status = try Files.text(file) ?? ""
                    return status.hasPrefix("Name:\tsleep\n") && status.contains("\nSeccomp:\t\(mode)\n")
                }
            }
        }
    }

    @Test func `an image is listed by the names that were asked for alone`() async throws {
        try await EngineFixture.run { fixture in
            try await fixture.engine.images.tagImage("box", repository: "other", tag: "2")
            func tags(_ reference: String?) async throws -> [[String]] {
                let filters = Filters(reference.map { ["reference": [$0]] } ?? [:])
                return try await fixture.engine.images.listImages(filters, all: false, sharedSize: false).map(
                    \.repoTags)
            }
            #expect(try await tags(nil).map { $0.sorted() } == [["box:latest", "other:2"]])
            #expect(try await tags("other") == [["other:2"]])
            #expect(try await tags("box:*") == [["box:latest"]])
            #expect(try await tags("other:1") == [])
        }
    }
}
