package import Model

/// The answer to `GET /exec/{id}/json`, whose inner object is spelled in lower case.
package struct ExecAnswer: Encodable, Sendable {
    private let exec: ExecInspection

    package init(_ exec: ExecInspection) { self.exec = exec }

    private enum CodingKeys: String, CodingKey {
        case id = "ID"
        case running = "Running"
        case exitCode = "ExitCode"
        case process = "ProcessConfig"
        case openStdin = "OpenStdin"
        case openStderr = "OpenStderr"
        case openStdout = "OpenStdout"
        case canRemove = "CanRemove"
        case containerID = "ContainerID"
        case detachKeys = "DetachKeys"
        case pid = "Pid"
    }

    private struct Process: Encodable {
        let tty: Bool
        let entrypoint: String
        let arguments: [String]
        let privileged: Bool
        let user: String?
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(exec.id, forKey: .id)
        try container.encode(exec.running, forKey: .running)
        try container.encode(exec.exitCode, forKey: .exitCode)
        let process = exec.processConfig
        try container.encode(
            Process(
                tty: process.tty, entrypoint: process.entrypoint, arguments: process.arguments,
                privileged: process.privileged, user: process.user), forKey: .process)
        try container.encode(exec.openStdin, forKey: .openStdin)
        try container.encode(exec.openStderr, forKey: .openStderr)
        try container.encode(exec.openStdout, forKey: .openStdout)
        try container.encode(exec.canRemove, forKey: .canRemove)
        try container.encode(exec.containerID, forKey: .containerID)
        try container.encode(exec.detachKeys, forKey: .detachKeys)
        try container.encode(exec.pid, forKey: .pid)
    }
}
