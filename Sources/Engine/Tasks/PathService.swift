import Addressing
import Concurrency
import DataPlane
package import EngineInterface
import LinuxSystem
import Logging
import Model
import Netlink
import PathProbes
import Synchronization

/// Measures the ways to other nodes, follows the underlay's link, and tells when a way becomes ill or well:
/// `docker events --filter type=network --filter event=path-ill`.
package final class PathService: Sendable {
    /// What comes together is looked at once: many facts of a swarm, many changes of links.
    private static let gathering = Duration.seconds(1)

    private let prober: PathProber
    /// Of what encrypted networks send.
    private let encrypted: PathProber
    private let connections = Mutex(ControlPaths())
    private let network: NetworkCoordinator
    private let networks: SwarmNetworks
    private let events: EventLog
    private let log: Logger
    /// Whether checksums that are left to the card arrive spoilt at one of the peers, as far as paths have changed.
    private let spoilt = ObservableValue(false)

    init(
        prober: PathProber, encrypted: PathProber, network: NetworkCoordinator, networks: SwarmNetworks,
        events: EventLog, log: Logger
    ) {
        self.encrypted = encrypted
        self.events = events
        self.log = log
        self.network = network
        self.networks = networks
        self.prober = prober
    }

    /// What is known of them.
    /// - Parameter seconds: Since 1970, now.
    package func measurements(seconds: Int64) -> [PathMeasurement] {
        let control = connections.withLock { $0.measurements(at: .now, seconds: seconds) }
        let tunnels = prober.measurements(seconds: seconds) + encrypted.measurements(seconds: seconds)
        return Array((tunnels + control).prefix(NodePulse.mostPaths))
    }

    /// Until cancelled.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.prober.run() }
            group.addTask { try await self.encrypted.run() }
            group.addTask { try await self.followSwarm() }
            group.addTask { try await self.followLink() }
            group.addTask { try await self.followChecksums() }
            group.addTask { try await self.followConnections() }
            group.addTask {
                for await change in self.prober.changes { self.tell(change, .vxlan) }
                try Task.checkCancellation()
            }
            group.addTask {
                for await change in self.encrypted.changes { self.tell(change, .esp) }
                try Task.checkCancellation()
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func followSwarm() async throws {
        var seen: UInt64?
        while true {
            seen = try await network.pathNews.wait { [seen] in $0 != seen ? $0 : nil }
            prober.demand.set(network.pathDemand)
            encrypted.demand.set(network.encryptedPathDemand)
            try await Task.sleep(for: Self.gathering)
        }
    }

    /// Links, routes and addresses of the node: one of them may carry the underlay.
    private func followLink() async throws {
        var seen: UInt64 = 0
        while true {
            seen = try await network.dataPlane.underlayChanges.wait { [seen] in $0 != seen ? $0 : nil }
            try await Task.sleep(for: Self.gathering)
            do {
                guard let change = try await networks.followUnderlay() else { continue }
                log.notice(
                    "the underlay's link has another MTU: overlays follow",
                    metadata: ["before": "\(change.before)", "now": "\(change.now)"])
                events.publish(
                    "network", "underlay-mtu", "", ["before": "\(change.before)", "mtu": "\(change.now)"])
            } catch {
                try Task.checkCancellation()
                log.error("the underlay's MTU is not followed yet", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Looks at the connections to managers, as long as there are some.
    private func followConnections() async throws {
        while true {
            let first = try await prober.demand.wait { $0?.managers.isEmpty == false ? $0 : nil }
            do {
                let sockets = try await open()
                while let demand = prober.demand.value, !demand.managers.isEmpty {
                    let found = try await onThread {
                        try demand.controlPorts.flatMap { try sockets.connections(toPort: $0) }
                    }
                    let changes = connections.withLock { $0.take(found, of: demand.managers, at: .now) }
                    for change in changes { tell(change, .control) }
                    try await Task.sleep(for: ControlPaths.interval)
                }
                connections.withLock { $0 = ControlPaths() }
            } catch {
                try Task.checkCancellation()
                log.warning(
                    "connections to managers are not looked at for a while",
                    metadata: ["error": "\(error)", "managers": "\(first.managers.count)"])
                try await Task.sleep(for: ControlPaths.interval)
            }
        }
    }

    private func open() async throws -> SocketDiagnostics {
        guard let node = network.dataPlane.node else { return try await onThread { try SocketDiagnostics() } }
        return try await node.run { try SocketDiagnostics() }
    }

    /// How often the tunnels of overlays are looked at while a card spoils checksums: some may be new.
    private static let looking = Duration.seconds(10)

    /// Keeps checksums from a card that spoils them. What an earlier daemon has done is undone where no card does any more.
    private func followChecksums() async throws {
        let tunnels = TunnelChecksums(
            directory: network.dataPlane.layout.namespaceDirectory, prefix: Layout.overlayPrefix,
            device: Layout.overlayTunnel)
        var known = false
        try await look(tunnels, byKernel: false)
        while true {
            let isSpoilt = try await spoilt.wait { [known] in $0 || known ? $0 : nil }
            if isSpoilt != known {
                log.warning(
                    isSpoilt
                        ? "the network card spoils checksums inside tunnels: they are computed before, on overlays' own devices"
                        : "the network card spoils no checksums inside tunnels any more")
                events.publish(
                    "network", "tunnel-checksums", "", ["by": isSpoilt ? "kernel" : "card"])
            }
            known = isSpoilt
            try await look(tunnels, byKernel: isSpoilt)
            guard known else { continue }
            try await Task.sleep(for: Self.looking)
            // A node at which they arrived spoilt may have gone meanwhile.
            noteChecksums()
        }
    }

    private func noteChecksums() {
        let isSpoilt = prober.measurements(seconds: 0).contains { $0.findings.contains(.checksums) }
        if spoilt.value != isSpoilt { spoilt.set(isSpoilt) }
    }

    private func look(_ tunnels: TunnelChecksums, byKernel: Bool) async throws {
        do { _ = try await tunnels.apply(byKernel: byKernel) } catch {
            try Task.checkCancellation()
            log.error("who computes tunnels' checksums could not be changed", metadata: ["error": "\(error)"])
        }
    }

    private func tell(_ change: PathTransition, _ kind: PathKind) {
        let peer = network.peer(change.peer)
        var attributes: [String: String] = ["path": kind.word]
        attributes["findings"] = change.findings.words.joined(separator: ",")
        attributes["name"] = peer?.hostname ?? change.peer
        attributes["address"] = peer?.address.description
        noteChecksums()
        events.publish("network", change.findings.isEmpty ? "path-well" : "path-ill", change.peer, attributes)
    }
}
