import Concurrency
import Foundation
import GRPCCore
import Logging
import Model
import NodeProtocol
import Orchestration
import StateStore

/// What the nodes of one manager are to run and to know: their tasks, and facts of networks.
///
/// A change of the swarm costs what it touches: the facts that are other because of it are encoded once for all, the nodes concerned are woken, and
/// each reads on from where it is. A node that reads slowly costs nothing: it holds no copies, and what came and went meanwhile it is not told.
///
/// It runs beside ``Dispatcher``, so that nodes' signs of life never wait for it.
actor AssignmentPlanner {
    /// Changes that come within this time of a round are told together: twice what the round took, within these bounds.
    static let shortestWindow = Duration.milliseconds(20)
    static let longestWindow = Duration.milliseconds(250)

    /// What one node is told at one time.
    struct Batch: Sendable {
        /// Encoded ``Wire/NetworkChanges``. Networks go first: a task must find them.
        var networks: [Data] = []
        /// What keys of encrypted networks are derived from, before the networks; empty when the node is to forget them.
        var keys: OverlayKeyring?
        var tasks: TaskTeller.Change?
    }

    let model: ReadModel
    let live: ManagerPresence
    let ownID: String
    let log: Logger
    let clock = ContinuousClock()

    var objects = SwarmState()
    /// The last look, of which ``objects`` are.
    var look: SwarmLook?
    var index = NetworkIndex()
    var rings: [NetworkFact.Scope: ChangeRing] = [:]
    /// Counts the rounds in which some fact has changed.
    var sequence: UInt64 = 0
    var acknowledgements = Acknowledgements()
    var backends = BackendPlanner()
    var drains = DrainPlanner()
    var nodeTasks = NodeTasks()
    var readyNodes: Set<String> = []
    /// Of the keys of encrypted networks.
    var keysVersion: UInt64?
    var subscribers: [String: AssignmentSubscriber] = [:]
    /// Those that are not ready yet.
    var newcomers: Set<String> = []
    private var isClosing = false

    /// Which stopping tasks this manager's nodes send nothing to any more, for the other managers.
    let drained = ObservableValue(Set<String>())
    /// When something falls due.
    let due = ObservableValue<ContinuousClock.Instant?>(nil)
    private let triggers: AsyncStream<Void>
    let trigger: AsyncStream<Void>.Continuation

    init(model: ReadModel, live: ManagerPresence, nodeID: String, log: Logger) {
        self.live = live
        self.log = log
        self.model = model
        ownID = nodeID
        (triggers, trigger) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Runs until cancelled; then every stream is over.
    func run() async throws {
        defer { shutDown() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in self.model.changes() { self.trigger.yield() } }
            group.addTask {
                var seen = 0
                while true {
                    seen = try await self.live.latest.wait { $0.changes > seen ? $0.changes : nil }
                    self.trigger.yield()
                }
            }
            group.addTask { try await self.tellDrained() }
            group.addTask {
                while true {
                    let due = try await self.due.wait { $0 }
                    try await Task.sleep(until: due, clock: .continuous)
                    self.trigger.yield()
                    try await self.due.wait { $0 == due ? nil : true }
                }
            }
            group.addTask {
                for await _ in self.triggers {
                    let cost = await self.round()
                    try await Task.sleep(for: min(max(cost * 2, Self.shortestWindow), Self.longestWindow))
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func shutDown() {
        isClosing = true
        for subscriber in subscribers.values { subscriber.wake?.finish() }
    }

    // MARK: Nodes

    /// A node's session has begun.
    /// - Parameter lacking: What the node's program does not understand, and is not told.
    func begin(_ nodeID: String, session: String, lacking: [Capability]) {
        remove(nodeID)
        subscribers[nodeID] = AssignmentSubscriber(
            session: session, teller: TaskTeller(lacking: lacking),
            understandsKeys: !lacking.contains { $0.name == Capabilities.overlayKeys.name })
        newcomers.insert(nodeID)
        trigger.yield()
    }

    /// A node's session is over.
    func end(_ nodeID: String, session: String) {
        guard subscribers[nodeID]?.session == session else { return }
        remove(nodeID)
        if !acknowledgements.passed.isEmpty { trigger.yield() }
    }

    private func remove(_ nodeID: String) {
        guard let former = subscribers.removeValue(forKey: nodeID) else { return }
        newcomers.remove(nodeID)
        for scope in former.scopes { acknowledgements.leave(nodeID, scope) }
        former.wake?.finish()
    }

    private func check(_ nodeID: String, _ session: String) throws {
        guard subscribers[nodeID]?.session == session else {
            throw RPCError(code: .aborted, message: "the session is over")
        }
    }

    /// An element whenever there is something to tell the node; ends with the session.
    /// - Throws: `RPCError`.
    func stream(_ nodeID: String, session: String) throws -> AsyncStream<Void> {
        try check(nodeID, session)
        guard !isClosing else { throw RPCError(code: .unavailable, message: "this manager is ending") }
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        subscribers[nodeID]?.wake?.finish()
        subscribers[nodeID]?.wake = continuation
        // Whoever asks anew is told everything anew.
        subscribers[nodeID]?.cursors = [:]
        subscribers[nodeID]?.toldKeys = .unknown
        subscribers[nodeID]?.teller.restart()
        for scope in subscribers[nodeID]?.scopes ?? [] { acknowledgements.forget(nodeID, scope) }
        continuation.yield()
        return stream
    }

    /// What the node has not been told yet.
    /// - Throws: `RPCError` when the session is over; what encoding throws.
    func next(_ nodeID: String, session: String) throws -> Batch {
        try check(nodeID, session)
        var batch = Batch()
        guard subscribers[nodeID]?.isReady == true, var subscriber = subscribers.removeValue(forKey: nodeID) else {
            return batch
        }
        defer { subscribers[nodeID] = subscriber }
        // A node is in many networks, of which one has changed.
        let behind = subscriber.scopes.filter { scope in
            rings[scope].map { subscriber.cursors[scope] != $0.sequence } ?? true
        }
        for scope in behind.sorted(by: { $0.networkID < $1.networkID }) {
            var ring = rings.removeValue(forKey: scope) ?? ChangeRing(scope, at: sequence)
            defer { rings[scope] = ring }
            guard subscriber.cursors[scope] != ring.sequence else { continue }
            batch.networks += try ring.messages(after: subscriber.cursors[scope]) { index.facts.facts(of: scope) }
            subscriber.cursors[scope] = ring.sequence
        }
        for scope in subscriber.cursors.keys where !subscriber.scopes.contains(scope) {
            batch.networks += try NetworkChangeSet(scope, sequence: sequence, isEnd: true).encoded()
            subscriber.cursors[scope] = nil
        }
        batch.keys = keys(for: &subscriber)
        let understandsKeys = subscriber.understandsKeys
        batch.tasks = subscriber.teller.take { task($0, of: nodeID, understandsKeys: understandsKeys) }
        return batch
    }

    /// Keys that the node is still to be told, or to forget.
    private func keys(for subscriber: inout AssignmentSubscriber) -> OverlayKeyring? {
        guard subscriber.understandsKeys, let keys = objects.cluster?.overlayKeys else { return nil }
        let wanted: AssignmentSubscriber.ToldKeys = encrypts(subscriber) ? .version(keys.version) : .none
        if subscriber.toldKeys == wanted { return nil }
        subscriber.toldKeys = wanted
        return wanted == .none ? OverlayKeyring(version: keys.version) : keys
    }

    func encrypts(_ subscriber: AssignmentSubscriber) -> Bool {
        subscriber.scopes.contains { scope in
            if case .network(let id) = scope { index.isEncrypted(id) } else { false }
        }
    }

    /// The node's new connections follow these states.
    /// - Throws: `RPCError` when the session is over.
    func acknowledge(
        _ nodeID: String, session: String, _ states: [(scope: NetworkFact.Scope, sequence: UInt64)]
    ) throws {
        try check(nodeID, session)
        for (scope, sequence) in states {
            // It cannot have in force what it was never told.
            guard let told = subscribers[nodeID]?.cursors[scope] else { continue }
            acknowledgements.acknowledge(nodeID, scope, min(sequence, told))
        }
        if !acknowledgements.passed.isEmpty { trigger.yield() }
    }

    /// A task as its node is told of it.
    ///
    /// One in an encrypted network is none for a node that does not know what that is: it would send in clear.
    func task(_ id: String, of nodeID: String, understandsKeys: Bool) -> ToldTask? {
        guard nodeTasks.byNode[nodeID]?.contains(id) == true, let task = objects.tasks.shared(id),
            understandsKeys || !task.value.isInEncryptedNetwork
        else { return nil }
        // What is to stop goes on while other nodes may send it connections.
        let isHeld =
            task.value.status.state == .running && !task.value.isWanted && (backends.isServing(id) || drains.isHeld(id))
        return ToldTask(task, desiredState: isHeld ? .running : nil)
    }

    /// Tells the other managers what is drained here, the newest each time.
    private func tellDrained() async throws {
        var told = Set<String>()
        while true {
            told = try await drained.wait { [told] in $0 != told ? $0 : nil }
            do { try await live.tell(drained: told) } catch {
                try Task.checkCancellation()
                // Tasks are stopped after the drain's deadline then.
                log.warning("other managers do not know what is drained here", metadata: ["error": "\(error)"])
            }
        }
    }
}
