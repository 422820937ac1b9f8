import CLinux
import Concurrency
package import Glibc
import Synchronization

/// A program to start, without a shell.
package struct SpawnRequest: Sendable {
    /// Path of the program, relative to `workingDirectory` unless absolute; no search, see ``Processes/find(_:)``.
    package var executable: String
    /// Without the program's own name, which is put in front.
    package var arguments: [String]
    /// `NAME=value`, and nothing else is passed on.
    package var environment: [String]
    /// `nil` for this process's own.
    package var workingDirectory: String?
    /// Descriptors of this process and the numbers the program finds them under. 0, 1 and 2 are /dev/null unless given;
    /// nothing else is open. At most 64.
    package var descriptors: [(from: CInt, to: CInt)]
    /// setsid(2): no controlling terminal, a process group of its own.
    package var newSession: Bool
    /// Path of the network namespace to start in.
    package var networkNamespace: String?
    /// The cgroup to start in; `nil` is this process'.
    package var cgroup: CgroupEntry?

    package init(
        executable: String, arguments: [String] = [], environment: [String] = [], workingDirectory: String? = nil,
        descriptors: [(from: CInt, to: CInt)] = [], newSession: Bool = false, networkNamespace: String? = nil,
        cgroup: CgroupEntry? = nil
    ) {
        self.executable = executable
        self.arguments = arguments
        self.cgroup = cgroup
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.descriptors = descriptors
        self.newSession = newSession
        self.networkNamespace = networkNamespace
    }
}

/// How a process ended.
package enum ExitStatus: Sendable, Hashable {
    case exited(CInt)
    case signalled(CInt)

    /// As a shell counts: the exit code, or 128 + the signal.
    package var code: CInt {
        switch self {
        case .exited(let code): code
        case .signalled(let signal): 128 + signal
        }
    }
}

