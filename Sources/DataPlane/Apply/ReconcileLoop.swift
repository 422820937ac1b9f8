import Concurrency
import LinuxSystem
import Logging
import Model

/// The one task that changes the kernel's network: it takes everything that waits in the mailbox, makes one pass towards it, answers those who
/// wait for exactly that, and begins again. What passes hand on to the next is a value of the task's own, so it needs no lock.
final class ReconcileLoop: Sendable {
    /// Owner under which ports of the mesh are held.
    static let meshOwner = "mesh"

    /// What a pass leaves for the next.
    struct Memory: Sendable {
        /// The network that was last carried out.
        var network = NodeNetwork()
        /// Of its sandboxes.
        var claims = Claims()
        /// Whether bridges could pass their packets to the rules when everything was derived last.
        var filtersBridges = false
        var unforgotten: [Scope: [ConnectionEnd]] = [:]
        var held: [Scope: HeldNamespace] = [:]
        var chains = ChainCache()
        var forgetting = Forgetting()
        /// When ports were tried last that others have.
        var portsTried: ContinuousClock.Instant?
        /// When the loop is woken up for what waits to be forgotten, or for ports that others have.
        var alarm: ContinuousClock.Instant?
        /// Differences repaired since this daemon has started.
        var repaired: UInt64 = 0
    }

    let mailbox: Mailbox
    let ledger: ObservableValue<Ledger>
    let layout: Layout
    /// The node's own namespace; `nil`: the process's.
    let node: NetworkNamespace?
    let ports: any PortReserving
    let refusals = PortRefusals()
    let handles: NamespaceHandles
    private let alarms = OwnedTasks()
    private let repairs: AsyncStream<DriftReport>.Continuation
    let log: Logger

    init(
        mailbox: Mailbox, ledger: ObservableValue<Ledger>, layout: Layout, node: NetworkNamespace?,
        ports: any PortReserving, handles: NamespaceHandles, repairs: AsyncStream<DriftReport>.Continuation, log: Logger
    ) {
        self.handles = handles
        self.mailbox = mailbox
        self.ledger = ledger
        self.layout = layout
        self.node = node
        self.ports = ports
        self.repairs = repairs
        self.log = log
    }

    /// Until cancelled; a pass that has begun is brought to its end.
    func run() async {
        var memory = Memory()
        while !Task.isCancelled {
            guard let batch = mailbox.take() else {
                await forget(&memory)
                await tryPortsAgain(&memory)
                setAlarm(&memory)
                await mailbox.waitForMail()
                continue
            }
            if batch.hasChanges, await !refine(batch, &memory) { await carryOut(batch, batch.changes, &memory) }
            if let comparison = batch.comparison { await compare(comparison, &memory) }
        }
    }

    /// Forgets the connections whose time has come.
    func forget(_ memory: inout Memory, atOnce: Set<Scope> = []) async {
        let due = memory.forgetting.takeDue(at: .now, atOnce: atOnce)
        if due.isEmpty { return }
        let handles = handles
        do {
            let (looked, quiet, failed) = try await handles.worker.run {
                () -> ([Scope], [Scope], [Scope: [ConnectionEnd]]) in
                var (looked, quiet, failed): ([Scope], [Scope], [Scope: [ConnectionEnd]]) = ([], [], [:])
                for (scope, ends) in due {
                    do {
                        // One that is gone has taken its connections along.
                        guard let handle = handles[scope] else { continue }
                        if try handle.forget(ends) { looked.append(scope) } else { quiet.append(scope) }
                    } catch {
                        failed[scope] = Array(ends)
                        looked.append(scope)
                    }
                }
                return (looked, quiet, failed)
            }
            memory.forgetting.add(failed)
            memory.forgetting.note(looked, at: .now)
            memory.forgetting.note(quiet: quiet, at: .now)
        } catch {
            log.error("connections cannot be forgotten", metadata: ["error": "\(error)"])
            memory.forgetting.add(due.mapValues(Array.init))
            memory.forgetting.note(due.keys, at: .now)
        }
    }

    private func setAlarm(_ memory: inout Memory) {
        let port = refusals.open.isEmpty ? nil : (memory.portsTried ?? .now) + PortRefusals.pause
        guard let next = [memory.forgetting.next(at: .now), port].compactMap({ $0 }).min() else { return }
        if let alarm = memory.alarm, alarm > .now, alarm <= next { return }
        memory.alarm = next
        alarms.begin { [mailbox] in
            do { try await Task.sleep(until: next, clock: .continuous) } catch { return }
            mailbox.wake()
        }
    }

