import EngineInterface
import Logs
import Model
import NodeProtocol
import Orchestration
import Synchronization

/// One request for logs: whose, from which nodes, and how far each node has come.
struct LogDemand: Sendable {
    enum Target: Sendable {
        case service(String)
        case task(String)
    }

    enum Phase: Sendable {
        case waiting, sending, ended
        /// It is asked anew when it connects anew.
        case lost
        /// It has sent what nobody has asked for, and is asked no more.
        case refused

        var isMissing: Bool { self == .lost || self == .refused }
    }

    /// What a node sends until it is given up. What comes of it later is not taken for what it sends when it is asked anew.
    struct Source: Hashable, Sendable {
        let nodeID: String
        let number: Int
    }

    struct NodePart: Sendable {
        var tasks: [String] = []
        var phase = Phase.waiting
        /// Grows when the node is asked anew after a break.
        var round = 0
        /// How often it has been given up.
        var losses = 0
        /// Breaks that it has gone on after without having been given up, one soon after the other.
        var breaks = 0
        var lastBreak: ContinuousClock.Instant?
        /// It has told all that was there at the beginning.
        var isCaughtUp = false
        /// The node's listener when it began to send.
        var listener: String?
        /// Its present call.
        var intake: LogIntake?
        var reached = LogIntake.Reach()
        /// It has been warned of.
        var isNamed = false
    }

    let id: String
    let target: Target
    let query: LogQuery
    let merger = LogMerger<Source>(
        window: LogBroker.window, timeout: LogBroker.timeout, awayTimeout: LogBroker.awayTimeout,
        quiet: LogBroker.quiet)
    let details = LogDetailTable()
    let begun = Timestamp.now
    var nodes: [String: NodePart] = [:]
    /// No tasks will be added any more.
    var isFinal = false
    /// The nodes known from the beginning are in the merge: others owe nothing of before.
    var isOpen = false
    /// Task → why its log cannot be read.
    var failures: [String: String] = [:]
    /// Tasks without a node, which have no log.
    var unscheduled: Set<String> = []

    init(id: String, target: Target, query: LogQuery) {
        self.id = id
        self.query = query
        self.target = target
    }

    /// Takes in the swarm's state.
    /// - Returns: Nodes of which more is wanted now.
    @discardableResult
    mutating func take(_ objects: SwarmState) -> Set<String> {
        var changed: Set<String> = []
        let tasks =
            switch target {
            case .service(let id): objects.tasks(ofService: id)
            case .task(let id): objects.tasks[id].map { [$0] } ?? []
            }
        // Before it runs there is nothing to follow, and its start is seen here.
        let least = query.follow ? TaskState.running : .starting
        for task in tasks.sorted(by: { $0.id < $1.id }) {
            guard let nodeID = task.nodeID, !nodeID.isEmpty else {
                if !query.follow, task.desiredState <= .running { unscheduled.insert(task.id) }
                continue
            }
            guard task.status.state >= least, nodes[nodeID]?.tasks.contains(task.id) != true else { continue }
            if nodes[nodeID] == nil, isOpen { merger.add(Source(nodeID: nodeID, number: 0), isLive: true) }
            nodes[nodeID, default: NodePart()].tasks.append(task.id)
            changed.insert(nodeID)
        }
        if !query.follow || isOver(objects) {
            isFinal = true
            if isOpen { merger.close() }
            changed.formUnion(nodes.keys)
        }
        return changed
    }

    /// Nothing more can be written.
    private func isOver(_ objects: SwarmState) -> Bool {
        switch target {
        case .service(let id): objects.services[id] == nil
        case .task(let id): objects.tasks[id]?.status.state.isTerminal ?? true
        }
    }

    /// A node as a source of lines.
    func source(_ nodeID: String) -> Source { Source(nodeID: nodeID, number: nodes[nodeID]?.losses ?? 0) }

    /// Asks a node anew that has been given up. What is missing of before has been told to be.
    mutating func resume(_ nodeID: String) {
        guard query.follow, var node = nodes[nodeID] else { return }
        if let intake = node.intake { node.reached = intake.reached }
        (node.intake, node.breaks, node.isCaughtUp, node.phase) = (nil, 0, true, .waiting)
        node.losses += 1
        node.round += 1
        nodes[nodeID] = node
        forgetFailures(of: node)
        merger.add(source(nodeID), isLive: true)
    }

    /// A node has broken off: until it is given up it is asked anew for what has not come yet.
    /// - Returns: False when it has done so too often.
    mutating func interrupt(_ nodeID: String) -> Bool {
        guard var node = nodes[nodeID], node.phase == .sending else { return false }
        let now = ContinuousClock.now
        if let last = node.lastBreak, now - last > LogBroker.breakMemory { node.breaks = 0 }
        guard node.breaks < LogBroker.mostBreaks else { return false }
        node.breaks += 1
        node.lastBreak = now
        node.phase = .waiting
        node.round += 1
        nodes[nodeID] = node
        forgetFailures(of: node)
        return true
    }

    /// They are read anew.
    private mutating func forgetFailures(of node: NodePart) { for task in node.tasks { failures[task] = nil } }

    func wireID(_ nodeID: String) -> String { "\(id).\(nodes[nodeID]?.round ?? 0)" }

    /// What the node is to send; `nil` when that is nothing.
    func request(to nodeID: String) -> Wire.LogRequest? {
        guard let node = nodes[nodeID], node.phase == .waiting || node.phase == .sending else { return nil }
        var selection = LogSelection()
        selection.follows = query.follow
        selection.tail = query.tail
        selection.since = query.since
        selection.until = query.until
        // What comes twice is left out.
        let progress = node.reached.progress
        if node.isCaughtUp, node.round > 0 {
            // From the last line on that each task is known to have written; of the others, by the node's clock, from what it had told on.
            let start = min(begun, node.reached.completeUntil ?? begun)
            let timestamps = node.tasks.map { progress[$0]?.last ?? start }
            selection.since = max(timestamps.min() ?? start, query.since ?? .zero)
            selection.tail = nil
        } else if selection.tail == nil, node.round > 0 {
            let timestamps = node.tasks.map { progress[$0]?.last ?? .zero }
            selection.since = timestamps.min().map { max($0, query.since ?? .zero) } ?? query.since
        }
        return Wire.LogRequest(
            id: wireID(nodeID), tasks: node.tasks, isFinal: isFinal, details: query.details, selection)
    }
}

/// What the options of tasks' logs name of their containers, as nodes have told it; it comes before the lines of a task do.
final class LogDetailTable: Sendable {
    /// Bytes that are kept for one task; what goes beyond is left out.
    static let mostBytes = 64 << 10

    private let details = Mutex<[String: [String: String]]>([:])

    subscript(taskID: String) -> [String: String] { details.withLock { $0[taskID] ?? [:] } }

    func take(_ told: Wire.LogDetails) {
        var room = Self.mostBytes
        var kept: [String: String] = [:]
        for (name, value) in told.attributes.sorted(by: { $0.key < $1.key }) {
            let bytes = name.utf8.count + value.utf8.count
            guard bytes <= room else { continue }
            room -= bytes
            kept[name] = value
        }
        details.withLock { $0[told.taskID] = kept }
    }
}
