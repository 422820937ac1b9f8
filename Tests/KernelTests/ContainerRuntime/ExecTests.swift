import ContainerRuntime
import Glibc
import LinuxSystem
import Logging
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct ExecTests {
    @Test func `an exec's output and exit code arrive`() async throws {
        try await withSleeper { fixture, id in
            for code in [0, 42] {
                let session = try await fixture.runtime.startExec(
                    RuntimeExecRequest(
                        id: "e\(code)", container: id, arguments: ["sh", "-c", "echo $0 hi; exit \(code)"]))
                #expect(try await RuntimeFixture.collect(session.viewer).output == "sh hi\n")
                #expect(try await session.waitForExit() == code)
                #expect(try await fixture.runtime.exitCode(ofExec: "e\(code)", container: id) == code)
                try await session.remove()
            }
        }
    }

    @Test func `an exec of what is not there is 127, of what cannot be run 126`() async throws {
        try await withSleeper { fixture, id in
            let missing = await #expect(throws: RuntimeError.self) {
                _ = try await fixture.runtime.startExec(
                    RuntimeExecRequest(id: "m", container: id, arguments: ["nosuchcmd"]))
            }
            #expect(missing?.exitCode == 127)
            #expect(
                missing?.message == "OCI runtime exec failed: exec failed: unable to start container process: exec: "
                    + "\"nosuchcmd\": executable file not found in $PATH: unknown")
            let plain = await #expect(throws: RuntimeError.self) {
                _ = try await fixture.runtime.startExec(
                    RuntimeExecRequest(id: "p", container: id, arguments: ["/bin/plain"]))
            }
            #expect(plain?.exitCode == 126)
        }
    }

    @Test func `an exec reads its input to the end and is killed by a signal`() async throws {
        try await withSleeper { fixture, id in
            var request = RuntimeExecRequest(id: "cat", container: id, arguments: ["sh", "-c", "cat; echo after"])
            request.openInput = true
            let session = try await fixture.runtime.startExec(request)
            let text = String(repeating: "x", count: 100_000)
            try await session.viewer.write(ByteBuffer(string: text))
            await session.viewer.closeInput()
            #expect(try await RuntimeFixture.collect(session.viewer).output == text + "after\n")
            #expect(try await session.waitForExit() == 0)

            let killed = try await fixture.runtime.startExec(
                RuntimeExecRequest(id: "kill", container: id, arguments: ["sleep", "1000"]))
            try await killed.signal(SIGKILL)
            #expect(try await killed.waitForExit() == 137)
        }
    }

    @Test func `an exec whose runc is killed leaves no socket of its terminal`() async throws {
        try await RuntimeFixture.run(.runc) { fixture in
            let sleeper = fixture.specification("sleeper", ["sleep", "1000"])
            _ = try await fixture.runtime.create(fixture.request(sleeper))
            try await fixture.runtime.start(sleeper.id)
            let id = sleeper.id
            let directory = fixture.directory
            var wasKilled = false
            // It is to be caught within some hundredths of a second.
            for number in 0..<20 where !wasKilled {
                var request = RuntimeExecRequest(id: "t\(number)", container: id, arguments: ["sleep", "1000"])
                request.terminal = true
                // Beside the start that it is to disturb; cancelled when that has ended.
                let killer = Task.detached {
                    while !Task.isCancelled {
                        for pid in try Self.runcs(below: directory) { kill(pid, SIGKILL) }
                        try await Task.sleep(for: .milliseconds(2))
                    }
                }
                do {
                    let session = try await fixture.runtime.startExec(request)
                    killer.cancel()
                    try await session.signal(SIGKILL)
                    _ = try await session.waitForExit()
                    try await session.remove()
                } catch is RuntimeError {
                    killer.cancel()
                    wasKilled = true
                }
                #expect(try Files.list(directory + "/run/tmp") == [])
            }
            #expect(wasKilled)
        }
    }

    @Test func `a create whose runc is killed when it is all but done fails soon and leaves nothing`() async throws {
        try await RuntimeFixture.run(.runc) { fixture in
            let directory = fixture.directory
            var failures = 0
            for number in 0..<20 where failures < 3 {
                let wanted = fixture.shell("k\(number)", "sleep 1000")
                let fifo = "\(directory)/run/runc/\(wanted.id)/exec.fifo"
                // Beside the create that it is to disturb; cancelled when that has ended.
                let killer = Task.detached {
                    while !Task.isCancelled {
                        if Files.exists(fifo) { for pid in try Self.runcs(below: directory) { kill(pid, SIGKILL) } }
                        try await Task.sleep(for: .milliseconds(1))
                    }
                }
                let start = ContinuousClock.now
                do {
                    _ = try await fixture.runtime.create(fixture.request(wanted))
                    killer.cancel()
                    try await fixture.runtime.delete(wanted.id)
                } catch is RuntimeError {
                    killer.cancel()
                    failures += 1
                    #expect(ContinuousClock.now - start < .seconds(20))
                    #expect(try await fixture.runtime.containers() == [])
                }
                // What is killed takes a moment to go.
                let group = ContainerSpecification.cgroup(of: wanted.id)
                let isGone = try await RuntimeFixture.eventually {
                    try Self.processes(with: directory).isEmpty
                        && Cgroups.processes(in: group, of: fixture.runtime.cgroups).isEmpty
                }
                #expect(isGone)
            }
            #expect(failures > 0)
        }
    }

    private static func processes(with text: String) throws -> [pid_t] {
        try Files.list("/proc").compactMap { pid_t($0) }.filter { pid in
            // Processes come and go.
            let line = (try? Files.text("/proc/\(pid)/cmdline")) ?? ""
            return line.contains(text) && Processes.state(of: pid) != "Z"
        }
    }

    /// runcs at work on what is below a directory.
    private static func runcs(below directory: String) throws -> [pid_t] {
        try processes(with: directory).filter { pid in
            // Processes come and go.
            let line = (try? Files.text("/proc/\(pid)/cmdline")) ?? ""
            return line.prefix { $0 != "\0" }.hasSuffix("/runc")
        }
    }

    @Test func `an exec has its own user, directory, environment and terminal`() async throws {
        try await withSleeper { fixture, id in
            var request = RuntimeExecRequest(
                id: "own", container: id, arguments: ["sh", "-c", "id -u; pwd; echo $FOO $TERM; stty size"])
            request.user = ContainerUser(uid: 7)
            request.workingDirectory = "/tmp"
            request.environment = ["FOO=bar"]
            request.terminal = true
            request.size = TerminalSize(height: 20, width: 60)
            let session = try await fixture.runtime.startExec(request)
            #expect(try await RuntimeFixture.collect(session.viewer).output == "7\r\n/tmp\r\nbar xterm\r\n20 60\r\n")
            #expect(try await session.waitForExit() == 0)
        }
    }

    private func withSleeper(_ body: @Sendable (RuntimeFixture, String) async throws -> Void) async throws {
        try await RuntimeFixture.run { fixture in
            let wanted = fixture.specification("sleeper", ["sleep", "1000"])
            _ = try await fixture.runtime.create(fixture.request(wanted))
            try await fixture.runtime.start(wanted.id)
            try await body(fixture, wanted.id)
        }
    }

    @Test func `an exec is in its container's cgroup from its first moment, and its monitor leaves it`() async throws {
        try await RuntimeFixture.run { fixture in
            let (runtime, id) = (fixture.runtime, fixture.id("place"))
            let pid = try await runtime.create(fixture.request(fixture.specification("place", ["sleep", "1000"]))).pid
            try await runtime.start(id)
            let wanted = try #require(try Files.text("/proc/\(pid)/cgroup"))
            var request = RuntimeExecRequest(
                id: "where", container: id, arguments: ["sh", "-c", "cat /proc/self/cgroup; echo end; read x"])
            request.openInput = true
            let session = try await runtime.startExec(request)
            async let code = session.waitForExit()
            var seen = ""
            while !seen.contains("end\n"), let piece = try await session.viewer.next() {
                seen += String(buffer: piece.bytes)
            }
            // On a host without a cgroup namespace of the container's the paths are the same inside.
            #expect(seen == wanted + "end\n")
            let layout = try Cgroups.layout()
            let group = ContainerSpecification.cgroup(of: id)
            let isAlone = try await RuntimeFixture.eventually {
                try Cgroups.processes(in: group, of: layout).allSatisfy { pid in
                    try Files.text("/proc/\(pid)/comm").map { $0 != "conmon\n" } ?? true
                }
            }
            #expect(isAlone)
            await session.viewer.closeInput()
            #expect(try await code == 1)
            try await session.remove()
        }
    }
}
