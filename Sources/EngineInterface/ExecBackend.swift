package import Model

/// Commands inside containers. Faults: `.notFound` with `No such exec instance: X`; `.conflict` for one that was started before.
package protocol ExecBackend: Sendable {
    /// Notes what is to be run in a running container.
    /// - Returns: An id for the other calls; good as long as the container runs.
    func createExec(container reference: String, _ request: ExecRequest) async throws -> String
    /// Starts the process. A failure of the start is text in the stream and exit code 126 or 127.
    func startExec(_ id: String, height: Int?, width: Int?) async throws -> any AttachedStreams
    /// Whether the exec exists and may be started, asked before the connection is taken over.
    func checkExec(_ id: String) async throws -> RequestedExecStreams
    /// Starts the process and takes nothing of its output.
    /// - Throws: Why it could not be started.
    func startExecDetached(_ id: String) async throws
    /// Lines and columns of the process's terminal.
    func resizeExec(_ id: String, height: Int, width: Int) async throws
    /// What is known of an exec, also when it has ended.
    func inspectExec(_ id: String) async throws -> ExecInspection
}

/// What an exec was made for, of what concerns whoever attaches to it.
package struct RequestedExecStreams: Sendable {
    package var isTerminal: Bool
    package var wantsInput: Bool
    /// As its maker has written them; empty for the usual ones.
    package var detachKeys: String
    package init(isTerminal: Bool, wantsInput: Bool, detachKeys: String = "") {
        self.detachKeys = detachKeys
        self.isTerminal = isTerminal
        self.wantsInput = wantsInput
    }
}
