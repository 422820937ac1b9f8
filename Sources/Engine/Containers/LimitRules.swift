import Faults
import Model

/// Which limits make sense, whatever the machine is. Source of rules and words: moby, `daemon/daemon_unix.go`.
enum LimitRules {
    private static let leastMemory: Int64 = 6 << 20

    /// Limits that an update may change as well.
    /// - Throws: ``APIError`` in Docker's words.
    static func check(_ host: HostConfiguration) throws(APIError) {
        if host.memory != 0, host.memory < leastMemory { throw invalid("Minimum memory limit allowed is 6MB") }
        if host.memorySwap > 0, host.memorySwap < host.memory {
            throw invalid("Minimum memoryswap limit should be larger than memory limit, see usage")
        }
        if host.memory == 0, host.memorySwap > 0 {
            throw invalid("You should always set the Memory limit when using Memoryswap limit, see usage")
        }
        if let swappiness = host.memorySwappiness, swappiness != -1, !(0...100).contains(swappiness) {
            throw invalid("Invalid value: \(swappiness), valid memory swappiness range is 0-100")
        }
        if host.memoryReservation != 0, host.memoryReservation < leastMemory {
            throw invalid("Minimum memory reservation allowed is 6MB")
        }
        if host.memory > 0, host.memoryReservation > host.memory {
            throw invalid("Minimum memory limit can not be less than memory reservation limit, see usage")
        }
        if host.cpuPeriod != 0, !(1000...1_000_000).contains(host.cpuPeriod) {
            throw invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
        }
        if host.cpuQuota > 0, host.cpuQuota < 1000 {
            throw invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)")
        }
        if host.blkioWeight > 0, !(10...1000).contains(host.blkioWeight) {
            throw invalid("Range of blkio weight is from 10 to 1000")
        }
    }

    /// What only a new container is asked.
    /// - Throws: ``APIError`` in Docker's words.
    static func checkNew(_ host: HostConfiguration) throws {
        if host.shmSize < 0 { throw invalid("SHM size can not be less than 0") }
        if !(-1000...1000).contains(host.oomScoreAdj) {
            throw invalid("Invalid value \(host.oomScoreAdj), range for oom score adj is [-1000, 1000]")
        }
        for bindings in (host.portBindings ?? [:]).values {
            for binding in bindings ?? [] { _ = try PortRequests.range(binding.hostPort) }
        }
    }

    private static func invalid(_ words: String) -> APIError { APIError(.invalidInput, words) }
}
