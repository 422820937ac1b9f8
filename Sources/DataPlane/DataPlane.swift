import Addressing
package import LinuxSystem
package import Logging
import Model
import Netlink
import Nftables

/// Makes the kernel agree with the wanted network of this node, and keeps it so.
///
/// How to use it:
///
///     let plane = DataPlane(runDirectory: "/run/apus", log: log)
///     _ = try await plane.adopt(wanted)            // once, at start: takes over what an earlier daemon left
///     // …in a service: try await plane.run()      // watches and repairs
///     let namespace = try await plane.prepareSandbox(containerID)      // to open a resolver in it, or to start early
///     let ports = try await plane.ports.reserve(requests, owner: containerID, endpoint: (name, id))
///     let report = try await plane.apply(wanted)   // whenever the wanted value has changed
///     try report.check(sandbox: containerID)       // before its process is started
///
/// Calls may come at any time from anywhere: a call that finds another at work waits, and those that wait are answered by
/// one round with the newest value. Failures within one namespace do not stop the others.
package actor DataPlane {
    /// Published ports of the node. Ask it before `apply`; what containers no longer have is given back by `apply`.
    package nonisolated let ports: PortReservations
    package nonisolated let layout: Layout
    /// What was repaired, as it happens; the newest if nobody reads.
    package nonisolated let repairs: AsyncStream<DriftReport>

    /// Owner under which ports of the mesh are held.
    static let meshOwner = "mesh"
    private static let longestRepairQueue = 64

    nonisolated let node: NetworkNamespace?
    nonisolated let log: Logger
    nonisolated let repairSink: AsyncStream<DriftReport>.Continuation

    /// The newest wanted value, and the one that was last carried out.
    private var wanted = NodeNetwork()
    private var appliedNetwork = NodeNetwork()
    private var unforgotten: [Scope: [ConnectionEnd]] = [:]
    private var applied: [Scope: AppliedNamespace] = [:]
    private var held: [Scope: HeldNamespace] = [:]
    private var book = ChainCache()
    private var prepared: Set<Scope> = []
    /// What a round that has been answered already still removes.
    private var leaving: Set<Scope> = []
    /// Scopes by the id under which the node's namespace knows their namespaces.
    var scopesByID: [Int32: Scope] = [:]

    private var features: KernelFeatures?
    private var isAtWork = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    /// Counts wanted values; the second is the one that the last round carried out.
    private var newest: UInt64 = 0
    private var carriedOut: UInt64 = 0
    private var lastReport = ApplyReport()
    private var lastEnd = ContinuousClock.now
    /// When namespaces may be looked at again.
    var pace = Pace()
    /// Differences repaired since this daemon has started.
    private var repaired: UInt64 = 0

    /// - Parameters:
    ///   - runDirectory: of this daemon alone; namespaces are in `netns` below it.
    ///   - nodeNamespace: the node's own; `nil`: the one this process runs in.
    package init(runDirectory: String = "/run/apus", nodeNamespace: NetworkNamespace? = nil, log: Logger) {
        layout = Layout(runDirectory: runDirectory)
        node = nodeNamespace
        ports = PortReservations(namespace: nodeNamespace)
        self.log = log
        (repairs, repairSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.longestRepairQueue))
    }

    deinit { repairSink.finish() }

    // MARK: wanted state

    /// Brings the node to `wanted`. Touches only the namespaces whose part of it has changed since the last call, and those
    /// in which something failed.
    /// - Parameter removesLater: it returns when nothing leads to what is to go any more; links and namespaces go
    ///   afterwards, before any other round. What is left of them then is in no report, but removed by a later round.
    /// - Throws: ``DataPlaneError`` `inconsistent` when the value contradicts itself; then nothing is touched.
    package func apply(_ wanted: NodeNetwork, removesLater: Bool = false) async throws -> ApplyReport {
        try check(wanted)
        self.wanted = wanted
        newest += 1
        let mine = newest
        while carriedOut < mine {
            await begin()
            if carriedOut >= mine {
                end()
                break
            }
            if removesLater {
                let (round, outcome) = await startRound(examining: [], removingStrays: false)
                leaving = Set(applied.keys).subtracting(outcome.applied.keys)
                settle(outcome)
                // The kernel's time to give up a device is nobody's to wait for but the next round's, which does.
                Task { await self.finishLater(round, outcome) }
            } else {
                _ = await performRound(examining: [])
                end()
            }
        }
        return lastReport
    }

    private func finishLater(_ round: ReconcilePass, _ outcome: ReconcilePass.Outcome) async {
        var outcome = outcome
        let told = outcome.failures
        await round.remove(&outcome)
        for (scope, errors) in outcome.failures where told[scope] == nil { logFailure(scope, errors) }
        takeOver(outcome)
        leaving = []
        end()
    }

    /// At start: compares everything with the kernel, takes over what fits, repairs what does not, and removes links and
    /// namespaces of ours that are not wanted.
    package func adopt(_ wanted: NodeNetwork) async throws -> ApplyReport {
        try check(wanted)
        self.wanted = wanted
        newest += 1
        await begin()
        defer { end() }
        _ = await performRound(examining: nil, removingStrays: true)
        return lastReport
    }

    /// Compares with the kernel, and repairs. `scopes`: these only, or everything.
    package func resync(reason: String, scopes: Set<Scope>? = nil) async -> DriftReport {
        await begin()
        defer { end() }
        // Towards what was applied: what is wanted since then is no drift, and whoever wants it is waiting for a round.
        let outcome = await performRound(
            towards: appliedNetwork, examining: scopes, removingStrays: scopes == nil)
        var report = DriftReport(reason: reason)
        report.repairs = outcome.differences
        report.failures = outcome.failures
        report.duration = outcome.duration
        repaired += UInt64(clamping: report.count)
        report.total = repaired
        if !report.isClean { tell(report) }
        return report
    }

    /// Removes everything of ours: links, tables, namespaces. Parameters of the node stay as they are.
    package func teardown() async throws {
        let report = try await adopt(NodeNetwork())
        if let failure = report.failures.values.first?.first { throw failure }
        try await inNode {
            let present = Ruleset()
            for table in NamespaceDump.tables(of: .node) where try present.has(table.inKernel) {
                try NftContext().run("delete table \(table)\n")
            }
        }
        applied[.node] = nil
    }

    // MARK: sandboxes

    /// Where a container's network namespace is, made or not.
    package nonisolated func sandboxNamespace(_ containerID: String) -> NetworkNamespace { layout.sandbox(containerID) }

    /// Makes a container's namespace ahead of its wanted state, its loopback up: for a resolver's sockets. It stays until a
    /// wanted value that had it has it no more, or until ``discardSandbox(_:)``.
    package func prepareSandbox(_ containerID: String) async throws -> NetworkNamespace {
        let namespace = layout.sandbox(containerID)
        while leaving.contains(.sandbox(containerID)) {
            // The one that the container had before goes first.
            await begin()
            end()
        }
        if namespace.exists() { return namespace }
        prepared.insert(.sandbox(containerID))
        return try await NetworkNamespace.create(at: namespace.path) { try NamespaceWork.prepare() }
    }

    /// Finds the namespace of a running container again, should its name have been taken away while no daemon was there.
    /// - Parameter process: one of the container's.
    package func recover(_ containerID: String, process: Int32) async throws {
        let namespace = layout.sandbox(containerID)
        if namespace.exists() { return }
        let source = "/proc/\(process)/ns/net"
        try await onThread {
            // Never the daemon's own, whatever the process may have become.
            guard try Files.link(source) != Files.link("/proc/self/ns/net") else { return }
            _ = try NetworkNamespace.bind(source, at: namespace.path)
        }
    }

    /// Takes back ``prepareSandbox(_:)`` for a container that is not wanted after all. Also gives back its ports.
    package func discardSandbox(_ containerID: String) async throws {
        prepared.remove(.sandbox(containerID))
        ports.release(containerID)
        if applied[.sandbox(containerID)] == nil { try await layout.sandbox(containerID).remove() }
    }

    /// What this kernel can do; found out once.
    package func kernelFeatures() async throws -> KernelFeatures {
        if let features { return features }
        let found = try await KernelFeatures.probe(at: layout.probe())
        features = found
        return found
    }

    // MARK: rounds

    private func check(_ wanted: NodeNetwork) throws {
        let faults = Derivation(wanted, layout: layout, filtersBridges: true).inconsistencies()
        if !faults.isEmpty { throw DataPlaneError(code: .inconsistent, message: faults.joined(separator: "; ")) }
    }

    /// Waits until no round is under way, and starts one.
    private func begin() async {
        while isAtWork { await withCheckedContinuation { waiting.append($0) } }
        isAtWork = true
    }

    private func end() {
        isAtWork = false
        lastEnd = .now
        let woken = waiting
        waiting = []
        for one in woken { one.resume() }
    }

    /// One round towards the newest value, or towards `target`. `examining`: `nil` for everything.
    private func performRound(
        towards target: NodeNetwork? = nil, examining scopes: Set<Scope>?, removingStrays: Bool = false
    ) async -> ReconcilePass.Outcome {
        let start = ContinuousClock.now
        var (round, outcome) = await startRound(towards: target, examining: scopes, removingStrays: removingStrays)
        await round.remove(&outcome)
        outcome.duration = ContinuousClock.now - start
        if target == nil {
            settle(outcome)
        } else {
            takeOver(outcome)
            for (scope, errors) in outcome.failures { logFailure(scope, errors) }
        }
        return outcome
    }

    /// A round up to its last step.
    private func startRound(towards given: NodeNetwork? = nil, examining scopes: Set<Scope>?, removingStrays: Bool)
        async -> (ReconcilePass, ReconcilePass.Outcome)
    {
        let start = ContinuousClock.now
        let (number, target) = (given == nil ? newest : carriedOut, given ?? wanted)
        let derivation = Derivation(
            await placed(target), layout: layout, filtersBridges: await filtersBridges())
        let round = ReconcilePass(
            derivation: derivation, node: node, previous: applied, previousNetwork: appliedNetwork,
            unforgotten: unforgotten,
            examined: scopes ?? Set(derivation.inputs().keys), prepared: prepared,
            strays: removingStrays ? strays(derivation) : [], held: held, book: book)
        var outcome = await round.run()
        await holdPorts(of: target, &outcome)
        await holdNamespaces(of: derivation, &outcome)
        appliedNetwork = target
        unforgotten = outcome.unforgotten
        prepared.subtract(target.sandboxes.map { .sandbox($0.id) })
        carriedOut = number
        outcome.duration = ContinuousClock.now - start
        return (round, outcome)
    }

    /// With the link that has the underlay's address at present: it may move, or come late.
    private func placed(_ target: NodeNetwork) async -> NodeNetwork {
        guard let underlay = target.underlay, underlay.link == nil else { return target }
        var placed = target
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

    private func takeOver(_ outcome: ReconcilePass.Outcome) {
        applied = outcome.applied
        book = outcome.book
        for (scope, id) in outcome.namespaceIDs { scopesByID[id] = scope }
        scopesByID = scopesByID.filter { applied[$0.value] != nil }
        for (scope, part) in outcome.parts {
            if let time = part.lookTime { pace.note(scope, took: time, at: .now) }
        }
        pace.forget(allBut: applied.keys)
    }

    private func settle(_ outcome: ReconcilePass.Outcome) {
        takeOver(outcome)
        lastReport = ApplyReport()
        lastReport.changes = outcome.changes
        lastReport.scopes = outcome.touched
        lastReport.failures = outcome.failures
        lastReport.duration = outcome.duration
        for (scope, errors) in outcome.failures { logFailure(scope, errors) }
    }

    private func logFailure(_ scope: Scope, _ errors: [any Error]) {
        for error in errors {
            log.error("network not as wanted", metadata: ["scope": "\(scope)", "error": "\(error)"])
        }
    }

    /// Namespaces below our directory that nobody wants.
    private func strays(_ derivation: Derivation) -> [NetworkNamespace] {
        let inputs = derivation.inputs().keys
        let wanted = Set(inputs.compactMap { derivation.namespace(of: $0) })
            .union(prepared.compactMap { derivation.namespace(of: $0) })
            // Those of the last round are removed by the round itself.
            .union(applied.keys.compactMap { derivation.namespace(of: $0) })
        do {
            let trials = layout.namespaceDirectory + "/" + Layout.probePrefix
            return try NetworkNamespace.list(in: layout.namespaceDirectory).filter {
                // At start nobody tries anything: what is there was left.
                !wanted.contains($0) && (applied.isEmpty || !$0.path.hasPrefix(trials))
            }
        } catch {
            log.warning("listing namespaces failed", metadata: ["error": "\(error)"])
            return []
        }
    }

    private func holdPorts(of target: NodeNetwork, _ outcome: inout ReconcilePass.Outcome) async {
        let owners = Set(target.sandboxes.map(\.id))
        for owner in ports.owners
        where owner != Self.meshOwner && !owners.contains(owner) && !prepared.contains(.sandbox(owner)) {
            // Ports that were asked for ahead of their container's wanted state stay.
            if appliedNetwork.sandboxes.contains(where: { $0.id == owner }) { ports.release(owner) }
        }
        let leg = target.ingress?.leg.hosts.primary ?? .unspecified(.v4)
        let mesh = (target.ingress?.ports ?? []).map {
            HostPort(
                PublishedPort(transport: $0.transport, hostPort: $0.publishedPort, containerPort: $0.publishedPort),
                to: leg)
        }
        var lists = target.sandboxes.filter { !$0.published.isEmpty }.map { ($0.id, $0.published) }
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
    private func holdNamespaces(of derivation: Derivation, _ outcome: inout ReconcilePass.Outcome) async {
        held = held.filter { outcome.applied[$0.key] != nil }
        let missing = outcome.applied.keys.filter { held[$0] == nil }.compactMap { scope in
            derivation.namespace(of: scope).map { (scope, $0) }
        }
        if missing.isEmpty { return }
        do {
            let new = try await onThread { try missing.map { ($0.0, try HeldNamespace($0.1)) } }
            for (scope, namespace) in new { held[scope] = namespace }
        } catch {
            // One that could not be made is told of already; the next round tries again.
            log.debug("a namespace cannot be held", metadata: ["error": "\(error)"])
        }
    }

    private func tell(_ report: DriftReport) {
        for (scope, words) in report.repairs {
            log.warning(
                "network repaired",
                metadata: [
                    "scope": "\(scope)", "reason": "\(report.reason)", "count": "\(words.count)",
                    "repairs": "\(words.prefix(DriftReport.mostWords))", "seconds": "\(report.duration.seconds)",
                ])
        }
        repairSink.yield(report)
    }

    func inNode<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        if let node { try await node.run(work) } else { try await onThread(work) }
    }

    /// Whether br_netfilter is there, in which case bridges can pass their packets to the rules. Looked up in each round:
    /// the module may come later.
    private func filtersBridges() async -> Bool { Files.exists("/proc/sys/net/bridge") }

    var knownScopes: Set<Scope> { Set(applied.keys) }

    /// Rounds follow one another: most of what is heard is our own doing.
    var isBusy: Bool { isAtWork || ContinuousClock.now - lastEnd < .milliseconds(100) }

    /// Scopes in which something is known to be wrong, or which have changed in a way that nobody tells of: parameters,
    /// and names of namespaces.
    func silentlyChanged() async throws -> Set<Scope> {
        let doubtful = pace.admit(Set(applied.filter { !$0.value.isCertain }.keys), at: .now)
        let glances = applied.filter { $0.value.isCertain }.map { scope, applied in
            DriftProbe(
                scope: scope, namespace: scope == .node ? node : layout.namespace(of: scope),
                parameters: applied.state.kernel.parameters)
        }
        return doubtful.union(try await DriftProbe.take(glances))
    }
}

extension ApplyReport {
    /// Throws what kept a container's network from being complete: failures in its namespace, the node's, or an overlay's.
    package func check(sandbox id: String) throws {
        for (scope, errors) in failures {
            if case .sandbox(let other) = scope, other != id { continue }
            if scope == .ingress { continue }
            let text = errors.map { "\($0)" }.joined(separator: "; ")
            throw DataPlaneError(code: .incomplete, message: "\(scope): \(text)")
        }
    }
}
