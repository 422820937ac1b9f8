import HashTreeCollections
package import Model

/// What lists of services tell of their tasks, without looking at these.
///
/// The numbers of each service are kept with its tasks; which of those that run are on nodes that are down is looked for once for all
/// services, and only on such nodes as have tasks that are to run: until others have taken their place.
package struct ServiceStatuses {
    private let tasks: TaskLookup
    /// By service, how many tasks would count as running if their nodes were not down.
    private var lost: [String: Int] = [:]

    /// - Parameter state: What is told is of this state, whatever becomes of it.
    package init(_ state: SwarmState) {
        tasks = state.tasks.lookup
        for node in state.nodes.lookup.down.elements where tasks.use(of: node).wanted > 0 {
            for task in tasks.byNode[node].values where task.value.runsAsWanted {
                lost[task.value.serviceID, default: 0] += 1
            }
        }
    }

    /// How many tasks of a service run, and how many are to. Source: Engine API 1.50, `ServiceStatus`.
    /// - Parameter service: As it is in the state.
    package func status(of service: Service) -> ServiceStatus {
        let counts = tasks.counts(of: service.id)
        var status = ServiceStatus()
        status.runningTasks = UInt64(clamping: counts.running - (lost[service.id] ?? 0))
        if service.spec.isJob {
            let current = counts.execution(service.jobStatus?.jobIteration)
            status.completedTasks = UInt64(clamping: current.completed)
            status.desiredTasks =
                service.spec.mode.replicatedJob?.maxConcurrent ?? UInt64(clamping: current.open)
        } else if service.spec.isGlobal {
            status.desiredTasks = UInt64(clamping: counts.wanted)
        } else {
            status.desiredTasks = UInt64(clamping: service.spec.replicas)
        }
        return status
    }
}

/// How many tasks of a service there are, by what is told of it.
struct TaskCounts: Sendable, Equatable {
    /// Those of one execution of a job.
    struct Execution: Sendable, Equatable {
        /// Those that have completed.
        var completed = 0
        /// Those that are to complete and have not ended.
        var open = 0
    }

    /// Those that run and are to, whatever has become of their nodes.
    private(set) var running = 0
    /// Those that are to run, now or soon, or to complete; those among them that have ended as well.
    private(set) var wanted = 0
    /// Those that are of no job have none.
    private var executions: TreeDictionary<ObjectVersion?, Execution> = [:]

    /// - Parameter iteration: A job's; `nil` for tasks that are of no execution.
    func execution(_ iteration: ObjectVersion?) -> Execution { executions[iteration] ?? Execution() }

    /// - Parameter sign: 1 for a task that comes, -1 for one that goes.
    mutating func count(_ task: SwarmTask, _ sign: Int) {
        if task.runsAsWanted { running += sign }
        if task.isWanted { wanted += sign }
        let isCompleted = task.status.state == .complete
        let isOpen = task.isWanted && task.isLive
        guard isCompleted || isOpen else { return }
        var execution = execution(task.jobIteration)
        if isCompleted { execution.completed += sign }
        if isOpen { execution.open += sign }
        executions[task.jobIteration] = execution == Execution() ? nil : execution
    }
}