/// Starting, watching and ending processes. Children are reaped by pidfd, never by `waitpid(-1)`.
package enum Processes {
    /// What ``reapOrphans()`` must leave alone.
    struct Known {
        /// Pids whose end somebody waits for.
        var pids: [pid_t: Int] = [:]
        /// How many are being started, whose pids are not among them yet.
        var starting = 0
    }

    static let known = Mutex(Known())

    /// Starts a program (0.1 ms, whatever this process' size). It is reaped when it ends, waited for or not. Blocks as long as a child
    /// that is to be in a frozen cgroup is frozen.
    package static func spawn(_ request: SpawnRequest) throws(SystemError) -> ChildProcess {
        var namespace: CInt = -1
        if let path = request.networkNamespace { namespace = try Descriptor.open(path, O_RDONLY).release() }
        defer { if namespace >= 0 { close(namespace) } }
        var cgroup: CInt = -1
        if let path = request.cgroup?.unified { cgroup = try Descriptor.open(path, O_RDONLY | O_DIRECTORY).release() }
        defer { if cgroup >= 0 { close(cgroup) } }
        var pid: pid_t = 0
        var descriptor: CInt = -1
        var stage: UnsafePointer<CChar>?
        var result: CInt = 0
        var number: CInt = 0
        // Not under the lock: others start and end meanwhile.
        known.withLock { $0.starting += 1 }
        result = start(request, namespace, cgroup, &pid, &descriptor, &stage)
        number = errno
        known.withLock { known in
            known.starting -= 1
            if result == 0 { known.pids[pid, default: 0] += 1 }
        }
        guard result == 0 else {
            let step = stage.map { String(cString: $0) } ?? "clone"
            throw SystemError(errno: number, attempting: "start \(request.executable) (\(step))")
        }
        let exit = ProcessExit(pid: pid, descriptor: Descriptor(owning: descriptor))
        do {
            try exit.begin()
        } catch {
            // Nobody would learn of its end: it must not go on, nor hide other ended children.
            exit.signal(SIGKILL)
            forget(pid)
            throw error
        }
        return ChildProcess(pid: pid, exit: exit)
    }

    private static func start(
        _ request: SpawnRequest, _ namespace: CInt, _ cgroup: CInt, _ pid: inout pid_t, _ descriptor: inout CInt,
        _ stage: inout UnsafePointer<CChar>?
    ) -> CInt {
        var arguments: [UnsafeMutablePointer<CChar>?] = ([request.executable] + request.arguments).map { strdup($0) }
        var environment: [UnsafeMutablePointer<CChar>?] = request.environment.map { strdup($0) }
        let entered: [UnsafeMutablePointer<CChar>?] = (request.cgroup?.tasks ?? []).map { strdup($0) }
        defer { for text in arguments + environment + entered { free(text) } }
        arguments.append(nil)
        environment.append(nil)
        let tasks = entered.map { UnsafePointer($0) } + [nil]
        let from = request.descriptors.map(\.from)
        let to = request.descriptors.map(\.to)
        return arguments.withUnsafeBufferPointer { arguments in
            environment.withUnsafeBufferPointer { environment in
                from.withUnsafeBufferPointer { from in
                    to.withUnsafeBufferPointer { to in
                        tasks.withUnsafeBufferPointer { tasks in
                            withOptionalCString(request.workingDirectory) { directory in
                                var what = clinux_spawn()
                                what.executable = arguments.first.flatMap { $0 }.map { UnsafePointer($0) }
                                what.arguments = arguments.baseAddress
                                what.environment = environment.baseAddress
                                what.directory = directory
                                what.from = from.baseAddress
                                what.to = to.baseAddress
                                what.count = CInt(clamping: from.count)
                                what.new_session = request.newSession ? 1 : 0
                                what.network_namespace = namespace
                                what.tasks = tasks.baseAddress
                                what.cgroup = cgroup
                                what.most_descriptors = UInt(clamping: givenDescriptors.withLock { $0 })
                                return clinux_spawn(&what, &pid, &descriptor, &stage)
                            }
                        }
                    }
                }
            }
        }
    }

    private static func withOptionalCString<T>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> T) -> T {
        guard let text else { return body(nil) }
        return text.withCString(body)
    }

    /// Runs a program to its end. Only for programs that end soon; the caller sets the deadline.
    package static func run(_ request: SpawnRequest) async throws -> ExitStatus { try await spawn(request).wait() }

    /// The program's path, looked for where system programs are installed; `nil` when it is not.
    package static func find(_ program: String) -> String? {
        if program.contains("/") { return access(program, X_OK) == 0 ? program : nil }
        return ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
            .map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }

    /// Field 22 of /proc/PID/stat, in clock ticks since boot: with the pid it names one process for good. `nil` when
    /// there is no such process.
    package static func startTime(of pid: pid_t) -> UInt64? { stat(of: pid)?.startTime }

    /// `R`, `S`, `Z`… (proc(5)); `nil` when there is no such process.
    package static func state(of pid: pid_t) -> Character? { stat(of: pid)?.state }

    private static func stat(of pid: pid_t) -> (state: Character, startTime: UInt64)? {
        // A process that is gone or going is the same as none here.
        guard let text = try? Files.text("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        // The second field is the name in parentheses and may hold anything; count from behind it.
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let state = fields[0].first, let start = UInt64(fields[19]) else { return nil }
        return (state, start)
    }

    /// Whether this very process still runs; an ended one not yet reaped does not.
    package static func isRunning(_ pid: pid_t, startTime: UInt64?) -> Bool {
        guard let found = stat(of: pid), found.state != "Z", found.state != "X" else { return false }
        return startTime == nil || startTime == found.startTime
    }

    /// pidfd_open(2), close-on-exec.
    package static func openPidfd(_ pid: pid_t) throws(SystemError) -> Descriptor {
        Descriptor(owning: try check(clinux_pidfd_open(pid), "pidfd_open \(pid)"))
    }

    private static func openPidfdUnlessGone(_ pid: pid_t) throws(SystemError) -> Descriptor? {
        let raw = clinux_pidfd_open(pid)
        if raw >= 0 { return Descriptor(owning: raw) }
        if errno == ESRCH { return nil }
        throw SystemError(errno: errno, attempting: "pidfd_open \(pid)")
    }

    /// Waits until that process has ended, whoever's child it is; at once when it is gone already. Returns how it ended
    /// if it was, or by adoption had become, a child of ours; `nil` if nobody can tell.
    package static func waitForExit(ofPid pid: pid_t, startTime: UInt64?) async throws -> ExitStatus? {
        // First of all, so that nobody reaps it in between and takes its status along.
        known.withLock { $0.pids[pid, default: 0] += 1 }
        defer { forget(pid) }
        guard let descriptor = try openPidfdUnlessGone(pid) else { return nil }
        // The descriptor is open, so the pid cannot change hands any more.
        if let startTime, let found = self.startTime(of: pid), found != startTime { return nil }
        try await Poller.shared.waitUntilReadable(descriptor.raw)
        return reap(descriptor.raw)
    }

    /// Sends a signal to that very process; false when it is gone.
    @discardableResult
    package static func signal(_ signal: CInt, pid: pid_t, startTime: UInt64?) throws(SystemError) -> Bool {
        guard let descriptor = try openPidfdUnlessGone(pid) else { return false }
        if let startTime, self.startTime(of: pid) != startTime { return false }
        if clinux_pidfd_send_signal(descriptor.raw, signal) == 0 { return true }
        if errno == ESRCH { return false }
        throw SystemError(errno: errno, attempting: "signal process \(pid)")
    }

    /// Has a process that leads a session of its own (``SpawnRequest/newSession``) go before others where there is not a processor for each: all its
    /// threads, and those that they start from then on. What they ask of disks goes before others' likewise (nice(2), ioprio_set(2)). Blocking.
    ///
    /// - Parameter niceness: -20 to 19; each step down is worth a quarter more of a processor that others want as well.
    /// - Throws: `SystemError`: EACCES or EPERM for who may not (CAP_SYS_NICE), ESRCH when there is no such process.
    package static func setNiceness(_ niceness: CInt, ofSession pid: pid_t) throws(SystemError) {
        let attempting = "set the priority of process \(pid)"
        // 0 is this process' own group.
        guard let group = id_t(exactly: pid), group > 0 else { throw SystemError(errno: ESRCH, attempting: attempting) }
        try check(setpriority(CInt(PRIO_PGRP.rawValue), group, niceness), attempting)
        // Where the kernel weighs sessions against each other, it is the session's that counts (sched(7)). Where it weighs control groups there is
        // nothing to set, and the one above is what there is.
        try? Files.write("\(niceness)", into: "/proc/\(pid)/autogroup")
    }

    /// Processes whose parents end become children of this one (PR_SET_CHILD_SUBREAPER), as conmon's containers do
    /// when conmon dies. Call ``reapOrphans()`` now and then afterwards.
    package static func becomeSubreaper() throws(SystemError) {
        try check(clinux_set_subreaper(1), "become subreaper")
    }

    /// What this process may open before ``raiseDescriptorLimit()``, which is what the programs that it starts may; 0 before.
    private static let givenDescriptors = Mutex<UInt64>(0)

    /// Lets this process open as many files as the kernel has for one (`fs.nr_open`), or as it may at all where it has no right to raise that
    /// (RLIMIT_NOFILE): each container has up to two dozen open, of which its namespace and counters are most. What it starts, containers among it,
    /// may open as many as it was given. Returns how many this process may.
    @discardableResult
    package static func raiseDescriptorLimit() throws(SystemError) -> UInt64 {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        try check(getrlimit(resource, &limit), "read the limit of descriptors")
        let given = limit.rlim_max
        givenDescriptors.withLock { if $0 == 0 { $0 = UInt64(clamping: given) } }
        let ofKernel = try Files.text("/proc/sys/fs/nr_open").flatMap { UInt64($0.filter(\.isNumber)) }
        limit.rlim_max = max(given, rlim_t(clamping: ofKernel ?? 0))
        limit.rlim_cur = limit.rlim_max
        if setrlimit(resource, &limit) == 0 { return UInt64(clamping: limit.rlim_cur) }
        (limit.rlim_cur, limit.rlim_max) = (given, given)
        try check(setrlimit(resource, &limit), "raise the limit of descriptors")
        return UInt64(clamping: given)
    }

    /// How many files this process may have open now (RLIMIT_NOFILE).
    package static func descriptorLimit() -> UInt64 {
        var limit = rlimit()
        // Fails for a bad address or resource alone, getrlimit(2).
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        return UInt64(clamping: limit.rlim_cur)
    }

    /// Reaps ended children that nobody waits for. Returns how many.
    @discardableResult
    package static func reapOrphans() -> Int {
        var count = 0
        while true {
            let done = known.withLock { known in
                guard known.starting == 0 else { return true }
                let pid = clinux_peek_zombie()
                // A child somebody waits for is about to be reaped, and hides those behind it until the next call.
                guard pid > 0, known.pids[pid] == nil, clinux_reap(pid) == 0 else { return true }
                count += 1
                return false
            }
            if done { return count }
        }
    }

    static func forget(_ pid: pid_t) {
        known.withLock { known in
            guard let count = known.pids[pid] else { return }
            known.pids[pid] = count > 1 ? count - 1 : nil
        }
    }

    /// The status of an ended child; `nil` when it is not our child or another has reaped it.
    static func reap(_ pidfd: CInt) -> ExitStatus? {
        var code: CInt = 0
        var status: CInt = 0
        guard clinux_wait_pidfd(pidfd, &code, &status) == 1 else { return nil }
        return code == 1 ? .exited(status) : .signalled(status)
    }
}

