package import Cluster
import EngineInterface

extension DashboardState {
    /// Fills in what nodes, services and tasks use. What a node told last stays, with its time: the page tells how old it is.
    /// - Parameter now: Seconds since 1970; what is older than a minute is no part of what a service uses.
    package mutating func fill(from board: PulseBoard, now: Int64) {
        for index in nodes.indices { nodes[index].use = NodeUse(board, nodes[index].id) }
        var told: [String: [String]] = [:]
        for index in tasks.indices {
            guard let latest = board.tasks[tasks[index].id] else { continue }
            tasks[index].use = TaskUse(latest)
            told[tasks[index].service, default: []].append(tasks[index].id)
        }
        for index in containers.indices {
            let latest = board.container(containers[index].id, ofNode: containers[index].node)
            containers[index].use = latest.map { TaskUse($0) }
        }
        for index in services.indices {
            services[index].use = TaskUse(of: told[services[index].id] ?? [], board, now: now)
        }
    }
}

extension NodeUse {
    /// What a node told last; `nil` of one that has told nothing.
    init?(_ board: PulseBoard, _ id: String) {
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
    init(_ latest: PulseBoard.TaskLatest) {
        self.init()
        memory = latest.values.dropFirst(TaskPulseSeries.memoryWorkingSetBytes.rawValue).first.map { Double($0) }
        cpu = latest.cores
        at = latest.time &* 1000
    }

    /// Of several tasks together, as far as their nodes have told of them lately; `nil` of none. In one order, so that the same tasks have the same sum.
    init?(of tasks: [String], _ board: PulseBoard, now: Int64) {
        var sum: TaskUse?
        for id in tasks.sorted() {
            guard let latest = board.tasks[id], now - latest.time <= PulseBoard.staleAfter else { continue }
            sum = sum ?? TaskUse()
            sum?.add(TaskUse(latest))
        }
        guard let sum else { return nil }
        self = sum
    }

    private mutating func add(_ other: TaskUse) {
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
