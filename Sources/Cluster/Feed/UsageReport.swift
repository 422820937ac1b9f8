import EngineInterface
import Model
import Orchestration

/// What is used, out of what nodes have told and what the swarm's objects are called. Pure.
struct UsageReport {
    let state: SwarmState
    let board: PulseBoard
    /// Seconds since 1970.
    let now: Int64

    /// In the order of their names.
    var nodes: [NodeUsage] {
        state.nodes.values.map { node in
            var usage = NodeUsage(id: node.id)
            usage.name = Self.name(of: node)
            usage.state = node.status.state.rawValue
            usage.availability = node.spec.availability.rawValue
            fill(&usage)
            return usage
        }.sorted { ($0.name, $0.id) < ($1.name, $1.id) }
    }

    /// In the order of services, slots and ids.
    /// - Parameter services: Ids; `nil` for all.
    func tasks(ofServices services: Set<String>?) -> [TaskUsage] {
        let candidates =
            services.map { $0.flatMap { state.tasks(ofService: $0) } } ?? Array(state.tasks.values)
        let shown = candidates.filter {
            !$0.isAttachment && $0.nodeID != nil && $0.status.state < .complete
                && ($0.desiredState <= .running || $0.status.state == .running)
        }
        return shown.map { (task: $0, usage: usage(of: $0)) }.sorted { left, right in
            (left.usage.serviceName, left.task.slot ?? 0, left.usage.nodeName, left.task.id)
                < (right.usage.serviceName, right.task.slot ?? 0, right.usage.nodeName, right.task.id)
        }.map(\.usage)
    }

    private static func name(of node: Node) -> String { node.spec.name ?? node.description?.hostname ?? node.id }

    private func fill(_ usage: inout NodeUsage) {
        guard let latest = board.latest(ofNode: usage.id), isFresh(latest.time) else { return }
        func told(_ series: NodePulseSeries) -> UInt64? { latest.values.dropFirst(series.rawValue).first }
        usage.measuredAt = Timestamp(seconds: latest.time)
        usage.processors = told(.processors)
        usage.memoryBytes = told(.memoryUsedBytes)
        usage.memoryTotalBytes = told(.memoryBytes)
        usage.diskBytes = told(.diskUsedBytes)
        usage.diskTotalBytes = told(.diskBytes)
        usage.containers = told(.containers)
        let points = board.points(ofNode: usage.id).suffix(2)
        guard points.count == 2, let last = points.last, let before = points.first, last.time > before.time,
            let grown = last.values.dropFirst(NodePulseSeries.cpuMicroseconds.rawValue).first
        else { return }
        usage.cores = Double(grown) / 1e6 / Double(last.time - before.time)
    }

    private func usage(of task: SwarmTask) -> TaskUsage {
        var usage = TaskUsage(id: task.id)
        let node = task.nodeID.flatMap { state.nodes[$0] }
        usage.serviceID = task.serviceID
        usage.serviceName = state.services[task.serviceID]?.spec.name ?? task.serviceID
        usage.nodeID = task.nodeID ?? ""
        usage.nodeName = node.map(Self.name) ?? usage.nodeID
        usage.name = "\(usage.serviceName).\(task.slot.map(String.init) ?? usage.nodeID)"
        usage.state = task.status.state.rawValue
        usage.containerID = task.status.containerStatus?.containerID
        guard let latest = board.tasks[task.id], latest.nodeID == task.nodeID, isFresh(latest.time) else {
            return usage
        }
        func told(_ series: TaskPulseSeries) -> UInt64? { latest.values.dropFirst(series.rawValue).first }
        usage.measuredAt = Timestamp(seconds: latest.time)
        if latest.seconds > 0, let grown = latest.growth.dropFirst(TaskPulseSeries.cpuMicroseconds.rawValue).first {
            usage.cores = Double(grown) / 1e6 / Double(latest.seconds)
        }
        usage.memoryBytes = told(.memoryWorkingSetBytes)
        usage.memoryLimitBytes = told(.memoryLimitBytes).flatMap { $0 > 0 ? $0 : nil } ?? memory(ofNode: task.nodeID)
        usage.networkReceivedBytes = told(.networkReceivedBytes)
        usage.networkSentBytes = told(.networkSentBytes)
        usage.blockReadBytes = told(.ioReadBytes)
        usage.blockWrittenBytes = told(.ioWrittenBytes)
        usage.processes = told(.processes)
        return usage
    }

    private func memory(ofNode id: String?) -> UInt64? {
        id.flatMap { board.latest(ofNode: $0) }?.values.dropFirst(NodePulseSeries.memoryBytes.rawValue).first
    }

    private func isFresh(_ time: Int64) -> Bool { now - time <= PulseBoard.staleAfter }
}