    /// A pass towards what is desired.
    /// - Parameter changes: What is left of the batch after these steps.
    func carryOut(
        _ batch: Mailbox.Batch, _ changes: NetworkChanges, after progress: Progress = Progress(),
        _ memory: inout Memory
    ) async {
        let start = progress.start
        defer { mailbox.times.note(.whole, since: start) }
        var desired = batch.whole?.numbered(like: memory.network) ?? memory.network
        desired.apply(changes)
        var (pass, outcome) = await begin(
            towards: desired, examining: batch.adopts ? nil : [], removingStrays: batch.adopts, &memory)
        outcome.changes += progress.changes
        outcome.derived += progress.derived
        outcome.touched.formUnion(progress.touched)
        outcome.duration = .now - start
        let told = outcome.failures
        for (scope, errors) in told { logFailure(scope, errors) }
        // The kernel's time to give up a device is waited for by nobody but those who ask for it, and by the next pass.
        mailbox.complete(batch.sequence, ApplyReport(outcome), withRemoval: false)
        await finish(pass, &outcome)
        outcome.duration = .now - start
        for (scope, errors) in outcome.failures where told[scope] == nil { logFailure(scope, errors) }
        mailbox.complete(batch.sequence, ApplyReport(outcome), withRemoval: true)
    }

    /// A pass towards what was carried out last: what is desired since then is no drift, and whoever desires it waits for a pass of its own.
    private func compare(_ comparison: Mailbox.Comparison, _ memory: inout Memory) async {
        let start = ContinuousClock.now
        defer { mailbox.times.note(.comparison, since: start) }
        if comparison.rereads { handles.generations.forget(comparison.scopes) }
        var scopes = comparison.scopes
        if !comparison.rereads, let all = scopes, !comparison.news.isEmpty {
            scopes = all.subtracting(await unconcerned(by: comparison.news, memory))
        }
        if let scopes, !comparison.removesStrays, await areAsKnown(scopes, memory) {
            var report = DriftReport(reason: comparison.reason)
            report.duration = .now - start
            report.total = memory.repaired
            for waiter in comparison.reports { waiter.succeed(report) }
            return
        }
        var (pass, outcome) = await begin(
            towards: memory.network, examining: scopes, removingStrays: comparison.removesStrays, &memory)
        await finish(pass, &outcome)
        for (scope, errors) in outcome.failures { logFailure(scope, errors) }
        var report = DriftReport(reason: comparison.reason)
        report.repairs = outcome.differences
        report.failures = outcome.failures
        report.duration = .now - start
        memory.repaired += UInt64(clamping: report.count)
        report.total = memory.repaired
        if !report.isClean { tell(report) }
        for waiter in comparison.reports { waiter.succeed(report) }
    }

    /// Whether these namespaces are as they are known to be. A look at them tells it as a rule, however many others there are.
    private func areAsKnown(_ scopes: Set<Scope>, _ memory: Memory) async -> Bool {
        if scopes.isEmpty { return true }
        guard memory.unforgotten.isEmpty, memory.filtersBridges == filtersBridges else { return false }
        let known = ledger.value
        var previous: [Scope: AppliedNamespace] = [:]
        for scope in scopes { previous[scope] = known.applied[scope] }
        // The link of the data path may have moved.
        if scopes.contains(.node), let underlay = memory.network.underlay {
            guard case .node(let base, _, _)? = previous[.node]?.input,
                await placed(NodeNetwork(underlay: underlay)).underlay?.link == base.underlay?.link
            else { return false }
        }
        let pass = ReconcilePass(
            derivation: Derivation(NodeNetwork(), layout: layout, filtersBridges: memory.filtersBridges), node: node,
            previous: previous, previousNetwork: NodeNetwork(), unforgotten: [:], examined: scopes, prepared: [],
            strays: [], held: [:], book: memory.chains, handles: handles)
        guard let times = await pass.looksAsKnown() else { return false }
        ledger.change { ledger in
            for (scope, time) in times { ledger.pace.note(scope, took: time, at: .now) }
            ledger.comparisons.note(times.keys, at: .now)
        }
        return true
    }

