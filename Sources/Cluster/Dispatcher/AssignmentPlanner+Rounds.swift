import Concurrency
import Logging
import Model
import NodeProtocol
import Orchestration
import StateStore

/// What follows from a change of the swarm, for the nodes and for the tasks that are to stop.
extension AssignmentPlanner {
    /// Takes in what has changed, and wakes the nodes that are to be told.
    /// - Returns: How long that took.
    func round() -> Duration {
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
}
