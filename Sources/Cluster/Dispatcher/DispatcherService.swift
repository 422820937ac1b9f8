import Concurrency
import Foundation
package import GRPCCore
import LinuxSystem
import Model
package import NodeProtocol
import Orchestration
import SwiftProtobuf

/// The dispatcher's edge to the nodes.
package struct DispatcherService: Wire.Dispatcher.SimpleServiceProtocol {
    private let dispatcher: Dispatcher
    private let managers: @Sendable () -> [Wire.Manager]
    private let roots: @Sendable () -> String

    /// - Parameters:
    ///   - managers: The managers of the moment, told to each node.
    ///   - roots: PEM of the roots of the moment.
    package init(
        _ dispatcher: Dispatcher, managers: @escaping @Sendable () -> [Wire.Manager],
        roots: @escaping @Sendable () -> String
    ) {
        self.dispatcher = dispatcher
        self.managers = managers
        self.roots = roots
    }

    /// A node's session: it says how it is, and is told how things are, until either ends.
    package func session(
        request: RPCAsyncSequence<Wire.SessionRequest, any Error>, response: RPCWriter<Wire.SessionMessage>,
        context: ServerContext
    ) async throws {
        let member = try Peer(context).member
        let nodeID = member.nodeID
        let source = NodeAddress(nodeID, context)
        let session = RandomID.swarm()
        let (answers, answer) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let (heard, news) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let result = await Result {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var isOpen = false
                    for try await message in request {
                        // No answer is due, and the node's signs of life come beside it.
                        if isOpen, !message.applied.isEmpty {
                            try await acknowledge(message.applied, nodeID, session: session)
                            continue
                        }
                        let description =
                            message.description_p.isEmpty
                            ? nil
                            : try await readable(of: nodeID) { try NodeReports.description(message.description_p) }
                        let place = Dispatcher.ClaimedPlace(claim: message.dataPathAddress, source: source)
                        if isOpen {
                            try await dispatcher.heard(
                                nodeID, session: session, description: description, place: place)
                            news.yield()
                        } else {
                            try await inOwnTask {
                                try await dispatcher.open(
                                    member, session: session, description: description, place: place,
                                    program: NodeReports.program(message.program), answers: answer)
                            }
                            isOpen = true
                            answer.yield()
                        }
                    }
                }
                // Beside the above: a store that is slow makes no node silent.
                group.addTask {
                    for await _ in heard {
                        try await inOwnTask { try await dispatcher.writeHeard(nodeID, session: session) }
                        answer.yield()
                    }
                }
                group.addTask {
                    var told = SessionTold()
                    for await _ in answers {
                        var answer = try await inOwnTask { await self.answer(nodeID, session) }
                        told.leaveOut(of: &answer)
                        try await response.write(answer)
                    }
                    throw RPCError(code: .aborted, message: "the session is over")
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        }
        await dispatcher.close(nodeID, session: session)
        try result.get()
    }

    /// What the node is to run and to know, first all of it, then what changes.
    package func assignments(
        request: Wire.AssignmentsRequest, response: RPCWriter<Wire.AssignmentsMessage>, context: ServerContext
    ) async throws {
        let nodeID = try Peer(context).member.nodeID
        let session = request.sessionID
        try await dispatcher.allowStream(nodeID, session: session)
        for await _ in try await dispatcher.assignments.stream(nodeID, session: session) {
            let batch = try await dispatcher.assignments.next(nodeID, session: session)
            if let keys = batch.keys { try await response.write(.with { $0.overlayKeys = Wire.OverlayKeys(keys) }) }
            for changes in batch.networks { try await response.write(.with { $0.networkChanges = changes }) }
            guard let change = batch.tasks else { continue }
            let messages = try Wire.messages(
                from: change.from, to: change.to, tasks: change.tasks, removed: change.removed)
            for message in messages { try await response.write(message) }
        }
        throw RPCError(code: .aborted, message: "the session is over")
    }

    /// Takes the states of a node's tasks.
    package func reportTasks(request: Wire.ReportTasksRequest, context: ServerContext) async throws -> Wire.ReportReply
    {
        guard request.reports.count <= NodeReports.maximumReports else {
            throw RPCError(code: .invalidArgument, message: "too many reports at once")
        }
        let nodeID = try Peer(context).member.nodeID
        var reports: [(taskID: String, status: TaskStatus)] = []
        for report in request.reports {
            guard let status = try await readable(of: nodeID, { try NodeReports.status(report.status) }) else {
                continue
            }
            reports.append((report.taskID, status))
        }
        try await dispatcher.report(nodeID, session: request.sessionID, reports)
        return Wire.ReportReply()
    }

    /// The node says which states of networks are in force.
    private func acknowledge(
        _ applied: [Wire.NetworkProgress], _ nodeID: String, session: String
    ) async throws {
        guard applied.count <= NodeReports.maximumReports else {
            throw RPCError(code: .invalidArgument, message: "too many reports at once")
        }
        try await dispatcher.assignments.acknowledge(
            nodeID, session: session, applied.map { (NetworkFact.Scope(networkID: $0.network), $0.sequence) })
    }

    /// What a node says in a form that is not read here, as one of a newer version may, is passed over: the rest of it counts.
    private func readable<Value>(of nodeID: String, _ read: () throws -> Value) async throws -> Value? {
        do { return try read() } catch let error as RecordError {
            await dispatcher.tell(of: UnreadRecord(type: "node", id: nodeID, reason: error.description))
            return nil
        }
    }

    /// All that a node is told, whether it has been told it or not.
    private func answer(_ nodeID: String, _ session: String) async -> Wire.SessionMessage {
        let heartbeat = await dispatcher.heartbeat
        let objects = dispatcher.model.objects
        let role = objects.nodes.shared(nodeID)?.value.grantedRole
        return .with {
            $0.sessionID = session
            $0.heartbeatMilliseconds = UInt32(exactly: (heartbeat / .milliseconds(1)).rounded()) ?? .max
            $0.managers = managers()
            $0.rootsPem = roots()
            $0.revoked = (objects.cluster?.revoked ?? []).map(\.serial)
            $0.role = role?.rawValue ?? ""
            $0.program = dispatcher.capabilities.program
        }
    }
}

/// What a node has been told in a session. What is long and hardly ever changes is told once: nodes of all versions take its absence for that
/// nothing of it has changed.
struct SessionTold {
    private var managers: [Wire.Manager] = []
    private var roots = ""
    private var revoked: [String] = []

    /// Takes out of an answer what is as it was in the one before.
    mutating func leaveOut(of answer: inout Wire.SessionMessage) {
        let before = self
        (managers, roots, revoked) = (answer.managers, answer.rootsPem, answer.revoked)
        if managers == before.managers { answer.managers = [] }
        if roots == before.roots { answer.rootsPem = "" }
        if revoked == before.revoked { answer.revoked = [] }
    }
}

extension Result where Failure == any Error {
    /// The outcome of an asynchronous operation, for what must be done after it either way.
    init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
