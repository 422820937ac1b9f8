import Concurrency
import EngineInterface
import Model
import NIOCore
import NodeProtocol
import SwiftProtobuf
import Synchronization

/// A container on another node, asked through its node's call; and the same words as the engine's.
struct RemoteContainer: Sendable {
    let place: TaskContainerPlace
    /// What the client has called it.
    let reference: String
    let hub: TunnelHub

    private typealias Question = Wire.TunnelBeginning.OneOf_Question

    /// Has the node open its call and asks.
    private func ask(_ question: Question) async throws -> Tunnel {
        let node = hub.name(of: place.nodeID)
        let client = await APIClient.name()
        let tunnel = try await hub.open(place.nodeID, called: node, isView: place.taskID.isEmpty)
        TunnelAudit(place, question).tell(
            hub.events, scope: "swarm",
            ["node.id": place.nodeID, "node.name": node, "client": client])
        try await tunnel.send(
            .with {
                $0.beginning.taskID = place.taskID
                $0.beginning.containerID = place.containerID
                $0.beginning.client = client ?? ""
                $0.beginning.question = question
            })
        return tunnel
    }

    /// The error that a client is told: as if the container were here.
    private func told(_ error: any Error, exec: String? = nil) -> any Error {
        guard let refusal = error as? Tunnel.RemoteError else { return error }
        if refusal.failure.isUnknownContainer { return ContainerError.notFound(reference) }
        if let exec, refusal.failure.isUnknownExec { return ExecError.notFound(exec) }
        return refusal.error
    }

    private func asking<Answer>(
        _ question: Question, exec: String? = nil, _ body: (Tunnel) async throws -> Answer
    ) async throws -> Answer {
        do { return try await body(try await ask(question)) } catch { throw told(error, exec: exec) }
    }

    // MARK: Looking

    func inspect(size: Bool) async throws -> ContainerInspection {
        // Sizes are summed up by a walk through all that the container has written.
        let limit = size ? nil : Tunnel.answerDeadline
        return try await asking(.inspect(.with { $0.size = size })) { tunnel in
            let inspection = try await tunnel.json(ContainerInspection.self, within: limit)
            guard inspection.identifier == place.containerID else { throw tunnel.badAnswer }
            return inspection
        }
    }

    func top(_ arguments: String) async throws -> RemoteProcesses {
        try await asking(.top(.with { $0.arguments = arguments })) { try await $0.json(RemoteProcesses.self) }
    }

    func measure() async throws -> ContainerMeasurement {
        try await asking(.measure(.init())) { tunnel in
            let measurement = try await tunnel.json(ContainerMeasurement.self)
            guard measurement.identifier == place.containerID else { throw tunnel.badAnswer }
            return measurement
        }
    }

    func logs(_ query: LogQuery) async throws -> LogStream {
        try await asking(.logs(Wire.LogsQuestion(query))) { tunnel in
            let reader = TunnelReader(tunnel) { told($0) }
            let isTerminal = try await reader.begin()
            return LogStream(
                isTerminal: isTerminal,
                output: AsyncThrowingStream {
                    if let chunks = try await reader.next() { return chunks }
                    await reader.waitForExit()
                    return nil
                })
        }
    }

    func wait(_ condition: WaitCondition) async throws -> PendingExit {
        try await asking(.wait(.with { $0.condition = condition.rawValue })) { tunnel in
            try await tunnel.answer { answer -> Void? in if case .registered = answer { () } else { nil } }
            return PendingExit {
                do {
                    return try await tunnel.answer(within: nil) { answer in
                        if case .exit(let exit) = answer { exit.result } else { nil }
                    }
                } catch { throw told(error) }
            }
        }
    }

    // MARK: Streams

    func attach(_ query: AttachQuery) async throws -> TunnelStreams {
        try await asking(.attach(Wire.AttachQuestion(query))) { try await TunnelStreams($0) { told($0) } }
    }

    func resize(height: Int, width: Int) async throws {
        try await asking(.resize(size(height, width))) { try await $0.done() }
    }

    private func size(_ height: Int, _ width: Int, exec: String = "") -> Wire.ResizeQuestion {
        .with {
            $0.execID = exec
            $0.height = Int64(clamping: height)
            $0.width = Int64(clamping: width)
        }
    }

    // MARK: Commands

    /// - Returns: The exec's id, as its node has it.
    func createExec(_ request: ExecRequest) async throws -> String {
        let payload = try WireJSON.encode(request)
        guard payload.count <= Wire.pieceBytes else { throw TunnelError.requestTooLarge }
        return try await asking(.createExec(.with { $0.request = payload })) { tunnel in
            let id = try await tunnel.answer { answer in if case .execID(let id) = answer { id } else { nil } }
            guard id.utf8.count == 64, id.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else {
                throw tunnel.badAnswer
            }
            return id
        }
    }

    func checkExec(_ id: String) async throws -> RequestedExecStreams {
        try await asking(.checkExec(.with { $0.execID = id }), exec: id) { tunnel in
            try await tunnel.answer { answer in
                if case .execStreams(let streams) = answer { streams.streams } else { nil }
            }
        }
    }

    func startExec(_ id: String, height: Int?, width: Int?) async throws -> TunnelStreams {
        try await asking(.startExec(start(id, height, width)), exec: id) { tunnel in
            try await TunnelStreams(tunnel) { told($0, exec: id) }
        }
    }

    func startExecDetached(_ id: String) async throws {
        var question = start(id, nil, nil)
        question.isDetached = true
        try await asking(.startExec(question), exec: id) { try await $0.done() }
    }

    private func start(_ id: String, _ height: Int?, _ width: Int?) -> Wire.StartExecQuestion {
        .with {
            $0.execID = id
            if let height { $0.height = Int64(clamping: height) }
            if let width { $0.width = Int64(clamping: width) }
        }
    }

    func resizeExec(_ id: String, height: Int, width: Int) async throws {
        try await asking(.resizeExec(size(height, width, exec: id)), exec: id) { try await $0.done() }
    }

    func inspectExec(_ id: String) async throws -> ExecInspection {
        try await asking(.inspectExec(.with { $0.execID = id }), exec: id) { tunnel in
            let inspection = try await tunnel.json(ExecInspection.self)
            guard inspection.id == id, inspection.containerID == place.containerID else { throw tunnel.badAnswer }
            return inspection
        }
    }
}
