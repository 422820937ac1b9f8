import Concurrency
import Glibc
import LinuxSystem
import Synchronization

/// Starts a conmon and speaks its start-up protocol (conmon, `conmon.c`; containers/common has the other side).
///
/// A byte on the start pipe lets it fork into the background; its parent part ends. For an exec it then says on the
/// attach pipe that its socket is there, and waits for a second byte. Then it runs the runtime's `create` or `exec` and
/// says on the sync pipe what came of it.
struct ConmonLaunch: Sendable {
    /// From the start byte to the line on the sync pipe; the runtime's `create` takes 10 to 45 ms of it.
    static let deadline = Duration.seconds(120)

    let conmon: String
    let runtime: RuntimeName
    /// What it is given before its command, by which it is recognised.
    let runtimeArguments: [String]
    /// The first word of the command, for what is said of its failure.
    let program: String
    let environment: [String]
    /// For temporary files (`TMPDIR`).
    let temporary: String
    let directory: String
    let arguments: [String]
    let isExec: Bool
    /// The cgroup that conmon itself runs in, so that it is not in the daemon's.
    let cgroup: CgroupEntry

    struct Started: Sendable {
        /// The container's or the exec's process, in this pid namespace.
        let pid: pid_t
        let startTime: UInt64?
        let conmon: pid_t
        let conmonStartTime: UInt64?
    }

    /// Goes on to its end though the caller is cancelled: a conmon that has begun is nobody's until it has said its pid.
    /// - Parameter attach: Called when the socket is there and the process is not: connecting now loses no output.
    func start(as operation: RuntimeError.Operation, attach: @escaping @Sendable () async throws -> Void) async throws
        -> Started
    {
        try await uncancelled { try await launch(operation, attach) }
    }

    private func launch(
        _ operation: RuntimeError.Operation, _ attach: @escaping @Sendable () async throws -> Void
    ) async throws -> Started {
        guard let terminal = terminalDirectory else { return try await run(operation, attach, in: temporary) }
        try await onThread { try Files.makeDirectories(terminal) }
        do {
            let started = try await run(operation, attach, in: terminal)
            try await onThread { try Files.removeTree(terminal) }
            return started
        } catch {
            // The failure is what counts; the next daemon looks here too.
            try? await onThread { try Files.removeTree(terminal) }
            throw error
        }
    }

    /// Where conmon makes the socket through which the runtime hands it the terminal. It leaves the socket there when
    /// the runtime or itself is killed, and nobody else knows its name: so each has a directory of its own. Short, as sockets' paths are.
    private var terminalDirectory: String? {
        arguments.contains("-t") ? "\(temporary)/\(RandomID.hex(bytes: 6))" : nil
    }

    private func run(
        _ operation: RuntimeError.Operation, _ attach: @escaping @Sendable () async throws -> Void,
        in directory: String
    ) async throws -> Started {
        let pipes = try ConmonPipes(isExec: isExec)
        // On a thread: a child that is born in a container's cgroup does not go on while the container is paused.
        let child = try await onThread { try spawn(pipes, directory) }
        do {
            return try await withDeadline(Self.deadline, orThrow: RuntimeError.notInTime("conmon", Self.deadline)) {
                try await converse(pipes, child, operation, attach)
            }
        } catch {
            child.signal(SIGKILL)
            throw error
        }
    }

    private func spawn(_ pipes: ConmonPipes, _ temporary: String) throws -> ChildProcess {
        var environment = self.environment.filter { !$0.hasPrefix("TMPDIR=") }
        environment += ["TMPDIR=\(temporary)", "_OCI_SYNCPIPE=3", "_OCI_STARTPIPE=4"]
        if isExec { environment.append("_OCI_ATTACHPIPE=5") }
        let errors = try Descriptor.open(directory + "/conmon.log", O_WRONLY | O_CREAT | O_APPEND).release()
        defer { close(errors) }
        return try pipes.withChildEnds { sync, start, attach in
            var descriptors = [(from: errors, to: CInt(2)), (from: sync, to: 3), (from: start, to: 4)]
            if let attach { descriptors.append((from: attach, to: 5)) }
            return try Processes.spawn(
                SpawnRequest(
                    executable: conmon, arguments: arguments, environment: environment,
                    workingDirectory: directory, descriptors: descriptors, cgroup: cgroup))
        }
    }