/// A process we have started.
package struct ChildProcess: Sendable {
    package let pid: pid_t
    let exit: ProcessExit

    /// Waits for the end; any number of callers get the same answer, also later.
    package func wait() async throws -> ExitStatus { try await exit.wait() }

    /// The status if it has ended and been noticed.
    package var status: ExitStatus? { exit.status }

    /// Sends a signal; one that has ended is left in peace.
    package func signal(_ signal: CInt) { exit.signal(signal) }

    /// Field 22 of /proc/PID/stat.
    package var startTime: UInt64? { Processes.startTime(of: pid) }
}

/// The end of one child: noticed by the poller, kept for all who ask.
final class ProcessExit: Sendable {
    private let pid: pid_t
    private let descriptor: Descriptor
    private let end = Promise<ExitStatus>()

    init(pid: pid_t, descriptor: consuming Descriptor) {
        self.pid = pid
        self.descriptor = descriptor
    }

    var status: ExitStatus? {
        if case .success(let status) = end.result { status } else { nil }
    }

    /// The poller holds this object until the child has ended.
    func begin() throws(SystemError) {
        _ = try Poller.shared.watch(descriptor.raw, once: true) { [self] in ended() }
    }

    private func ended() {
        // Reaped elsewhere cannot happen while the pid is known; 255 would say so.
        let status = Processes.reap(descriptor.raw) ?? .exited(255)
        Processes.forget(pid)
        end.succeed(status)
    }

    func wait() async throws -> ExitStatus { try await end.value() }

    func signal(_ signal: CInt) {
        // A process that has ended has no use for it.
        if status == nil { _ = clinux_pidfd_send_signal(descriptor.raw, signal) }
    }
}
