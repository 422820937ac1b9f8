package import Model

/// What the swarm, node, service and task routes need. On a node that is no manager each method throws `.unavailable`
/// with Docker's sentence.
package protocol SwarmBackend: Sendable {
    /// For `GET /info`; never fails.
    func swarmInfo() async -> SwarmInfo
    /// - Returns: The node's id.
    func initialiseSwarm(_ request: SwarmInitRequest) async throws -> String
    func joinSwarm(_ request: SwarmJoinRequest) async throws
    func leaveSwarm(force: Bool) async throws
    func inspectSwarm() async throws -> ClusterObject
    func updateSwarm(
        version: UInt64, _ spec: ClusterSpec, rotateWorkerToken: Bool, rotateManagerToken: Bool, rotateUnlockKey: Bool
    ) async throws

    func listNodes(_ filters: Filters) async throws -> [Node]
    func inspectNode(_ reference: String) async throws -> Node
    func updateNode(_ reference: String, version: UInt64, _ spec: NodeSpec) async throws
    func removeNode(_ reference: String, force: Bool) async throws

    func listServices(_ filters: Filters, withStatus: Bool) async throws -> [Service]
    func inspectService(_ reference: String, insertDefaults: Bool) async throws -> Service
    func createService(_ spec: ServiceSpec) async throws -> (id: String, warnings: [String])
    func updateService(
        _ reference: String, version: UInt64, _ spec: ServiceSpec, rollback: Bool
    ) async throws -> [String]
    func removeService(_ reference: String) async throws

    func listTasks(_ filters: Filters) async throws -> [SwarmTask]
    func inspectTask(_ reference: String) async throws -> SwarmTask

    /// The lines of all of a service's tasks, from every node, in order of time.
    func serviceLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream
    func taskLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream
}

/// What the engine needs of the swarm to answer for overlays beside its own networks.
package protocol SwarmNetworkCatalog: Sendable {
    /// Whether this node is a manager and may create and list all swarm networks.
    func isManager() async -> Bool
    func isMember() async -> Bool
    /// All swarm networks on a manager; on a worker only those that its tasks use.
    func swarmNetworks() async throws -> [SwarmNetwork]
    /// On a manager, the ids of networks that services or running tasks use, wherever in the swarm; else nothing.
    func networksInUse() async -> Set<String>
    /// Creates an overlay, allocated and stored, and answers its id.
    func createSwarmNetwork(_ request: NetworkRequest) async throws -> String
    /// Gives a container of this node a place on an attachable network, and returns when the node has been told of the network.
    ///
    /// The place lasts until ``TaskExecutor/waitForHolder(of:otherThan:)`` names nobody.
    /// - Parameters:
    ///   - id: Kept by the caller beforehand; asked again with it, the same place is answered.
    ///   - network: Name, id, or beginning of an id.
    /// - Throws: `.notFound`, `.forbidden` for a network that is not attachable, and others, in Docker's words.
    func attach(_ id: String, to network: String, _ spec: NetworkAttachmentSpec) async throws -> NetworkAttachment
    /// - Throws: `.invalidInput` with `network X is in use by service Y` as long as a service names it.
    func removeSwarmNetwork(id: String) async throws
}

/// What the swarm needs of the node's engine: to run tasks and to set up networks.
///
/// Every method may be called again after a restart of either side and then finds what is there.
package protocol TaskExecutor: Sendable {
    /// The node's host name, platform, resources and engine; without TLS information.
    func describeNode() async throws -> NodeDescription
    /// Pulls the image, creates the networks' local parts and the container. Returns the container's id.
    /// - Throws: A fault whose text becomes the task's error; the task is then rejected.
    func prepareTask(_ task: SwarmTask) async throws -> String
    /// Starts the prepared container; starting a running one succeeds. Returns once it is healthy, if it has a health check.
    /// - Throws: Why the task has failed, also that it became unhealthy or ended before it was healthy.
    func startTask(_ task: SwarmTask) async throws -> TaskStatus.ContainerStatus
    /// The ports of the node itself that the started task's container has, those included that the engine has chosen.
    func publishedPorts(of task: SwarmTask) async -> [PortConfig]
    /// Returns when the task's container has ended, with its exit code, or at once when it is not there (`nil`). One that
    /// becomes unhealthy is stopped.
    func waitForTask(_ task: SwarmTask) async throws -> TaskExit?
    /// Sends the stop signal, then SIGKILL after the grace period.
    func stopTask(_ task: SwarmTask) async throws
    /// Returns when the container that holds an attachment is not called `name`: what it is called, or `nil` when no container of
    /// this node holds it (any more).
    func waitForHolder(of attachmentID: String, otherThan name: String) async throws -> String?
    /// Removes the container; a missing one is fine.
    func removeTask(id: String) async throws
    /// Tasks of which this node has a container: task id → container status.
    func presentTasks() async throws -> [String: TaskStatus.ContainerStatus]
    /// What a task's container has written; nothing when there is no container.
    /// - Parameter marks: With `follows`, how often to say until when the log is complete.
    /// - Throws: A fault whose text says why the log cannot be read.
    func taskLog(id: String, _ selection: LogSelection, marks: Duration) async throws
        -> AsyncThrowingStream<LogPart, any Error>
    /// Makes the networks as told; returns when new connections follow it.
    /// - Parameter nodeID: This node's id in the swarm, by which it finds itself in the state.
    func applyNetworkState(_ state: SwarmNetworkState, nodeID: String) async throws
    /// The node has left the swarm: everything of the swarm's networks goes.
    func leaveNetworks() async throws
}

/// How a task's container ended.
package struct TaskExit: Sendable, Equatable {
    package var exitCode: Int
    /// Why the task has failed; `nil` when it ended well.
    package var message: String?
    package init(exitCode: Int, message: String?) {
        self.exitCode = exitCode
        self.message = message
    }
}