    private func converse(
        _ pipes: ConmonPipes, _ child: ChildProcess, _ operation: RuntimeError.Operation,
        _ attach: @Sendable () async throws -> Void
    ) async throws -> Started {
        try pipes.release()
        let status = try await child.wait()
        guard status == .exited(0) else { throw failure("conmon ended with code \(status.code)") }
        let directory = self.directory
        let (conmon, conmonStart) = try await onThread { () throws -> (pid_t, UInt64?) in
            let text = try Files.text(directory + "/conmon.pid") ?? ""
            guard let pid = pid_t(text.trimmed), pid > 1 else {
                throw RuntimeError(.runtimeFailed, "conmon gave no pid")
            }
            return (pid, Processes.startTime(of: pid))
        }
        let line: [UInt8]
        do {
            if isExec {
                guard try await pipes.attachReader?.line() != nil else {
                    throw failure("conmon made no attach socket")
                }
                try await attach()
                try pipes.release()
            }
            line = try await word(of: conmon, from: pipes.syncReader)
        } catch {
            // Whatever the runtime had begun is conmon's by now, and would go on unseen; a conmon that waits for its release takes the
            // pipe's end for it.
            try await onThread { Self.end(conmon, conmonStart) }
            throw error
        }
        let answer = try JSONText.decode(JSONText.SyncLine.self, from: line)
        guard answer.data > 0, let pid = pid_t(exactly: answer.data) else {
            throw RuntimeError.failed(operation, answer.message ?? "no reason given", by: runtime, program: program)
        }
        if !isExec { try await attach() }
        return Started(
            pid: pid, startTime: Processes.startTime(of: pid), conmon: conmon, conmonStartTime: conmonStart)
    }

    /// conmon's word on what came of the runtime's command. Should that be killed, none comes: conmon waits for the end
    /// of what it had begun, and that waits for the runtime.
    private func word(of conmon: pid_t, from reader: PipeReader) async throws -> [UInt8] {
        try await withThrowingTaskGroup(of: [UInt8].self) { group in
            group.addTask {
                guard let line = try await reader.line() else { throw failure("conmon ended without a word") }
                return line
            }
            group.addTask {
                var absences = 0
                while absences < Self.mostAbsences {
                    try await Task.sleep(for: Self.checkInterval)
                    absences = try await onThread { hasRuntime(conmon) } ? 0 : absences + 1
                }
                throw failure("\(runtime.rawValue) ended without a word")
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    /// How often it is looked for a runtime, and how often there may be none in a row: conmon needs a moment to say what
    /// came of it.
    private static let checkInterval = Duration.milliseconds(250)
    private static let mostAbsences = 12

    /// Whether a command of the runtime's is under way below a conmon. What it has begun may have the same command line
    /// still, but is in the container's pid namespace.
    private func hasRuntime(_ conmon: pid_t) -> Bool {
        let mark = "\0" + runtimeArguments.joined(separator: "\0") + "\0"
        func space(_ pid: pid_t) -> String? { try? Files.link("/proc/\(pid)/ns/pid") }  // None when it has gone.
        return Self.children(of: conmon).contains { child in
            // One that has gone is no runtime.
            let line = (try? Files.text("/proc/\(child)/cmdline")) ?? ""
            return line.contains(mark) && space(child) == space(conmon)
        }
    }

    /// proc_pid_task_children(5).
    private static func children(of pid: pid_t) -> [pid_t] {
        // One that has gone has none.
        let text = (try? Files.text("/proc/\(pid)/task/\(pid)/children")) ?? ""
        return text.split(separator: " ").compactMap { pid_t($0) }
    }

    /// Kills a conmon and what is below it. Adopted children are below it too (PR_SET_CHILD_SUBREAPER).
    private static func end(_ conmon: pid_t, _ start: UInt64?) {
        guard start != nil, Processes.startTime(of: conmon) == start else { return }
        for child in children(of: conmon) { _ = kill(child, SIGKILL) }
        _ = kill(conmon, SIGKILL)
    }

    private func failure(_ text: String) -> RuntimeError {
        // What conmon says before its protocol is told in this file only; without it the text has to do.
        let log = (try? Files.text(directory + "/conmon.log")) ?? ""
        return RuntimeError(.runtimeFailed, log.isEmpty ? text : "\(text): \(RuntimeError.plainReason(of: log))")
    }
}

/// The pipes between us and a conmon. The ends of the child are closed here once it has them.
final class ConmonPipes: Sendable {
    let syncReader: PipeReader
    let attachReader: PipeReader?
    private let startWriter: Descriptor
    /// Of the sync, the start and, for an exec, the attach pipe; empty once the child has them.
    private let childEnds: Mutex<[CInt]>

    init(isExec: Bool) throws {
        var ends: [CInt] = []
        do {
            let sync = try PipeReader.pipe()
            ends.append(sync.writing)
            let (startReading, startWriting) = try pipeEnds()
            ends.append(startReading)
            startWriter = Descriptor(owning: startWriting)
            let attach = isExec ? try PipeReader.pipe() : nil
            if let attach { ends.append(attach.writing) }
            syncReader = sync.reader
            attachReader = attach?.reader
            childEnds = Mutex(ends)
        } catch {
            for end in ends { close(end) }
            throw error
        }
    }

    deinit { closeChildEnds() }

    private func closeChildEnds() {
        childEnds.withLock { ends in
            for end in ends { close(end) }
            ends = []
        }
    }

    /// Call once: the ends are closed afterwards.
    func withChildEnds<Result>(_ body: (_ sync: CInt, _ start: CInt, _ attach: CInt?) throws -> Result) rethrows
        -> Result
    {
        defer { closeChildEnds() }
        let ends = childEnds.withLock { $0 }
        return try body(ends[0], ends[1], ends.count > 2 ? ends[2] : nil)
    }

    /// Lets conmon take its next step.
    func release() throws { try startWriter.writeAll([0]) }
}

extension String {
    var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
