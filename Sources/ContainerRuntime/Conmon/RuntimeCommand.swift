import Concurrency
import Glibc
import LinuxSystem

/// Calls of a runtime's command line, each with a deadline. crun and runc take the same words.
struct RuntimeCommand: Sendable {
    /// Its commands take milliseconds; the bound is for a machine that is out of memory or disk.
    static let deadline = Duration.seconds(60)

    let name: RuntimeName
    let program: String
    let paths: RuntimePaths
    /// Where its notes are, if not at their usual place.
    var root: String?

    /// What conmon passes on before the command.
    var globalArguments: [String] { ["--root", root ?? paths.state(name)] }

    /// Goes on to its end though the caller is cancelled: a command that is cut off leaves its container half made, or half gone.
    /// - Throws: ``RuntimeError`` with the runtime's words when it fails.
    func run(_ arguments: [String], as operation: RuntimeError.Operation? = nil) async throws {
        try await uncancelled { try await execute(arguments, operation) }
    }

    private func execute(_ arguments: [String], _ operation: RuntimeError.Operation?) async throws {
        let output = try PipeReader.pipe()
        let child = try await spawn(arguments, output.writing)
        let reader = output.reader
        let doing = "\(name.rawValue) \(arguments.first ?? "")"
        do {
            let (status, text) = try await withDeadline(
                Self.deadline, orThrow: RuntimeError.notInTime(doing, Self.deadline)
            ) {
                let text = try await reader.rest()
                return (try await child.wait(), String(decoding: text, as: UTF8.self))
            }
            guard status != .exited(0) else { return }
            if let operation { throw RuntimeError.failed(operation, text, by: name) }
            throw RuntimeError(.runtimeFailed, "\(doing): \(RuntimeError.plainReason(of: text))")
        } catch {
            child.signal(SIGKILL)
            throw error
        }
    }

    /// On a thread: to start a process waits for whoever moves one between control groups.
    private func spawn(_ arguments: [String], _ output: CInt) async throws -> ChildProcess {
        defer { close(output) }
        return try await onThread { try start(arguments, output) }
    }

    private func start(_ arguments: [String], _ output: CInt) throws -> ChildProcess {
        try Processes.spawn(
            SpawnRequest(
                executable: program, arguments: globalArguments + arguments, environment: paths.environment,
                descriptors: [(from: output, to: 2)]))
    }
}
