/// What is measured of the node itself. See ``Series`` for what may change.
package enum NodeSeries: Int, Series {
    /// All processors together, by what they did.
    case cpuBusyMicroseconds = 0
    case cpuIdleMicroseconds, cpuIOWaitMicroseconds, cpuStolenMicroseconds
    case processors
    case memoryTotalBytes
    /// What could be had without swapping (`MemAvailable`).
    case memoryAvailableBytes
    case swapUsedBytes
    /// Of the file system with the engine's root.
    case filesystemSizeBytes
    case filesystemFreeBytes
    case pressureCPUSomeMicroseconds, pressureMemorySomeMicroseconds, pressureMemoryFullMicroseconds
    case pressureIOSomeMicroseconds, pressureIOFullMicroseconds
    case conntrackEntries, conntrackLimit
    /// How far the clock is off at most, as the kernel's clock discipline knows (`maxerror`).
    case clockErrorMicroseconds
    /// Of this daemon.
    case engineMemoryBytes
    case engineCPUMicroseconds
    case containersRunning

    package var kind: SeriesKind {
        switch self {
        case .processors, .memoryTotalBytes, .memoryAvailableBytes, .swapUsedBytes, .filesystemSizeBytes,
            .filesystemFreeBytes, .conntrackEntries, .conntrackLimit, .clockErrorMicroseconds, .engineMemoryBytes,
            .containersRunning:
            .gauge
        case .cpuBusyMicroseconds, .cpuIdleMicroseconds, .cpuIOWaitMicroseconds, .cpuStolenMicroseconds,
            .pressureCPUSomeMicroseconds, .pressureMemorySomeMicroseconds, .pressureMemoryFullMicroseconds,
            .pressureIOSomeMicroseconds, .pressureIOFullMicroseconds, .engineCPUMicroseconds:
            .counter
        }
    }

    package var name: String {
        switch self {
        case .cpuBusyMicroseconds: "cpu_busy_microseconds"
        case .cpuIdleMicroseconds: "cpu_idle_microseconds"
        case .cpuIOWaitMicroseconds: "cpu_iowait_microseconds"
        case .cpuStolenMicroseconds: "cpu_stolen_microseconds"
        case .processors: "processors"
        case .memoryTotalBytes: "memory_total_bytes"
        case .memoryAvailableBytes: "memory_available_bytes"
        case .swapUsedBytes: "swap_used_bytes"
        case .filesystemSizeBytes: "filesystem_size_bytes"
        case .filesystemFreeBytes: "filesystem_free_bytes"
        case .pressureCPUSomeMicroseconds: "pressure_cpu_some_microseconds"
        case .pressureMemorySomeMicroseconds: "pressure_memory_some_microseconds"
        case .pressureMemoryFullMicroseconds: "pressure_memory_full_microseconds"
        case .pressureIOSomeMicroseconds: "pressure_io_some_microseconds"
        case .pressureIOFullMicroseconds: "pressure_io_full_microseconds"
        case .conntrackEntries: "conntrack_entries"
        case .conntrackLimit: "conntrack_limit"
        case .clockErrorMicroseconds: "clock_error_microseconds"
        case .engineMemoryBytes: "engine_memory_bytes"
        case .engineCPUMicroseconds: "engine_cpu_microseconds"
        case .containersRunning: "containers_running"
        }
    }
}
