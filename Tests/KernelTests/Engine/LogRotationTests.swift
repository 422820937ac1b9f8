import FoundationEssentials
import Glibc
import LinuxSystem
import Model
import TestKit
import Testing

@testable import Engine

@Suite(.timeLimit(.minutes(2))) struct LogRotationTests {
    private struct Monitor: Decodable { var conmon: Int32 }

    @Test func `a conmon that hangs keeps no other container's log from being rotated`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let first = try await Self.start(fixture)
            let bytes = try #require(try Files.read(fixture.bundle(first) + "/record.json"))
            let conmon = try JSONDecoder().decode(Monitor.self, from: Data(bytes)).conmon
            try await withThrowingTaskGroup(of: Void.self) { group in
                defer {
                    kill(conmon, SIGCONT)
                    group.cancelAll()
                }
                let log = engine.paths.log(of: first)
                try await eventually { (try Files.status(log)?.st_size ?? 0) >= 1024 }
                #expect(kill(conmon, SIGSTOP) == 0)
                group.addTask { try await engine.rotateLogs() }
                // Put aside, and waiting for the conmon from now on.
                try await eventually { Files.exists(log + ".1") && !Files.exists(log) }
                let second = engine.paths.log(of: try await Self.start(fixture))
                try await eventually(within: .seconds(6)) { Files.exists(second + ".1") && Files.exists(second) }
            }
        }
    }

    /// A container that has written more than its log may hold.
    private static func start(_ fixture: EngineFixture) async throws -> String {
        try await fixture.start(["sh", "-c", "/bin/busybox head -c 20000 /bin/busybox; sleep 1000"]) {
            $0.hostConfig.logConfig = LogConfiguration()
            $0.hostConfig.logConfig?.type = "json-file"
            $0.hostConfig.logConfig?.config = ["max-size": "1k", "max-file": "3"]
        }
    }
}