    /// A pass up to its last step. `examining`: `nil` for everything.
    func begin(
        towards desired: NodeNetwork, examining scopes: Set<Scope>?, removingStrays: Bool, _ memory: inout Memory
    ) async -> (ReconcilePass, ReconcilePass.Outcome) {
        // What leads somewhere again must not inherit it.
        await forget(&memory, atOnce: Set(memory.forgetting.waiting.keys))
        if removingStrays { await removeUnbound() }
        let known = ledger.value
        memory.filtersBridges = filtersBridges
        let derivation = Derivation(
            await placed(desired), layout: layout, filtersBridges: memory.filtersBridges,
            after: known.applied[.node]?.input,
            known.applied[.ingress]?.input)
        let pass = ReconcilePass(
            derivation: derivation, node: node, previous: known.applied, previousNetwork: memory.network,
            unforgotten: memory.unforgotten, examined: scopes ?? Set(derivation.inputs().keys),
            prepared: known.prepared, strays: removingStrays ? strays(derivation, known) : [], held: memory.held,
            book: memory.chains, handles: handles)
        var outcome = await pass.run()
        outcome.derived = desired.sandboxes.count
        await holdPorts(of: desired, after: memory.network, &outcome)
        await holdNamespaces(of: derivation, after: known.applied, &memory.held, &outcome)
        memory.network = desired
        memory.claims = Claims(desired)
        memory.unforgotten = outcome.unforgotten
        memory.chains = outcome.book
        ledger.change { [outcome] ledger in
            ledger.leaving = Set(ledger.applied.keys).subtracting(outcome.applied.keys)
            ledger.take(outcome)
            ledger.prepared.subtract(desired.sandboxes.map { .sandbox($0.id) })
        }
        forgetListings(&memory)
        return (pass, outcome)
    }

    /// How rules are listed that are nowhere any more need not be known. A pass may be of a few namespaces: what is nowhere the ledger tells.
    func forgetListings(_ memory: inout Memory) {
        memory.chains.forgetUnused(ledger.value.applied.values.lazy.flatMap(\.state.tables))
    }

    /// Its last step.
    func finish(_ pass: ReconcilePass, _ outcome: inout ReconcilePass.Outcome) async {
        await pass.remove(&outcome)
        ledger.change { [outcome] ledger in
            ledger.take(outcome)
            ledger.leaving = []
        }
    }

    /// With the link that has the underlay's address at present: it may move, or come late.
    private func placed(_ desired: NodeNetwork) async -> NodeNetwork {
        guard let underlay = desired.underlay, underlay.link == nil else { return desired }
        var placed = desired
        do {
            placed.underlay?.link = try await inNode { try NamespaceWork.link(with: underlay.address) }
        } catch {
            log.error("looking for the link of the data path failed", metadata: ["error": "\(error)"])
        }
        if placed.underlay?.link == nil {
            log.warning("no link has the address of the data path", metadata: ["address": "\(underlay.address)"])
        }
        return placed
    }

    /// Names that a killed daemon had made and not bound to a namespace yet.
    private func removeUnbound() async {
        let directory = layout.namespaceDirectory
        do { try await onThread { try NetworkNamespace.removeUnbound(in: directory) } } catch {
            log.warning("a name without a namespace cannot be removed", metadata: ["error": "\(error)"])
        }
    }

    /// Namespaces below our directory that nobody desires.
    private func strays(_ derivation: Derivation, _ known: Ledger) -> [NetworkNamespace] {
        let ours = Set(derivation.inputs().keys.compactMap { derivation.namespace(of: $0) })
            .union(known.prepared.compactMap { derivation.namespace(of: $0) })
            // Those of the last pass are removed by the pass itself.
            .union(known.applied.keys.compactMap { derivation.namespace(of: $0) })
        do {
            let trials = layout.namespaceDirectory + "/" + Layout.probePrefix
            return try NetworkNamespace.list(in: layout.namespaceDirectory).filter {
                // At start nobody tries anything: what is there was left.
                !ours.contains($0) && (known.applied.isEmpty || !$0.path.hasPrefix(trials))
            }
        } catch {
            log.warning("listing namespaces failed", metadata: ["error": "\(error)"])
            return []
        }
    }

    private func tell(_ report: DriftReport) {
        for (scope, texts) in report.repairs {
            log.warning(
                "network repaired",
                metadata: [
                    "scope": "\(scope)", "reason": "\(report.reason)", "count": "\(texts.count)",
                    "repairs": "\(texts.prefix(DriftReport.mostWords))", "seconds": "\(report.duration.seconds)",
                ])
        }
        repairs.yield(report)
    }

    func logFailure(_ scope: Scope, _ errors: [any Error]) {
        for error in errors {
            log.error("network not as wanted", metadata: ["scope": "\(scope)", "error": "\(error)"])
        }
    }

    private func inNode<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        if let node { try await node.run(work) } else { try await onThread(work) }
    }

    /// Looked up in each pass: the module may come later.
    var filtersBridges: Bool { Self.filtersBridges }

    /// Whether br_netfilter is there, in which case bridges can pass their packets to the rules.
    static var filtersBridges: Bool { Files.exists("/proc/sys/net/bridge") }
}

extension ApplyReport {
    init(_ outcome: ReconcilePass.Outcome) {
        self.init()
        changes = outcome.changes
        derived = outcome.derived
        scopes = outcome.touched
        failures = outcome.failures
        duration = outcome.duration
    }
}
