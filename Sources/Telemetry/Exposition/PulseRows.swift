import EngineInterface

/// What nodes have told of themselves and of their tasks, as rows that pages are made of.
extension SampleRow {
    /// What a node has told of itself, as far as it is told.
    init(_ pulse: NodePulse) {
        self.init(of: NodeSeries.self)
        func told(_ series: NodePulseSeries) -> Int64? {
            pulse.node.dropFirst(series.rawValue).first.map { Int64(clamping: $0) }
        }
        func free(_ whole: NodePulseSeries, but used: NodePulseSeries) -> Int64? {
            guard let whole = told(whole), let used = told(used) else { return nil }
            return max(0, whole - used)
        }
        self[NodeSeries.cpuBusyMicroseconds] = told(.cpuMicroseconds)
        self[NodeSeries.processors] = told(.processors)
        self[NodeSeries.memoryTotalBytes] = told(.memoryBytes)
        self[NodeSeries.memoryAvailableBytes] = free(.memoryBytes, but: .memoryUsedBytes)
        self[NodeSeries.filesystemSizeBytes] = told(.diskBytes)
        self[NodeSeries.filesystemFreeBytes] = free(.diskBytes, but: .diskUsedBytes)
        self[NodeSeries.conntrackEntries] = told(.conntrackEntries)
        self[NodeSeries.conntrackLimit] = told(.conntrackLimit)
        self[NodeSeries.pressureCPUSomeMicroseconds] = told(.pressureCPUMicroseconds)
        self[NodeSeries.pressureMemorySomeMicroseconds] = told(.pressureMemoryMicroseconds)
        self[NodeSeries.pressureIOSomeMicroseconds] = told(.pressureIOMicroseconds)
        self[NodeSeries.containersRunning] = told(.containers)
    }

    /// What a node has told of a task, by ``TaskPulseSeries``.
    init(ofTask values: [UInt64]) {
        self.init(of: ContainerSeries.self)
        for (series, value) in zip(TaskPulseSeries.allCases, values) {
            // No limit is told as 0.
            if series == .memoryLimitBytes, value == 0 { continue }
            self[series.measured] = Int64(clamping: value)
        }
    }
}
