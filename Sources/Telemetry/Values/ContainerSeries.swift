/// What is measured of a container. See ``Series`` for what may change.
package enum ContainerSeries: Int, Series {
    case cpuMicroseconds = 0
    case cpuUserMicroseconds, cpuSystemMicroseconds
    case cpuPeriods, cpuThrottledPeriods, cpuThrottledMicroseconds
    /// Thousandths of a processor.
    case cpuLimitMillicores
    /// Without file pages that can be dropped at once.
    case memoryWorkingSetBytes
    case memoryAnonymousBytes, memoryFileBytes, memorySwapBytes, memoryLimitBytes
    case outOfMemoryKills, majorFaults
    case ioReadBytes, ioWrittenBytes, ioReads, ioWrites
    /// Threads among them.
    case processes
    case processesLimit
    case pressureCPUSomeMicroseconds, pressureMemorySomeMicroseconds, pressureMemoryFullMicroseconds
    case pressureIOSomeMicroseconds, pressureIOFullMicroseconds
    /// All networks together, as the container sees them.
    case networkReceivedBytes
    case networkSentBytes, networkReceivedPackets, networkSentPackets
    case networkReceiveDrops, networkSendDrops, networkReceiveErrors, networkSendErrors
    /// Connections that are open.
    case tcpEstablished
    /// Connections that others have made, that it has made, and segments sent again.
    case tcpAccepted
    case tcpOpened, tcpRetransmits
    /// Files of the log together.
    case logBytes
    case restarts

    package var kind: SeriesKind {
        switch self {
        case .cpuLimitMillicores, .memoryWorkingSetBytes, .memoryAnonymousBytes, .memoryFileBytes, .memorySwapBytes,
            .memoryLimitBytes, .processes, .processesLimit, .tcpEstablished, .logBytes:
            .gauge
        case .cpuMicroseconds, .cpuUserMicroseconds, .cpuSystemMicroseconds, .cpuPeriods, .cpuThrottledPeriods,
            .cpuThrottledMicroseconds, .outOfMemoryKills, .majorFaults, .ioReadBytes, .ioWrittenBytes, .ioReads,
            .ioWrites, .pressureCPUSomeMicroseconds, .pressureMemorySomeMicroseconds, .pressureMemoryFullMicroseconds,
            .pressureIOSomeMicroseconds, .pressureIOFullMicroseconds, .networkReceivedBytes, .networkSentBytes,
            .networkReceivedPackets, .networkSentPackets, .networkReceiveDrops, .networkSendDrops,
            .networkReceiveErrors, .networkSendErrors, .tcpAccepted, .tcpOpened, .tcpRetransmits, .restarts:
            .counter
        }
    }

    package var name: String {
        switch self {
        case .cpuMicroseconds: "cpu_microseconds"
        case .cpuUserMicroseconds: "cpu_user_microseconds"
        case .cpuSystemMicroseconds: "cpu_system_microseconds"
        case .cpuPeriods: "cpu_periods"
        case .cpuThrottledPeriods: "cpu_throttled_periods"
        case .cpuThrottledMicroseconds: "cpu_throttled_microseconds"
        case .cpuLimitMillicores: "cpu_limit_millicores"
        case .memoryWorkingSetBytes: "memory_working_set_bytes"
        case .memoryAnonymousBytes: "memory_anon_bytes"
        case .memoryFileBytes: "memory_file_bytes"
        case .memorySwapBytes: "memory_swap_bytes"
        case .memoryLimitBytes: "memory_limit_bytes"
        case .outOfMemoryKills: "oom_kills"
        case .majorFaults: "major_faults"
        case .ioReadBytes: "io_read_bytes"
        case .ioWrittenBytes: "io_written_bytes"
        case .ioReads: "io_reads"
        case .ioWrites: "io_writes"
        case .processes: "processes"
        case .processesLimit: "processes_limit"
        case .pressureCPUSomeMicroseconds: "pressure_cpu_some_microseconds"
        case .pressureMemorySomeMicroseconds: "pressure_memory_some_microseconds"
        case .pressureMemoryFullMicroseconds: "pressure_memory_full_microseconds"
        case .pressureIOSomeMicroseconds: "pressure_io_some_microseconds"
        case .pressureIOFullMicroseconds: "pressure_io_full_microseconds"
        case .networkReceivedBytes: "network_received_bytes"
        case .networkSentBytes: "network_sent_bytes"
        case .networkReceivedPackets: "network_received_packets"
        case .networkSentPackets: "network_sent_packets"
        case .networkReceiveDrops: "network_receive_drops"
        case .networkSendDrops: "network_send_drops"
        case .networkReceiveErrors: "network_receive_errors"
        case .networkSendErrors: "network_send_errors"
        case .tcpEstablished: "tcp_established"
        case .tcpAccepted: "tcp_accepted"
        case .tcpOpened: "tcp_opened"
        case .tcpRetransmits: "tcp_retransmits"
        case .logBytes: "log_bytes"
        case .restarts: "restarts"
        }
    }
}
