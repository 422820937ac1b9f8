import EngineInterface
import Model

/// Which limits make sense, whatever the machine is. Source of rules and words: moby, `daemon/daemon_unix.go`.
enum LimitRules {
    private static let leastMemory: Int64 = 6 << 20

    /// Limits that an update may change as well.
    /// - Throws: ``LimitError``.
    static func check(_ host: HostConfiguration) throws(LimitError) {
        if host.memory != 0, host.memory < leastMemory { throw LimitError.littleMemory }
        if host.memorySwap > 0, host.memorySwap < host.memory {
            throw LimitError.swapBelowMemory
        }
        if host.memory == 0, host.memorySwap > 0 {
            throw LimitError.swapWithoutMemory
        }
        if let swappiness = host.memorySwappiness, swappiness != -1, !(0...100).contains(swappiness) {
            throw LimitError.swappinessOutOfRange(swappiness)
        }
        if host.memoryReservation != 0, host.memoryReservation < leastMemory {
            throw LimitError.littleReservation
        }
        if host.memory > 0, host.memoryReservation > host.memory {
            throw LimitError.reservationAboveMemory
        }
        if host.cpuPeriod != 0, !(1000...1_000_000).contains(host.cpuPeriod) {
            throw LimitError.periodOutOfRange
        }
        if host.cpuQuota > 0, host.cpuQuota < 1000 {
            throw LimitError.littleQuota
        }
        if host.blkioWeight > 0, !(10...1000).contains(host.blkioWeight) {
            throw LimitError.weightOutOfRange
        }
    }

    /// What only a new container is asked.
    /// - Throws: ``LimitError``.
    static func checkNew(_ host: HostConfiguration) throws {
        if host.shmSize < 0 { throw LimitError.negativeSharedMemory }
        if !(-1000...1000).contains(host.oomScoreAdj) {
            throw LimitError.scoreOutOfRange(host.oomScoreAdj)
        }
        for bindings in (host.portBindings ?? [:]).values {
            for binding in bindings ?? [] { _ = try PortRequests.range(binding.hostPort) }
        }
    }
}
