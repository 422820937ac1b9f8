import Addressing
import Faults
import Glibc
import LinuxSystem

/// Starting and stopping the processes of a lab.
struct LabDaemons: Sendable {
    /// How long a daemon may take to answer.
    static let startDeadline: Duration = .seconds(60)
    /// How long a daemon that is asked to stop may take.
    static let stopDeadline: Duration = .seconds(20)
    static let pollInterval: Duration = .milliseconds(100)
    /// How much of a log is shown when its daemon does not start.
    static let shownLogBytes = 4000

    let paths: LabPaths

    /// The program that runs, and those beside it.
    private static func program(_ name: String?) throws -> String {
        guard let own = LabProcesses.link("/proc/self/exe") else {
            throw APIError(.internalError, "the running program cannot be found")
        }
        guard let name else { return own }
        let path = Files.parent(of: own) + "/" + name
        guard access(path, X_OK) == 0 else {
            throw APIError(.notFound, "\(path) is missing: build or install it first")
        }
        return path
    }

    private static func environment() -> [String] {
        let requested = ["PATH", "LANG", "LD_LIBRARY_PATH"]
        return requested.compactMap { name in getenv(name).map { "\(name)=\(String(cString: $0))" } }
    }

    /// Starts a node's `apusd` and waits until its API answers.
    func start(_ node: LabState.Node, _ options: LabOptions, _ more: [String] = []) async throws -> LabProcess {
        let underlay = options.underlay
        let arguments =
            [
                "--host", "unix:///run/apus/docker.sock", "--advertise-addr", "\(node.address)",
                "--registry-mirror", "http://\(underlay.registry)", "--insecure-registry", underlay.registry,
                "--log-level", options.logLevel, "--lab",
                "--metrics-addr", HostText.join(node.address, Int(LabUnderlay.metricsPort)), "--metrics-cluster",
                "--dashboard-terminal",
            ] + underlay.internet.all.flatMap { ["--dns", "\($0)"] } + (underlay.hasIPv6 ? ["--ipv6"] : [])
        let executable = try Self.program("apusd")
        let namespaces = NodeNamespaces(paths: paths, node: node.name)
        let log = paths.log(node.name)
        let process = try await onThread {
            let output = try Descriptor.open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode: 0o644)
            try namespaces.enter()
            let child = try Processes.spawn(
                SpawnRequest(
                    executable: executable, arguments: arguments + more, environment: Self.environment(),
                    workingDirectory: "/", descriptors: [(output.raw, 1), (output.raw, 2)], newSession: true))
            return LabProcess(pid: child.pid, startTime: child.startTime)
        }
        // Whatever it starts is found by the group, should it leave the node's namespaces.
        try LabCgroups.add(process.pid, to: "\(paths.cgroup)/\(node.name)/daemon")
        try await waitForAnswer(node, process)
        return process
    }

    private func waitForAnswer(_ node: LabState.Node, _ process: LabProcess) async throws {
        let client = EngineClient(socket: paths.socket(node.name))
        let end = ContinuousClock.now + Self.startDeadline
        while ContinuousClock.now < end, process.isRunning {
            // Until the daemon listens, connecting fails; what else may be wrong ends with the deadline.
            if let reply = try? await client.get("/_ping"), reply.status == 200 { return }
            try await Task.sleep(for: Self.pollInterval)
        }
        let state = process.isRunning ? "does not answer" : "has ended"
        let log = String(
            decoding: (try Files.read(paths.log(node.name)) ?? []).suffix(Self.shownLogBytes), as: UTF8.self)
        throw APIError(.unavailable, "apusd of \(node.name) \(state); its log ends with:\n\(log)")
    }

    /// Starts the process that serves the internet host, and waits until its sockets are there.
    func startInternet(_ options: LabOptions) async throws -> LabProcess {
        let executable = try Self.program(nil)
        let paths = paths
        let log = paths.log("internet")
        let arguments =
            ["lab", "internet", "--name", paths.name, "--registry", options.registry]
            + ["--underlay", options.families.rawValue]
            + (options.dashboardPort.map { ["--dashboard-port", "\($0)"] } ?? [])
        let process = try await onThread {
            let output = try Descriptor.open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode: 0o644)
            let child = try Processes.spawn(
                SpawnRequest(
                    executable: executable, arguments: arguments, environment: Self.environment(),
                    workingDirectory: "/", descriptors: [(output.raw, 1), (output.raw, 2)], newSession: true))
            // Unlike the daemons it is in no namespace of the lab: the group is how `down` finds it.
            try LabCgroups.add(child.pid, to: paths.cgroup + "/internet")
            return LabProcess(pid: child.pid, startTime: child.startTime)
        }
        let end = ContinuousClock.now + Self.startDeadline
        while ContinuousClock.now < end, process.isRunning {
            let sockets = try await paths.network("internet").run {
                try ["tcp", "tcp6"].map { try Files.text("/proc/thread-self/net/\($0)") ?? "" }
            }
            let listening = sockets.reduce(0) { $0 + $1.split(separator: "\n").count(where: Self.isRegistryListener) }
            if listening == options.underlay.internet.all.count { return process }
            try await Task.sleep(for: Self.pollInterval)
        }
        let text = try Files.text(log) ?? ""
        throw APIError(.unavailable, "the internet host does not answer; its log ends with:\n\(text.suffix(2000))")
    }

    /// Whether a line of /proc/net/tcp or tcp6 is of the last of the helper's sockets at an address, in state LISTEN. proc_net_tcp(5).
    private static func isRegistryListener(_ line: Substring) -> Bool {
        let fields = line.split(separator: " ")
        let digits = String(LabUnderlay.registryPort, radix: 16, uppercase: true)
        let port = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        return fields.count > 3 && fields[1].hasSuffix(":" + port) && fields[3] == "0A"
    }

    /// Asks a daemon to stop and waits for it; kills it when it does not.
    func stop(_ process: LabProcess) async throws {
        guard try Processes.signal(SIGTERM, pid: process.pid, startTime: process.startTime) else { return }
        let end = ContinuousClock.now + Self.stopDeadline
        while process.isRunning, ContinuousClock.now < end { try await Task.sleep(for: Self.pollInterval) }
        if process.isRunning { try await kill(process) }
    }

    /// Kills a process and waits until it has gone.
    func kill(_ process: LabProcess) async throws {
        guard try Processes.signal(SIGKILL, pid: process.pid, startTime: process.startTime) else { return }
        let end = ContinuousClock.now + Self.stopDeadline
        while process.isRunning {
            guard ContinuousClock.now < end else {
                throw APIError(.internalError, "process \(process.pid) does not end")
            }
            try await Task.sleep(for: Self.pollInterval)
        }
    }
}
