/// What a node tells managers of itself every ten seconds: the latest values, as counters stand. The order of values is their place in what is sent: new ones go to the
/// end.
package struct Pulse: Sendable, Codable, Equatable {
    /// Of a task's container.
    package struct TaskValues: Sendable, Codable, Equatable {
        package var taskID: String
        /// By ``Pulse/taskSeries``; -1 where there is none.
        package var values: [Int64]

        package init(taskID: String, values: [Int64]) {
            self.taskID = taskID
            self.values = values
        }

        /// A series' value; `nil` where it was not told.
        package subscript(series: ContainerSeries) -> Int64? {
            Pulse.taskSeries.firstIndex(of: series).flatMap { values.dropFirst($0).first }.flatMap { $0 < 0 ? nil : $0 }
        }
    }

    /// The series of a task.
    package static let taskSeries: [ContainerSeries] = [
        .cpuMicroseconds, .cpuThrottledMicroseconds, .memoryWorkingSetBytes, .memoryLimitBytes, .outOfMemoryKills,
        .ioReadBytes, .ioWrittenBytes, .networkReceivedBytes, .networkSentBytes, .networkReceiveDrops,
        .networkSendDrops, .tcpEstablished, .tcpAccepted, .tcpRetransmits, .processes,
    ]
    /// Tasks of one pulse; more are left out.
    package static let mostTasks = 4096

    /// Seconds since 1970, of the node's clock.
    package var time: Int64
    /// By the columns of ``NodeSeries``; -1 where there is none.
    package var node: [Int64]
    package var tasks: [TaskValues]

    package init(time: Int64, node: [Int64], tasks: [TaskValues]) {
        self.node = node
        self.tasks = tasks
        self.time = time
    }

    /// A value of the node; `nil` where it was not told.
    package subscript(series: NodeSeries) -> Int64? {
        node.dropFirst(series.rawValue).first.flatMap { $0 < 0 ? nil : $0 }
    }

    /// The node's values as a row; what another told of itself is taken within bounds.
    var nodeRow: SampleRow {
        var row = SampleRow(of: NodeSeries.self)
        for series in NodeSeries.allCases { row[series] = self[series] }
        return row
    }
}
