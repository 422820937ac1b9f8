import EngineInterface
import Model
import Orchestration

/// One value of a metric: of what, and how much.
struct AlertSample: Equatable {
    var labels: [String: String]
    var value: Double
}

/// What the leader knows at one moment, as the values that rules compare. Pure.
struct AlertSamples {
    /// How far back what has ended is counted, in seconds.
    static let window: Int64 = 600

    let state: SwarmState
    let board: PulseBoard
    /// The managers that are up, by id.
    let present: Set<String>
    let now: Timestamp

    func values(of metric: AlertMetric) -> [AlertSample] {
        switch metric {
        case .serviceTasksMissing: services { Double(missing($0)) }
        case .serviceFailures:
            services { Double(ended($0) { $0.status.state == .failed || $0.status.state == .rejected }) }
        case .serviceOutOfMemoryKills:
            services { Double(ended($0) { $0.status.err?.hasSuffix(Self.outOfMemory) == true }) }
        case .serviceRestarts: services { Double(restarts($0)) }
        case .serviceUnhealthyFailures:
            services { Double(ended($0) { $0.status.err?.hasSuffix(TaskEvents.unhealthyContainer) == true }) }
        case .serviceCPUCores: services { service in sum(told(service).compactMap { $0.cores }) }
        case .serviceMemoryUsedBytes:
            services { service in sum(told(service).compactMap { value($0, .memoryWorkingSetBytes) }) }
        case .serviceMemoryUsedRatio: services { service in memoryShare(service) }
        case .nodeDown: nodes { $0.status.state == .down ? 1 : 0 }
        case .nodeDiskFreeRatio: pulses { ratio($0, .diskUsedBytes, .diskBytes).map { 1 - $0 } }
        case .nodeCPUUsedRatio: nodes { node in cpuShare(node.id) }
        case .nodeMemoryUsedRatio: pulses { ratio($0, .memoryUsedBytes, .memoryBytes) }
        case .nodeConntrackUsedRatio: pulses { ratio($0, .conntrackEntries, .conntrackLimit) }
        case .nodeLogDestinationsDown: pulses { value($0, .logDestinationsDown) }
        case .nodeMetricsPushDown: pulses { value($0, .metricsPushDown) }
        case .nodeLogDroppedLines: nodes { node in dropped(node.id) }
        case .nodePathsIll: nodes { node in pathsIll(node.id) }
        case .nodeCertificateDaysLeft:
            nodes { node in
                node.membership?.issued?.map(\.until).max().map { $0.timeSince(now) / 86_400 }
            }
        case .networkConflicts: networkConflicts
        case .networkAddressesUsedRatio: addressesUsed
        case .managersToSpare: managersToSpare.map { [AlertSample(labels: [:], value: Double($0))] } ?? []
        }
    }

    /// How the reason of a task ends that was killed for want of memory: Docker's words, which are part of what nodes report.
    private static let outOfMemory = "OOM killed"

    private func services(_ value: (Service) -> Double?) -> [AlertSample] {
        state.services.values.filter { $0.pendingDelete != true }.compactMap { service in
            value(service).map {
                AlertSample(labels: ["service": service.id, "service_name": service.spec.name], value: $0)
            }
        }
    }

    private var networkConflicts: [AlertSample] {
        let found = NetworkConflicts(state).nodesByNetwork
        return state.networks.shared.map { network in
            sample(Double(found[network.value.id] ?? 0), of: network.value)
        }
    }

    private var addressesUsed: [AlertSample] {
        state.networks.shared.compactMap { entry in
            state.usedAddressShare(of: entry.value).map { sample($0, of: entry.value) }
        }
    }

    private func sample(_ value: Double, of network: SwarmNetwork) -> AlertSample {
        AlertSample(labels: ["network": network.id, "network_name": network.spec.name], value: value)
    }

    private func nodes(_ value: (Node) -> Double?) -> [AlertSample] {
        state.nodes.values.compactMap { node in
            value(node).map {
                let name = node.spec.name ?? node.description?.hostname ?? node.id
                return AlertSample(labels: ["node": node.id, "node_name": name], value: $0)
            }
        }
    }

