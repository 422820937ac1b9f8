package import Model

/// What nodes, tasks and other containers of a swarm use, as a manager was told last; nodes tell every ten seconds.
package struct SwarmUsage: Codable, Sendable, Equatable {
    package var nodes: [NodeUsage] = []
    /// Those that are to run, or still do.
    package var tasks: [TaskUsage] = []
    /// Those that belong to no task, of all nodes, and run.
    package var containers: [ContainerUsage] = []

    package init() {}
}

/// What a node uses. What has not been told within a minute is `nil`.
package struct NodeUsage: Codable, Sendable, Equatable, Identifiable {
    package var id: String
    package var name = ""
    /// As in `ready`.
    package var state = ""
    package var availability = ""
    /// By the node's clock.
    package var measuredAt: Timestamp?
    /// Processors in use, on average since the measurement before.
    package var cores: Double?
    /// Those that the node has.
    package var processors: UInt64?
    /// What cannot be taken back at once; bytes, the same below.
    package var memoryBytes: UInt64?
    package var memoryTotalBytes: UInt64?
    /// Of the file system that the daemon's root is on.
    package var diskBytes: UInt64?
    package var diskTotalBytes: UInt64?
    /// Those that run.
    package var containers: UInt64?

    package init(id: String) { self.id = id }
}

/// What a task uses. What has not been told within a minute is `nil`.
package struct TaskUsage: Codable, Sendable, Equatable, Identifiable {
    package var id: String
    /// As in `web.1`; of global services with the node's id.
    package var name = ""
    package var serviceID = ""
    package var serviceName = ""
    package var nodeID = ""
    package var nodeName = ""
    /// As in `running`.
    package var state = ""
    /// `nil` until there is one.
    package var containerID: String?
    /// By the node's clock.
    package var measuredAt: Timestamp?
    /// Processors in use, on average since the measurement before.
    package var cores: Double?
    /// The working set; bytes, the same below.
    package var memoryBytes: UInt64?
    /// The task's limit, or the node's memory where it has none.
    package var memoryLimitBytes: UInt64?
    /// Since the container's start, the same below.
    package var networkReceivedBytes: UInt64?
    package var networkSentBytes: UInt64?
    package var blockReadBytes: UInt64?
    package var blockWrittenBytes: UInt64?
    /// Processes and threads.
    package var processes: UInt64?

    package init(id: String) { self.id = id }
}

/// What a container that belongs to no task uses. What has not been told within a minute is `nil`.
package struct ContainerUsage: Codable, Sendable, Equatable, Identifiable {
    package var id: String
    package var name = ""
    package var image = ""
    package var nodeID = ""
    package var nodeName = ""
    /// As in `running`.
    package var state = ""
    /// By the node's clock.
    package var measuredAt: Timestamp?
    /// The same as a task's, and so is what follows.
    package var cores: Double?
    package var memoryBytes: UInt64?
    package var memoryLimitBytes: UInt64?
    package var networkReceivedBytes: UInt64?
    package var networkSentBytes: UInt64?
    package var blockReadBytes: UInt64?
    package var blockWrittenBytes: UInt64?
    /// Processes and threads.
    package var processes: UInt64?

    package init(id: String) { self.id = id }
}

/// What is used in the swarm, as managers answer. Faults: ``SwarmError`` on a node that is no manager, ``SwarmObjectError`` for a service
/// that there is not.
package protocol UsageBackend: Sendable {
    /// - Parameter services: Names or ids; empty for all of them, and for all nodes.
    func usage(ofServices services: [String]) async throws -> SwarmUsage
}
