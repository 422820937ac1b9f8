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

    func values(of metric: AlertMetric) -> [AlertSample] { values(ofAll: [metric])[metric] ?? [] }

    /// The values of several metrics, for all of which services, those of their tasks that have something to tell and nodes are gone through once.
    func values(ofAll metrics: Set<AlertMetric>) -> [AlertMetric: [AlertSample]] {
        var found: [AlertMetric: [AlertSample]] = [:]
        var ofServices: [(metric: AlertMetric, value: (ServiceLook) -> Double?)] = []
        var ofNodes: [(metric: AlertMetric, value: (SharedObject<Node>) -> Double?)] = []
        var parts: Set<ServiceLook.Part> = []
        for metric in metrics {
            switch computation(of: metric) {
            case .services(let part, let value):
                parts.insert(part)
                ofServices.append((metric, value))
            case .nodes(let value): ofNodes.append((metric, value))
            case .others(let samples): found[metric] = samples
            }
        }
        if !ofServices.isEmpty {
            for service in state.services.shared where service.value.pendingDelete != true {
                let look = ServiceLook(at: parts, of: service, state, board, now: now)
                let labels = ["service": service.value.id, "service_name": service.value.spec.name]
                for (metric, compute) in ofServices {
                    guard let value = compute(look) else { continue }
                    found[metric, default: []].append(AlertSample(labels: labels, value: value))
                }
            }
        }
        if !ofNodes.isEmpty {
            for node in state.nodes.shared {
                let name = node.value.spec.name ?? node.value.description?.hostname ?? node.value.id
                let labels = ["node": node.value.id, "node_name": name]
                for (metric, compute) in ofNodes {
                    guard let value = compute(node) else { continue }
                    found[metric, default: []].append(AlertSample(labels: labels, value: value))
                }
            }
        }
        return found
    }

    /// Where values come from; there is none where one is `nil`.
    private enum Computation {
        case services(ServiceLook.Part, (ServiceLook) -> Double?)
        case nodes((SharedObject<Node>) -> Double?)
        case others([AlertSample])
    }

    private func computation(of metric: AlertMetric) -> Computation {
        switch metric {
        case .serviceTasksMissing: .services(.counts) { Double($0.missing) }
        case .serviceFailures: .services(.failures) { Double($0.failures) }
        case .serviceOutOfMemoryKills: .services(.ends) { Double($0.outOfMemoryKills) }
        case .serviceRestarts: .services(.ends) { Double($0.restarts) }
        case .serviceUnhealthyFailures: .services(.ends) { Double($0.unhealthyFailures) }
        case .serviceCPUCores: .services(.use) { $0.cores }
        case .serviceMemoryUsedBytes: .services(.use) { $0.memory }
        case .serviceMemoryUsedRatio: .services(.use) { $0.memoryShare }
        case .nodeDown: .nodes { $0.value.status.state == .down ? 1 : 0 }
        case .nodeDiskFreeRatio: pulses { ratio($0, .diskUsedBytes, .diskBytes).map { 1 - $0 } }
        case .nodeCPUUsedRatio: .nodes { node in cpuShare(node.value.id) }
        case .nodeMemoryUsedRatio: pulses { ratio($0, .memoryUsedBytes, .memoryBytes) }
        case .nodeConntrackUsedRatio: pulses { ratio($0, .conntrackEntries, .conntrackLimit) }
        case .nodeLogDestinationsDown: pulses { value($0, .logDestinationsDown) }
        case .nodeLogBehindSeconds: pulses { value($0, .logBehindSeconds) }
        case .nodeMetricsPushDown: pulses { value($0, .metricsPushDown) }
        case .nodeLogDroppedLines: .nodes { node in dropped(node.value.id) }
        case .nodePathsIll: .nodes { node in pathsIll(node.value.id) }
        case .nodeCertificateDaysLeft:
            .nodes { node in
                node.value.membership?.issued?.map(\.until).max().map { $0.timeSince(now) / 86_400 }
            }
        case .networkConflicts: .others(networkConflicts)
        case .networkAddressesUsedRatio: .others(addressesUsed)
        case .managersToSpare:
            .others(managersToSpare.map { [AlertSample(labels: [:], value: Double($0))] } ?? [])
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

    /// Of nodes that have told of themselves lately.
    private func pulses(_ value: @escaping ([UInt64]) -> Double?) -> Computation {
        .nodes { node in
            guard let latest = board.latest(ofNode: node.value.id), now.seconds - latest.time <= PulseBoard.staleAfter
            else { return nil }
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
        return Double(paths.count { !$0.findings.isEmpty && state.nodes.shared($0.peer)?.value.status.state == .ready })
    }

    private var managersToSpare: Int? {
        let managers = state.managers.filter { $0.grantedRole == .manager }
        guard managers.count > 1 else { return nil }
        return managers.count { present.contains($0.id) } - (managers.count / 2 + 1)
    }
}
