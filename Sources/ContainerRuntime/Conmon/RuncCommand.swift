import Glibc
import LinuxSystem

/// Calls of runc's command line, each with a deadline.
struct RuncCommand: Sendable {
    /// Its commands take milliseconds; the bound is for a machine that is out of memory or disk.
    static let deadline = Duration.seconds(60)

    let programs: RuntimePrograms
    let paths: RuntimePaths

    /// What conmon passes on before the command.
    var globalArguments: [String] { ["--root", paths.runc] }

    /// Environment of runc and conmon. runc is a Go program and needs no HOME.
    var environment: [String] {
        [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC",
            "TMPDIR=\(paths.temporary)",
        ]
    }

    /// - Throws: ``RuntimeError`` with runc's words when it fails.
    func run(_ arguments: [String], as operation: RuntimeError.Operation? = nil) async throws {
        let output = try PipeReader.pipe()
        let child = try spawn(arguments, output.writing)
        let reader = output.reader
        do {
            let (status, text) = try await within(Self.deadline, "runc \(arguments.first ?? "")") {
                let text = try await reader.rest()
                return (try await child.wait(), String(decoding: text, as: UTF8.self))
            }
            guard status != .exited(0) else { return }
            if let operation { throw RuntimeError.failed(operation, text) }
            throw RuntimeError(.runtimeFailed, "runc \(arguments.first ?? ""): \(RuntimeError.plainReason(of: text))")
        } catch {
            child.signal(SIGKILL)
            throw error
        }
    }

    private func spawn(_ arguments: [String], _ output: CInt) throws -> ChildProcess {
        defer { close(output) }
        return try Processes.spawn(
            SpawnRequest(
                executable: programs.runc, arguments: globalArguments + arguments, environment: environment,
                descriptors: [(from: output, to: 2)]))
    }
}
