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

    private let model: ReadModel
    private let live: ManagerPresence
    private let ownID: String
    private let log: Logger
    private let clock = ContinuousClock()

    private var objects = SwarmState()
    /// The last look, of which ``objects`` are.
    private var look: SwarmLook?
    private var index = NetworkIndex()
    private var rings: [NetworkFact.Scope: ChangeRing] = [:]
    /// Counts the rounds in which some fact has changed.
    private var sequence: UInt64 = 0
    private var acknowledgements = Acknowledgements()
    private var backends = BackendPlanner()
    private var drains = DrainPlanner()
    private var nodeTasks = NodeTasks()
    private var readyNodes: Set<String> = []
    /// Of the keys of encrypted networks.
    private var keysVersion: UInt64?
    private var subscribers: [String: AssignmentSubscriber] = [:]
    /// Those that are not ready yet.
    private var newcomers: Set<String> = []
    private var isClosing = false

    /// Which stopping tasks this manager's nodes send nothing to any more, for the other managers.
    private let drained = ObservableValue(Set<String>())
    /// When something falls due.
    private let due = ObservableValue<ContinuousClock.Instant?>(nil)
    private let triggers: AsyncStream<Void>
    private let trigger: AsyncStream<Void>.Continuation

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
            group.addTask { try await self.tellCleared() }
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

    private func encrypts(_ subscriber: AssignmentSubscriber) -> Bool {
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
    private func task(_ id: String, of nodeID: String, understandsKeys: Bool) -> ToldTask? {
        guard nodeTasks.byNode[nodeID]?.contains(id) == true, let task = objects.tasks.shared(id),
            understandsKeys || !task.value.isInEncryptedNetwork
        else { return nil }
        // What is to stop goes on while other nodes may send it connections.
        let isHeld =
            task.value.status.state == .running && !task.value.isWanted && (backends.isServing(id) || drains.isHeld(id))
        return ToldTask(task, desiredState: isHeld ? .running : nil)
    }

    // MARK: Rounds

    /// Takes in what has changed, and wakes the nodes that are to be told.
    /// - Returns: How long that took.
    private func round() -> Duration {
        let now = clock.now
        let look = model.look(after: look)
        guard look.state.revision > 0 else { return .zero }
        self.look = look
        objects = look.state
        let changed = look.changes
        index.take(objects, changed)
        var touched = changed.tasks
        let new = takeTasks(touched.union(tasksOfOtherNodes(changed)), now)
        for waiter in acknowledgements.takePassed() {
            switch waiter.purpose {
            case .start: backends.acknowledged(waiter.taskID, now: now)
            case .drain: if drains.acknowledged(waiter.taskID, now: now) { touched.insert(waiter.taskID) }
            }
        }
        for (id, isServing) in backends.settle(now: now) {
            index.setServing(id, isServing)
            touched.insert(id)
        }
        var woken = tell(index.settle())
        for id in new { acknowledgements.wait(.init(purpose: .start, taskID: id), for: states(of: id)) }
        touched.formUnion(drain(touched, now))
        for id in touched {
            let task = objects.tasks[id]
            for nodeID in nodeTasks.take(id, task) where subscribers[nodeID]?.isReady == true {
                let understandsKeys = subscribers[nodeID]?.understandsKeys == true
                let told = self.task(id, of: nodeID, understandsKeys: understandsKeys)
                if subscribers[nodeID]?.teller.note(id, told) == true { woken.insert(nodeID) }
            }
        }
        woken.formUnion(takeKeys())
        woken.formUnion(greet())
        for nodeID in woken { subscribers[nodeID]?.wake?.yield() }
        due.set([backends.nextDeadline, drains.nextDeadline].compactMap(\.self).min())
        if !acknowledgements.passed.isEmpty { trigger.yield() }
        return clock.now - now
    }

    /// - Returns: Those that nodes are to acknowledge.
    private func takeTasks(_ ids: Set<String>, _ now: ContinuousClock.Instant) -> [String] {
        ids.filter { id in
            let task = objects.tasks[id]
            let isReady = task?.nodeID.map(readyNodes.contains) ?? false
            return backends.take(id, task, isNodeReady: isReady, now: now)
        }
    }

    /// - Returns: Tasks on nodes that answer now and did not, or the other way round.
    private func tasksOfOtherNodes(_ changed: SwarmChanges) -> Set<String> {
        var tasks: Set<String> = []
        for id in changed.nodes {
            let isReady = objects.nodes.shared(id)?.value.status.state == .ready
            guard readyNodes.contains(id) != isReady else { continue }
            if isReady { readyNodes.insert(id) } else { readyNodes.remove(id) }
            tasks.formUnion(index.tasksOfNode[id] ?? [])
        }
        return tasks
    }

    /// - Returns: Nodes that have something to read.
    private func tell(_ changes: NetworkIndex.Changes) -> Set<String> {
        var woken: Set<String> = []
        if !changes.facts.isEmpty { sequence += 1 }
        for (scope, facts) in changes.facts {
            let set = NetworkChangeSet(
                scope, sequence: sequence, upserts: facts.upserts, removals: facts.removals,
                isQuiet: !changes.awaited.contains(scope))
            var ring = rings.removeValue(forKey: scope) ?? ChangeRing(scope, at: sequence)
            do { try ring.append(set, isRead: acknowledgements.isRead(scope)) } catch {
                log.error("a change is told as a whole", metadata: ["network": "\(scope)", "error": "\(error)"])
            }
            if case .network(let id) = scope, !index.isTold(id) { continue }
            rings[scope] = ring
            woken.formUnion(acknowledgements.nodes(of: scope))
        }
        let others = changes.areAllNodes ? Set(subscribers.keys) : changes.nodes
        for nodeID in others where subscribers[nodeID]?.isReady == true {
            if follow(nodeID, isBack: false) { woken.insert(nodeID) }
        }
        return woken
    }

    /// - Returns: Nodes that are to be told of other keys.
    private func takeKeys() -> Set<String> {
        let version = objects.cluster?.overlayKeys?.version
        if version == keysVersion { return [] }
        keysVersion = version
        return Set(subscribers.filter { $0.value.isReady && $0.value.understandsKeys && encrypts($0.value) }.keys)
    }

    /// Makes a node follow the networks that it takes part in, and those alone.
    /// - Returns: Whether they are others than before.
    private func follow(_ nodeID: String, isBack: Bool) -> Bool {
        guard let subscriber = subscribers[nodeID] else { return false }
        let networks = index.networkIDs(of: nodeID).filter { subscriber.understandsKeys || !index.isEncrypted($0) }
        let scopes = Set(networks.map { NetworkFact.Scope.network($0) } + [.swarm])
        let former = subscriber.scopes
        guard former != scopes else { return false }
        for scope in former.subtracting(scopes) { acknowledgements.leave(nodeID, scope) }
        for scope in scopes.subtracting(former) { acknowledgements.join(nodeID, scope, isBack: isBack) }
        subscribers[nodeID]?.scopes = scopes
        return true
    }

    /// Nodes whose sessions are new are told everything as it is now.
    private func greet() -> Set<String> {
        defer { newcomers = [] }
        for nodeID in newcomers {
            _ = follow(nodeID, isBack: true)
            for id in nodeTasks.byNode[nodeID] ?? [] {
                let understandsKeys = subscribers[nodeID]?.understandsKeys == true
                let told = task(id, of: nodeID, understandsKeys: understandsKeys)
                _ = subscribers[nodeID]?.teller.note(id, told)
            }
            subscribers[nodeID]?.isReady = true
        }
        return newcomers
    }

    /// The states of a task's networks, and of what leads to it from the mesh, that nodes acknowledge.
    private func states(of id: String) -> [(scope: NetworkFact.Scope, sequence: UInt64)] {
        let networks = index.networkIDs(ofTask: id)
        var scopes = networks.map { NetworkFact.Scope.network($0) }
        if let ingress = index.ingress, networks.contains(ingress) { scopes.append(.swarm) }
        return scopes.compactMap { scope in rings[scope].map { (scope, $0.awaited) } }
    }

    /// Running tasks that are to stop go on until the nodes that may send them connections have let go of them.
    /// - Returns: Those that need not go on any more.
    private func drain(_ ids: Set<String>, _ now: ContinuousClock.Instant) -> Set<String> {
        for id in ids {
            let task = objects.tasks[id]
            let isLeaving = task.map { $0.status.state == .running && !$0.isWanted } ?? false
            if isLeaving, !backends.isServing(id) {
                guard !drains.isKnown(id) else { continue }
                drains.begin(id, now: now)
                acknowledgements.wait(.init(purpose: .drain, taskID: id), for: states(of: id))
            } else if drains.isKnown(id) {
                drains.end(id)
                acknowledgements.cancel(.init(purpose: .drain, taskID: id))
            }
        }
        var done: Set<String> = []
        for waiter in acknowledgements.takePassed() {
            switch waiter.purpose {
            case .start:
                // Decided in the next round, as this one's facts have been told.
                acknowledgements.wait(waiter, for: [])
            case .drain: if drains.acknowledged(waiter.taskID, now: now) { done.insert(waiter.taskID) }
            }
        }
        let (state, others) = (live.state, live.state.present.subtracting([ownID]))
        done.formUnion(drains.take(others: others.map { state.drained[$0] ?? [] }, now: now))
        done.formUnion(drains.pass(to: now))
        if !others.isEmpty, drained.value != drains.drained { drained.set(drains.drained) }
        return done
    }

    /// Tells the other managers what is drained here, the newest each time.
    private func tellCleared() async throws {
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
