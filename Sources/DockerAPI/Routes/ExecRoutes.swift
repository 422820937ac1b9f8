import DockerTypes
import EngineInterface
import Faults
import HTTPTypes
import HummingbirdCore
import Logging
import Model
import NIOCore

/// Processes started in running containers.
enum ExecRoutes {
    static func add(to routes: inout RouteTable) {
        routes.on(.post, "/containers/{id}/exec") { call in
            let request = try await call.body(ExecRequest.self, named: "ExecConfig")
            guard !request.cmd.isEmpty else { throw APIError(.invalidInput, "No exec command specified") }
            if !request.detachKeys.isEmpty { _ = try DetachKeys(request.detachKeys) }
            let id = try await call.backends.execs.createExec(container: call["id"], request)
            return try .json(IdentifierAnswer(id), status: .created)
        }
        routes.on(.post, "/exec/{id}/start", start)
        routes.on(.post, "/exec/{id}/resize") { call in
            let (height, width) = try ContainerRoutes.size(call.query)
            try await call.backends.execs.resizeExec(call["id"], height: height, width: width)
            return .empty(.ok)
        }
        routes.on(.get, "/exec/{id}/json") { call in
            try .verbatim(ExecAnswer(try await call.backends.execs.inspectExec(call["id"])))
        }
    }

    /// The connection leaves HTTP before the process starts, as in Docker: a failure to start is text in the stream and an
    /// exit code. The stream ends after the code is on record, as the CLI asks for it at that moment. Whether it has frames is
    /// this request's choice, whatever the exec was made with.
    private static func start(_ call: Call) async throws -> Reply {
        let request =
            try await call.optionalBody(ExecStartRequest.self, named: "ExecStartOptions") ?? ExecStartRequest()
        let execs = call.backends.execs
        let id = call["id"]
        if request.detach {
            try await execs.startExecDetached(id)
            return .empty(.ok)
        }
        let exec = try await execs.checkExec(id)
        let framing = OutputFraming(isTerminal: request.tty, version: call.version)
        let keys = try exec.detachKeys.isEmpty ? .standard : DetachKeys(exec.detachKeys)
        let raw = try await call.connection.hijack(head: RawHead.text(for: call, framing))
        do {
            let size = request.consoleSize ?? []
            let streams = try await execs.startExec(
                id, height: size.count == 2 ? size[0] : nil, width: size.count == 2 ? size[1] : nil)
            await StreamPump(
                raw: raw, streams: streams, framing: framing, takesInput: exec.wantsInput, waitsForExit: true,
                detachKeys: exec.isTerminal ? keys : nil, logger: call.logger
            ).run()
        } catch {
            call.logger.debug("an exec did not start", metadata: ["exec": "\(id)", "error": "\(error)"])
            let text = ByteBuffer(string: FaultStatus.answer(to: error).message + "\r\n")
            await raw.headIsRead()
            // A client that has gone does not read the reason.
            try? await raw.write(framing.frame(OutputChunk(stream: .standardOutput, bytes: text)))
            await raw.close()
        }
        return .written
    }
}
