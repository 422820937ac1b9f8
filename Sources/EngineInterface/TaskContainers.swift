/// What a node answers about its tasks' containers when a manager asks: the engine's own answers.
package struct TaskContainers: Sendable {
    package var lookup: any TaskContainerLookup
    package var containers: any ContainerBackend
    package var listing: any ContainerListBackend
    package var streams: any ContainerStreamBackend
    package var logs: any LogBackend
    package var execs: any ExecBackend
    package var stats: any ContainerStatsBackend

    package init(
        lookup: any TaskContainerLookup, containers: any ContainerBackend, listing: any ContainerListBackend,
        streams: any ContainerStreamBackend, logs: any LogBackend, execs: any ExecBackend,
        stats: any ContainerStatsBackend
    ) {
        self.containers = containers
        self.execs = execs
        self.listing = listing
        self.logs = logs
        self.lookup = lookup
        self.stats = stats
        self.streams = streams
    }
}

/// Which container a task has on this node.
package protocol TaskContainerLookup: Sendable {
    /// The container's id; `nil` for a task that has none here.
    func container(ofTask id: String) async -> String?
    /// Whether a container, by its whole id, is here and belongs to no task.
    func isStandalone(_ id: String) async -> Bool
}
