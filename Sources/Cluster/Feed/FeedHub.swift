package import Concurrency
import EngineInterface
package import Foundation
import GRPCCore
import LinuxSystem
package import Model
import NodeProtocol
import Orchestration
import SwiftProtobuf
import Synchronization

/// A manager's end of all nodes' feeds: takes in what they tell, and asks them.
package final class FeedHub: Sendable {
    /// How long a node may take to answer.
    static let deadline = Duration.seconds(3)
    /// How many nodes are asked at once.
    static let mostAtOnce = 64
    /// Queries that wait for one node.
    static let mostQueries = 64
    /// Bytes of one answer.
    static let mostAnswer = 256 << 10
    /// Events of one node: after an outage 2,000 at once.
    private static let (burst, perSecond) = (2000.0, 50.0)

    /// One node's call.
    final class Line: Sendable {
        struct State {
            var kept: Int64?
            var queries: [Wire.HistoryQuery] = []
            /// Ids of calls that the node is to open; no more than the node may have open.
            var tunnels: [String] = []
            var opensTunnels = false
            var isOver = false
        }

        let state = ObservableValue(State())
    }

    private struct State {
        /// By the nodes' ids.
        var lines: [String: Line] = [:]
        var paces: [String: Allowance] = [:]
        var board = PulseBoard()
        var containers = StandaloneBoard()
        var lastQuery: UInt64 = 0
        var questions: [UInt64: (nodeID: String, answer: Promise<Data>)] = [:]
    }

    private let model: ReadModel
    private let events: (any EventExchange)?
    private let slots = Slots(FeedHub.mostAtOnce)
    private let state = Mutex(State())
    /// Counts what nodes have told of containers that belong to no task.
    package let containerNews = ObservableValue<UInt64>(0)

    init(model: ReadModel, events: (any EventExchange)?) {
        self.events = events
        self.model = model
    }

    /// What is known of how nodes, services and tasks are.
    package var board: PulseBoard { state.withLock { $0.board } }

    /// What is known of containers that belong to no task.
    package var containers: StandaloneBoard { state.withLock { $0.containers } }

    /// Ids of nodes whose feeds are open.
    package var connected: Set<String> { state.withLock { Set($0.lines.keys) } }

    /// A container that belongs to no task, by its whole id.
    func standalone(_ id: String) -> StandaloneBoard.Place? { state.withLock { $0.containers.place(of: id) } }

    /// Where nodes serve their metrics, by their ids; nothing of those that do not.
    package var metricsAddresses: [String: NodeMetricsAddress] {
        var addresses: [String: NodeMetricsAddress] = [:]
        for (id, node) in model.objects.nodes { addresses[id] = node.description?.metricsAddress }
        return addresses
    }

    /// Forgets, until cancelled, what is no more.
    func run() async {
        var before: SwarmLook?
        for await _ in model.changes() {
            let look = model.look(after: before)
            before = look
            guard !look.changes.nodes.isEmpty || !look.changes.services.isEmpty, !look.state.isStale else { continue }
            state.withLock { state in
                state.board.forget(
                    nodesBut: { look.state.nodes[$0] != nil }, servicesBut: { look.state.services[$0] != nil })
                state.containers.forget(nodesBut: { look.state.nodes[$0] != nil })
                for id in look.changes.nodes where look.state.nodes[id] == nil { state.paces[id] = nil }
            }
        }
    }

    // MARK: A node's call

    /// Takes up a node's call; another one of the node is over then.
    func open(_ nodeID: String) -> Line {
        let line = Line()
        let former = state.withLock { $0.lines.updateValue(line, forKey: nodeID) }
        former?.state.change { $0.isOver = true }
        return line
    }

    func close(_ nodeID: String, _ line: Line) {
        let unanswered = state.withLock { state in
            guard state.lines[nodeID] === line else { return [Promise<Data>]() }
            state.lines[nodeID] = nil
            let ids = state.questions.filter { $0.value.nodeID == nodeID }.keys
            return ids.compactMap { state.questions.removeValue(forKey: $0)?.answer }
        }
        for answer in unanswered { answer.settle(.failure(Silence())) }
    }

    /// The number of the last event that is known of a node's log.
    func known(of log: String, at nodeID: String) -> Int64 { events?.known(of: log, at: nodeID) ?? .max }

    /// Takes in events; returns the number of the last one that is kept. Waits when the node tells too many.
    func take(_ batch: Wire.EventBatch, of log: String, at nodeID: String, isManager: Bool) async throws -> Int64? {
        let told = try FeedEvents.events(batch, isManager: isManager)
        guard let events, told.last > 0 else { return nil }
        let node = EventNode(id: nodeID, name: try await name(of: nodeID))
        let kept = try await events.take(told.events, through: told.last, of: log, at: node) { [model] id in
            model.objects.nodes[id] != nil
        }
        let pause = state.withLock { state in
            let now = ContinuousClock.now
            var pace = state.paces[nodeID] ?? Allowance(burst: Self.burst, perSecond: Self.perSecond, at: now)
            defer { state.paces[nodeID] = pace }
            for _ in batch.events where !pace.take(at: now) { return pace.pause(at: now) * batch.events.count }
            return .zero
        }
        if pause > .zero { try await Task.sleep(for: pause) }
        return kept
    }

    func take(_ pulse: Wire.Pulse, of nodeID: String) {
        let objects = model.objects
        let now = Timestamp.now.seconds
        state.withLock { state in
            let containers = state.containers
            state.board.take(
                pulse.pulse, of: nodeID, now: now,
                service: { id in objects.tasks[id].flatMap { $0.nodeID == nodeID ? $0.serviceID : nil } },
                peer: { objects.nodes[$0]?.id }, isStandalone: { containers.has($0, of: nodeID) })
        }
    }

    /// Takes in what a node tells of its containers that belong to no task.
    /// - Parameter line: Its call; what is told on one that another has taken the place of is old.
    func take(_ news: Wire.StandaloneNews, of nodeID: String, on line: Line) throws {
        let told = try StandaloneMessages.told(news)
        let isNews = try state.withLock { state throws(RPCError) in
            let lines = state.lines
            guard lines[nodeID] === line else { return false }
            return try state.containers.take(told, of: nodeID) { lines[$0] != nil }
        }
        if isNews { containerNews.change { $0 &+= 1 } }
    }

    func take(_ answer: Wire.HistoryAnswer, of nodeID: String) throws {
        guard answer.answer.count <= Self.mostAnswer else {
            throw RPCError(code: .invalidArgument, message: "an answer of \(answer.answer.count) bytes")
        }
        let promise = state.withLock { state in
            state.questions[answer.id]?.nodeID == nodeID ? state.questions.removeValue(forKey: answer.id)?.answer : nil
        }
        promise?.settle(answer.failure.isEmpty ? .success(answer.answer) : .failure(Silence()))
    }

    /// How long events wait for a node that has just joined: it is in the store before it is in this manager's copy, and tells its name
    /// after its first event.
    private static let naming = Duration.seconds(10)

    /// The node's name; its id when it tells none.
    private func name(of nodeID: String) async throws -> String {
        if let name = knownName(of: nodeID) { return name }
        do {
            try await withDeadline(Self.naming) {
                for await _ in self.model.changes() where self.knownName(of: nodeID) != nil { break }
                try Task.checkCancellation()
            }
        } catch is DeadlinePassed {
            return nodeID
        }
        return knownName(of: nodeID) ?? nodeID
    }

    private func knownName(of nodeID: String) -> String? {
        model.objects.nodes[nodeID].flatMap { $0.spec.name ?? $0.description?.hostname }
    }

    // MARK: Questions

    /// What becomes of a question for a tunnel.
    enum TunnelQuest { case asked, tooOld, absent }

    /// Asks a node to open a call that begins with an id.
    func ask(_ nodeID: String, toOpen id: String) -> TunnelQuest {
        guard let line = state.withLock({ $0.lines[nodeID] }) else { return .absent }
        guard line.state.value.kept != nil else { return .absent }
        guard line.state.value.opensTunnels else { return .tooOld }
        line.state.change { $0.tunnels.append(id) }
        return .asked
    }

    /// A node that does not answer.
    private struct Silence: Error {}

    /// Asks nodes, so many at once; those that have not answered in time are left out.
    /// - Parameter queries: By the nodes' ids.
    /// - Returns: Answers by the nodes' ids.
    package func ask(_ queries: [String: Data]) async -> [String: Data] {
        await withTaskGroup(of: (String, Data)?.self) { group in
            for (nodeID, query) in queries {
                group.addTask {
                    // Whoever is left out has not answered; which of the reasons it was nobody can tell.
                    try? await self.slots.run { (nodeID, try await self.ask(nodeID, query)) }
                }
            }
            var answers: [String: Data] = [:]
            for await case .some((let nodeID, let answer)) in group { answers[nodeID] = answer }
            return answers
        }
    }

    private func ask(_ nodeID: String, _ query: Data) async throws -> Data {
        let promise = Promise<Data>()
        let asked = state.withLock { state -> (line: Line, id: UInt64)? in
            guard let line = state.lines[nodeID] else { return nil }
            state.lastQuery += 1
            state.questions[state.lastQuery] = (nodeID, promise)
            return (line, state.lastQuery)
        }
        guard let (line, id) = asked else { throw Silence() }
        defer { state.withLock { _ = $0.questions.removeValue(forKey: id) } }
        line.state.change { state in
            guard state.queries.count < Self.mostQueries else { return }
            state.queries.append(
                .with {
                    $0.id = id
                    $0.query = query
                })
        }
        return try await withDeadline(Self.deadline, orThrow: Silence()) { try await promise.value() }
    }
}
