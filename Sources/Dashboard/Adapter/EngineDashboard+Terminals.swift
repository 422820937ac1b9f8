import EngineInterface
import Logging
import Model
import NIOCore

extension EngineDashboard {
    package func openTerminal(in container: String, size: DashboardTerminalSize, by user: String) async throws
        -> any DashboardTerminal
    {
        var outcome = "refused"
        defer {
            logger.notice(
                "a terminal from the dashboard",
                metadata: ["user": "\(user)", "container": "\(container)", "outcome": "\(outcome)"])
            record(
                "terminal", of: container, by: user, outcome, summary: "terminal in \(container)")
        }
        guard let execs = extras.execs else { throw DashboardError(.notKept) }
        var request = ExecRequest()
        request.attachStdin = true
        request.attachStdout = true
        request.attachStderr = true
        request.tty = true
        request.env = ["TERM=xterm"]
        request.cmd = ["sh"]
        // What the nodes write down of the exec names the operator as well.
        let terminal = try await APIClient.$current.withValue(APIClient { "user=\(user)" }) { [request] in
            let id = try await execs.createExec(container: container, request)
            let streams = try await execs.startExec(id, height: size.rows, width: size.columns)
            return ExecTerminal(id: id, streams: streams, execs: execs)
        }
        outcome = "done"
        return terminal
    }
}

/// A process in a container, on whichever node that is.
private struct ExecTerminal: DashboardTerminal {
    /// What ends a program and then its shell: Ctrl-C, Ctrl-D.
    private static let farewell: [UInt8] = [3, 4]

    let id: String
    let streams: any AttachedStreams
    let execs: any ExecBackend

    var output: AsyncThrowingStream<OutputChunk, any Error> { streams.output }

    func write(_ bytes: ByteBuffer) async throws { try await streams.write(bytes) }

    func resize(_ size: DashboardTerminalSize) async throws {
        try await execs.resizeExec(id, height: size.rows, width: size.columns)
    }

    func exitCode() async -> Int? {
        await streams.finished()
        // Gone with its container: nobody knows.
        return try? await execs.inspectExec(id).exitCode
    }

    func leave() async {
        // It has ended, or reads nothing: there is no more to be done.
        try? await streams.write(ByteBuffer(bytes: Self.farewell))
        await streams.closeInput()
        await streams.detach()
    }
}
