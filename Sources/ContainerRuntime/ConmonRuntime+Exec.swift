import Concurrency
import Glibc
import LinuxSystem
import NIOCore
import OCI

/// Further processes in running containers, each with a conmon of its own.
extension ConmonRuntime {
    package func startExec(_ request: RuntimeExecRequest) async throws -> any ExecSession {
        try Self.checkName(request.id)
        let record = try await record(of: request.container)
        var runtime = try command(record.maker)
        let directory = paths.exec(request.id, of: request.container)
        let (paths, layout, bounding) = (self.paths, self.layout, builder.host.capabilities)
        let others = conmonCgroup
        let inherited = try await onThread { () throws -> InheritedCgroup? in
            guard record.isRunning, let bytes = try Files.read(paths.process(request.container))
            else {
                throw RuntimeError(.wrongState, "container \(request.container) is not running")
            }
            let own = try JSONText.decode(RuntimeProcess.self, from: bytes)
            try Files.makeDirectories(directory)
            try PlainFile.write(
                JSONText.encode(try Self.process(request, from: own, bounding: bounding)),
                to: directory + "/process.json")
            guard record.maker == .crun else { return nil }
            return try InheritedCgroup(of: request.container, paths: paths, layout: layout, otherwise: others)
        }
        runtime.root = inherited?.root
        let hub = StreamHub(timeout: nil)
        let viewer = hub.addViewer()
        let launch = launch(
            runtime, of: request.arguments, in: directory, arguments(for: request, runtime, in: directory),
            isExec: true, cgroup: inherited?.group)
        do {
            let started = try await launch.start(as: .exec) { [group] in
                try await hub.connect(directory: directory, on: group)
            }
            return ConmonExec(
                started: started, viewer: viewer, directory: directory, misplaced: inherited == nil ? nil : layout)
        } catch {
            await uncancelled { await hub.disconnect() }
            // The failure is what counts; a directory that stays goes with the container.
            try? await onThread { try Files.removeTree(directory) }
            throw error
        }
    }

    package func exitCode(ofExec id: String, container: String) async throws -> Int? {
        try Self.checkName(id)
        let directory = paths.exec(id, of: container)
        return try await onThread { try ExitFile.read(in: directory)?.code }
    }

    package func removeExecs(of container: String, named prefix: String) async throws {
        try Self.checkName(container)
        let directory = Files.parent(of: paths.exec("x", of: container))
        try await onThread {
            for name in try Files.list(directory) where name.hasPrefix(prefix) {
                let exec = "\(directory)/\(name)"
                for file in ["pid", "conmon.pid"] {
                    guard let pid = try Files.text("\(exec)/\(file)").flatMap({ pid_t($0.trimmed) }), pid > 1 else {
                        continue
                    }
                    let start = Processes.startTime(of: pid)
                    // The number may be another process's by now: only what is of this container is ours to end.
                    guard try Self.belongs(pid, to: container, exec) else { continue }
                    try Processes.signal(SIGKILL, pid: pid, startTime: start)
                }
                try Files.removeTree(exec)
            }
        }
    }

    private static func belongs(_ pid: pid_t, to container: String, _ exec: String) throws -> Bool {
        if try Files.text("/proc/\(pid)/cmdline")?.contains(exec) == true { return true }
        let cgroup = ContainerSpecification.cgroup(of: container)
        return (try Files.text("/proc/\(pid)/cgroup") ?? "").split(separator: "\n").contains { $0.hasSuffix(cgroup) }
    }

    private func arguments(for request: RuntimeExecRequest, _ runtime: RuntimeCommand, in directory: String) -> [String]
    {
        var arguments = conmonArguments(
            runtime, container: request.container, unique: request.id, directory: directory)
        arguments += ["-e", "--exec-attach", "--exec-process-spec", directory + "/process.json", "-l", "none"]
        if request.terminal { arguments.append("-t") }
        if request.openInput { arguments.append("-i") }
        if request.openInput, request.terminal { arguments.append("--leave-stdin-open") }
        return arguments
    }

    /// Docker's rules: the container's environment, user, directory and limits unless said otherwise; the container's
    /// capabilities, or all for `--privileged`.
    static func process(_ request: RuntimeExecRequest, from own: RuntimeProcess, bounding: [String]) throws
        -> RuntimeProcess
    {
        guard !request.arguments.isEmpty else { throw RuntimeError(.invalidSpecification, "No exec command specified") }
        if !request.workingDirectory.isEmpty, !request.workingDirectory.hasPrefix("/") {
            throw RuntimeError(
                .invalidSpecification, "OCI runtime exec failed: exec failed: Cwd must be an absolute path")
        }
        var process = own
        process.args = request.arguments
        process.terminal = request.terminal ? true : nil
        process.consoleSize = request.size.flatMap { size in
            guard size.height > 0, size.width > 0 else { return nil }
            return RuntimeProcess.ConsoleSize(height: UInt(clamping: size.height), width: UInt(clamping: size.width))
        }
        var environment = own.env ?? []
        if request.terminal, own.terminal != true {
            environment = SpecificationBuilder.overlaid(["TERM=xterm"], with: environment)
        }
        environment = SpecificationBuilder.overlaid(environment, with: request.environment)
        process.env = SpecificationBuilder.withHome(request.home, environment)
        if !request.workingDirectory.isEmpty { process.cwd = request.workingDirectory }
        let user = request.user ?? ContainerUser(uid: own.user.uid, gid: own.user.gid)
        if let requested = request.user { process.user = SpecificationBuilder.user(requested) }
        let capabilities = request.privileged ? bounding : own.capabilities?.bounding ?? []
        process.capabilities = SpecificationBuilder.capabilities(capabilities, for: user)
        return process
    }
}

/// An exec by conmon.
struct ConmonExec: ExecSession {
    let started: ConmonLaunch.Started
    let viewer: OutputViewer
    let directory: String
    /// Where to move conmon when it is in its container's cgroup.
    let misplaced: CgroupLayout?

    var pid: Int32 { started.pid }

    func waitForExit() async throws -> Int {
        let (directory, started) = (self.directory, self.started)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            if let misplaced {
                group.addTask {
                    // Cancelled when the command has ended before. Where the move fails conmon has ended too, or stays
                    // and its memory counts as the container's: no reason to give the command up.
                    guard (try? await Task.sleep(for: InheritedCgroup.timeout)) != nil else { return false }
                    try? await onThread {
                        try Cgroups.move(
                            started.conmon, to: ConmonRuntime.conmonGroup, in: misplaced,
                            cpuset: Files.parent(of: ConmonRuntime.conmonGroup))
                    }
                    return false
                }
            }
            group.addTask {
                _ = try await Processes.waitForExit(ofPid: started.conmon, startTime: started.conmonStartTime)
                return true
            }
            defer { group.cancelAll() }
            while let ended = try await group.next(), !ended {}
        }
        if let exit = try await onThread({ try ExitFile.read(in: directory) }) { return exit.code }
        // conmon was killed; its process has lost its output.
        try Processes.signal(SIGKILL, pid: started.pid, startTime: started.startTime)
        try await onThread { try ExitFile.writeInstead(137, in: directory) }
        return 137
    }

    func resizeTerminal(height: Int, width: Int) async throws {
        let directory = self.directory
        try await onThread { try ConmonControl.resize(height: height, width: width, in: directory) }
    }

    func signal(_ signal: CInt) async throws {
        try Processes.signal(signal, pid: started.pid, startTime: started.startTime)
    }

    func remove() async throws {
        let directory = self.directory
        try await onThread { try Files.removeTree(directory) }
    }
}
