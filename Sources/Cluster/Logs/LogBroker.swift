import EngineInterface
import GRPCCore
import LinuxSystem
import Logging
import Logs
import Model
import NodeProtocol
import Orchestration
import ServiceLifecycle
import SwiftProtobuf
import Synchronization

/// Gets the lines of a service's tasks from the nodes that have them, for whoever asks this manager.
///
/// Each node keeps a call open and is told all that is wanted of it whenever that changes; for each request it opens a second one and sends the
/// lines. What is wanted follows from the read model: a request that follows takes in tasks as they come up.
package final class LogBroker: Sendable {
    /// How long a line waits for later ones of nodes that are late to say so.
    static let window = Duration.seconds(1)
    /// After how long without a sign of life a node is given up that has a connection: it is reachable, and may only be slow. What is written
    /// to a node that is not breaks its connection within four seconds (``NodeTransport``).
    static let timeout = Duration.seconds(15)
    /// And after how long one that has none.
    static let awayTimeout = Duration.seconds(5)
    /// After how long without a sign of life something is written to a node. Signs come every second.
    static let quiet = Duration.milliseconds(1500)
    /// How often a node may break off in one request and go on as if nothing had been, each time sooner than that after the last.
    static let mostBreaks = 8
    static let breakMemory = Duration.seconds(60)

    private struct Listener {
        let id: String
        let wake: AsyncStream<Void>.Continuation
    }

    private struct State {
        var listeners: [String: Listener] = [:]
        var requests: [String: LogDemand] = [:]
        var isClosing = false

        /// Has a request know which of its nodes can be heard.
        func setAway(_ demand: LogDemand, _ nodes: some Sequence<String>) {
            for nodeID in nodes { demand.merger.setAway(demand.source(nodeID), listeners[nodeID] == nil) }
        }
    }

    private let log: Logger
    private let model: ReadModel
    private let state = Mutex(State())

    init(model: ReadModel, log: Logger) {
        self.log = log
        self.model = model
    }

    /// Runs until cancelled; then every request is over.
    package func run() async {
        defer { shutDown() }
        await cancelWhenGracefulShutdown {
            for await _ in self.model.changes() { self.refresh() }
        }
    }

    private func shutDown() {
        let (listeners, requests) = state.withLock { state in
            state.isClosing = true
            return (Array(state.listeners.values), Array(state.requests.values))
        }
        for listener in listeners { listener.wake.finish() }
        for request in requests {
            for nodeID in request.nodes.keys { request.merger.end(request.source(nodeID), isLost: true) }
            request.merger.close()
        }
    }

    // MARK: Requests

    /// Begins a request; it ends with ``close(_:)``.
    func open(_ target: LogDemand.Target, _ query: LogQuery) -> LogDemand {
        // The objects are read where the request is entered, so that a change of them is either in it or comes after it.
        let (demand, objects, waiting) = state.withLock { state in
            let objects = model.objects
            var demand = LogDemand(id: RandomID.swarm(), target: target, query: query)
            demand.take(objects)
            for nodeID in demand.nodes.keys.sorted() { demand.merger.add(demand.source(nodeID)) }
            demand.isOpen = true
            state.requests[demand.id] = demand
            state.setAway(demand, demand.nodes.keys)
            return (demand, objects, demand.nodes.keys.map { ($0, state.listeners[$0]) })
        }
        if demand.isFinal { demand.merger.close() }
        for (nodeID, listener) in waiting {
            // A node that is down is not waited for.
            if listener == nil, objects.nodes[nodeID]?.status.state != .ready {
                demand.merger.end(demand.source(nodeID), isLost: true)
            }
            listener?.wake.yield()
        }
        return demand
    }

    /// The request's reader is gone: the nodes are told to stop.
    func close(_ requestID: String) {
        let asked = state.withLock { state in
            let demand = state.requests.removeValue(forKey: requestID)
            return demand?.nodes.keys.compactMap { state.listeners[$0] } ?? []
        }
        for listener in asked { listener.wake.yield() }
    }

    /// A node has been given up by a request's reader. If it has connected anew since, or does later, a request that follows goes on
    /// with it.
    func giveUp(_ requestID: String, _ source: LogDemand.Source) {
        let nodeID = source.nodeID
        let (lost, listener) = state.withLock { state -> (LogDemand.NodePart?, Listener?) in
            guard var demand = state.requests[requestID], demand.source(nodeID) == source,
                let node = demand.nodes[nodeID]
            else { return (nil, nil) }
            let listener = state.listeners[nodeID]
            demand.nodes[nodeID]?.isNamed = true
            if node.phase != .refused { demand.nodes[nodeID]?.phase = .lost }
            if let listener, node.phase != .refused, node.listener != nil, node.listener != listener.id {
                demand.resume(nodeID)
                // Once for each of its connections.
                demand.nodes[nodeID]?.listener = listener.id
                state.setAway(demand, [nodeID])
            }
            state.requests[requestID] = demand
            return (node.isNamed || state.isClosing ? nil : node, listener)
        }
        if let lost {
            log.warning(
                "a node does not answer a request for logs",
                metadata: ["node": "\(nodeID)", "was": "\(lost.phase)", "connected": "\(listener != nil)"])
        }
        // It stops, or begins anew.
        listener?.wake.yield()
    }

    /// Has something written to a node that has not been heard for a while: either it is asked anew for what it has broken off, or the kernel
    /// learns that it cannot be reached.
    func probe(_ nodeID: String) { state.withLock { $0.listeners[nodeID] }?.wake.yield() }

    /// Why the answer to a request is incomplete, in Docker's words.
    func reasons(_ requestID: String) -> [String] {
        let objects = model.objects
        guard let demand = state.withLock({ $0.requests[requestID] }) else { return [] }
        let lost = demand.nodes.filter { $0.value.phase.isMissing }.keys.sorted()
        return lost.map { "node \(Self.name(of: $0, objects)) is not available" }
            + demand.failures.sorted { $0.key < $1.key }.map { "task \($0.key): \($0.value)" }
            + demand.unscheduled.sorted().map { "task \($0) has not been scheduled" }
    }

    /// A node's name, and a task of it for which a request waits.
    func describe(_ requestID: String, _ nodeID: String) -> (name: String, task: String?) {
        let task = state.withLock { $0.requests[requestID]?.nodes[nodeID]?.tasks.first }
        return (Self.name(of: nodeID, model.objects), task)
    }

    private static func name(of nodeID: String, _ objects: SwarmState) -> String {
        objects.nodes[nodeID]?.description.map(\.hostname) ?? nodeID
    }

    /// Takes in what has changed in the swarm.
    private func refresh() {
        let asked = state.withLock { state in
            // Not older than what the requests have begun with.
            let objects = model.objects
            var asked: [Listener] = []
            for id in state.requests.keys {
                guard var demand = state.requests[id], !demand.isFinal else { continue }
                let changed = demand.take(objects)
                state.requests[id] = demand
                state.setAway(demand, changed)
                asked += changed.compactMap { state.listeners[$0] }
            }
            return asked
        }
        for listener in asked { listener.wake.yield() }
    }

    // MARK: Nodes

    /// An element whenever there is something to tell a node, one at once; ends when another listener of the node takes over.
    /// - Throws: `RPCError` with `.permissionDenied` for a node that is not of the swarm.
    func listen(_ nodeID: String, listener: String) throws -> AsyncStream<Void> {
        guard model.objects.nodes[nodeID] != nil else {
            throw RPCError(code: .permissionDenied, message: "node \(nodeID) is not part of the swarm")
        }
        let (wakeUps, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let former = try state.withLock { state in
            guard !state.isClosing else { throw RPCError(code: .unavailable, message: "this manager is ending") }
            let former = state.listeners.updateValue(Listener(id: listener, wake: wake), forKey: nodeID)
            for (id, request) in state.requests where request.nodes[nodeID] != nil {
                if request.nodes[nodeID]?.phase == .lost { state.requests[id]?.resume(nodeID) }
                state.setAway(request, [nodeID])
            }
            return former
        }
        former?.wake.finish()
        wake.yield()
        return wakeUps
    }

    func unlisten(_ nodeID: String, listener: String) {
        let (former, waiting) = state.withLock { state -> (Listener?, [LogDemand]) in
            guard state.listeners[nodeID]?.id == listener else { return (nil, []) }
            let former = state.listeners.removeValue(forKey: nodeID)
            let waiting = state.requests.values.filter { $0.nodes[nodeID] != nil }
            for request in waiting { state.setAway(request, [nodeID]) }
            return (former, waiting)
        }
        former?.wake.finish()
        // Its reader may wait for longer.
        for request in waiting { request.merger.look() }
    }

    func wanted(of nodeID: String) -> Wire.WantedLogs {
        let requests = state.withLock { Array($0.requests.values) }
        return .with { $0.requests = requests.sorted { $0.id < $1.id }.compactMap { $0.request(to: nodeID) } }
    }

    /// Takes up a node's call for one request; there is one at a time.
    func accept(_ nodeID: String, _ wireID: String) throws -> LogIntake {
        try state.withLock { state in
            guard let id = wireID.split(separator: ".").first.map(String.init), var demand = state.requests[id],
                let node = demand.nodes[nodeID], node.phase == .waiting, demand.wireID(nodeID) == wireID
            else { throw RPCError(code: .notFound, message: "these logs are not wanted") }
            let listener = state.listeners[nodeID]?.id
            let intake = LogIntake(
                requestID: id, source: demand.source(nodeID), listener: listener, merger: demand.merger,
                details: demand.details, known: node.reached,
                beginsWithTail: !node.isCaughtUp && demand.query.tail != nil,
                tasks: { [weak self] in
                    Set(self?.state.withLock { $0.requests[id]?.nodes[nodeID]?.tasks } ?? [])
                },
                failures: { [weak self] in self?.note($0, id) })
            demand.nodes[nodeID]?.phase = .sending
            demand.nodes[nodeID]?.listener = listener
            demand.nodes[nodeID]?.intake = intake
            state.requests[id] = demand
            return intake
        }
    }

    private func note(_ failures: [Wire.LogFailure], _ requestID: String) {
        state.withLock { state in
            for failure in failures {
                let reason = NodeReports.cut(failure.reason, NodeReports.maximumError)
                state.requests[requestID]?.failures[failure.taskID] = reason
            }
        }
    }

    /// How a node's call has ended.
    enum Ending { case whole, broken, refused }

    /// A node's call has ended. One that is broken is no loss yet: it is waited for as for one that has not begun.
    func end(_ intake: LogIntake, _ ending: Ending) {
        let nodeID = intake.source.nodeID
        let (demand, isAwaited, listener) = state.withLock { state -> (LogDemand?, Bool, Listener?) in
            // One that has been given up has another by now, or none.
            guard var demand = state.requests[intake.requestID], demand.nodes[nodeID]?.intake === intake else {
                return (nil, false, nil)
            }
            demand.nodes[nodeID]?.intake = nil
            demand.nodes[nodeID]?.reached = intake.reached
            if intake.reached.isCaughtUp { demand.nodes[nodeID]?.isCaughtUp = true }
            switch ending {
            case .whole: demand.nodes[nodeID]?.phase = .ended
            case .refused: demand.nodes[nodeID]?.phase = .refused
            case .broken: break
            }
            let isAwaited = ending == .broken && demand.interrupt(nodeID)
            state.requests[intake.requestID] = demand
            return (demand, isAwaited, state.listeners[nodeID])
        }
        if !isAwaited { demand?.merger.end(intake.source, isLost: ending != .whole) }
        // It is asked anew; where its connection is gone as well, writing to it shows that.
        if isAwaited { listener?.wake.yield() }
    }
}
