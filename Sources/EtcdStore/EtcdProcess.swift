import Glibc
import LinuxSystem

/// The etcd of this node as a process. It outlives the daemon, is found again by its pid file or its working directory, and writes its log to
/// a file: an upgrade of the daemon costs the store neither a member nor a leader.
struct EtcdProcess: Sendable {
    private static let maximumLogBytes = 16 << 20
    private static let fatalTailBytes = 64 << 10
    private static let endDeadline = Duration.seconds(10)
    private static let endCheck = Duration.milliseconds(50)
    /// Nine times what others get of a processor that they want as well; not so much that a store at its limit holds up the daemon.
    private static let niceness: CInt = -10

    let pid: pid_t
    let startTime: UInt64?
    /// `nil` for one that an earlier daemon has started.
    let child: ChildProcess?

    /// Starts one. Blocking.
    static func start(_ configuration: EtcdConfiguration) throws -> EtcdProcess {
        let program = configuration.program ?? Processes.find("etcd")
        guard let program else { throw EtcdError(.missingProgram, "no program etcd in the system's directories") }
        try Files.makeDirectories(configuration.runDirectory)
        try Files.makeDirectories(configuration.dataDirectory)
        try Files.makeDirectories(Files.parent(of: configuration.logFile))
        // What killed processes leave; etcd does not start over them.
        for socket in configuration.sockets { try Files.remove(socket) }
        try rotate(configuration.logFile)
        let log = try Descriptor.open(configuration.logFile, O_WRONLY | O_CREAT | O_APPEND)
        let child = try Processes.spawn(
            SpawnRequest(
                executable: program, arguments: configuration.arguments + configuration.firstArguments,
                environment: configuration.environment, workingDirectory: configuration.runDirectory,
                descriptors: [(from: log.raw, to: 1), (from: log.raw, to: 2)], newSession: true))
        let process = EtcdProcess(pid: child.pid, startTime: child.startTime, child: child)
        try Files.writeAtomically("\(child.pid) \(process.startTime ?? 0)\n", to: configuration.pidFile)
        return process
    }

    /// The one that runs already. Blocking.
    static func running(_ configuration: EtcdConfiguration) throws -> EtcdProcess? {
        let record = try Files.text(configuration.pidFile)?.split(whereSeparator: \.isWhitespace)
        if let record, record.count == 2, let pid = pid_t(record[0]), let start = UInt64(record[1]),
            Processes.isRunning(pid, startTime: start)
        {
            return EtcdProcess(pid: pid, startTime: start, child: nil)
        }
        // The daemon may have died between starting it and writing the file. The working directory is for this process alone.
        var directory = stat()
        guard stat(configuration.runDirectory, &directory) == 0 else { return nil }
        for name in try Files.list("/proc") {
            guard let pid = pid_t(name) else { continue }
            var found = stat()
            guard stat("/proc/\(name)/cwd", &found) == 0, found.st_dev == directory.st_dev,
                found.st_ino == directory.st_ino
            else { continue }
            let process = EtcdProcess(pid: pid, startTime: Processes.startTime(of: pid), child: nil)
            guard process.commandLine.first?.hasSuffix("etcd") == true,
                Processes.isRunning(pid, startTime: process.startTime)
            else { continue }
            return process
        }
        return nil
    }

    /// Whether it runs as wanted, but for what matters only at the very first start.
    func matches(_ configuration: EtcdConfiguration) -> Bool {
        Array(commandLine.dropFirst().prefix(configuration.arguments.count)) == configuration.arguments
            && commandLine.count == 1 + configuration.arguments.count + configuration.firstArguments.count
    }

    /// Has it go before what else the node does. A thread that is just being started may be missed, and is none the next time. Blocking.
    func goFirst() throws(SystemError) {
        if Processes.isRunning(pid, startTime: startTime) {
            try Processes.setNiceness(Self.niceness, ofSession: pid)
        }
    }

    /// Waits for its end; `nil` when nobody can tell how it ended.
    func wait() async throws -> ExitStatus? {
        if let child { return try await child.wait() }
        return try await Processes.waitForExit(ofPid: pid, startTime: startTime)
    }

    /// Ends it: SIGTERM, and SIGKILL if that does not do.
    func end() async throws {
        try Processes.signal(SIGTERM, pid: pid, startTime: startTime)
        let deadline = ContinuousClock.now + Self.endDeadline
        var killed = false
        while Processes.isRunning(pid, startTime: startTime) {
            if !killed, ContinuousClock.now > deadline {
                try Processes.signal(SIGKILL, pid: pid, startTime: startTime)
                killed = true
            }
            try await Task.sleep(for: Self.endCheck)
        }
    }

    /// The last line of the log that says why it could not go on. Blocking.
    static func lastFatal(_ configuration: EtcdConfiguration) throws -> String? {
        guard let file = try Descriptor.openIfThere(configuration.logFile, O_RDONLY) else { return nil }
        let size = lseek(file.raw, 0, SEEK_END)
        lseek(file.raw, max(0, size - off_t(clamping: fatalTailBytes)), SEEK_SET)
        let tail = String(decoding: try file.readToEnd(), as: UTF8.self)
        return tail.split(separator: "\n").last { $0.contains(#""level":"fatal""#) || $0.contains(#""level":"panic""#) }
            .map(String.init)
    }

    private var commandLine: [String] {
        // A process that is gone has none.
        guard let bytes = try? Files.read("/proc/\(pid)/cmdline") else { return [] }
        return bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// etcd appends for as long as it runs; what an earlier run has left is put aside once.
    private static func rotate(_ log: String) throws {
        if let status = try Files.status(log), status.st_size > off_t(clamping: maximumLogBytes) {
            try Files.rename(log, to: "\(log).1")
        }
    }
}
