package import Cluster
import EngineInterface

extension DashboardState {
    /// Fills in what nodes, services and tasks use. What a node told last stays, with its time: the page tells how old it is.
    /// - Parameter now: Seconds since 1970; what is older than a minute is no part of what a service uses.
    package mutating func fill(from board: PulseBoard, now: Int64) {
        for index in nodes.indices { nodes[index].use = NodeUse(board, nodes[index].id) }
        var services: [String: TaskUse] = [:]
        for index in tasks.indices {
            guard let latest = board.tasks[tasks[index].id] else { continue }
            let use = TaskUse(latest)
            tasks[index].use = use
            guard now - latest.time <= PulseBoard.staleAfter else { continue }
            services[tasks[index].service, default: TaskUse()].add(use)
        }
        for index in containers.indices {
            let latest = board.container(containers[index].id, ofNode: containers[index].node)
            containers[index].use = latest.map(TaskUse.init)
        }
        for index in self.services.indices { self.services[index].use = services[self.services[index].id] }
    }
}

extension NodeUse {
    fileprivate init?(_ board: PulseBoard, _ id: String) {
        guard let latest = board.latest(ofNode: id) else { return nil }
        func told(_ series: NodePulseSeries) -> Double? {
            latest.values.dropFirst(series.rawValue).first.map { Double($0) }
        }
        func share(_ part: NodePulseSeries, of whole: NodePulseSeries) -> Double? {
            guard let part = told(part), let whole = told(whole), whole > 0 else { return nil }
            return part / whole
        }
        self.init()
        memory = share(.memoryUsedBytes, of: .memoryBytes)
        disk = share(.diskUsedBytes, of: .diskBytes)
        conntrack = share(.conntrackEntries, of: .conntrackLimit)
        at = latest.time &* 1000
        if let cores = board.cores(ofNode: id), let processors = told(.processors), processors > 0 {
            cpu = cores / processors
        }
    }
}

extension TaskUse {
    fileprivate init(_ latest: PulseBoard.TaskLatest) {
        self.init()
        memory = latest.values.dropFirst(TaskPulseSeries.memoryWorkingSetBytes.rawValue).first.map { Double($0) }
        cpu = latest.cores
        at = latest.time &* 1000
    }

    fileprivate mutating func add(_ other: TaskUse) {
        if let value = other.cpu { cpu = (cpu ?? 0) + value }
        if let value = other.memory { memory = (memory ?? 0) + value }
        at = max(at, other.at)
    }
}

extension PathView {
    init(_ path: SwarmPaths.Path) {
        self.init(
            from: path.from, to: path.to, kind: path.kind, roundTrip: path.roundTripSeconds, loss: path.loss,
            mtu: path.pathMTU, at: path.measuredAt.milliseconds)
        advice = path.advice
    }
}
