import Concurrency
import LinuxSystem
import Logging
import Netlink

extension NodeDataPlane {
    /// After the first change the others of the same cause follow: they are looked at together.
    private static let gathering = Duration.milliseconds(50)
    /// While the daemon itself changes much, what is heard waits for a quiet moment, but not longer than this.
    private static let longestGathering = Duration.milliseconds(400)

    /// Listens to changes in the node's namespace and all of ours, compares where something changed, and repairs. What
    /// changes silently is looked at every few seconds. Beside that comparisons go round, the namespace first that was not looked at for longest;
    /// at start, and when messages were lost, everything is compared.
    /// Returns when its task is cancelled.
    ///
    /// What is changed over the sockets of ``NamespaceHandles`` is not heard; other changes of our own are: a comparison that finds nothing is cheap, as it
    /// reads no rules of a namespace in which nobody else has changed any (``RulesetGenerations``). And nothing is compared where all that was heard
    /// is as it is known to be (``NewsCheck``).
    package func run() async throws {
        let listener = try await NetlinkListener.open(in: node, ignoring: handles.own)
        let changes = ChangeSet()
        let news = AsyncEvent()
        // What happened before the listener was there.
        changes.addAll()
        news.signal()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await event in listener.events {
                    changes.add(event, event.news(from: listener))
                    news.signal()
                    if event.concernsUnderlay { self.underlayChanges.change { $0 &+= 1 } }
                }
            }
            group.addTask {
                while true { try await self.sweep() }
            }
            group.addTask {
                var debt = RestDebt(at: .now)
                while true {
                    await news.wait()
                    try await self.gather()
                    let start = ContinuousClock.now
                    try await self.repair(changes.take())
                    try await Task.sleep(for: debt.rest(after: .now - start, at: .now))
                }
            }
            group.addTask {
                while true {
                    try await Task.sleep(for: SweepBudget.probeInterval)
                    try await self.probe()
                }
            }
            _ = try await group.next()
            group.cancelAll()
        }
    }

    private func gather() async throws {
        var waited = Duration.zero
        repeat {
            try await Task.sleep(for: Self.gathering)
            waited += Self.gathering
        } while mailbox.isBusy && waited < Self.longestGathering
    }

    /// Compares one namespace when its time has come, and rests.
    private func sweep() async throws {
        guard let next = nextInTurn() else { return try await Task.sleep(for: SweepBudget.probeInterval) }
        // One that was taken on as it was is compared in its turn.
        let due = (next.seen ?? .now - SweepBudget.interval) + SweepBudget.interval
        if due > .now {
            return try await Task.sleep(until: min(due, .now + SweepBudget.probeInterval * 10), clock: .continuous)
        }
        let report = try await mailbox.compare(
            [next.scope], reason: "comparison in turn", removesStrays: next.scope == .node)
        ledger.change { $0.comparisons.note([next.scope], at: .now) }
        try await Task.sleep(for: SweepBudget.rest(after: report.duration))
    }

    private func nextInTurn() -> (scope: Scope, seen: ContinuousClock.Instant?)? {
        let known = ledger.value
        return known.comparisons.next(among: known.applied.keys)
    }

    private func probe() async throws {
        do {
            var due: Set<Scope>?
            ledger.change { due = $0.pace.takeDue(at: .now) }
            guard let due else { return try await compareEverything() }
            let scopes = try await silentlyChanged().union(due)
            if !scopes.isEmpty { _ = try await mailbox.compare(scopes, reason: "seen in passing") }
        } catch let error as SystemError {
            // A namespace may go while it is looked at: the next look is soon.
            log.debug("looking for changes failed", metadata: ["error": "\(error)"])
        }
    }

    /// Scopes in which something is known to be wrong, or which have changed in a way that nobody tells of: parameters,
    /// names of namespaces, and whether bridges can pass their packets to the rules.
    func silentlyChanged() async throws -> Set<Scope> {
        let known = ledger.value
        let applied = known.applied
        var doubtful = Set(applied.filter { !$0.value.isCertain }.keys)
        if case .node(_, _, let filtersBridges)? = applied[.node]?.input, filtersBridges != ReconcileLoop.filtersBridges
        {
            doubtful.insert(.node)
        }
        ledger.change { doubtful = $0.pace.admit(doubtful, at: .now) }
        let always: [Scope] = [.node, .ingress]
        var inTurn: [Scope] = []
        ledger.change { ledger in
            inTurn = ledger.probes.take(SweepBudget.mostProbes, among: ledger.applied.keys)
        }
        let others = inTurn.filter { !always.contains($0) }.compactMap { probe(of: $0, applied) }
        let found = try await DriftProbe.take(
            first: always.compactMap { probe(of: $0, applied) }, others,
            within: SweepBudget.probeTime(others: applied.keys.count { !always.contains($0) }))
        let left = others.dropFirst(found.looked.count).map(\.scope)
        let unseen = Set(left)
        ledger.change { $0.probes.note(inTurn.filter { !unseen.contains($0) }, putBack: left) }
        return doubtful.union(found.changed)
    }

    /// `nil` where nothing is known for certain: that is compared anyway.
    private func probe(of scope: Scope, _ applied: [Scope: AppliedNamespace]) -> DriftProbe? {
        guard let known = applied[scope], known.isCertain else { return nil }
        return DriftProbe(
            scope: scope, namespace: scope == .node ? node : layout.namespace(of: scope),
            parameters: known.state.kernel.parameters)
    }

    private func repair(_ changes: ChangeSet.Changes) async throws {
        if changes.isEverything {
            // Messages are lost again and again where a container changes more than can be listened to.
            var isDue = false
            ledger.change { isDue = $0.pace.admitAll(at: .now) }
            if isDue { try await compareEverything() }
            return
        }
        var scopes: Set<Scope> = []
        var news: [Scope: Set<NetlinkNews>] = [:]
        ledger.change { ledger in
            for (id, told) in changes.told {
                guard let scope = id.map({ ledger.scopesByID[$0] }) ?? .node else { continue }
                scopes.insert(scope)
                news[scope] = told
            }
            scopes.formIntersection(ledger.applied.keys)
            scopes = ledger.pace.admit(scopes, at: .now)
        }
        news = news.filter { scopes.contains($0.key) }
        if !scopes.isEmpty { _ = try await mailbox.compare(scopes, reason: "change heard", after: news) }
    }

    private func compareEverything() async throws {
        let report = try await mailbox.compare(nil, reason: "comparison of everything")
        ledger.change { $0.pace.noteAll(took: report.duration, at: .now) }
    }
}

extension NetlinkEvent {
    fileprivate func news(from listener: NetlinkListener) -> Set<NetlinkNews>? {
        switch self {
        case .overflow: nil
        case .changed(let change): listener.takeNews(of: change)
        }
    }

    /// Links, addresses or routes of the node itself, or nobody knows of what.
    fileprivate var concernsUnderlay: Bool {
        switch self {
        case .overflow: true
        case .changed(let change):
            change.namespaceID == nil && [.link, .address, .route].contains(change.topic)
        }
    }
}
