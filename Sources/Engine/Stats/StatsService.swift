import ContainerRuntime
import EngineInterface
import Glibc
import LinuxSystem
package import Model

/// What containers use: their cgroups' counters, and their interfaces'.
package final class StatsService: ContainerStatsBackend {
    let containers: ContainerTable
    let layout: CgroupLayout
    let paths: EnginePaths
    let events: EventLog

    init(containers: ContainerTable, layout: CgroupLayout, paths: EnginePaths, events: EventLog) {
        self.containers = containers
        self.events = events
        self.layout = layout
        self.paths = paths
    }

    package func measureContainer(_ reference: String) async throws -> ContainerMeasurement {
        let record = try containers.find(reference)
        var measurement = ContainerMeasurement(identifier: record.id, name: record.name)
        guard record.isUp else { return measurement }
        let pid = record.isOnHostNetwork ? nil : record.processID
        let group = ContainerSpecification.cgroup(of: record.id)
        let layout = layout
        measurement.usage = try await onThread {
            var usage = ContainerMeasurement.Usage(timestamp: .now)
            let counters = try Cgroups.statistics(of: group, in: layout)
            usage.cgroupVersion = layout.version
            usage.processes = counters.processes
            usage.processLimit = counters.processLimit
            usage.cpu = Self.processor(counters, machine: try Files.text("/proc/stat") ?? "")
            usage.memory.usage = counters.memoryWithCacheBytes ?? 0
            usage.memory.peak = counters.memoryPeakBytes
            usage.memory.details = counters.memoryDetails
            usage.memory.limit = try counters.memoryLimitBytes ?? Self.machineMemory()
            usage.devices = counters.blockDevices.map {
                ContainerMeasurement.BlockDevice(
                    major: $0.major, minor: $0.minor, readBytes: $0.readBytes, writtenBytes: $0.writtenBytes,
                    reads: $0.reads, writes: $0.writes)
            }
            // A process that ends at this moment has no interfaces any more.
            if let pid { usage.networks = InterfaceTable.parse(try Files.text("/proc/\(pid)/net/dev") ?? "") }
            return usage
        }
        return measurement
    }

    private static func processor(_ counters: CgroupStatistics, machine: String) -> ContainerMeasurement.Processor {
        var cpu = ContainerMeasurement.Processor()
        cpu.nanoseconds = counters.cpuNanoseconds ?? 0
        cpu.nanosecondsPerProcessor = counters.cpuNanosecondsPerCPU
        cpu.kernelNanoseconds = counters.cpuSystemNanoseconds ?? 0
        cpu.userNanoseconds = counters.cpuUserNanoseconds ?? 0
        cpu.machineNanoseconds = machineNanoseconds(machine)
        cpu.onlineProcessors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        cpu.periods = counters.cpuPeriods ?? 0
        cpu.throttledPeriods = counters.cpuThrottledPeriods ?? 0
        cpu.throttledNanoseconds = counters.cpuThrottledNanoseconds ?? 0
        return cpu
    }

    /// The first seven numbers of `cpu` in `/proc/stat` (proc(5)): guests' times are among the users' already.
    static func machineNanoseconds(_ text: String) -> UInt64 {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("cpu ") }) else { return 0 }
        let ticks = line.split(separator: " ").dropFirst().prefix(7).compactMap { UInt64($0) }.reduce(0, +)
        return ticks * (1_000_000_000 / UInt64(clamping: max(1, sysconf(Int32(_SC_CLK_TCK)))))
    }

    private static func machineMemory() throws -> UInt64 {
        for line in (try Files.text("/proc/meminfo") ?? "").split(separator: "\n") where line.hasPrefix("MemTotal:") {
            return (line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } ?? 0) * 1024
        }
        return 0
    }
}

/// `/proc/PID/net/dev`: the interfaces that a process sees, and their counters.
enum InterfaceTable {
    /// All but the loopback.
    static func parse(_ text: String) -> [String: ContainerMeasurement.Interface] {
        var table: [String: ContainerMeasurement.Interface] = [:]
        for line in text.split(separator: "\n") {
            guard let colon = line.lastIndex(of: ":") else { continue }
            let name = line[..<colon].filter { $0 != " " }
            let numbers = line[line.index(after: colon)...].split(separator: " ").compactMap { UInt64($0) }
            guard name != "lo", numbers.count >= 12 else { continue }
            var counters = ContainerMeasurement.Interface()
            counters.receivedBytes = numbers[0]
            counters.receivedPackets = numbers[1]
            counters.receiveErrors = numbers[2]
            counters.receiveDrops = numbers[3]
            counters.sentBytes = numbers[8]
            counters.sentPackets = numbers[9]
            counters.sendErrors = numbers[10]
            counters.sendDrops = numbers[11]
            table[String(name)] = counters
        }
        return table
    }
}
