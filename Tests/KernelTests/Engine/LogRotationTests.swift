import Concurrency
import ContainerRuntime
import Glibc
import EngineInterface
import LinuxSystem
import Logging
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

    @Test func `nobody is warned of the log of a container that has ended or gone`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let script = "/bin/busybox yes | /bin/busybox head -c 5000; echo over; sleep 1000"
            let id = try await start(fixture, script, size: "10m", count: 2)
            let log = engine.paths.log(of: id)
            try await eventually(within: .seconds(20)) { try Files.text(log)?.hasSuffix("over\n") == true }
            let (output, warnings) = (FailingOutput(base: engine.runtime), Kept<[String]>([]))
            let keeper = LogKeeper(
                containers: engine.table, runtime: output, paths: engine.paths, background: engine.background,
                quota: engine.quota, packer: engine.packer, lock: KeyedLock<String>(),
                log: Logger(label: "keeper") { _ in KeptLog(lines: warnings) })
            // For this keeper the file is full.
            var record = try fixture.record(id)
            record.hostConfig.logConfig.config["max-size"] = "1k"
            try keeper.watch(record)
            for (number, place) in ["runs", "ended", "gone"].enumerated() {
                if place == "ended" { try await engine.containers.killContainer(id, signal: "KILL") }
                if place == "gone" {
                    try await engine.containers.removeContainer(id, force: false, removeVolumes: false)
                    try Files.makeDirectories(Files.parent(of: log))
                    try Files.writeAtomically(String(repeating: "x", count: 2000), to: log)
                }
                try await output.grow()
                // Each time it was tried; who runs is the only one of whom there is something to tell.
                #expect(output.tries.withLock { $0 } == number + 1, "\(place)")
                let told = warnings.withLock { $0 }
                #expect(told.count == 1 && told.first?.hasPrefix("a log was not rotated") == true, "\(place): \(told)")
            }
            withExtendedLifetime(keeper) {}
        }
    }
}

/// Another runtime's output, whose logs grow when a test says so, and get no new file.
private struct FailingOutput: ContainerOutput {
    let base: any ContainerOutput
    /// How often a new file was asked for.
    let tries = Kept(0)
    private let watch = Kept<LogWatch.Body?>(nil)

    init(base: any ContainerOutput) { self.base = base }

    /// Returns when whoever watches is done.
    func grow() async throws {
        let isDone = Kept(false)
        let told = watch.withLock { $0 }
        let body = try #require(told)
        body { isDone.withLock { $0 = true } }
        try await eventually(within: .seconds(20)) { isDone.withLock { $0 } }
    }

    func attach(_ id: String) -> OutputViewer { base.attach(id) }

    func resizeTerminal(_ id: String, height: Int, width: Int) async throws {
        try await base.resizeTerminal(id, height: height, width: width)
    }

    func reopenLog(_ id: String) async throws {
        tries.withLock { $0 += 1 }
        throw RuntimeError(.runtimeFailed, "no new file")
    }

    func watchLog(_ id: String, every bytes: Int64, _ body: @escaping LogWatch.Body) { watch.withLock { $0 = body } }
}
