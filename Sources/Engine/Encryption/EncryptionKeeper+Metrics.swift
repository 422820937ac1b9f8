import Concurrency
import ESPControl
import LinuxSystem
import Telemetry

extension EncryptionKeeper {
    /// For how long the process may take to answer, for whoever reads metrics.
    private static let timeout = Duration.seconds(2)

    /// What is told of encrypted networks in metrics; `nil` where there are none.
    /// - Throws: `CancellationError`.
    func facts() async throws -> EncryptionFacts? {
        guard let networks else { return nil }
        var facts = EncryptionFacts()
        do {
            let report = try await withDeadline(Self.timeout) { try await self.counters() }
            facts.isRunning = true
            facts.faults = report.faults.count
            facts.networks = networks.sorted { $0.value < $1.value }.map { vni, id in
                EncryptionFacts.Network(id, report.networks[vni] ?? EncryptedNetworkCounters())
            }
            let (associations, lanes) = (report.associations.values, report.lanes)
            facts.refused = [
                "bad_icv": total(associations, \.badICV), "malformed": total(lanes, \.malformed),
                "replayed": total(associations, \.replayed), "socket_full": total(lanes, \.socketDrops),
                "truncated": total(lanes, \.truncated), "unknown_spi": total(lanes, \.unknownSPI),
            ]
            let known = [
                "no_buffers": total(lanes, \.sendNoBuffers), "too_long": total(lanes, \.sendTooLong),
                "unreachable": total(lanes, \.sendUnreachable),
            ]
            let (all, sum) = (total(lanes, \.sendErrors), known.values.reduce(0, &+))
            facts.unsent = known.merging(["other": all > sum ? all - sum : 0]) { first, _ in first }
        } catch is SystemError {} catch is DeadlinePassed {}
        return facts
    }

    private func total<Counters>(_ all: some Sequence<Counters>, _ path: KeyPath<Counters, UInt64>) -> UInt64 {
        all.reduce(0) { $0 &+ $1[keyPath: path] }
    }
}

extension EncryptionFacts.Network {
    fileprivate init(_ id: String, _ counters: EncryptedNetworkCounters) {
        self.init(id: id)
        (framesIn, framesOut, bytesIn, bytesOut) = (
            counters.framesIn, counters.framesOut, counters.bytesIn, counters.bytesOut
        )
        dropped = [
            "congested": counters.congested, "device": counters.deviceErrors, "malformed": counters.malformed,
            "no_association": counters.noAssociation, "stranger": counters.strangers,
            "unknown_destination": counters.unknownDestination,
        ]
    }
}
