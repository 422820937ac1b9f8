import ContainerRuntime
import Glibc
import EngineInterface
import LinuxSystem
import Logs
import Model
import TestKit
import Testing

@testable import Engine

@Suite(.timeLimit(.minutes(2))) struct LogRotationTests {
    private func start(
        _ fixture: EngineFixture, _ script: String, size: String, count: Int, policy: String = "no"
    ) async throws -> String {
        try await fixture.start(["sh", "-c", script]) { request in
            request.hostConfig.logConfig.type = "json-file"
            request.hostConfig.logConfig.config = ["max-size": size, "max-file": "\(count)"]
            request.hostConfig.restartPolicy.name = policy
        }
    }

    /// What the files of a log take, each once.
    private static func bytes(_ directory: String) throws -> Int64 {
        try sizes(directory).values.reduce(0, +)
    }

    /// The same where no file came or went while they were looked at; `nil` where one did.
    private static func settledBytes(_ directory: String) throws -> Int64? {
        let before = try sizes(directory)
        return try Set(sizes(directory).keys) == Set(before.keys) ? before.values.reduce(0, +) : nil
    }

    private static func sizes(_ directory: String) throws -> [UInt64: Int64] {
        try Files.list(directory).filter { $0.hasPrefix("log") }.reduce(into: [:]) { sizes, name in
            guard let status = try Files.status("\(directory)/\(name)") else { return }
            sizes[UInt64(status.st_ino)] = Int64(status.st_size)
        }
    }

    @Test(arguments: ["y", "a line of some length, as programs write them"])
    func `a flood stays within its bound all the while`(line: String) async throws {
        try await EngineFixture.run { fixture in
            let (size, count) = (Int64(64 << 10), 3)
            let script = "/bin/busybox yes '\(line)' | /bin/busybox head -c 20000000"
            let id = try await start(fixture, script, size: "64k", count: count)
            let directory = fixture.engine.paths.files(of: id)
            var most: Int64 = 0
            var looks = 0
            while try fixture.record(id).isRunning {
                if let bytes = try Self.settledBytes(directory) {
                    most = max(most, bytes)
                    looks += 1
                }
                try await Task.sleep(for: .milliseconds(1))
            }
            print("a flood's log had at most \(most) bytes in \(looks) looks")
            #expect(looks > 5)
            #expect(most <= size * Int64(count + 1))
            try await eventually { try Self.bytes(directory) <= size * Int64(count) }
            #expect(try Self.bytes(directory) > size)
        }
    }

    @Test func `nothing is lost of what is within the bound, however fast it comes`() async throws {
        try await EngineFixture.run { fixture in
            let total = 100_000
            let line = "echo \"line $i of many that are written one by one\"; i=$((i+1))"
            let script = "i=0; while [ $i -lt \(total) ]; do \(line); done | cat"
            let id = try await start(fixture, script, size: "1m", count: 20)
            let end = try await fixture.engine.containers.waitForContainer(id, .notRunning)
            _ = try await within(.seconds(60)) { try await end.result() }
            #expect(try LogSegments(path: fixture.engine.paths.log(of: id)).numbers().count > 5)
            var query = LogQuery()
            query.standardOutput = true
            var next = 0
            for try await chunks in try await fixture.engine.logs.containerLogs(id, query).output {
                for chunk in chunks {
                    #expect(String(buffer: chunk.bytes) == "line \(next) of many that are written one by one\n")
                    next += 1
                }
            }
            #expect(next == total)
        }
    }

    @Test func `a container that floods its output gets pipes that hold more`() async throws {
        try await EngineFixture.run { fixture in
            func pipe(_ id: String) throws -> CInt {
                let pid = try fixture.record(id).processID
                let end = try Descriptor.open("/proc/\(pid)/fd/1", O_WRONLY | O_NONBLOCK)
                return fcntl(end.raw, 1032)  // F_GETPIPE_SZ
            }
            let quiet = try await start(fixture, "while :; do echo x; sleep 0.01; done", size: "10m", count: 2)
            let loud = try await start(
                fixture, "/bin/busybox yes a line | /bin/busybox head -c 50000000; sleep 1000", size: "10m", count: 2)
            try await eventually(within: .seconds(30), "its pipe is large") { try pipe(loud) >= 1 << 20 }
            // The first few have theirs from the start, in case.
            #expect(try pipe(quiet) >= 1 << 20)
        }
    }

    @Test func `the bound holds without a daemon`() async throws {
        try await EngineFixture.run { fixture in
            let (size, count) = (Int64(64 << 10), 3)
            let script = "sleep 1; /bin/busybox yes a line | /bin/busybox head -c 5000000; echo over; sleep 1000"
            let id = try await start(fixture, script, size: "64k", count: count)
            // Nobody is told of anything any more, as when the daemon is gone.
            fixture.engine.runtime.watchLog(id, every: .max) { $0() }
            let log = fixture.engine.paths.log(of: id)
            try await eventually(within: .seconds(60)) { try Files.text(log)?.hasSuffix("over\n") == true }
            #expect(try Self.bytes(fixture.engine.paths.files(of: id)) <= size * Int64(count))
        }
    }

    @Test func `a log of many lives stays within its bound`() async throws {
        try await EngineFixture.run { fixture in
            let (size, count) = (Int64(16 << 10), 2)
            let script = "/bin/busybox yes a line of this life | /bin/busybox head -c 5000"
            let id = try await start(fixture, script, size: "16k", count: count, policy: "always")
            try await eventually(within: .seconds(60)) { try fixture.record(id).restartCount >= 6 }
            try await fixture.engine.containers.stopContainer(id, signal: "KILL", timeout: 5)
            try await eventually { try Self.bytes(fixture.engine.paths.files(of: id)) <= size * Int64(count + 1) }
            #expect(fixture.log.withLock { $0.filter { $0.contains("rotated") } } == [])
        }
    }
}
