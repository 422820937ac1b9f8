import Concurrency
import DockerMessages
import EngineInterface
import Faults
import Foundation
import GRPCCore
import Model
import NodeProtocol
import SwiftProtobuf

/// Answers one question of a manager about the container of one of this node's tasks, or for the log of one that belongs to none.
struct TunnelAnswerer: Sendable {
    let containers: TaskContainers
    let events: (any EventExchange)?
    /// The manager's node.
    let manager: String
    let writer: RPCWriter<Wire.TunnelAnswer>

    /// Returns when nothing more is to be said.
    /// - Parameter input: Given the streams that take what the manager sends.
    func answer(_ question: Wire.TunnelBeginning, _ input: Promise<any AttachedStreams>) async throws {
        do { try await reply(to: question, input) } catch {
            try Task.checkCancellation()
            try await writer.write(
                .with { $0.failure = Wire.TunnelFailure(error, message: DockerMessage.text(of: error)) })
        }
        // Input that comes now is nobody's.
        input.fail(CancellationError())
    }

    private func reply(to beginning: Wire.TunnelBeginning, _ input: Promise<any AttachedStreams>) async throws {
        let id = beginning.containerID
        guard !id.isEmpty, await mayAsk(beginning) else { throw ContainerError.notFound(id) }
        TunnelAudit(containerID: id, taskID: beginning.taskID, beginning.question).tell(
            events, scope: "local", ["manager.id": manager, "client": NodeReports.cut(beginning.client, 64)])
        switch beginning.question {
        case .inspect(let question):
            try await send(try await containers.listing.inspectContainer(id, size: question.size))
        case .top(let question):
            let (titles, rows) = try await containers.stats.topContainer(id, arguments: question.arguments)
            try await send(RemoteProcesses(titles: titles, processes: rows))
        case .measure: try await send(try await containers.stats.measureContainer(id))
        case .logs(let question):
            let log = try await containers.logs.containerLogs(id, question.query)
            try await writer.write(.with { $0.streams.isTerminal = log.isTerminal })
            for try await chunks in log.output { try await send(chunks) }
            try await endOutput()
            try await writer.write(.with { $0.settled = .init() })
        case .attach(let question):
            try await send(try await containers.streams.attachContainer(id, question.query), input)
        case .resize(let question):
            try await containers.streams.resizeContainer(
                id, height: Int(clamping: question.height), width: Int(clamping: question.width))
            try await done()
        case .wait(let question):
            guard let condition = WaitCondition(rawValue: question.condition) else { throw unknown }
            let pending = try await containers.containers.waitForContainer(id, condition)
            try await writer.write(.with { $0.registered = .init() })
            let result = try await pending.result()
            try await writer.write(.with { $0.exit = Wire.TunnelExit(result) })
        case .createExec, .checkExec, .startExec, .resizeExec, .inspectExec: try await command(beginning, id, input)
        case nil: throw unknown
        }
    }

    /// Of containers that belong to no task a manager is shown what they write, and nothing else.
    private func mayAsk(_ beginning: Wire.TunnelBeginning) async -> Bool {
        guard beginning.taskID.isEmpty else {
            return await containers.lookup.container(ofTask: beginning.taskID) == beginning.containerID
        }
        guard case .logs = beginning.question else { return false }
        return await containers.lookup.isStandalone(beginning.containerID)
    }

    /// A question of a newer manager.
    private var unknown: TunnelError {
        .refused(.notImplemented, "this node's version of Apus does not know the question")
    }

    private func command(
        _ beginning: Wire.TunnelBeginning, _ id: String, _ input: Promise<any AttachedStreams>
    ) async throws {
        let execs = containers.execs
        switch beginning.question {
        case .createExec(let question):
            let request = try WireJSON.decode(ExecRequest.self, from: question.request)
            let exec = try await execs.createExec(container: id, request)
            try await writer.write(.with { $0.execID = exec })
        case .checkExec(let question):
            try await check(question.execID, of: id)
            let streams = try await execs.checkExec(question.execID)
            try await writer.write(.with { $0.execStreams = Wire.ExecStreamsAnswer(streams) })
        case .startExec(let question):
            try await check(question.execID, of: id)
            if question.isDetached {
                try await execs.startExecDetached(question.execID)
                return try await done()
            }
            let streams = try await execs.startExec(
                question.execID, height: question.hasHeight ? Int(clamping: question.height) : nil,
                width: question.hasWidth ? Int(clamping: question.width) : nil)
            try await send(streams, input)
        case .resizeExec(let question):
            try await check(question.execID, of: id)
            try await execs.resizeExec(
                question.execID, height: Int(clamping: question.height), width: Int(clamping: question.width))
            try await done()
        case .inspectExec(let question):
            let inspection = try await execs.inspectExec(question.execID)
            guard inspection.containerID == id else { throw ExecError.notFound(question.execID) }
            try await send(inspection)
        default: throw unknown
        }
    }

    /// A command in another container is none of this question's.
    private func check(_ exec: String, of container: String) async throws {
        guard try await containers.execs.inspectExec(exec).containerID == container else {
            throw ExecError.notFound(exec)
        }
    }

    // MARK: Sending

    private func send(_ value: some Encodable) async throws {
        for piece in Wire.TunnelPiece.pieces(try WireJSON.encode(value)) {
            try await writer.write(.with { $0.json = piece })
        }
    }

    private func done() async throws { try await writer.write(.with { $0.done = .init() }) }

    /// Waits until the connection takes it.
    private func send(_ chunks: [OutputChunk]) async throws {
        for message in Wire.TunnelOutput.messages(chunks) { try await writer.write(.with { $0.output = message }) }
    }

    private func endOutput() async throws { try await writer.write(.with { $0.outputEnd = .init() }) }

    /// The viewer goes when the manager does, however that comes about; the process goes on.
    private func send(_ streams: any AttachedStreams, _ input: Promise<any AttachedStreams>) async throws {
        let result = await Result {
            try await writer.write(.with { $0.streams.isTerminal = streams.isTerminal })
            input.succeed(streams)
            for try await chunk in streams.output { try await send([chunk]) }
            try await endOutput()
            await streams.finished()
            try await writer.write(.with { $0.settled = .init() })
        }
        await streams.detach()
        try result.get()
    }
}
