import ContainerRuntime
import Glibc
import LinuxSystem
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A runtime in a directory of its own with a root file system made of busybox; removes all that it has made.
struct RuntimeFixture: Sendable {
    let directory: String
    /// Who makes its containers.
    let name: RuntimeName
    let runtime: ConmonRuntime
    private let prefix = RandomID.hex(bytes: 4)

    /// With every runtime in turn.
    static func run(_ body: @Sendable (RuntimeFixture) async throws -> Void) async throws {
        for name in RuntimeName.allCases { try await run(name, body) }
    }

    static func run(_ name: RuntimeName, _ body: @Sendable (RuntimeFixture) async throws -> Void) async throws {
        // A short path on a tmpfs, as in production: a terminal's socket is made below it.
        let directory = "/dev/shm/apus-\(RandomID.hex(bytes: 4))"
        try Files.makeDirectories(directory)
        let fixture = RuntimeFixture(directory: directory, name: name, runtime: try make(directory))
        do {
            try buildRoot(fixture.root)
            try await body(fixture)
        } catch {
            try await fixture.remove()
            throw error
        }
        try await fixture.remove()
    }

    /// One with programs of its own for the containers' life, in the same directory.
    func other(runtimes: [RuntimeName: String]) throws -> ConmonRuntime {
        try Self.make(directory, runtimes: runtimes)
    }

    private static func make(_ directory: String, runtimes: [RuntimeName: String]? = nil) throws -> ConmonRuntime {
        let conmon = try #require(Processes.find("conmon"))
        var logger = Logger(label: "runtime")
        logger.logLevel = .error
        return try ConmonRuntime(
            root: directory + "/run",
            programs: RuntimePrograms(conmon: conmon, runtimes: try runtimes ?? Self.runtimes(directory)),
            host: try HostFacts.read(), group: MultiThreadedEventLoopGroup.singleton, logger: logger)
    }

    private static func runtimes(_ directory: String) throws -> [RuntimeName: String] {
        var found = try RuntimePrograms.installed(in: Cgroups.layout())
        if found[.crun] == nil {
            // A machine with controllers in both versions of cgroups: crun works where it does not see the second.
            let crun = try #require(Processes.find("crun"))
            let text = """
                #!/bin/sh
                exec unshare -m --propagation private sh -c 'umount -l /sys/fs/cgroup/unified && exec \(crun) "$@"' crun "$@"

                """
            try Files.writeAtomically(text, to: directory + "/crun", mode: 0o755)
            found[.crun] = directory + "/crun"
        }
        return found
    }

    /// What a restarted daemon has: the same directory, nothing in memory.
    func restarted() throws -> ConmonRuntime { try Self.make(directory) }

    var root: String { directory + "/root" }

    func id(_ name: String) -> String { "t\(prefix)-\(name)" }

    func remove() async throws {
        for id in try await runtime.containers() { try await runtime.delete(id) }
        try Files.removeTree(directory)
    }

    private static func buildRoot(_ root: String) throws {
        for name in ["bin", "etc", "proc", "sys", "dev", "tmp"] {
            try Files.makeDirectories("\(root)/\(name)", mode: 0o755)
        }
        let busybox = try #require(try Files.read("/bin/busybox"))
        try Files.writeAtomically(busybox, to: root + "/bin/busybox", mode: 0o755)
        for applet in [
            "sh", "true", "cat", "sleep", "id", "stty", "dd", "echo", "kill", "head", "env", "pwd", "ulimit",
        ] {
            try check(symlink("busybox", "\(root)/bin/\(applet)"), "link \(applet)")
        }
        try Files.writeAtomically(
            "root:x:0:0:root:/root:/bin/sh\nhermes:x:1000:1001::/home:/bin/sh\n", to: root + "/etc/passwd", mode: 0o644)
        try Files.writeAtomically(
            "root:x:0:\nhermes:x:1001:\nwheel:x:10:hermes\n", to: root + "/etc/group", mode: 0o644)
        try Files.writeAtomically("no program", to: root + "/bin/plain", mode: 0o644)
    }

    func specification(_ name: String, _ arguments: [String]) -> ContainerSpecification {
        var specification = ContainerSpecification(id: id(name), rootDirectory: root, arguments: arguments)
        specification.hostname = "box"
        return specification
    }

    func shell(_ name: String, _ script: String) -> ContainerSpecification {
        specification(name, ["sh", "-c", script])
    }

    func request(_ specification: ContainerSpecification) -> CreateRequest {
        CreateRequest(
            specification: specification, logPath: "\(directory)/\(specification.id).log", runtime: name)
    }

    /// Runs a container to its end and gives its output and exit.
    func run(_ specification: ContainerSpecification, input: String? = nil) async throws -> Outcome {
        let viewer = runtime.attach(specification.id)
        do {
            _ = try await runtime.create(request(specification))
        } catch {
            try await runtime.delete(specification.id)
            throw error
        }
        try await runtime.start(specification.id)
        if let input {
            try await viewer.write(ByteBuffer(string: input))
            await viewer.closeInput()
        }
        let output = try await Self.collect(viewer)
        let exit = try await runtime.waitForExit(specification.id)
        try await runtime.delete(specification.id)
        return Outcome(output: output.output, error: output.error, exit: exit)
    }

    struct Outcome {
        var output: String
        var error: String
        var exit: ContainerExit
    }

    static func collect(_ viewer: OutputViewer) async throws -> (output: String, error: String) {
        var output = ByteBuffer()
        var error = ByteBuffer()
        while var piece = try await viewer.next().map({ (stream: $0.stream, bytes: $0.bytes) }) {
            if piece.stream == .output { output.writeBuffer(&piece.bytes) } else { error.writeBuffer(&piece.bytes) }
        }
        return (String(buffer: output), String(buffer: error))
    }

    /// Waits until the viewer has shown that text.
    static func read(_ viewer: OutputViewer, until text: String) async throws -> String {
        var all = ""
        while !all.contains(text), let piece = try await viewer.next() { all += String(buffer: piece.bytes) }
        return all
    }

    /// Polls a condition; false when it has not come true in half a minute.
    static func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(5))
        }
        return false
    }
}
