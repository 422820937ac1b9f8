import Concurrency
import ContainerRuntime
import EngineInterface
import Glibc
import LinuxSystem
import Model

/// Containers' processes.
extension StatsService {
    private static let psDeadline = Duration.seconds(10)
    private static let psOutputBytes = 16 << 20

    package func topContainer(_ reference: String, arguments: String) async throws -> (
        titles: [String], processes: [[String]]
    ) {
        let record = try containers.find(reference)
        let arguments = arguments.isEmpty ? "-ef" : arguments
        try PsOutput.check(arguments)
        guard record.isRunning else { throw ContainerError.notRunning(record.id) }
        if record.phase.isRestarting {
            throw ContainerError.restarting(record.id)
        }
        let group = ContainerSpecification.cgroup(of: record.id)
        let layout = layout
        let pids = try await onThread { try Cgroups.processes(in: group, of: layout) }
        let table =
            arguments == "-ef"
            ? (ProcessTable.titles, try await onThread { try ProcessTable.read(pids) })
            : try PsOutput.parse(try await ps(arguments, pids), pids: Set(pids))
        events.publish("container", "top", record.id, record.eventAttributes)
        return table
    }

    /// The host's `ps` for the processes, and for all of them where it does not take `-q` beside the arguments.
    private func ps(_ arguments: String, _ pids: [pid_t]) async throws -> String {
        guard let program = Processes.find("ps") else {
            throw ProcessListError.programMissing
        }
        let words = arguments.split(separator: " ").map(String.init)
        let (chosen, output) = try await run(program, words + ["-q" + pids.map(String.init).joined(separator: ",")])
        if chosen == .exited(0) { return output }
        let (status, all) = try await run(program, words)
        guard status == .exited(0) else { throw ProcessListError.failed(all) }
        return all
    }

    private func run(_ program: String, _ arguments: [String]) async throws -> (ExitStatus, String) {
        let path = "\(paths.run)/ps-\(RandomID.hex(bytes: 8))"
        let child = try await onThread {
            let output = try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL)
            return try Processes.spawn(
                SpawnRequest(
                    executable: program, arguments: arguments, environment: ["LC_ALL=C.UTF-8", "COLUMNS=10000"],
                    descriptors: [(from: output.raw, to: 1), (from: output.raw, to: 2)]))
        }
        do {
            let status = try await withDeadline(Self.psDeadline) { try await child.wait() }
            let text = try await onThread { try Files.text(path, limit: Self.psOutputBytes) ?? "" }
            try await onThread { try Files.remove(path) }
            return (status, text)
        } catch {
            child.signal(SIGKILL)
            try await onThread { try Files.remove(path) }
            throw error
        }
    }
}