    /// Of nodes that have told of themselves lately.
    private func pulses(_ value: ([UInt64]) -> Double?) -> [AlertSample] {
        nodes { node in
            guard let latest = board.latest(ofNode: node.id), now.seconds - latest.time <= PulseBoard.staleAfter else {
                return nil
            }
            return value(latest.values)
        }
    }

    private func value(_ values: [UInt64], _ series: NodePulseSeries) -> Double? {
        values.dropFirst(series.rawValue).first.map { Double($0) }
    }

    private func ratio(_ values: [UInt64], _ part: NodePulseSeries, _ whole: NodePulseSeries) -> Double? {
        guard let part = value(values, part), let whole = value(values, whole), whole > 0 else { return nil }
        return part / whole
    }

    private func cpuShare(_ nodeID: String) -> Double? {
        guard let latest = board.latest(ofNode: nodeID), now.seconds - latest.time <= PulseBoard.staleAfter,
            let cores = board.cores(ofNode: nodeID), let processors = value(latest.values, .processors), processors > 0
        else { return nil }
        return min(1, cores / processors)
    }

    /// A service's tasks, as their nodes have told of them lately.
    private func told(_ service: Service) -> [PulseBoard.TaskLatest] {
        state.tasks(ofService: service.id).compactMap { task -> PulseBoard.TaskLatest? in
            guard let latest = board.tasks[task.id], latest.nodeID == task.nodeID,
                now.seconds - latest.time <= PulseBoard.staleAfter
            else { return nil }
            return latest
        }
    }

    private func value(_ task: PulseBoard.TaskLatest, _ series: TaskPulseSeries) -> Double? {
        task.values.dropFirst(series.rawValue).first.map { Double($0) }
    }

    /// `nil` of none.
    private func sum(_ values: [Double]) -> Double? { values.isEmpty ? nil : values.reduce(0, +) }

    private func memoryShare(_ service: Service) -> Double? {
        let shares = told(service).compactMap { task -> Double? in
            guard let used = value(task, .memoryWorkingSetBytes), let limit = value(task, .memoryLimitBytes), limit > 0
            else { return nil }
            return used / limit
        }
        return shares.max()
    }

    private func restarts(_ service: Service) -> Int {
        state.tasks(ofService: service.id).count {
            ($0.assignment?.attempt ?? 0) > 0 && now.timeSince($0.createdAt) < Double(Self.window)
        }
    }

    private func dropped(_ nodeID: String) -> Double? {
        let points = board.points(ofNode: nodeID)
        guard !points.isEmpty else { return nil }
        return points.reduce(0) { $0 + (value($1.values, .logDroppedLines) ?? 0) }
    }

    /// Ways to nodes that are down are no ways: those are told of by themselves.
    private func pathsIll(_ nodeID: String) -> Double? {
        guard let (time, paths) = board.paths(ofNode: nodeID), now.seconds - time <= PulseBoard.staleAfter else {
            return nil
        }
        return Double(paths.count { !$0.findings.isEmpty && state.nodes[$0.peer]?.status.state == .ready })
    }

    private func missing(_ service: Service) -> Int {
        if service.spec.isJob { return 0 }
        let tasks = state.tasks(ofService: service.id).filter { $0.desiredState <= .running }
        let wanted = service.spec.isGlobal ? tasks.count : service.spec.replicas
        return max(0, wanted - tasks.count { $0.status.state == .running })
    }

    private func ended(_ service: Service, _ isMeant: (SwarmTask) -> Bool) -> Int {
        state.tasks(ofService: service.id).count {
            isMeant($0) && now.timeSince($0.status.timestamp) < Double(Self.window)
        }
    }

    private var managersToSpare: Int? {
        let managers = state.managers.filter { $0.grantedRole == .manager }
        guard managers.count > 1 else { return nil }
        return managers.count { present.contains($0.id) } - (managers.count / 2 + 1)
    }
}
