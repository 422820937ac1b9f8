import EngineInterface
import Model
import Orchestration

/// What is used, out of what nodes have told and what the swarm's objects are called. Pure.
struct UsageReport {
    let state: SwarmState
    let board: PulseBoard
    var containers = StandaloneBoard()
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

    /// Those that belong to no task and run, in the order of nodes and names.
    var others: [ContainerUsage] {
        containers.places.filter { ["running", "paused", "restarting"].contains($0.container.state) }.map { place in
            var usage = ContainerUsage(id: place.container.id)
            usage.image = place.container.image
            usage.name = place.container.name
            usage.nodeID = place.nodeID
            usage.nodeName = state.nodes[place.nodeID].map(Self.name) ?? place.nodeID
            usage.state = place.container.state
            guard let figures = figures(board.container(usage.id, ofNode: place.nodeID), of: place.nodeID) else {
                return usage
            }
            usage.blockReadBytes = figures.told(.ioReadBytes)
            usage.blockWrittenBytes = figures.told(.ioWrittenBytes)
            usage.cores = figures.cores
            usage.measuredAt = figures.measuredAt
            usage.memoryBytes = figures.told(.memoryWorkingSetBytes)
            usage.memoryLimitBytes = figures.memoryLimitBytes
            usage.networkReceivedBytes = figures.told(.networkReceivedBytes)
            usage.networkSentBytes = figures.told(.networkSentBytes)
            usage.processes = figures.told(.processes)
            return usage
        }.sorted { ($0.nodeName, $0.name, $0.id) < ($1.nodeName, $1.name, $1.id) }
    }

    /// What a node has told of a container, a task's or another.
    private struct Figures {
        let latest: PulseBoard.TaskLatest
        let nodeMemory: UInt64?

        func told(_ series: TaskPulseSeries) -> UInt64? { latest.values.dropFirst(series.rawValue).first }
        var measuredAt: Timestamp { Timestamp(seconds: latest.time) }
        var cores: Double? { latest.cores }
        var memoryLimitBytes: UInt64? { told(.memoryLimitBytes).flatMap { $0 > 0 ? $0 : nil } ?? nodeMemory }
    }

    private func figures(_ latest: PulseBoard.TaskLatest?, of nodeID: String?) -> Figures? {
        guard let latest, latest.nodeID == nodeID, isFresh(latest.time) else { return nil }
        return Figures(latest: latest, nodeMemory: memory(ofNode: nodeID))
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
        usage.cores = board.cores(ofNode: usage.id)
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
        guard let figures = figures(board.tasks[task.id], of: task.nodeID) else { return usage }
        usage.blockReadBytes = figures.told(.ioReadBytes)
        usage.blockWrittenBytes = figures.told(.ioWrittenBytes)
        usage.cores = figures.cores
        usage.measuredAt = figures.measuredAt
        usage.memoryBytes = figures.told(.memoryWorkingSetBytes)
        usage.memoryLimitBytes = figures.memoryLimitBytes
        usage.networkReceivedBytes = figures.told(.networkReceivedBytes)
        usage.networkSentBytes = figures.told(.networkSentBytes)
        usage.processes = figures.told(.processes)
        return usage
    }

    private func memory(ofNode id: String?) -> UInt64? {
        id.flatMap { board.latest(ofNode: $0) }?.values.dropFirst(NodePulseSeries.memoryBytes.rawValue).first
    }

    private func isFresh(_ time: Int64) -> Bool { now - time <= PulseBoard.staleAfter }
}
