extension Snapshot {
    /// What managers are told of this moment.
    package var pulse: Pulse {
        let tasks = containers.lazy.filter { !$0.target.taskID.isEmpty }.prefix(Pulse.mostTasks).map { sample in
            Pulse.TaskValues(
                taskID: sample.target.taskID,
                values: Pulse.taskSeries.map { sample.row[$0] ?? SampleRow.absent })
        }
        return Pulse(time: time, node: node.values, tasks: Array(tasks))
    }
}
