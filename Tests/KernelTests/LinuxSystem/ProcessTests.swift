import CLinux
import Glibc
import TestKit
import Testing

@testable import LinuxSystem

@Suite struct ProcessTests {
    /// Runs a program with its output in a pipe.
    private func output(_ request: SpawnRequest) async throws -> (text: String, status: LinuxSystem.ExitStatus) {
        var request = request
        let pipe = try Descriptor.pipe()
        request.descriptors.append((from: pipe.writing.raw, to: 1))
        let child = try Processes.spawn(request)
        let reading = pipe.split { reading, _ in reading.release() }
        let bytes = try await onThread { try Descriptor(owning: reading).readToEnd() }
        return (String(decoding: bytes, as: UTF8.self), try await child.wait())
    }

    @Test func `arguments, environment and directory reach the program`() async throws {
        let (text, status) = try await output(
            SpawnRequest(
                executable: "/bin/sh", arguments: ["-c", "echo \"$1|$X|$(pwd)\"; exit 7", "sh", "a b"],
                environment: ["X=y z", "PATH=/usr/bin:/bin"], workingDirectory: "/usr"))
        #expect(text == "a b|y z|/usr\n")
        #expect(status == .exited(7))
    }

    @Test
    func `this process may open as many files as the kernel has for one, and what it starts as many as it was given`()
        async throws
    {
        func most(_ limits: String) throws -> Substring {
            let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
            return try #require(line.dropFirst(14).split(separator: " ").dropFirst().first)
        }
        let limits = SpawnRequest(executable: "/bin/cat", arguments: ["/proc/self/limits"], environment: [])
        let given = try most(try await output(limits).text)
        let raised = try Processes.raiseDescriptorLimit()
        #expect(try most(try #require(try Files.text("/proc/self/limits"))) == "\(raised)")
        let status = try #require(try Files.text("/proc/self/status"))
        let rights = try #require(status.split(separator: "\n").first { $0.hasPrefix("CapEff:") })
        // CAP_SYS_RESOURCE, capabilities(7).
        let mayRaise = try #require(UInt64(rights.dropFirst(7).filter(\.isHexDigit), radix: 16)) >> 24 & 1 == 1
        let ofKernel = try #require(try Files.text("/proc/sys/fs/nr_open"))
        #expect("\(raised)" == (mayRaise ? String(ofKernel.filter(\.isNumber)) : String(given)))
        #expect(try most(try await output(limits).text) == given)
    }

