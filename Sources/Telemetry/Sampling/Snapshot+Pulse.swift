package import EngineInterface

extension Snapshot {
    /// Tasks of one pulse; more are left out.
    package static let mostPulseTasks = 4096

    /// What managers are told of this moment.
    ///
    /// - Parameters:
    ///   - logs: Lines that log drivers have given up since the daemon's start, destinations that cannot be reached, and how far they are behind.
    ///   - isPushDown: The receiver of the node's metrics does not take them.
    package func pulse(logs: LogTotals = LogTotals(), isPushDown: Bool = false) -> NodePulse {
        var pulse = NodePulse(time: time, node: NodePulseSeries.allCases.map { value($0, logs, isPushDown) })
        for sample in containers.lazy.filter({ !$0.target.taskID.isEmpty }).prefix(Self.mostPulseTasks) {
            pulse.tasks[sample.target.taskID] = Self.told(sample)
        }
        for sample in containers.lazy.filter({ $0.target.taskID.isEmpty }).prefix(StandaloneNews.most) {
            pulse.containers[sample.target.id] = Self.told(sample)
        }
        return pulse
    }

    private static func told(_ sample: ContainerSample) -> [UInt64] {
        TaskPulseSeries.allCases.map { UInt64(clamping: sample.row[$0.measured] ?? 0) }
    }

    private func value(_ series: NodePulseSeries, _ logs: LogTotals, _ isPushDown: Bool) -> UInt64 {
        func told(_ series: NodeSeries) -> UInt64 { UInt64(clamping: node[series] ?? 0) }
        func used(_ whole: NodeSeries, but free: NodeSeries) -> UInt64 {
            let (whole, free) = (told(whole), told(free))
            return whole > free ? whole - free : 0
        }
        return switch series {
        case .cpuMicroseconds: told(.cpuBusyMicroseconds)
        case .processors: told(.processors)
        case .memoryUsedBytes: used(.memoryTotalBytes, but: .memoryAvailableBytes)
        case .memoryBytes: told(.memoryTotalBytes)
        case .diskUsedBytes: used(.filesystemSizeBytes, but: .filesystemFreeBytes)
        case .diskBytes: told(.filesystemSizeBytes)
        case .conntrackEntries: told(.conntrackEntries)
        case .conntrackLimit: told(.conntrackLimit)
        case .pressureCPUMicroseconds: told(.pressureCPUSomeMicroseconds)
        case .pressureMemoryMicroseconds: told(.pressureMemorySomeMicroseconds)
        case .pressureIOMicroseconds: told(.pressureIOSomeMicroseconds)
        case .containers: told(.containersRunning)
        case .logDroppedLines: UInt64(clamping: logs.dropped)
        case .logDestinationsDown: UInt64(clamping: logs.down)
        case .logSentLines: UInt64(clamping: logs.sentLines)
        case .logSentBytes: UInt64(clamping: logs.sentBytes)
        case .metricsPushDown: isPushDown ? 1 : 0
        case .logBehindSeconds: UInt64(clamping: logs.behindSeconds)
        }
    }
}

extension TaskPulseSeries {
    /// The series that a node keeps of a container.
    package var measured: ContainerSeries {
        switch self {
        case .cpuMicroseconds: .cpuMicroseconds
        case .cpuThrottledMicroseconds: .cpuThrottledMicroseconds
        case .memoryWorkingSetBytes: .memoryWorkingSetBytes
        case .memoryLimitBytes: .memoryLimitBytes
        case .ioReadBytes: .ioReadBytes
        case .ioWrittenBytes: .ioWrittenBytes
        case .networkReceivedBytes: .networkReceivedBytes
        case .networkSentBytes: .networkSentBytes
        case .processes: .processes
        case .tcpEstablished: .tcpEstablished
        case .outOfMemoryKills: .outOfMemoryKills
        case .restarts: .restarts
        case .networkReceiveDrops: .networkReceiveDrops
        case .networkSendDrops: .networkSendDrops
        case .tcpAccepted: .tcpAccepted
        case .tcpRetransmits: .tcpRetransmits
        }
    }
}
