import ESPControl
import Glibc
import LinuxSystem

/// `apus-esp` as a process: where it is, how it is started, how one that is not wanted is ended. It outlives the daemon.
struct EncryptionProcess: Sendable {
    static let name = "apus-esp"
    private static let endDeadline = Duration.seconds(5)

    /// The program; `nil` where it is not installed.
    let program: String?
    /// Of the process alone: its socket is in it, and its sequence numbers.
    let directory: String
    /// Whose network is the node's; `nil`: this process's own.
    let namespace: NetworkNamespace?

    var socket: String { directory + "/control.sock" }

    /// - Parameter program: `nil` for the one beside this daemon's own program.
    init(program: String? = nil, directory: String, namespace: NetworkNamespace?) {
        self.program = program ?? Self.besideOwn()
        self.directory = directory
        self.namespace = namespace
    }

    private static func besideOwn() -> String? {
        // Without a /proc it is as if it were not there, which is told.
        guard let own = try? Files.link("/proc/self/exe") else { return nil }
        let path = Files.parent(of: own) + "/" + name
        return access(path, X_OK) == 0 ? path : nil
    }

    /// Why this node cannot encrypt; `nil` when it can. Blocking.
    func obstacle() -> String? {
        guard program != nil else { return "the program \(Self.name) is not installed beside apusd" }
        do {
            // Opening it makes nothing, but has the kernel load what is behind it.
            _ = try Descriptor.open("/dev/net/tun", O_RDWR)
            return nil
        } catch {
            return "this node's kernel has no TAP devices (/dev/net/tun: \(error))"
        }
    }

    /// Blocking.
    /// - Throws: `SystemError`.
    func start() throws -> ChildProcess? {
        guard let program else { return nil }
        try Files.makePrivateDirectory(directory)
        let log = try Descriptor.open(directory + "/log", O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
        return try Processes.spawn(
            SpawnRequest(
                executable: program, arguments: ["--socket", socket, "--counters", directory + "/counters"],
                workingDirectory: "/",
                descriptors: [(from: log.raw, to: 1), (from: log.raw, to: 2)], newSession: true,
                networkNamespace: namespace?.path))
    }

    /// Ends the process that has answered, whoever has started it.
    /// - Throws: `SystemError`, `CancellationError`.
    func end(_ pid: pid_t) async throws {
        guard let start = Processes.startTime(of: pid), isOurs(pid) else { return }
        try Processes.signal(SIGTERM, pid: pid, startTime: start)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                _ = try await Processes.waitForExit(ofPid: pid, startTime: start)
                return true
            }
            group.addTask {
                try await Task.sleep(for: Self.endDeadline)
                return false
            }
            defer { group.cancelAll() }
            if try await group.next() == false { try Processes.signal(SIGKILL, pid: pid, startTime: start) }
        }
    }

    /// A number that somebody says is not believed: only what runs such a program is ended.
    private func isOurs(_ pid: pid_t) -> Bool {
        // After an upgrade the file of its program is another, or gone.
        guard pid > 1, let path = try? Files.link("/proc/\(pid)/exe") else { return false }
        let file = path.split(separator: "/").last.map(String.init) ?? ""
        return file == Self.name || file == Self.name + " (deleted)"
    }
}
