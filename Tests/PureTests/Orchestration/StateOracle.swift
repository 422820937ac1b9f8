import Model
import Testing

@testable import Orchestration

/// What a state keeps beside its objects, found from nothing.
enum StateOracle {
    /// Compares all that the state keeps.
    static func check(_ state: SwarmState) {
        var fresh = SwarmState()
        for (id, node) in state.nodes { fresh.nodes[id] = node }
        for (id, service) in state.services { fresh.services[id] = service }
        for (id, task) in state.tasks { fresh.tasks[id] = task }
        for (id, network) in state.networks { fresh.networks[id] = network }
        #expect(state.nodes.lookup == fresh.nodes.lookup)
        #expect(state.services.lookup == fresh.services.lookup)
        #expect((state.tasks.lookup == fresh.tasks.lookup) == true, "tasks are found otherwise than from nothing")
        #expect(state.networks.lookup == fresh.networks.lookup)
        #expect(told(state) == counted(state), "what is told of services is not so")
    }

    /// What lists tell of each service.
    static func told(_ state: SwarmState) -> [String: ServiceStatus] {
        let statuses = ServiceStatuses(state)
        var told: [String: ServiceStatus] = [:]
        for (id, service) in state.services { told[id] = statuses.status(of: service) }
        return told
    }

    /// The same, counted in all tasks.
    static func counted(_ state: SwarmState) -> [String: ServiceStatus] {
        let tasks = Dictionary(grouping: state.tasks.values, by: \.serviceID)
        var counted: [String: ServiceStatus] = [:]
        for (id, service) in state.services { counted[id] = status(of: service, tasks[id] ?? [], state) }
        return counted
    }

    private static func status(of service: Service, _ tasks: [SwarmTask], _ state: SwarmState) -> ServiceStatus {
        var status = ServiceStatus()
        status.runningTasks = UInt64(clamping: tasks.count { $0.runsAsWanted && !isLost($0, state) })
        if service.spec.isJob {
            let current = tasks.filter { service.isUpToDate($0, on: nil) }
            status.completedTasks = UInt64(clamping: current.count { $0.status.state == .complete })
            status.desiredTasks =
                service.spec.mode.replicatedJob?.maxConcurrent
                ?? UInt64(clamping: current.count { $0.isWanted && $0.isLive })
        } else if service.spec.isGlobal {
            status.desiredTasks = UInt64(clamping: tasks.count { $0.isWanted })
        } else {
            status.desiredTasks = UInt64(clamping: service.spec.replicas)
        }
        return status
    }

    /// Its node is down.
    static func isLost(_ task: SwarmTask, _ state: SwarmState) -> Bool {
        state.nodes[task.nodeID ?? ""]?.status.state == .down
    }
}

extension SwarmTask {
    /// It runs, as far as is known, and is to.
    var runsAsWanted: Bool { status.state == .running && desiredState <= .complete }
}
