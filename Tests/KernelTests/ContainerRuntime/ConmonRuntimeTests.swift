import Glibc
import LinuxSystem
import Logging
import NIOCore
import Testing

@testable import ContainerRuntime

@Suite(.timeLimit(.minutes(2))) struct ConmonRuntimeTests {
    @Test func `a container's output, errors and exit code arrive`() async throws {
        try await RuntimeFixture.run { fixture in
            let outcome = try await fixture.run(fixture.shell("a", "echo out; echo err >&2; exit 42"))
            #expect(outcome.output == "out\n")
            #expect(outcome.error == "err\n")
            #expect(outcome.exit.code == 42)
            #expect(!outcome.exit.monitorWasLost)
        }
    }

    @Test func `a container goes from absent over created and running to exited, and is gone after delete`()
        async throws
    {
        try await RuntimeFixture.run { fixture in
            let (runtime, id) = (fixture.runtime, fixture.id("s"))
            #expect(try await runtime.state(id) == .absent)
            let created = try await runtime.create(fixture.request(fixture.specification("s", ["sleep", "1000"])))
            #expect(try await runtime.state(id) == .created(pid: created.pid))
            try await runtime.start(id)
            #expect(try await runtime.state(id) == .running(pid: created.pid))
            try await runtime.pause(id)
            #expect(try await runtime.state(id) == .paused(pid: created.pid))
            try await runtime.unpause(id)
            try await runtime.kill(id, signal: SIGKILL, all: false)
            #expect(try await runtime.waitForExit(id).code == 137)
            guard case .exited(let exit) = try await runtime.state(id) else { throw Surprise() }
            #expect(exit.code == 137)
            try await runtime.delete(id)
            #expect(try await runtime.state(id) == .absent)
            for mount in try Cgroups.layout().controllers.values { #expect(!Files.exists("\(mount)/apus/\(id)")) }
        }
    }

    @Test func `everybody who waits learns the exit`() async throws {
        try await RuntimeFixture.run { fixture in
            let (runtime, id) = (fixture.runtime, fixture.id("w"))
            _ = try await runtime.create(fixture.request(fixture.shell("w", "sleep 0.2; exit 3")))
            async let first = runtime.waitForExit(id)
            async let second = runtime.waitForExit(id)
            try await runtime.start(id)
            let codes = try await [first.code, second.code]
            #expect(codes == [3, 3])
            #expect(try await runtime.waitForExit(id).code == 3)
        }
    }

    @Test func `who waits for a container that is deleted is told that it is gone`() async throws {
        try await RuntimeFixture.run { fixture in
            let (runtime, id) = (fixture.runtime, fixture.id("g"))
            _ = try await runtime.create(fixture.request(fixture.specification("g", ["sleep", "1000"])))
            try await runtime.start(id)
            let waiting = Task { try await runtime.waitForExit(id) }
            // Until it waits for conmon's end; before, it would be told the same.
            try await Task.sleep(for: .milliseconds(200))
            try await runtime.delete(id)
            let refusal = await #expect(throws: RuntimeError.self) { _ = try await waiting.value }
            #expect(refusal?.code == .noSuchContainer)
        }
    }

    @Test func `a program that is not there is 127, one that cannot be run is 126, with Docker's words`() async throws {
        try await RuntimeFixture.run { fixture in
            let missing = await #expect(throws: RuntimeError.self) {
                _ = try await fixture.run(fixture.specification("m", ["nosuchcmd"]))
            }
            #expect(missing?.exitCode == 127)
            #expect(
                missing?.message
                    == "failed to create shim task: OCI runtime create failed: runc create failed: unable to "
                    + "start container process: exec: \"nosuchcmd\": executable file not found in $PATH: unknown")
            let plain = await #expect(throws: RuntimeError.self) {
                _ = try await fixture.run(fixture.specification("p", ["/bin/plain"]))
            }
            #expect(plain?.exitCode == 126)
            let left = try await fixture.runtime.containers()
            #expect(left == [])
        }
    }

    @Test func `a megabyte of output arrives unchanged, and so does one of input`() async throws {
        try await RuntimeFixture.run { fixture in
            let outcome = try await fixture.run(
                fixture.shell("big", "i=0; while [ $i -lt 40000 ]; do echo \"line $i of the output\"; i=$((i+1)); done")
            )
            let wanted = (0..<40000).map { "line \($0) of the output\n" }.joined()
            #expect(outcome.output == wanted)
            var echo = fixture.specification("echo", ["cat"])
            echo.openInput = true
            echo.inputOnce = true
            let back = try await fixture.run(echo, input: wanted)
            #expect(back.output == wanted)
            #expect(back.exit.code == 0)
        }
    }

    @Test func `output goes on after the input has been closed`() async throws {
        try await RuntimeFixture.run { fixture in
            var half = fixture.shell("half", "cat; sleep 0.1; echo after")
            half.openInput = true
            half.inputOnce = true
            let outcome = try await fixture.run(half, input: "before\n")
            #expect(outcome.output == "before\nafter\n")
        }
    }

    @Test func `a terminal has the size it is given`() async throws {
        try await RuntimeFixture.run { fixture in
            var wanted = fixture.shell("tty", "read x; stty size; echo $TERM")
            wanted.terminal = true
            wanted.openInput = true
            let viewer = fixture.runtime.attach(wanted.id)
            _ = try await fixture.runtime.create(fixture.request(wanted))
            try await fixture.runtime.start(wanted.id)
            try await fixture.runtime.resizeTerminal(wanted.id, height: 33, width: 77)
            // conmon reads its FIFO when it gets to it, and the kernel has the answer.
            try await viewer.write(ByteBuffer(string: "\n"))
            let output = try await RuntimeFixture.collect(viewer).output
            #expect(output.contains("33 77"))
            #expect(output.contains("xterm"))
        }
    }

    @Test func `a viewer that goes leaves the others and the input alone`() async throws {
        try await RuntimeFixture.run { fixture in
            var wanted = fixture.specification("two", ["cat"])
            wanted.openInput = true
            let stays = fixture.runtime.attach(wanted.id)
            let goes = fixture.runtime.attach(wanted.id)
            _ = try await fixture.runtime.create(fixture.request(wanted))
            try await fixture.runtime.start(wanted.id)
            try await goes.write(ByteBuffer(string: "one\n"))
            #expect(try await RuntimeFixture.read(goes, until: "one\n") == "one\n")
            goes.detach()
            #expect(try await goes.next() == nil)
            try await stays.write(ByteBuffer(string: "two\n"))
            #expect(try await RuntimeFixture.read(stays, until: "two\n") == "one\ntwo\n")
        }
    }

    @Test func `limits are really in the cgroup, and an update changes them`() async throws {
        try await RuntimeFixture.run { fixture in
            var wanted = fixture.specification("limits", ["sleep", "1000"])
            wanted.resources.memory = 64 << 20
            wanted.resources.processes = 33
            wanted.resources.nanoCPUs = 500_000_000
            _ = try await fixture.runtime.create(fixture.request(wanted))
            try await fixture.runtime.start(wanted.id)
            let layout = try Cgroups.layout()
            #expect(try Cgroups.statistics(of: wanted.cgroup, in: layout).memoryLimitBytes == 64 << 20)
            #expect(try Cgroups.statistics(of: wanted.cgroup, in: layout).processLimit == 33)
            if let cpu = layout.controllers["cpu"] {
                #expect(try Files.text("\(cpu)\(wanted.cgroup)/cpu.cfs_quota_us") == "50000\n")
            }
            var more = ContainerResources()
            more.memory = 96 << 20
            try await fixture.runtime.update(wanted.id, more)
            #expect(try Cgroups.statistics(of: wanted.cgroup, in: layout).memoryLimitBytes == 96 << 20)
            #expect(try Cgroups.statistics(of: wanted.cgroup, in: layout).processLimit == 33)
            var unlimited = ContainerResources()
            unlimited.processes = 0
            try await fixture.runtime.update(wanted.id, unlimited)
            #expect(try Cgroups.statistics(of: wanted.cgroup, in: layout).processLimit == nil)
            #expect(try Cgroups.statistics(of: wanted.cgroup, in: layout).memoryLimitBytes == 96 << 20)
        }
    }

    @Test func `crun is not taken where it would refuse to work: with controllers in both versions of cgroups`() throws
    {
        let directory = "/dev/shm/apus-\(RandomID.hex(bytes: 4))"
        try Files.makeDirectories(directory)
        defer { try? Files.removeTree(directory) }  // What stays is a directory with one file in memory.
        for (controllers, works) in [("", true), ("hugetlb misc", false)] {
            try Files.writeAtomically(controllers + "\n", to: directory + "/cgroup.controllers", mode: 0o644)
            let layout = CgroupLayout(unified: directory, controllers: ["memory": "/sys/fs/cgroup/memory"])
            let programs = RuntimePrograms(conmon: "conmon", runtimes: try RuntimePrograms.installed(in: layout))
            #expect(programs.preferred == (works ? .crun : .runc))
        }
        let pure = CgroupLayout(unified: directory, controllers: [:])
        #expect(try RuntimePrograms.installed(in: pure).keys.contains(.crun))
    }

    @Test func `a container sees its own cgroup, and no other`() async throws {
        let layout = try Cgroups.layout()
        guard layout.version == 1 else { return }
        try await RuntimeFixture.run { fixture in
            var wanted = fixture.shell(
                "see", "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes; cat pids/cgroup.procs; echo x >pids/x")
            wanted.resources.memory = 64 << 20
            let outcome = try await fixture.run(wanted)
            let lines = outcome.output.split(separator: "\n")
            // The shell, and cat.
            #expect(lines.count == 3 && lines.prefix(2) == ["67108864", "1"], "\(lines)")
            #expect(outcome.error.contains("Read-only file system"))
        }
    }

    @Test func `a container that takes too much memory is told to have`() async throws {
        try await RuntimeFixture.run { fixture in
            var wanted = fixture.specification("oom", ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"])
            wanted.resources.memory = 16 << 20
            wanted.resources.memorySwap = 16 << 20
            let exit = try await fixture.run(wanted).exit
            #expect(exit.code == 137)
            #expect(exit.outOfMemory)
        }
    }

    @Test
    func `what a container writes into is large before it begins, and of its usual size when it gives its place up`()
        async throws
    {
        try await RuntimeFixture.run { fixture in
            let wanted = fixture.shell("pipe", "sleep 60")
            let pid = try await fixture.runtime.create(fixture.request(wanted)).pid
            func size() -> CInt? { OutputPipes.size(.output, of: pid) }
            let isLarge = try await RuntimeFixture.eventually { (size() ?? 0) >= OutputPipes.large }
            #expect(isLarge, "\(size() ?? -1)")
            OutputPipes.narrow(.output, of: pid)
            #expect(size() == 64 << 10)
            OutputPipes.enlarge(.output, of: pid, to: OutputPipes.large)
            #expect(size() == OutputPipes.large)
            try await fixture.runtime.kill(wanted.id, signal: SIGKILL, all: true)
        }
    }

    @Test func `a named user has its groups, and unknown ones are refused`() async throws {
        try await RuntimeFixture.run { fixture in
            let resolver = try UserResolver(rootDirectory: fixture.root)
            var wanted = fixture.shell("user", "id -u; id -g; id -G; pwd; echo $HOSTNAME $HOME")
            wanted.user = try resolver.resolve("hermes")
            wanted.workingDirectory = "/made/for/it"
            #expect(try await fixture.run(wanted).output == "1000\n1001\n1001 10\n/made/for/it\nbox /home\n")
            let error = #expect(throws: RuntimeError.self) { _ = try resolver.resolve("nosuch") }
            #expect(error?.message == "unable to find user nosuch: no matching entries in passwd file")
        }
    }

    @Test func `the seccomp filter holds, and a privileged container has none`() async throws {
        try await RuntimeFixture.run { fixture in
            // No right is needed for this personality(2) nor for a user namespace, and no profile of Docker's kind lets them through.
            let script =
                "head -n 60 /proc/self/status; busybox linux64 -R true && echo any; busybox unshare -U true && echo any"
            let confined = try await fixture.run(fixture.shell("filter", script)).output
            #expect(confined.contains("Seccomp:\t2") && !confined.contains("any\n"))
            #expect(confined.contains("CapEff:\t00000000a80425fb"))
            var privileged = fixture.shell("priv", script)
            privileged.privileged = true
            let free = try await fixture.run(privileged).output
            #expect(free.contains("Seccomp:\t0") && free.contains("any\n"))
        }
    }
}

struct Surprise: Error {}
