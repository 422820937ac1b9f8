package import Foundation

/// What a pulse tells of a task, in the order in which it travels. New ones come at the end.
package enum TaskPulseSeries: Int, Sendable, CaseIterable {
    /// Counts up.
    case cpuMicroseconds = 0
    case cpuThrottledMicroseconds
    case memoryWorkingSetBytes
    /// 0 for none.
    case memoryLimitBytes
    case ioReadBytes, ioWrittenBytes
    case networkReceivedBytes, networkSentBytes
    case processes
    case tcpEstablished
    case outOfMemoryKills, restarts
    /// Packets.
    case networkReceiveDrops, networkSendDrops
    /// Connections that others have made, and segments that were sent again.
    case tcpAccepted, tcpRetransmits

    /// Whether it counts up for as long as the container lives, and a difference is what is of interest.
    package var isCounter: Bool {
        switch self {
        case .cpuMicroseconds, .cpuThrottledMicroseconds, .ioReadBytes, .ioWrittenBytes, .networkReceivedBytes,
            .networkSentBytes, .outOfMemoryKills, .restarts, .networkReceiveDrops, .networkSendDrops, .tcpAccepted,
            .tcpRetransmits:
            true
        case .memoryWorkingSetBytes, .memoryLimitBytes, .processes, .tcpEstablished: false
        }
    }
}

/// The same of a node.
package enum NodePulseSeries: Int, Sendable, CaseIterable {
    /// Of all processors together; counts up.
    case cpuMicroseconds = 0
    case processors
    case memoryUsedBytes, memoryBytes
    /// Of the file system that the daemon's root is on.
    case diskUsedBytes, diskBytes
    case conntrackEntries, conntrackLimit
    /// Of time that something waited; count up.
    case pressureCPUMicroseconds, pressureMemoryMicroseconds, pressureIOMicroseconds
    /// Containers that run.
    case containers
    /// Lines that log drivers have given up; counts up.
    case logDroppedLines
    /// Log drivers' destinations that cannot be reached.
    case logDestinationsDown
    /// Lines that receivers of logs have taken, and their bytes as they were sent; count up.
    case logSentLines, logSentBytes
    /// 1 while the receiver of the node's metrics does not take them.
    case metricsPushDown
    /// How old the oldest line is that a receiver of logs does not have, of the one that is furthest behind.
    case logBehindSeconds

    package var isCounter: Bool {
        switch self {
        case .cpuMicroseconds, .pressureCPUMicroseconds, .pressureMemoryMicroseconds, .pressureIOMicroseconds,
            .logDroppedLines, .logSentLines, .logSentBytes:
            true
        case .processors, .memoryUsedBytes, .memoryBytes, .diskUsedBytes, .diskBytes, .conntrackEntries,
            .conntrackLimit, .containers, .logDestinationsDown, .metricsPushDown, .logBehindSeconds:
            false
        }
    }
}

/// How a node and its tasks were at one moment.
package struct NodePulse: Sendable, Equatable {
    /// Seconds since 1970, a multiple of ten.
    package var time: Int64
    /// By ``NodePulseSeries``; may be shorter.
    package var node: [UInt64]
    /// By the tasks' ids, each by ``TaskPulseSeries``; may be shorter.
    package var tasks: [String: [UInt64]]
    /// Ways to other nodes; ``mostPaths`` at most.
    package var paths: [PathMeasurement]
    /// Of containers that belong to no task, by their ids: by ``TaskPulseSeries``, too. ``StandaloneNews/most`` at most.
    package var containers: [String: [UInt64]]

    /// Of one node: those to the nodes that it measures, each in clear, encrypted, and to managers.
    package static let mostPaths = 192

    package init(
        time: Int64, node: [UInt64] = [], tasks: [String: [UInt64]] = [:], paths: [PathMeasurement] = [],
        containers: [String: [UInt64]] = [:]
    ) {
        self.containers = containers
        self.paths = paths
        self.node = node
        self.tasks = tasks
        self.time = time
    }
}

/// Whoever measures a node.
package protocol PulseSource: Sendable {
    /// The next pulse, as soon as there is one that is later than `time`. One that nobody has asked for is lost.
    /// - Throws: `CancellationError`.
    func pulse(after time: Int64) async throws -> NodePulse
}

/// Whoever keeps what was measured of a node.
package protocol HistorySource: Sendable {
    /// Answers a query, of a form that this target need not know.
    func answer(_ query: Data) async throws -> Data
}
