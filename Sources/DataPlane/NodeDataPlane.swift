package import Addressing
package import Concurrency
package import LinuxSystem
package import Logging
package import Model
import Netlink
import Nftables

/// Makes the kernel agree with the desired network of this node, and keeps it so.
///
/// How to use it:
///
///     let plane = NodeDataPlane(runDirectory: "/run/apus", ports: ports, log: log)
///     _ = try await plane.adopt(desired)           // once, at start: takes over what an earlier daemon left
///     // …in a service: try await plane.run()      // watches and repairs
///     let namespace = try await plane.prepareSandbox(containerID)      // to open a resolver in it, or to start early
///     var changes = NetworkChanges()
///     changes.set(.sandbox(sandbox))
///     let sequence = try plane.post(changes)       // whenever something is to be different
///     let report = try await plane.report(of: sequence)
///     try report.check(sandbox: containerID)       // before its process is started
///
/// Calls may come at any time from anywhere. What is asked for waits in a mailbox, out of which one loop takes everything at once: it makes one
/// pass and answers those whose changes were in it. A caller that is cancelled stops waiting; what it has asked for is carried out.
/// Failures within one namespace do not stop the others.
package final class NodeDataPlane: Sendable {
    /// Is told which published ports are desired; what containers no longer have is given back by passes.
    package let ports: any PortReserving
    package let layout: Layout
    /// What was repaired, as it happens; the newest if nobody reads.
    package let repairs: AsyncStream<DriftReport>
    /// Counts changes of the node's own links, addresses and routes that somebody else has made, while ``run()`` listens.
    package let underlayChanges = ObservableValue<UInt64>(0)

    private static let longestRepairQueue = 64

    /// The node's own namespace; `nil`: the one in which the process was started.
    package let node: NetworkNamespace?
    let log: Logger
    let mailbox = Mailbox()
    /// How long it takes.
    package var times: PassTimes { mailbox.times }
    let ledger = ObservableValue(Ledger())
    let handles = NamespaceHandles()
    private let repairSink: AsyncStream<DriftReport>.Continuation
    /// The loop, which ends with this object.
    private let tasks = OwnedTasks()

    /// - Parameters:
    ///   - runDirectory: of this daemon alone; namespaces are in `netns` below it.
    ///   - nodeNamespace: the node's own; `nil`: the one this process runs in.
    ///   - ports: holds published ports of the node, in the same namespace.
    package init(
        runDirectory: String = "/run/apus", nodeNamespace: NetworkNamespace? = nil, ports: any PortReserving,
        log: Logger
    ) {
        layout = Layout(runDirectory: runDirectory)
        node = nodeNamespace
        self.ports = ports
        self.log = log
        (repairs, repairSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.longestRepairQueue))
        let loop = ReconcileLoop(
            mailbox: mailbox, ledger: ledger, layout: layout, node: nodeNamespace, ports: ports, handles: handles,
            repairs: repairSink, log: log)
        tasks.begin { await loop.run() }
    }

    deinit { repairSink.finish() }

    // MARK: desired state

    /// Posts changes, and waits for nothing: the next pass carries them out.
    ///
    /// Only what the changes name is looked at. A pass touches only the namespaces whose part of the network has changed since the last, and those
    /// in which something failed.
    /// - Throws: ``DataPlaneError`` `inconsistent` when the network would contradict itself; then nothing is changed.
    package func post(_ changes: NetworkChanges) throws -> ChangeSequence {
        try mailbox.post(changes)
    }

    /// Returns when a posted change has been carried out, with the report of the pass that did it, or of a later one.
    /// - Parameter removesLater: it returns when nothing leads to what is to go any more; links and namespaces go
    ///   afterwards, before any other pass. What is left of them then is in no report, but removed by a later pass.
    /// - Throws: `CancellationError`; the change is carried out all the same.
    package func report(of sequence: ChangeSequence, removesLater: Bool = false) async throws -> ApplyReport {
        try await mailbox.report(of: sequence, waitsForRemoval: !removesLater)
    }

    /// Posts changes and waits for them: see ``post(_:)`` and ``report(of:removesLater:)``.
    package func apply(_ changes: NetworkChanges, removesLater: Bool = false) async throws -> ApplyReport {
        try await report(of: post(changes), removesLater: removesLater)
    }

    /// Brings the node to `desired` as a whole: what is not in it goes. The same as to apply the changes that lead there.
    package func reconcile(_ desired: NodeNetwork, removesLater: Bool = false) async throws -> ApplyReport {
        try check(desired)
        return try await report(of: mailbox.post(whole: desired), removesLater: removesLater)
    }

    /// At start: compares everything with the kernel, takes over what fits, repairs what does not, and removes links and
    /// namespaces of ours that are not desired.
    package func adopt(_ desired: NodeNetwork) async throws -> ApplyReport {
        try check(desired)
        return try await report(of: mailbox.post(whole: desired, adopts: true))
    }

    /// Compares everything with the kernel, or these scopes, and repairs. Rules are read in any case.
    /// - Throws: `CancellationError`; the comparison takes place all the same.
    package func resync(reason: String, scopes: Set<Scope>? = nil) async throws -> DriftReport {
        try await mailbox.compare(scopes, reason: reason, rereads: true)
    }

    /// Removes everything of ours: links, tables, namespaces. Parameters of the node stay as they are, and the administrator's rules.
    package func teardown() async throws {
        let report = try await adopt(NodeNetwork())
        if let failure = report.failures.values.first?.first { throw failure }
        let work: @Sendable () throws -> Void = {
            let present = Ruleset()
            for table in NamespaceDump.tables(of: .node) where try present.has(table.inKernel) {
                if try table == AdministratorTable.id && AdministratorTable.hasRules() { continue }
                try NftContext().run("delete table \(table)\n")
            }
        }
        if let node { try await node.run(work) } else { try await onThread(work) }
        ledger.change { $0.applied[.node] = nil }
    }

    private func check(_ desired: NodeNetwork) throws {
        let faults = Derivation(desired, layout: layout, filtersBridges: true).inconsistencies()
        if !faults.isEmpty { throw DataPlaneError(code: .inconsistent, message: faults.joined(separator: "; ")) }
    }

    /// How many ports of its bridges are in use.
    package var bridgePorts: BridgePortCounts {
        var counts = BridgePortCounts()
        for (scope, applied) in ledger.value.applied { counts.add(applied.state.kernel, of: scope) }
        return counts
    }

    /// What this kernel can do, found out by trying.
    package func kernelFeatures() async throws -> KernelFeatures { try await KernelFeatures.probe(at: layout.probe()) }

    /// What administers the node's firewall beside this daemon, as far as nftables shows it.
    package func hostFirewalls() async throws -> [HostFirewall] {
        if let node { return try await node.run { try HostFirewall.read() } }
        return try await onThread { try HostFirewall.read() }
    }

    /// Whether this node can have an ingress network of a subnet of IPv4: `nil`, or why not. Two namespaces are made for it, and go again.
    /// - Throws: When it cannot be tried.
    package func tryIngress(_ subnet: IPNetwork) async throws -> IngressTrouble? { try await IngressTrial.run(subnet) }
}
