import ESPControl
import Synchronization

/// Counters of a lane's threads at a moment, by the numbers that the state's keeper has given.
struct LaneSnapshot: Sendable {
    /// Of what a peer is sent to with.
    struct Outbound: Sendable {
        let peer: Int
        let spi: UInt32
        let counters: AssociationCounters
    }

    var lane = EncryptionLaneCounters()
    /// By network.
    var networks: [Int: EncryptedNetworkCounters] = [:]
    var outbound: [Outbound] = []
    /// By SPI.
    var inbound: [UInt32: AssociationCounters] = [:]
}

/// Where threads put their counters for who has asked.
final class SnapshotBox: Sendable {
    private let taken = Mutex<[LaneSnapshot]>([])
    private let answered: @Sendable () -> Void

    /// - Parameter answered: called by the thread after each snapshot.
    init(answered: @escaping @Sendable () -> Void) { self.answered = answered }

    func put(_ snapshot: LaneSnapshot) {
        taken.withLock { $0.append(snapshot) }
        answered()
    }

    var snapshots: [LaneSnapshot] { taken.withLock { $0 } }
}
