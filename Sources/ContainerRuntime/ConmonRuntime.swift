import Concurrency
import Glibc
package import LinuxSystem
package import Logging
import Model
package import NIOCore
import OCI
import Synchronization

/// Containers by conmon and a runtime, crun or runc: conmon, one process a container, holds the output and the exit status, so both outlive
/// this program.
package final class ConmonRuntime: Runtime {
    struct Entry {
        var hub: StreamHub
        var record: RuntimeRecord?
    }

    package let paths: RuntimePaths
    let programs: RuntimePrograms
    let builder: SpecificationBuilder
    let layout: CgroupLayout
    package var cgroups: CgroupLayout { layout }
    package var limits: CgroupLimits { builder.host.limits }
    let group: any EventLoopGroup
    let logger: Logger
    let conmonCgroup: CgroupEntry
    private let crun: SealedProgram?
    let entries = Mutex<[String: Entry]>([:])
    /// Makes pipes larger and smaller.
    private let plumber = WorkerThread()
    private let places = Mutex(PipePlaces())

    static let conmonGroup = "/apus/conmon"

    /// Makes the directories below `root`, which is to be on a tmpfs. Blocks for a moment.
    package init(root: String, programs: RuntimePrograms, host: HostFacts, group: any EventLoopGroup, logger: Logger)
        throws
    {
        paths = RuntimePaths(root: root)
        // An earlier daemon's: whoever asked it for a terminal has gone with it.
        try Files.removeTree(paths.temporary)
        let states = RuntimeName.allCases.map(paths.state)
        for directory in [paths.containers, paths.temporary] + states { try Files.makePrivateDirectory(directory) }
        self.programs = programs
        builder = SpecificationBuilder(host: host)
        layout = try Cgroups.layout()
        // All conmons share a cgroup, beside the containers' and outside of the daemon's.
        try Cgroups.create(Self.conmonGroup, in: layout)
        conmonCgroup = Cgroups.entry(Self.conmonGroup, in: layout)
        do {
            crun = try programs.runtimes[.crun].map { try SealedProgram.make(of: $0, in: root + "/programs") }
        } catch {
            logger.warning("crun is started from the disk, which takes longer: \(error)")
            crun = nil
        }
        self.group = group
        self.logger = logger
    }

    // MARK: Life

    package func create(_ request: CreateRequest) async throws -> CreatedContainer {
        let requested = request.specification
        let id = requested.id
        try Self.checkName(id)
        let runtime = try command(request.runtime)
        let (paths, builder, layout) = (self.paths, self.builder, self.layout)
        let warnings = try await onThread {
            guard !Files.exists(paths.bundle(id)) else {
                throw RuntimeError(.wrongState, "container \(id) is created already")
            }
            var built = try builder.build(requested)
            try Files.makeDirectories(paths.bundle(id))
            if runtime.name == .crun, requested.namespaces.cgroup == .host, let mounts = built.specification.mounts {
                try Cgroups.create(requested.cgroup, in: layout.onlyVersion1)
                built.specification.mounts = CgroupMounts.spelledOut(mounts, of: requested.cgroup, in: layout)
            }
            // Commands inside begin with it: whose home is theirs depends on the user.
            try PlainFile.write(JSONText.encode(built.specification.process), to: paths.process(id))
            if let environment = built.specification.process?.env {
                built.specification.process?.env = SpecificationBuilder.withHome(requested.user.home, environment)
            }
            try PlainFile.write(JSONText.encode(built.specification), to: paths.bundle(id) + "/config.json")
            return built.warnings
        }
        do {
            let hub = hub(of: id)
            let launch = launch(
                runtime, of: requested.initProgram == nil ? requested.arguments : [], in: paths.bundle(id),
                arguments(for: request, runtime), isExec: false)
            let started = try await launch.start(as: .create) { [group] in
                try await hub.connect(directory: launch.directory, on: group)
            }
            let record = try await keep(started, of: request)
            // Until a flood is noticed it would wait for whatever conmon waits for.
            if request.logPath != nil, !record.terminal { enlargePipe(.output, of: record) }
            return CreatedContainer(pid: started.pid, warnings: warnings)
        } catch {
            let failure = error
            await uncancelled { await self.cleanUp(id, after: failure) }
            throw error
        }
    }

    /// - Parameter cgroup: The one that conmon is born in; `nil` is all conmons'.
    func launch(
        _ runtime: RuntimeCommand, of command: [String], in directory: String, _ arguments: [String], isExec: Bool,
        cgroup: CgroupEntry? = nil
    ) -> ConmonLaunch {
        ConmonLaunch(
            conmon: programs.conmon, runtime: runtime.name, runtimeArguments: runtime.globalArguments,
            program: command.first ?? "", environment: paths.environment, temporary: paths.temporary,
            directory: directory, arguments: arguments, isExec: isExec, cgroup: cgroup ?? conmonCgroup)
    }

    /// Calls of a runtime.
    func command(_ name: RuntimeName) throws -> RuntimeCommand {
        guard var program = programs.runtimes[name] else {
            throw RuntimeError(.invalidSpecification, "unknown or invalid runtime name: \(name.rawValue)")
        }
        if name == .crun, let sealed = crun?.path { program = sealed }
        return RuntimeCommand(name: name, program: program, paths: paths)
    }

    private func keep(_ started: ConmonLaunch.Started, of request: CreateRequest) async throws -> RuntimeRecord {
        let requested = request.specification
        guard let startTime = started.startTime, let conmonStartTime = started.conmonStartTime else {
            throw RuntimeError(.runtimeFailed, "the container's first process is gone already")
        }
        let record = RuntimeRecord(
            id: requested.id, pid: started.pid, startTime: startTime, conmon: started.conmon,
            conmonStartTime: conmonStartTime, terminal: requested.terminal, runtime: request.runtime)
        let path = paths.record(requested.id)
        try await onThread { try PlainFile.replace(Array(PlainJSON.encode(record: record)), at: path) }
        entries.withLock { $0[requested.id]?.record = record }
        return record
    }

    private func arguments(for request: CreateRequest, _ runtime: RuntimeCommand) -> [String] {
        let requested = request.specification
        let bundle = paths.bundle(requested.id)
        var arguments = conmonArguments(runtime, container: requested.id, unique: requested.id, directory: bundle)
        arguments += ["-n", requested.id, "-l", request.logPath.map { "k8s-file:" + $0 } ?? "none", "--no-sync-log"]
        if let bytes = request.logBytes { arguments += ["--log-size-max", "\(bytes)"] }
        arguments += ["--no-new-keyring"]
        if requested.terminal { arguments.append("-t") }
        if requested.openInput {
            arguments.append("-i")
            // With a terminal the input ends only with the container: a viewer that goes may come back.
            if requested.terminal || !requested.inputOnce { arguments.append("--leave-stdin-open") }
        }
        return arguments
    }

    /// What every conmon is told.
    func conmonArguments(_ runtime: RuntimeCommand, container: String, unique: String, directory: String) -> [String] {
        var arguments = ["--api-version", "1", "-c", container, "-u", unique, "-r", runtime.program]
        for argument in runtime.globalArguments { arguments += ["--runtime-arg", argument] }
        arguments += ["-b", directory, "-p", directory + "/pid", "-P", directory + "/conmon.pid"]
        return arguments + ["--persist-dir", directory, "--full-attach", "--log-level", "warning"]
    }

    package func start(_ id: String) async throws {
        let pid = try await record(of: id).pid
        let begun = try await onThread { RunningProgram(of: pid) }
        try await command(of: id).run(["start", id], as: .start)
        // The runtime returns when its own process in the container is about to become the container's program. A signal that comes before
        // it has would be the runtime's: runc's ends with code 2 then. The kernel tells nobody of an execve(2).
        let deadline = ContinuousClock.now + Self.programDeadline
        var pause = Duration.microseconds(100)
        while let begun, let now = try await onThread({ RunningProgram(of: pid) }), now == begun || now.isBeingLoaded,
            ContinuousClock.now < deadline
        {
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(10))
        }
    }

    /// How long the program may take to begin: it is read from the disk first.
    private static let programDeadline = Duration.seconds(10)

    package func kill(_ id: String, signal: CInt, all: Bool) async throws {
        let record = try await record(of: id)
        let layout = self.layout
        try await onThread {
            guard all else {
                guard try Processes.signal(signal, pid: record.pid, startTime: record.startTime) else {
                    throw RuntimeError(.wrongState, "container \(id) is not running")
                }
                return
            }
            let cgroup = ContainerSpecification.cgroup(of: id)
            if signal == SIGKILL { return try Cgroups.kill(cgroup, in: layout) }
            for pid in try Cgroups.processes(in: cgroup, of: layout) {
                // A process that has just ended needs no signal.
                _ = Glibc.kill(pid, signal)
            }
        }
    }

    package func pause(_ id: String) async throws { try await setFrozen(true, id) }

    package func unpause(_ id: String) async throws { try await setFrozen(false, id) }

    private func setFrozen(_ frozen: Bool, _ id: String) async throws {
        _ = try await record(of: id)
        let layout = self.layout
        try await onThread { try Cgroups.setFrozen(frozen, ContainerSpecification.cgroup(of: id), in: layout) }
    }

    package func update(_ id: String, _ resources: ContainerResources) async throws {
        let runtime = try await command(of: id)
        var warnings: [String] = []
        let requested = SpecificationBuilder.resources(resources, host: builder.host, warnings: &warnings)
        let path = paths.bundle(id) + "/update.json"
        try await onThread { try PlainFile.write(JSONText.encode(requested), to: path) }
        try await runtime.run(["update", "--resources", path, id])
        guard let processes = resources.processes, processes <= 0 else { return }
        // crun takes no word for it that the kernel takes.
        let layout = self.layout
        try await onThread { try Cgroups.liftProcessLimit(of: ContainerSpecification.cgroup(of: id), in: layout) }
    }

    package func delete(_ id: String) async throws {
        try Self.checkName(id)
        let hub = entries.withLock { $0.removeValue(forKey: id)?.hub }
        places.withLock { $0.leave(id) }
        hub?.letGo()
        // The bundle goes last: without it nothing is left.
        let states = RuntimeName.allCases.map { paths.state(id, of: $0) }
        if !Files.exists(paths.bundle(id)), !states.contains(where: { Files.exists($0) }) { return }
        try await uncancelled { try await self.removeAll(of: id) }
    }

    /// After a create that failed; the failure is what the caller is told.
    private func cleanUp(_ id: String, after failure: any Error) async {
        entries.withLock { $0[id]?.record = nil }
        do {
            try await removeAll(of: id)
        } catch {
            logger.warning("container \(id) could not be removed after \(failure): \(error)")
        }
    }

    // MARK: Knowledge

    package func state(_ id: String) async throws -> ContainerProcessState {
        let record: RuntimeRecord
        do {
            record = try await self.record(of: id)
        } catch let error as RuntimeError where error.code == .noSuchContainer {
            return .absent
        }
        let (paths, layout) = (self.paths, self.layout)
        return try await onThread {
            if let exit = try ExitFile.read(in: paths.bundle(id), of: id, layout) { return .exited(exit) }
            if Files.exists(paths.startFIFO(id, of: record.maker)) { return .created(pid: record.pid) }
            let isFrozen = try Self.isFrozen(ContainerSpecification.cgroup(of: id), in: layout)
            return isFrozen ? .paused(pid: record.pid) : .running(pid: record.pid)
        }
    }

    private static func isFrozen(_ cgroup: String, in layout: CgroupLayout) throws -> Bool {
        if let unified = layout.unified, let text = try Files.text(unified + cgroup + "/cgroup.freeze") {
            return text.trimmed == "1"
        }
        guard let freezer = layout.controllers["freezer"] else { return false }
        return try Files.text(freezer + cgroup + "/freezer.state").map { $0.trimmed != "THAWED" } ?? false
    }

    package func waitForExit(_ id: String) async throws -> ContainerExit {
        let record = try await record(of: id)
        let (bundle, layout) = (paths.bundle(id), self.layout)
        let isKnown = entries.withLock { $0[id]?.record == record }
        if let exit = try await onThread({ try ExitFile.read(in: bundle, of: id, layout) }) { return exit }
        // conmon ends right after it has written the file, so its end says both: the exit, or that nobody will tell it.
        _ = try await Processes.waitForExit(ofPid: record.conmon, startTime: record.conmonStartTime)
        if let exit = try await onThread({ try ExitFile.read(in: bundle, of: id, layout) }) { return exit }
        // A deletion forgets it first, and then ends conmon and removes the file.
        if isKnown, entries.withLock({ $0[id]?.record != record }) {
            throw RuntimeError(.noSuchContainer, "container \(id) was deleted")
        }
        return try await endUnmonitored(record)
    }

    package func containers() async throws -> [String] {
        let directory = paths.containers
        return try await onThread { try Files.list(directory) }
    }

    // MARK: Streams

    package func attach(_ id: String) -> OutputViewer { hub(of: id).addViewer() }

    package func resizeTerminal(_ id: String, height: Int, width: Int) async throws {
        _ = try await record(of: id)
        let bundle = paths.bundle(id)
        try await onThread { try ConmonControl.resize(height: height, width: width, in: bundle) }
    }

    package func reopenLog(_ id: String) async throws {
        _ = try await record(of: id)
        let bundle = paths.bundle(id)
        try await onThread { try ConmonControl.reopenLog(in: bundle) }
    }

    package func watchLog(_ id: String, every bytes: Int64, _ body: @escaping LogWatch.Body) {
        let hub = hub(of: id)
        hub.watchLog(every: bytes, body)
        hub.whenFlooding { [weak self] in self?.enlargePipe($0, of: id) }
    }

    /// A container that writes fast gets a larger pipe, so that it does not wait whenever conmon or this program does for a moment.
    private func enlargePipe(_ stream: OutputPiece.Stream, of id: String) {
        guard !places.withLock({ $0.flooded(id, stream, now: .now) }),
            let record = entries.withLock({ $0[id]?.record })
        else { return }
        enlargePipe(stream, of: record)
    }

    private func enlargePipe(_ stream: OutputPiece.Stream, of record: RuntimeRecord) {
        let owner = PipePlaces.Owner(id: record.id, pid: record.pid, startTime: record.startTime)
        plumber.post { [weak self] in
            guard let self, entries.withLock({ $0[record.id]?.record == record }),
                let place = places.withLock({ $0.take(for: owner, stream, now: .now) })
            else { return }
            if let former = place.former, Processes.startTime(of: former.pid) == former.startTime {
                for stream in place.streams { OutputPipes.narrow(stream, of: former.pid) }
            }
            // One whose limit cannot be read has ended.
            let group = ContainerSpecification.cgroup(of: record.id)
            guard let memory = try? Cgroups.statistics(of: group, in: layout),
                let bytes = OutputPipes.bytes(at: place.number, limit: memory.memoryLimitBytes),
                Processes.startTime(of: record.pid) == record.startTime
            else { return }
            OutputPipes.enlarge(stream, of: record.pid, to: bytes)
        }
    }

    func hub(of id: String) -> StreamHub {
        entries.withLock { entries in
            if let hub = entries[id]?.hub { return hub }
            let hub = StreamHub(timeout: StreamHub.standardTimeout)
            entries[id] = Entry(hub: hub, record: nil)
            return hub
        }
    }

    // MARK: Names

    /// Calls of the runtime that has made the container.
    func command(of id: String) async throws -> RuntimeCommand { try command(await record(of: id).maker) }

    /// Known, or read from its bundle. One that cannot be read is as good as none: nobody can take its process over, and it is swept.
    func record(of id: String) async throws -> RuntimeRecord {
        if let known = entries.withLock({ $0[id]?.record }) { return known }
        try Self.checkName(id)
        let path = paths.record(id)
        guard let bytes = try await onThread({ try Files.read(path) }) else {
            throw RuntimeError(.noSuchContainer, "no container \(id) was created")
        }
        do { return try PlainJSON.decode(record: RuntimeRecord.self, from: bytes) } catch {
            logger.error("what is known of the process of container \(id) cannot be read: \(error)")
            throw RuntimeError(.noSuchContainer, "what is known of the process of container \(id) cannot be read")
        }
    }

    /// Ids become file names and arguments.
    static func checkName(_ id: String) throws {
        let isGood = !id.isEmpty && id.utf8.count <= 128 && id.first != "." && id.first != "-"
        guard isGood, id.utf8.allSatisfy({ $0.isPlain }) else {
            throw RuntimeError(.invalidSpecification, "\"\(id)\" cannot be a container's id")
        }
    }
}

extension UInt8 {
    /// A letter, a digit, or one of `_.-`.
    fileprivate var isPlain: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