    @Test func `a child has only the descriptors it was given, and null devices for the first three`() async throws {
        let extra = try Descriptor.open("/etc/hostname", O_RDONLY)
        // Inheritable on purpose: it must be closed all the same.
        #expect(fcntl(extra.raw, F_SETFD, 0) == 0)
        let (text, _) = try await output(
            SpawnRequest(
                executable: "/bin/sh",
                arguments: ["-c", "for f in 0 1 2 3 4 5 6 7 8 9; do readlink /proc/$$/fd/$f && echo =$f; done; true"],
                environment: ["PATH=/usr/bin:/bin"], descriptors: [(from: extra.raw, to: 5)]))
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.count == 8)
        #expect(lines[0...1] == ["/dev/null", "=0"])
        #expect(lines[2].hasPrefix("pipe:") && lines[3] == "=1")
        #expect(lines[4...5] == ["/dev/null", "=2"])
        #expect(lines[6].hasSuffix("/etc/hostname") && lines[7] == "=5")
    }

    @Test func `a child begins with a table of its own, however much this process has open`() async throws {
        let file = try Descriptor.open("/etc/hostname", O_RDONLY)
        // As far as a table reaches is what it costs to copy, and to close one by one.
        let high = Descriptor(owning: fcntl(file.raw, F_DUPFD_CLOEXEC, 900))
        try #require(high.raw >= 900)
        let (text, _) = try await output(
            SpawnRequest(
                executable: "/bin/grep", arguments: ["FDSize", "/proc/self/status"], descriptors: [(high.raw, 5)]))
        // NR_OPEN_DEFAULT (linux/fdtable.h): the room that there is without any.
        #expect(text == "FDSize:\t64\n")
    }

    @Test func `a descriptor that is not there is an error of spawn`() throws {
        let error = #expect(throws: SystemError.self) {
            try Processes.spawn(SpawnRequest(executable: "/bin/true", descriptors: [(from: 1 << 20, to: 1)]))
        }
        #expect(error?.errno == EBADF)
        #expect(error?.attempting == "start /bin/true (dup)")
    }

    @Test func `descriptors may change places`() async throws {
        let one = try Descriptor.pipe()
        let two = try Descriptor.pipe()
        let child = try Processes.spawn(
            SpawnRequest(
                executable: "/bin/bash",
                arguments: ["-c", "echo first >&\(two.writing.raw); echo second >&\(one.writing.raw)"],
                descriptors: [(one.writing.raw, two.writing.raw), (two.writing.raw, one.writing.raw)]))
        #expect(try await child.wait() == .exited(0))
        #expect(String(decoding: try one.reading.readSome(100), as: UTF8.self) == "first\n")
        #expect(String(decoding: try two.reading.readSome(100), as: UTF8.self) == "second\n")
    }

    @Test func `a program that does not exist is an error of spawn`() throws {
        let error = #expect(throws: SystemError.self) {
            try Processes.spawn(SpawnRequest(executable: "/nonexistent/program"))
        }
        #expect(error?.errno == ENOENT)
        #expect(error?.attempting == "start /nonexistent/program (execve)")
        let directory = #expect(throws: SystemError.self) {
            try Processes.spawn(SpawnRequest(executable: "/bin/true", workingDirectory: "/nonexistent"))
        }
        #expect(directory?.attempting == "start /bin/true (chdir)")
    }

    @Test func `signals are at their defaults and none is blocked in a child`() async throws {
        let (text, _) = try await onThread {
            var all = sigset_t()
            sigfillset(&all)
            pthread_sigmask(SIG_BLOCK, &all, nil)
            let pipe = try Descriptor.pipe()
            let child = try Processes.spawn(
                SpawnRequest(
                    executable: "/bin/grep", arguments: ["-E", "^Sig(Blk|Ign)", "/proc/self/status"],
                    descriptors: [(pipe.writing.raw, 1)]))
            let reading = pipe.split { reading, _ in reading.release() }
            return (String(decoding: try Descriptor(owning: reading).readToEnd(), as: UTF8.self), child)
        }
        #expect(text == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n")
    }

    @Test func `a signalled child is told as such to all who wait`() async throws {
        let child = try Processes.spawn(SpawnRequest(executable: "/bin/sleep", arguments: ["1000"], newSession: true))
        #expect(getsid(child.pid) == child.pid)
        #expect(child.status == nil)
        #expect(Processes.isRunning(child.pid, startTime: child.startTime))
        async let first = child.wait()
        async let second = child.wait()
        child.signal(SIGKILL)
        let ends = try await [first, second]
        #expect(ends == [.signalled(SIGKILL), .signalled(SIGKILL)])
        #expect(ends[0].code == 137)
        #expect(try await child.wait() == .signalled(SIGKILL))
        #expect(!Processes.isRunning(child.pid, startTime: nil))
    }

    @Test func `waiting can be cancelled and does not end the child`() async throws {
        let child = try Processes.spawn(SpawnRequest(executable: "/bin/sleep", arguments: ["1000"]))
        defer { child.signal(SIGKILL) }
        await #expect(throws: NotReached.self) { try await within(.milliseconds(20)) { try await child.wait() } }
        #expect(child.status == nil)
    }

    @Test func `a process that is nobody's child of ours is waited for by pid and start time`() async throws {
        // The shell's background child outlives it and is not ours.
        let (text, _) = try await output(
            SpawnRequest(executable: "/bin/sh", arguments: ["-c", "sleep 1000 >/dev/null & echo $!"]))
        let pid = try #require(pid_t(text.dropLast()))
        let start = try #require(Processes.startTime(of: pid))
        #expect(try await Processes.waitForExit(ofPid: pid, startTime: start + 1) == nil)
        #expect(Processes.isRunning(pid, startTime: start))
        #expect(try !Processes.signal(SIGTERM, pid: pid, startTime: start + 1))
        async let end = Processes.waitForExit(ofPid: pid, startTime: start)
        #expect(try Processes.signal(SIGTERM, pid: pid, startTime: start))
        _ = try await end
        #expect(!Processes.isRunning(pid, startTime: start))
        #expect(try await Processes.waitForExit(ofPid: pid, startTime: start) == nil)
    }

    @Test func `many children end at once and each has its own status`() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for code in 0..<60 {
                group.addTask {
                    let request = SpawnRequest(executable: "/bin/sh", arguments: ["-c", "exit \(code)"])
                    return try await Processes.run(request) == .exited(CInt(code))
                }
            }
            for try await right in group { #expect(right) }
        }
    }

    @Test func `a child starts in the network namespace it is given`() async throws {
        try await withNetworkNamespace { namespace in
            let (text, _) = try await output(
                SpawnRequest(
                    executable: "/bin/readlink", arguments: ["/proc/self/ns/net"], networkNamespace: namespace.path))
            let inside = try await namespace.run { try Files.link("/proc/thread-self/ns/net") }
            #expect(text == inside + "\n")
            #expect(inside != (try Files.link("/proc/self/ns/net")))
        }
    }

    @Test func `adopted processes are reaped, and none that somebody waits for`() async throws {
        try Processes.becomeSubreaper()
        defer { clinux_set_subreaper(0) }
        let waited = try Processes.spawn(SpawnRequest(executable: "/bin/sleep", arguments: ["1000"]))
        // The shell's background child outlives it, ends when its input does, and is ours by then.
        let input = try Descriptor.pipe()
        let (text, _) = try await output(
            SpawnRequest(
                executable: "/bin/sh", arguments: ["-c", "cat <&3 3<&- >/dev/null & echo $!"],
                environment: ["PATH=/usr/bin:/bin"], descriptors: [(from: input.reading.raw, to: 3)]))
        let orphan = try #require(pid_t(text.dropLast()))
        #expect(Processes.state(of: orphan) != nil)
        close(input.split { _, writing in writing.release() })
        try await eventually("the orphan has ended") { Processes.state(of: orphan) == "Z" }
        // One that somebody waits for may hide it for a moment.
        try await eventually("the orphan is reaped") {
            Processes.reapOrphans()
            return Processes.state(of: orphan) == nil
        }
        waited.signal(SIGKILL)
        #expect(try await waited.wait() == .signalled(SIGKILL))
    }

    /// Whoever waited may close the descriptor at once, and its number may be another's who waits as well.
    @Test func `a wait that is cancelled while it begins is over when its watch is undone, not before`() async throws {
        let waiter = PollWaiter()
        let (begun, isOver) = (Kept(false), Kept(false))
        // Waits beside the test, which cancels and goes on in its place.
        let task = Task {
            await #expect(throws: CancellationError.self) {
                try await withCheckedThrowingContinuation { continuation in
                    #expect(waiter.set(continuation))
                    begun.withLock { $0 = true }
                }
            }
            isOver.withLock { $0 = true }
        }
        try await eventually { begun.withLock { $0 } }
        waiter.finish(.failure(CancellationError()))
        // That nothing happens can only be seen after a while.
        try await Task.sleep(for: .milliseconds(50))
        #expect(!isOver.withLock { $0 })
        let wasOver = Kept(true)
        waiter.keep { wasOver.withLock { $0 = isOver.withLock { $0 } } }
        await task.value
        #expect(!wasOver.withLock { $0 })
    }
}
