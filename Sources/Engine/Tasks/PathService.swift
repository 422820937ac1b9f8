import Addressing
import Concurrency
import DataPlane
package import EngineInterface
import Logging
import Model
import PathProbes

/// Measures the ways to other nodes, follows the underlay's link, and tells when a way becomes ill or well:
/// `docker events --filter type=network --filter event=path-ill`.
package final class PathService: Sendable {
    /// What comes together is looked at once: many facts of a swarm, many changes of links.
    private static let gathering = Duration.seconds(1)

    private let prober: PathProber
    private let network: NetworkCoordinator
    private let networks: SwarmNetworks
    private let events: EventLog
    private let log: Logger
    /// Whether checksums that are left to the card arrive spoilt at one of the peers, as far as paths have changed.
    private let spoilt = ObservableValue(false)

    init(
        prober: PathProber, network: NetworkCoordinator, networks: SwarmNetworks, events: EventLog, log: Logger
    ) {
        self.events = events
        self.log = log
        self.network = network
        self.networks = networks
        self.prober = prober
    }

    /// What is known of them.
    /// - Parameter seconds: Since 1970, now.
    package func measurements(seconds: Int64) -> [PathMeasurement] {
        Array(prober.measurements(seconds: seconds).prefix(NodePulse.mostPaths))
    }

    /// Until cancelled.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.prober.run() }
            group.addTask { try await self.followSwarm() }
            group.addTask { try await self.followLink() }
            group.addTask { try await self.followChecksums() }
            group.addTask {
                for await change in self.prober.changes { self.tell(change) }
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

    /// How often the tunnels of overlays are looked at while a card spoils checksums: some may be new.
    private static let looking = Duration.seconds(10)

    /// Keeps checksums from a card that spoils them. What an earlier daemon has done is undone where no card does any more.
    private func followChecksums() async throws {
        let tunnels = TunnelChecksums(layout: network.dataPlane.layout)
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
            if known { try await Task.sleep(for: Self.looking) }
        }
    }

    private func look(_ tunnels: TunnelChecksums, byKernel: Bool) async throws {
        do { _ = try await tunnels.apply(byKernel: byKernel) } catch {
            try Task.checkCancellation()
            log.error("who computes tunnels' checksums could not be changed", metadata: ["error": "\(error)"])
        }
    }

    private func tell(_ change: PathTransition) {
        let peer = network.peer(change.peer)
        var attributes: [String: String] = ["path": PathKind.vxlan.word]
        attributes["findings"] = change.findings.words.joined(separator: ",")
        attributes["name"] = peer?.hostname ?? change.peer
        attributes["address"] = peer?.address.description
        let isSpoilt = prober.measurements(seconds: 0).contains { $0.findings.contains(.checksums) }
        if spoilt.value != isSpoilt { spoilt.set(isSpoilt) }
        events.publish("network", change.findings.isEmpty ? "path-well" : "path-ill", change.peer, attributes)
    }
}
