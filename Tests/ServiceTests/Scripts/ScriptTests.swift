import Foundation
import LinuxSystem
import TestKit
import Testing

/// The scripts that `make demo` and `make test` are made of.
@Suite(.timeLimit(.minutes(2))) struct ScriptTests {
    private static let top = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    /// Runs a program for at most a minute; both outputs in one.
    private func run(_ words: [String], in directory: String, _ environment: [String: String] = [:]) async throws -> (
        status: Int32, output: String
    ) {
        try await onThread {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
            process.arguments = ["-k", "5", "60"] + words
            process.currentDirectoryURL = URL(fileURLWithPath: directory)
            process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("APUS_") }
                .merging(environment) { $1 }
            let pipe = Pipe()
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = pipe
            process.standardError = pipe
            try process.run()
            let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return (process.terminationStatus, text)
        }
    }

    private func bash(_ script: String, in directory: String) async throws -> (status: Int32, output: String) {
        try await run(["bash", "-c", script], in: directory)
    }

    @Test func `every part of a check runs, and the end lists the red ones`() async throws {
        try await withTemporaryDirectory { directory in
            let inner =
                ". \(Self.top)/Acceptance/parts; part good true; part bad bash -c 'echo FAIL within: this; exit 1'; conclude"
            try Files.writeAtomically("#!/bin/bash\n\(inner)\n", to: directory + "/inner", mode: 0o755)
            let (status, output) = try await bash(
                """
                . \(Self.top)/Acceptance/parts
                part first bash -c 'echo PASS one; echo FAIL two: that; exit 1'
                part second echo PASS three
                part third \(directory)/inner
                part fourth bash -c 'echo SKIP four: docker 20.10 here'
                conclude
                """, in: directory)
            #expect(status == 1)
            let end = output.split(separator: "════").last.map(String.init) ?? ""
            #expect(end.hasPrefix(" 3 of 5 parts passed"), "\(output)")
            #expect(end.contains("2 passed, 2 failed, 1 were skipped"), "\(end)")
            let lines = end.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
            #expect(lines.contains { $0.hasPrefix("FAILED first") } && lines.contains("FAIL two: that"), "\(end)")
            #expect(
                lines.contains { $0.hasPrefix("FAILED third/bad") } && lines.contains("FAIL within: this"), "\(end)")
            #expect(
                lines.contains { $0.hasPrefix("passed third/good") } && lines.contains { $0.hasPrefix("passed second") }
            )
            #expect(lines.contains("skipped four: docker 20.10 here"), "\(end)")
            #expect(try Files.list(directory + "/.build").isEmpty)
            let green = try await bash(". \(Self.top)/Acceptance/parts; part only true; conclude", in: directory)
            #expect(green.status == 0 && green.output.contains("1 of 1 parts passed"), "\(green)")
        }
    }

    @Test func `what is dealt out is done once, by whichever lane is free`() async throws {
        try await withTemporaryDirectory { directory in
            // The lane that has the first waits for the last, which so is the other's; each has the names that its functions mean.
            let (status, output) = try await bash(
                """
                . \(Self.top)/Acceptance/parts
                name=own
                first() { part "$name first" timeout 30 bash -c 'until [ -e last ]; do sleep 0.05; done'; }
                second() { part "$name second" true; }
                last() { part "$name last" touch last; }
                lane() { dealt first second last; }
                beside lane
                lane
                together
                conclude
                """, in: directory)
            #expect(status == 0 && output.contains("3 of 3 parts passed"), "\(output)")
            for part in ["first", "second", "last"] {
                #expect(output.components(separatedBy: "──── own \(part): ").count == 2, "\(output)")
            }
        }
    }

    @Test func `what needs no program is beside the build, and a red build is the end`() async throws {
        try await withTemporaryDirectory { directory in
            let (status, output) = try await bash(
                """
                set -e
                mkdir -p Scripts Acceptance Demo/images bin
                cp \(Self.top)/Scripts/test Scripts
                cp \(Self.top)/Acceptance/parts \(Self.top)/Acceptance/shorten Acceptance
                for program in Scripts/packages Demo/images/build bin/swift bin/make; do
                    echo '#!/bin/sh' >$program
                    chmod +x $program
                done
                echo 'echo "error: make was asked for $*"; exit 1' >>bin/make
                PATH=$PWD/bin:$PATH Scripts/test build format tests acceptance
                """, in: directory)
            #expect(status == 1)
            let end = output.split(separator: "════").last.map(String.init) ?? ""
            let lines = end.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
            #expect(end.hasPrefix(" 4 of 5 parts passed"), "\(output)")
            for part in ["format", "layers", "browser packages"] {
                #expect(lines.contains { $0.hasPrefix("passed \(part)") }, "\(output)")
            }
            #expect(lines.contains { $0.hasPrefix("FAILED build") }, "\(output)")
            #expect(lines.contains("error: make was asked for build tests"), "\(output)")
        }
    }

    @Test func `a bare Debian that is made ahead is among the files of its run`() async throws {
        try await withTemporaryDirectory { directory in
            let (status, output) = try await bash(
                """
                mkdir -p bin parts
                echo '#!/bin/sh' >bin/debootstrap
                echo 'mkdir -p "$3/var/lib/dpkg" && touch "$3/var/lib/dpkg/status"' >>bin/debootstrap
                chmod +x bin/debootstrap
                export PATH=$PWD/bin:$PATH
                \(Self.top)/Acceptance/clean-room --root && exit 3
                APUS_PARTS=$PWD/parts \(Self.top)/Acceptance/clean-room --root || exit 4
                ls parts
                cat parts/clean-room/etc/dpkg/dpkg.cfg.d/clean-room
                """, in: directory)
            #expect(status == 0 && output.contains("--root is for runs of several parts"), "\(output)")
            #expect(output.contains("PASS a minimal Debian 12: "), "\(output)")
            #expect(output.hasSuffix("\nclean-room\nforce-unsafe-io\n"), "\(output)")
        }
    }

    @Test func `whatever a check raises is a red line of its own, whose end is kept`() async throws {
        try await withTemporaryDirectory { directory in
            let program = """
                import sys
                sys.path.insert(0, "\(Self.top)/Acceptance")
                sys.dont_write_bytecode = True
                from cluster import Failure, Skip, is_red
                def long(): raise Failure("began " + "and so on " * 200 + "for this reason")
                def strange(): next(iter([]))
                def skipped(): raise Skip("no program")
                def left(): raise Failure("a network is in use")
                found = [is_red("long", long), is_red("strange", strange), is_red("fine", lambda: "seen"),
                         is_red("skipped", skipped), is_red("unclean", lambda: "seen", clean=left)]
                print(found)
                sys.exit(1)
                """
            try Files.writeAtomically(program, to: directory + "/check", mode: 0o644)
            let (_, output) = try await bash(
                ". \(Self.top)/Acceptance/parts; part one python3 \(directory)/check; conclude",
                in: directory)
            #expect(output.contains("[True, True, False, False, True]"), "\(output)")
            #expect(output.contains("PASS fine: seen [") && output.contains("SKIP skipped: no program ["), "\(output)")
            let end = output.split(separator: "════").last.map(String.init) ?? ""
            let red = end.split(separator: "\n").filter { $0.contains("FAIL ") }
            #expect(red.count == 3 && red.allSatisfy { $0.utf8.count < 320 }, "\(end)")
            #expect(red.contains { $0.contains("FAIL long: began") && $0.contains("for this reason [") }, "\(end)")
            #expect(red.contains { $0.contains("FAIL strange: an unexpected reply, at check:6: Stop") }, "\(end)")
            #expect(red.contains { $0.contains("what it has made is not gone: a network is in use [") }, "\(end)")
        }
    }

    @Test func `what a benchmark makes on a lab is cleared away, however far it has come`() async throws {
        try await withTemporaryDirectory { directory in
            let program = """
                import sys
                sys.path.insert(0, "\(Self.top)/Benchmarks")
                sys.dont_write_bytecode = True
                from onlab import OnLab
                class Node:
                    name = "node-2"
                    def docker(self, *words, **options): print(*words)
                    def containers(self, service): return ["0a1b"]
                class Lab:
                    manager = Node()
                    def enter(self, member): return ["in", member]
                class Part(OnLab):
                    fails = False
                    def build(self):
                        self.idle("caller", Node(), "one", "two")
                        if self.fails: raise ValueError
                    def clear_away(self): print("cleared")
                with Part(Lab()) as part: print(*part.inside(Node(), "caller"))
                Part.fails = True
                try:
                    with Part(Lab()): print("never")
                except ValueError: print("failed")
                """
            try Files.writeAtomically(program, to: directory + "/part", mode: 0o644)
            let (status, output) = try await run(["python3", "part"], in: directory)
            let made =
                "service create -d --name caller --network one --network two --constraint node.hostname==node-2 --stop-signal SIGKILL busybox sleep 1000000"
            let inside = "in node-2 nsenter --net=/run/apus/netns/c-0a1b"
            let lines = output.split(separator: "\n").map(String.init)
            #expect(status == 0 && lines == [made, inside, "cleared", made, "cleared", "failed"], "\(output)")
        }
    }

    @Test func `what a machine lacks is told at once and all of it`() async throws {
        try await withTemporaryDirectory { directory in
            try Files.writeAtomically(
                "#!/bin/sh\necho 'Swift version 5.9.2 (swift-5.9.2-RELEASE)'\n", to: directory + "/swift", mode: 0o755)
            try Files.writeAtomically(
                "#!/bin/sh\ncase $1 in -m) echo riscv64 ;; *) echo 4.19.0-x ;; esac\n", to: directory + "/uname",
                mode: 0o755)
            let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
            let begun = ContinuousClock.now
            let (status, output) = try await run(
                ["\(Self.top)/Scripts/preflight"], in: directory, ["PATH": "\(directory):\(path)"])
            #expect(status == 1)
            for word in ["swift is 5.9.2", "this machine is riscv64", "the kernel is 4.19.0-x"] {
                #expect(output.contains("cannot go on: \(word)"), "\(output)")
            }
            // A second on a quiet machine.
            #expect(ContinuousClock.now - begun < .seconds(20))
        }
    }

    /// What the script that looks at a machine first says of one with these files.
    private func preflight(_ directory: String, free: Int, memory: Int, mounts: String, modules: String)
        async throws -> String
    {
        let commands = [
            ("swift", "echo 'Swift version 6.3 (swift-6.3-RELEASE)'"),
            ("uname", "case $1 in -m) echo x86_64 ;; *) echo 6.1.0-x ;; esac"),
            ("df", "echo Avail; echo \(free)"),
        ]
        try Files.makeDirectories(directory + "/bin")
        for (name, text) in commands {
            try Files.writeAtomically("#!/bin/sh\n\(text)\n", to: "\(directory)/bin/\(name)", mode: 0o755)
        }
        let root = directory + "/machine"
        for folder in ["lib/modules/6.1.0-x", "sys/module/veth", "proc"] {
            try Files.makeDirectories("\(root)/\(folder)")
        }
        try Files.writeAtomically(modules, to: root + "/lib/modules/6.1.0-x/modules.dep")
        try Files.writeAtomically("kernel/fs/overlayfs/overlay.ko\n", to: root + "/lib/modules/6.1.0-x/modules.builtin")
        try Files.writeAtomically("MemTotal:       \(memory) kB\nMemFree: 1 kB\n", to: root + "/proc/meminfo")
        try Files.writeAtomically("proc /proc proc rw 0 0\n\(mounts)", to: root + "/proc/mounts")
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return try await run(
            ["\(Self.top)/Scripts/preflight"], in: directory,
            ["PATH": "\(directory)/bin:\(path)", "APUS_PREFLIGHT_ROOT": root]
        ).output
    }

    private static let modules = [
        "net/bridge/bridge", "drivers/net/vxlan/vxlan", "net/netfilter/nf_tables", "net/netfilter/nf_conntrack",
        "net/netfilter/nft_nat", "net/netfilter/nft_masq",
    ].map { "kernel/\($0).ko: kernel/lib/other.ko\n" }

    @Test func `too little disk or memory, missing modules and cgroups are told before anything is built`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let few = Self.modules.filter { !$0.contains("vxlan") && !$0.contains("nft_masq") }.joined()
            let poor = try await preflight(directory, free: 1_500_000, memory: 2_000_000, mounts: "", modules: few)
            for word in [
                "1 GB are free in", "this machine has 2 GB of memory", "no control groups are mounted",
                "the kernel has no module vxlan nft_masq\n",
            ] {
                #expect(poor.contains("cannot go on: \(word)"), "\(poor)")
            }
            try Files.makeDirectories(directory + "/groups")
            let rich = try await preflight(
                directory, free: 9_000_000, memory: 8_000_000, mounts: "none \(directory)/groups cgroup2 rw 0 0\n",
                modules: Self.modules.joined())
            for word in ["free in", "of memory", "control groups", "has no module"] {
                #expect(!rich.contains(word), "\(rich)")
            }
            let left = try Files.list(directory + "/groups")
            #expect(left == [])
            guard geteuid() == 0 else { return }
            // Nobody makes a folder there.
            let shut = try await preflight(
                directory, free: 9_000_000, memory: 8_000_000, mounts: "none /proc/self cgroup2 rw 0 0\n",
                modules: Self.modules.joined())
            #expect(shut.contains("cannot go on: control groups at /proc/self cannot be written"), "\(shut)")
        }
    }

    @Test func `the registry takes another port where 5000 is another program's, and says so`() async throws {
        try requireRoot()
        try await withTemporaryDirectory { directory in
            // In a network of its own, where all ports are free.
            let (status, output) = try await run(
                [
                    "unshare", "--net", "bash", "-c",
                    """
                    set -eu
                    ip link set lo up
                    python3 -c '
                    import socket, time
                    taken = socket.create_server(("127.0.0.1", 5000))
                    open("ready", "w").close()
                    time.sleep(60)' &
                    other=$!
                    until [ -e ready ]; do sleep 0.1; done
                    \(Self.top)/Demo/registry start
                    \(Self.top)/Demo/registry address
                    curl -sf "http://$(\(Self.top)/Demo/registry address)/v2/_catalog"
                    \(Self.top)/Demo/registry stop
                    ! \(Self.top)/Demo/registry status || exit 3
                    # SIGTERM is blocked in what threads of this process start, as in the threads.
                    kill -KILL "$other"
                    """,
                ], in: directory, ["APUS_REGISTRY_DATA": directory + "/data"])
            #expect(status == 0, "\(output)")
            #expect(output.contains("the registry listens at 127.0.0.1:5001\n127.0.0.1:5001\n"), "\(output)")
            #expect(output.contains("{\"repositories\":[]}"), "\(output)")
        }
    }

    @Test func `each step of the walkthrough is told with its number, its title and its commands`() async throws {
        for cli in ["docker", "apus"] {
            let (status, output) = try await run(
                ["\(Self.top)/Acceptance/walkthrough", "--list", "--cli", "/some/where/\(cli)"], in: Self.top)
            #expect(status == 0, "\(output)")
            var steps: [(number: Int, commands: Int)] = []
            for line in output.split(separator: "\n") {
                if let step = line.prefixMatch(of: #/step ([0-9]+): .*[a-z]/#) {
                    steps.append((Int(step.output.1) ?? 0, 0))
                } else {
                    #expect(line.hasPrefix("     $ \(cli) "), "\(line)")
                    if !steps.isEmpty { steps[steps.count - 1].commands += 1 }
                }
            }
            #expect(steps.map(\.number).sorted() == Array(1...23), "\(output)")
            for step in steps { #expect(step.commands > 0, "step \(step.number)") }
        }
    }

    @Test func `apt is never let remove what a machine has`() throws {
        var found = 0
        for folder in ["Scripts", "Demo", "Acceptance", "Benchmarks", ".ci"] {
            for name in try Files.list("\(Self.top)/\(folder)")
            where !Files.isDirectory("\(Self.top)/\(folder)/\(name)") {
                let text = try Files.text("\(Self.top)/\(folder)/\(name)") ?? ""
                for line in text.split(separator: "\n") where line.contains("apt-get install") {
                    found += 1
                    #expect(line.contains(" --no-remove "), "\(folder)/\(name): \(line)")
                }
            }
        }
        #expect(found >= 2)
    }

    @Test func `docker's command is put in a folder of ours, where none hides one that is installed later`() throws {
        let text = try #require(try Files.text("\(Self.top)/Scripts/packages"))
        let installing = text.split(separator: "\n").filter { $0.contains("install -m ") }
        #expect(!installing.isEmpty)
        for line in installing { #expect(line.contains("\"$top/.build/tools/"), "\(line)") }
    }
}
