import Addressing
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
    private struct Memory: Sendable {
        /// The network that was last carried out.
        var network = NodeNetwork()
        var unforgotten: [Scope: [ConnectionEnd]] = [:]
        var held: [Scope: HeldNamespace] = [:]
        var chains = ChainCache()
        /// Differences repaired since this daemon has started.
        var repaired: UInt64 = 0
    }

    private let mailbox: Mailbox
    private let ledger: ObservableValue<Ledger>
    private let layout: Layout
    /// The node's own namespace; `nil`: the process's.
    private let node: NetworkNamespace?
    private let ports: PortReservations
    private let repairs: AsyncStream<DriftReport>.Continuation
    private let log: Logger

    init(
        mailbox: Mailbox, ledger: ObservableValue<Ledger>, layout: Layout, node: NetworkNamespace?,
        ports: PortReservations, repairs: AsyncStream<DriftReport>.Continuation, log: Logger
    ) {
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
                await mailbox.waitForMail()
                continue
            }
            if batch.hasChanges { await carryOut(batch, &memory) }
            if let comparison = batch.comparison { await compare(comparison, &memory) }
        }
    }

    /// A pass towards what is desired.
    private func carryOut(_ batch: Mailbox.Batch, _ memory: inout Memory) async {
        let start = ContinuousClock.now
        var (pass, outcome) = await begin(
            towards: batch.desired, examining: batch.adopts ? nil : [], removingStrays: batch.adopts, &memory)
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
        var (pass, outcome) = await begin(
            towards: memory.network, examining: comparison.scopes, removingStrays: comparison.scopes == nil, &memory)
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

    /// A pass up to its last step. `examining`: `nil` for everything.
    private func begin(
        towards desired: NodeNetwork, examining scopes: Set<Scope>?, removingStrays: Bool, _ memory: inout Memory
    ) async -> (ReconcilePass, ReconcilePass.Outcome) {
        let known = ledger.value
        let derivation = Derivation(await placed(desired), layout: layout, filtersBridges: filtersBridges)
        let pass = ReconcilePass(
            derivation: derivation, node: node, previous: known.applied, previousNetwork: memory.network,
            unforgotten: memory.unforgotten, examined: scopes ?? Set(derivation.inputs().keys),
            prepared: known.prepared, strays: removingStrays ? strays(derivation, known) : [], held: memory.held,
            book: memory.chains)
        var outcome = await pass.run()
        await holdPorts(of: desired, after: memory.network, &outcome)
        await holdNamespaces(of: derivation, &memory.held, &outcome)
        memory.network = desired
        memory.unforgotten = outcome.unforgotten
        memory.chains = outcome.book
        ledger.change { [outcome] ledger in
            ledger.leaving = Set(ledger.applied.keys).subtracting(outcome.applied.keys)
            ledger.take(outcome)
            ledger.prepared.subtract(desired.sandboxes.map { .sandbox($0.id) })
        }
        return (pass, outcome)
    }

    /// Its last step.
    private func finish(_ pass: ReconcilePass, _ outcome: inout ReconcilePass.Outcome) async {
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

    private func holdPorts(
        of desired: NodeNetwork, after last: NodeNetwork, _ outcome: inout ReconcilePass.Outcome
    ) async {
        let owners = Set(desired.sandboxes.map(\.id))
        let prepared = ledger.value.prepared
        for owner in ports.owners
        where owner != Self.meshOwner && !owners.contains(owner) && !prepared.contains(.sandbox(owner)) {
            // Ports that were asked for ahead of their container's desired state stay.
            if last.sandboxes.contains(where: { $0.id == owner }) { ports.release(owner) }
        }
        let gateway = desired.ingress?.leg.hosts.primary ?? .unspecified(.v4)
        let mesh = (desired.ingress?.ports ?? []).map {
            HostPort(
                PublishedPort(transport: $0.transport, hostPort: $0.publishedPort, containerPort: $0.publishedPort),
                to: gateway)
        }
        var lists = desired.sandboxes.filter { !$0.published.isEmpty }.map { ($0.id, $0.published) }
        lists.append((Self.meshOwner, mesh))
        for (owner, list) in lists {
            do {
                for port in try await ports.hold(list, owner: owner) {
                    log.warning(
                        "a published port is in use on this node",
                        metadata: ["port": "\(port.published.hostPort)/\(port.published.transport)"])
                }
            } catch {
                outcome.fail(.node, error)
            }
        }
    }

    /// From now on no name that is taken away takes the namespace along.
    private func holdNamespaces(
        of derivation: Derivation, _ held: inout [Scope: HeldNamespace], _ outcome: inout ReconcilePass.Outcome
    ) async {
        held = held.filter { outcome.applied[$0.key] != nil }
        let missing = outcome.applied.keys.filter { held[$0] == nil }.compactMap { scope in
            derivation.namespace(of: scope).map { (scope, $0) }
        }
        if missing.isEmpty { return }
        do {
            let new = try await onThread { try missing.map { ($0.0, try HeldNamespace($0.1)) } }
            for (scope, namespace) in new { held[scope] = namespace }
        } catch {
            // One that could not be made is told of already; the next pass tries again.
            log.debug("a namespace cannot be held", metadata: ["error": "\(error)"])
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

    private func logFailure(_ scope: Scope, _ errors: [any Error]) {
        for error in errors {
            log.error("network not as wanted", metadata: ["scope": "\(scope)", "error": "\(error)"])
        }
    }

    private func inNode<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        if let node { try await node.run(work) } else { try await onThread(work) }
    }

    /// Whether br_netfilter is there, in which case bridges can pass their packets to the rules. Looked up in each pass:
    /// the module may come later.
    private var filtersBridges: Bool { Files.exists("/proc/sys/net/bridge") }
}

extension ApplyReport {
    fileprivate init(_ outcome: ReconcilePass.Outcome) {
        self.init()
        changes = outcome.changes
        scopes = outcome.touched
        failures = outcome.failures
        duration = outcome.duration
    }
}
