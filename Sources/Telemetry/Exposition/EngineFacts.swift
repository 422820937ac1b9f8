package import EngineInterface
package import Model

/// What the engine tells of itself for its metrics, as dockerd's do.
package struct EngineFacts: Sendable, Equatable {
    package var version = ""
    package var architecture = ""
    package var kernel = ""
    package var operatingSystem = ""
    package var graphDriver = ""
    package var daemonID = ""
    /// Containers.
    package var running = 0
    /// Containers.
    package var paused = 0
    /// Containers.
    package var stopped = 0
    /// Events since the daemon has started.
    package var events: Int64?
    /// Bytes that the daemon has allocated and not freed.
    package var heapBytes: Int64?

    package init() {}
}

/// What a node knows of its swarm, as dockerd's metrics tell it.
package struct SwarmFacts: Sendable, Equatable {
    /// What managers alone know.
    package struct Counts: Sendable, Equatable {
        /// Nodes by state, in lower case: `ready`, `down`, `unknown`, `disconnected`.
        package var nodes: [String: Int] = [:]
        /// Tasks by state, in lower case.
        package var tasks: [String: Int] = [:]
        package var services = 0
        package var networks = 0
        package var secrets = 0
        package var configs = 0
        package var isLeader = false

        package init() {}
    }

    package var nodeID: String
    package var swarmID: String
    /// `nil` on a worker.
    package var manager: Counts?
    /// Of a manager's member of the store, where it tells.
    package var store: StoreMetrics?
    /// How a manager's posting of alerts goes, which it does while it leads; `nil` where nobody is to be told.
    package var webhook: PostingState?

    package init(nodeID: String, swarmID: String, manager: Counts?) {
        self.manager = manager
        self.nodeID = nodeID
        self.swarmID = swarmID
    }
}

/// The names that dockerd has for what it tells of itself. Source: moby, `internal/metrics`, `daemon/metrics.go`, `manager/metrics/collector.go` of swarmkit.
enum DockerdFamilies {
    private static let nodeStates = ["disconnected", "down", "ready", "unknown"]
    private static let taskStates = [
        "accepted", "assigned", "complete", "failed", "new", "orphaned", "pending", "preparing", "ready", "rejected",
        "remove",
        "running", "shutdown", "starting",
    ]

    static func write(_ engine: EngineFacts, node: SampleRow, to page: inout ExpositionWriter) {
        page.family(
            "engine_daemon_container_states_containers", .gauge, unit: "containers",
            "The count of containers in various states")
        for (state, count) in [("paused", engine.paused), ("running", engine.running), ("stopped", engine.stopped)] {
            page.sample(.init([("state", state)]), Int64(clamping: count))
        }
        page.family(
            "engine_daemon_engine_cpus_cpus", .gauge, unit: "cpus",
            "The number of cpus that the host system of the engine has")
        if let value = node[NodeSeries.processors] { page.sample(value) }
        page.family(
            "engine_daemon_engine_memory_bytes", .gauge, unit: "bytes",
            "The number of bytes of memory that the host system of the engine has")
        if let value = node[NodeSeries.memoryTotalBytes] { page.sample(value) }
        page.family(
            "engine_daemon_engine_info", .gauge, "The information related to the engine and the OS it is running on")
        page.sample(
            .init([
                ("architecture", engine.architecture), ("commit", ""), ("daemon_id", engine.daemonID),
                ("graphdriver", engine.graphDriver), ("kernel", engine.kernel), ("os", engine.operatingSystem),
                ("os_type", "linux"), ("version", engine.version),
            ]), 1)
        if let events = engine.events {
            page.family("engine_daemon_events", .counter, "The number of events logged")
            page.sample(events)
        }
    }

    static func write(_ swarm: SwarmFacts, to page: inout ExpositionWriter) {
        page.family("swarm_node_info", .gauge, "Information related to the swarm")
        page.sample(.init([("node_id", swarm.nodeID), ("swarm_id", swarm.swarmID)]), 1)
        page.family("swarm_node_manager", .gauge, "Whether this node is a manager or not")
        page.sample(swarm.manager == nil ? 0 : 1)
        guard let manager = swarm.manager else { return }
        page.family("swarm_manager_leader", .gauge, "Indicates if this manager node is a leader")
        page.sample(manager.isLeader ? 1 : 0)
        page.family("swarm_manager_nodes", .gauge, "The number of nodes")
        for state in nodeStates { page.sample(.init([("state", state)]), Int64(clamping: manager.nodes[state] ?? 0)) }
        for (name, help, count) in [
            ("configs", "The number of configs in the cluster object store", manager.configs),
            ("networks", "The number of networks in the cluster object store", manager.networks),
            ("secrets", "The number of secrets in the cluster object store", manager.secrets),
            ("services", "The number of services in the cluster object store", manager.services),
        ] {
            page.family("swarm_manager_\(name)_total", .gauge, help)
            page.sample(Int64(clamping: count))
        }
        page.family("swarm_manager_tasks_total", .gauge, "The number of tasks in the cluster object store")
        for state in taskStates { page.sample(.init([("state", state)]), Int64(clamping: manager.tasks[state] ?? 0)) }
    }
}
