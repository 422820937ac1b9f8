import Glibc
import LinuxSystem
import Model

/// What the whole machine has done and has, as measurements tell it.
struct MachineTotals {
    /// Of all processors, idling included.
    var nanoseconds: UInt64 = 0
    var memoryBytes: UInt64 = 0
}

extension ContainerMeasurement.Usage {
    mutating func fill(_ counters: CgroupStatistics, _ machine: MachineTotals) {
        processes = counters.processes
        processLimit = counters.processLimit
        cpu.nanoseconds = counters.cpuNanoseconds ?? 0
        cpu.nanosecondsPerProcessor = counters.cpuNanosecondsPerCPU
        cpu.kernelNanoseconds = counters.cpuSystemNanoseconds ?? 0
        cpu.userNanoseconds = counters.cpuUserNanoseconds ?? 0
        cpu.machineNanoseconds = machine.nanoseconds
        cpu.onlineProcessors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        cpu.periods = counters.cpuPeriods ?? 0
        cpu.throttledPeriods = counters.cpuThrottledPeriods ?? 0
        cpu.throttledNanoseconds = counters.cpuThrottledNanoseconds ?? 0
        memory.usage = counters.memoryWithCacheBytes ?? 0
        memory.peak = counters.memoryPeakBytes
        memory.details = counters.memoryDetails
        memory.limit = counters.memoryLimitBytes ?? machine.memoryBytes
        devices = counters.blockDevices.map {
            ContainerMeasurement.BlockDevice(
                major: $0.major, minor: $0.minor, readBytes: $0.readBytes, writtenBytes: $0.writtenBytes,
                reads: $0.reads, writes: $0.writes)
        }
    }
}

extension NodeProbe {
    /// The first seven numbers of `cpu` in `/proc/stat` (proc(5)): guests' times are among the users' already.
    func machine(_ buffer: ReadBuffer) throws -> MachineTotals {
        let row = sample(buffer)
        var totals = MachineTotals()
        totals.nanoseconds =
            UInt64(clamping: processorTicks(buffer)).multipliedReportingOverflow(
                by: UInt64(clamping: 1_000_000_000 / max(1, sysconf(Int32(_SC_CLK_TCK))))
            ).partialValue
        totals.memoryBytes = UInt64(clamping: row[NodeSeries.memoryTotalBytes] ?? 0)
        return totals
    }
}

extension ProcessProbe {
    /// By interface, in the container's names; a process that has ended has none.
    func measure(_ buffer: ReadBuffer) -> [String: ContainerMeasurement.Interface] {
        var table: [String: ContainerMeasurement.Interface] = [:]
        for counters in interfaces(buffer) {
            var interface = ContainerMeasurement.Interface()
            interface.receivedBytes = UInt64(clamping: counters.receivedBytes)
            interface.receivedPackets = UInt64(clamping: counters.receivedPackets)
            interface.receiveErrors = UInt64(clamping: counters.receiveErrors)
            interface.receiveDrops = UInt64(clamping: counters.receiveDrops)
            interface.sentBytes = UInt64(clamping: counters.sentBytes)
            interface.sentPackets = UInt64(clamping: counters.sentPackets)
            interface.sendErrors = UInt64(clamping: counters.sendErrors)
            interface.sendDrops = UInt64(clamping: counters.sendDrops)
            table[counters.interface] = interface
        }
        return table
    }
}
