package import EngineInterface
import Model

/// What a manager knows of how nodes and services are: the newest of each task, and a quarter of an hour of nodes and services. A value
/// without a clock.
package struct PulseBoard: Sendable {
    package static let stepSeconds: Int64 = 10
    /// Steps that are kept: a quarter of an hour.
    static let mostSteps = 90
    static let mostTasks = 4096
    /// Seconds after which a pulse says nothing any more.
    package static let staleAfter: Int64 = 60
    static let mostSeries = 64
    /// Seconds that a node's clock may be ahead.
    static let longestAhead: Int64 = 60

    /// A node or a service at one step. Counters are told as what they have grown by since the step before.
    package struct Point: Sendable, Equatable {
        /// Seconds since 1970.
        package var time: Int64
        /// By ``NodePulseSeries``, or ``TaskPulseSeries``.
        package var values: [UInt64]
    }

    /// How a task, or a container that belongs to none, was when its node told of it last.
    package struct TaskLatest: Sendable, Equatable {
        package var nodeID: String
        /// Seconds since 1970.
        package var time: Int64
        /// Since the pulse before; 0 for the first.
        package var seconds: Int64 = 0
        /// As the node told them.
        package var values: [UInt64]
        /// Counters as what they have grown by since the pulse before.
        package var growth: [UInt64]
    }

    private struct NodeLatest: Sendable {
        var time: Int64 = 0
        var values: [UInt64] = []
        var tasks: Set<String> = []
        var points: [Point] = []
        /// Of nodes that are known alone.
        var paths: [PathMeasurement] = []
        /// Containers that belong to no task, by their ids.
        var containers: [String: TaskLatest] = [:]
        /// Seconds that its clock was ahead of the manager's when it told of itself last.
        var clockAhead: Int64 = 0
    }

    /// Which of the series are counters.
    private static let nodeCounters = NodePulseSeries.allCases.map(\.isCounter)
    fileprivate static let taskCounters = TaskPulseSeries.allCases.map(\.isCounter)

    /// By id.
    private var nodes: [String: NodeLatest] = [:]
    /// By id.
    package private(set) var tasks: [String: TaskLatest] = [:]
    /// By the services' ids.
    private var services: [String: [Point]] = [:]

    package init() {}

    /// Takes in what a node tells of itself.
    ///
    /// - Parameters:
    ///   - service: The service of a task that is the node's; of others nothing is taken.
    ///   - isStandalone: Whether the node has told of a container that belongs to no task; of others nothing is taken.
    ///   - peer: A node's id as the swarm has it, `nil` for one that is none: a way to that is not taken.
    ///   - now: Seconds since 1970, by the manager's clock.
    mutating func take(
        _ pulse: NodePulse, of nodeID: String, now: Int64, service: (String) -> String?,
        peer: (String) -> String? = { _ in nil }, isStandalone: (String) -> Bool = { _ in false }
    ) {
        var node = nodes[nodeID] ?? NodeLatest()
        let (ahead, isTooMuch) = pulse.time.subtractingReportingOverflow(now)
        node.clockAhead = isTooMuch ? .max : ahead
        nodes[nodeID]?.clockAhead = node.clockAhead
        guard pulse.time > node.time, pulse.time <= now + Self.longestAhead, pulse.time >= now - 900 else { return }
        let step = pulse.time / Self.stepSeconds * Self.stepSeconds
        let values = Array(pulse.node.prefix(Self.mostSeries))
        // Else the change would copy them: they are there twice.
        nodes[nodeID]?.points = []
        Self.add(
            Point(time: step, values: Self.growth(node.values, values, Self.nodeCounters, isKnown: node.time > 0)),
            to: &node.points)
        (node.time, node.values) = (pulse.time, values)
        let former = node.tasks
        node.paths = pulse.paths.prefix(NodePulse.mostPaths).compactMap { path in
            // The swarm's own copy of the id: there are as many paths as nodes times those that each measures.
            guard path.peer != nodeID, let id = peer(path.peer) else { return nil }
            var path = path
            path.peer = id
            return path
        }
        node.tasks = []
        for (id, values) in pulse.tasks.prefix(Self.mostTasks) {
            guard let serviceID = service(id) else { continue }
            let latest = TaskLatest(values, of: nodeID, at: pulse.time, after: tasks[id])
            tasks[id] = latest
            node.tasks.insert(id)
            Self.add(Point(time: step, values: latest.growth), to: &services[serviceID, default: []])
        }
        let before = node.containers
        node.containers = [:]
        for (id, values) in pulse.containers.prefix(StandaloneNews.most) where isStandalone(id) {
            node.containers[id] = TaskLatest(values, of: nodeID, at: pulse.time, after: before[id])
        }
        for id in former.subtracting(node.tasks) where tasks[id]?.nodeID == nodeID { tasks[id] = nil }
        nodes[nodeID] = node
    }

    /// Forgets nodes and services that are no more.
    mutating func forget(nodesBut present: (String) -> Bool, servicesBut kept: (String) -> Bool) {
        for (id, node) in nodes where !present(id) {
            nodes[id] = nil
            for task in node.tasks { tasks[task] = nil }
        }
        for id in services.keys where !kept(id) { services[id] = nil }
    }

    /// Steps of a node, the oldest first; those without a pulse are left out.
    package func points(ofNode id: String) -> [Point] { nodes[id]?.points ?? [] }

    /// The newest values of a node, counters as the node told them, and when.
    package func latest(ofNode id: String) -> (time: Int64, values: [UInt64])? {
        nodes[id].map { ($0.time, $0.values) }
    }

    /// What a node told last, with its tasks that are known; `nil` for one that has told nothing for a minute.
    /// - Parameter now: Seconds since 1970.
    package func pulse(ofNode id: String, now: Int64) -> NodePulse? {
        guard let node = nodes[id], now - node.time <= Self.staleAfter else { return nil }
        var pulse = NodePulse(time: node.time, node: node.values, paths: node.paths)
        for task in node.tasks { pulse.tasks[task] = tasks[task]?.values }
        pulse.containers = node.containers.mapValues(\.values)
        return pulse
    }

    /// Processors that a node has in use, on average between the last two steps that are known; `nil` with fewer.
    package func cores(ofNode id: String) -> Double? {
        guard let steps = nodes[id]?.points.suffix(2), let last = steps.last, let before = steps.first,
            last.time > before.time,
            let grown = last.values.dropFirst(NodePulseSeries.cpuMicroseconds.rawValue).first
        else { return nil }
        return Double(grown) / 1e6 / Double(last.time - before.time)
    }

    /// Ways from a node to others as it told of them last, whenever that was.
    package func paths(ofNode id: String) -> (time: Int64, paths: [PathMeasurement])? {
        nodes[id].map { ($0.time, $0.paths) }
    }

    /// Seconds that a node's clock was ahead of the manager's when it told of itself last; negative where it is behind. A pulse is up to ten seconds
    /// old when it is told.
    package func clockAhead(ofNode id: String) -> Int64? { nodes[id]?.clockAhead }

    /// Steps of a service, all its tasks together. The newest may not have all tasks in it yet.
    package func points(ofService id: String) -> [Point] { services[id] ?? [] }

    /// How a node's container that belongs to no task was when the node told of it last.
    package func container(_ id: String, ofNode nodeID: String) -> TaskLatest? { nodes[nodeID]?.containers[id] }

    /// The tasks that a node told of last.
    package func taskIDs(ofNode id: String) -> Set<String> { nodes[id]?.tasks ?? [] }

    package var nodeIDs: Set<String> { Set(nodes.keys) }

    /// Counters become differences. One that has begun anew has grown by what it is.
    fileprivate static func growth(_ former: [UInt64], _ values: [UInt64], _ counters: [Bool], isKnown: Bool)
        -> [UInt64]
    {
        values.enumerated().map { index, value in
            guard counters.dropFirst(index).first == true else { return value }
            guard isKnown else { return 0 }
            let before = former.dropFirst(index).first ?? 0
            return value >= before ? value - before : value
        }
    }

    /// Adds a point to the step that it is of.
    private static func add(_ point: Point, to points: inout [Point]) {
        if let index = points.lastIndex(where: { $0.time <= point.time }), let same = points.dropFirst(index).first,
            same.time == point.time
        {
            points[index].values = sum(same.values, point.values)  // trap: an index of it
        } else {
            points.insert(point, at: points.firstIndex { $0.time > point.time } ?? points.endIndex)
        }
        while points.count > mostSteps, !points.isEmpty { points.removeFirst() }
    }

    private static func sum(_ first: [UInt64], _ second: [UInt64]) -> [UInt64] {
        let (long, short) = first.count >= second.count ? (first, second) : (second, first)
        return long.enumerated().map { index, value in
            let (sum, isTooMuch) = value.addingReportingOverflow(short.dropFirst(index).first ?? 0)
            return isTooMuch ? .max : sum
        }
    }
}

extension PulseBoard.TaskLatest {
    /// Processors in use, on average since the pulse before; `nil` for the first.
    package var cores: Double? {
        guard seconds > 0, let grown = growth.dropFirst(TaskPulseSeries.cpuMicroseconds.rawValue).first else {
            return nil
        }
        return Double(grown) / 1e6 / Double(seconds)
    }

    /// - Parameter before: What the same was before.
    fileprivate init(_ told: [UInt64], of nodeID: String, at time: Int64, after before: Self?) {
        let values = Array(told.prefix(PulseBoard.mostSeries))
        self.init(
            nodeID: nodeID, time: time, seconds: before.map { max(0, time - $0.time) } ?? 0, values: values,
            growth: PulseBoard.growth(
                before?.values ?? [], values, PulseBoard.taskCounters, isKnown: before != nil))
    }
}
