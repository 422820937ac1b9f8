import Concurrency
import EngineInterface
import GRPCCore
import LinuxSystem
import Model
import NodeProtocol
import Orchestration
import Synchronization

/// Opens calls of other nodes to this manager, one for each question about a container there.
///
/// Nodes connect to managers and never the other way: the node is asked on its feed, and the call that it opens begins with an id that nobody can
/// guess, counts once, and counts for that node alone.
final class TunnelHub: Sendable {
    /// Questions to one node at once.
    static let mostOfNode = 64
    /// Of these, logs of containers that belong to no task: whoever watches the dashboard keeps nobody from a shell.
    static let mostViewsOfNode = 32
    /// Questions at once.
    static let mostInAll = 1024
    /// How long a node may take to open its call.
    static let openingDeadline = Duration.seconds(5)

    private struct Question {
        let nodeID: String
        let tunnel: Promise<Tunnel>
    }

    private struct State {
        /// By the ids that calls are to begin with.
        var questions: [String: Question] = [:]
        /// Questions under way, by the nodes asked.
        var counts: [String: Int] = [:]
        var total = 0
        /// Calls that nodes have open.
        var calls: [String: Int] = [:]
        /// What ends the calls that are open.
        var open: [ObjectIdentifier: Promise<Void>] = [:]
        var isClosing = false
    }

    let model: ReadModel
    /// The manager's own node.
    let nodeID: String
    /// Told of what is asked.
    let events: (any EventExchange)?
    private let feeds: FeedHub
    private let state = Mutex(State())

    init(model: ReadModel, feeds: FeedHub, events: (any EventExchange)?, nodeID: String) {
        self.events = events
        self.feeds = feeds
        self.model = model
        self.nodeID = nodeID
    }

    /// Runs until cancelled; then every call is over.
    func run() async throws {
        defer { shutDown() }
        while true { try await Task.sleep(for: .seconds(3600)) }
    }

    private func shutDown() {
        let (open, questions) = state.withLock { state in
            state.isClosing = true
            return (Array(state.open.values), Array(state.questions.values))
        }
        for over in open { over.fail(CancellationError()) }
        for question in questions { question.tunnel.fail(CancellationError()) }
    }

    /// How many questions are under way.
    var count: Int { state.withLock { $0.total } }

    /// A container that belongs to no task, by its whole id.
    func standalone(_ id: String) -> StandaloneBoard.Place? { feeds.standalone(id) }

    // MARK: The manager's side

    /// Has a node open its call.
    /// - Parameters:
    ///   - node: As clients know it.
    ///   - isView: It is for somebody who looks at the dashboard.
    /// - Throws: ``TunnelError``, `CancellationError`.
    func open(_ nodeID: String, called node: String, isView: Bool = false) async throws -> Tunnel {
        let id = RandomID.docker()
        let tunnel = Promise<Tunnel>()
        try state.withLock { state throws(TunnelError) in
            let most = isView ? Self.mostViewsOfNode : Self.mostOfNode
            let mostInAll = isView ? Self.mostInAll / 2 : Self.mostInAll
            guard state.counts[nodeID] ?? 0 < most, state.total < mostInAll, !state.isClosing else {
                throw .limitReached(node)
            }
            state.counts[nodeID, default: 0] += 1
            state.total += 1
            state.questions[id] = Question(nodeID: nodeID, tunnel: tunnel)
        }
        do {
            switch feeds.ask(nodeID, toOpen: id) {
            case .asked: break
            case .absent: throw TunnelError.nodeUnreachable(node)
            case .tooOld: throw TunnelError.nodeTooOld(node)
            }
            return try await withDeadline(Self.openingDeadline, orThrow: TunnelError.noAnswer(node)) {
                try await tunnel.value()
            }
        } catch {
            // A call that was there at that very moment gives its place back itself, when it is dropped with the promise.
            if state.withLock({ $0.questions.removeValue(forKey: id) != nil }) { release(nodeID) }
            throw error
        }
    }

    private func release(_ nodeID: String) {
        state.withLock { state in
            state.total -= 1
            state.counts[nodeID, default: 1] -= 1
            if state.counts[nodeID] == 0 { state.counts[nodeID] = nil }
        }
    }

    // MARK: The nodes' side

    /// A node's call begins, of which nobody knows yet what it answers; ends with ``leave(_:_:)``.
    func enter(_ nodeID: String, _ over: Promise<Void>) throws {
        try state.withLock { state in
            guard !state.isClosing else { throw RPCError(code: .unavailable, message: "this manager is ending") }
            // Those that are over may take a moment to end.
            guard state.calls[nodeID] ?? 0 < 2 * Self.mostOfNode else {
                throw RPCError(code: .resourceExhausted, message: "more calls than were asked for")
            }
            state.calls[nodeID, default: 0] += 1
            state.open[ObjectIdentifier(over)] = over
        }
    }

    func leave(_ nodeID: String, _ over: Promise<Void>) {
        state.withLock { state in
            state.open[ObjectIdentifier(over)] = nil
            state.calls[nodeID, default: 1] -= 1
            if state.calls[nodeID] == 0 { state.calls[nodeID] = nil }
        }
    }

    /// Takes up a node's call for the question that it begins with.
    /// - Throws: `RPCError` with `.notFound` for an id that was not given to this node, or has been used.
    func accept(
        _ id: String, of nodeID: String, _ answers: TunnelAnswers, _ questions: RPCWriter<Wire.TunnelQuestion>,
        over: Promise<Void>
    ) throws {
        let question = state.withLock { state -> Question? in
            guard state.questions[id]?.nodeID == nodeID else { return nil }
            return state.questions.removeValue(forKey: id)
        }
        guard let question else { throw RPCError(code: .notFound, message: "nobody waits for this call") }
        question.tunnel.succeed(
            Tunnel(node: name(of: nodeID), answers, questions, over: over) { [weak self] in self?.release(nodeID) })
    }

    /// A node as clients know it.
    func name(of nodeID: String) -> String { model.objects.nodes[nodeID]?.description?.hostname ?? nodeID }
}
