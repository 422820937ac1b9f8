package import Addressing
package import Model

/// What the swarm needs of the node's engine: to run tasks and to set up networks.
///
/// Every method may be called again after a restart of either side and then finds what is there.
package protocol TaskExecutor: NodeDescriptionSource, TaskRuntime, TaskLogSource, SwarmNetworkExecutor {}

/// What a node tells of itself.
package protocol NodeDescriptionSource: Sendable {
    /// The node's host name, platform, resources and engine; without TLS information.
    func describeNode() async throws -> NodeDescription
    /// Returns when what the node says of its encryption is other than what it was told to a manager last: others wait for it.
    /// - Throws: `CancellationError`.
    func waitForEncryption(otherThan told: NodeEncryption?) async throws
}

/// Running tasks as containers.
package protocol TaskRuntime: Sendable {
    /// Pulls the image, creates the networks' local parts and the container. Returns the container's id.
    /// - Throws: A fault whose text becomes the task's error; the task is then rejected.
    func prepareTask(_ task: SwarmTask) async throws -> String
    /// Starts the prepared container; starting a running one succeeds. Returns once it is healthy, if it has a health check.
    /// - Throws: Why the task has failed, also that it became unhealthy or ended before it was healthy.
    func startTask(_ task: SwarmTask) async throws -> TaskStatus.ContainerStatus
    /// The ports of the node itself that the started task's container has, those included that the engine has chosen.
    func publishedPorts(of task: SwarmTask) async -> [PortConfig]
    /// The addresses that the engine has chosen for the started task, in networks whose addresses nodes choose.
    func chosenAddresses(of task: SwarmTask) async -> [TaskStatus.ChosenAddresses]
    /// Returns when the task's container has ended, with its exit code, or at once when it is not there (`nil`). One that
    /// becomes unhealthy is stopped.
    func waitForTask(_ task: SwarmTask) async throws -> TaskExit?
    /// Sends the stop signal, then SIGKILL after the grace period.
    func stopTask(_ task: SwarmTask) async throws
    /// Removes the container, and kills it before if it runs; a missing one is fine.
    func removeTask(id: String) async throws
    /// Tasks of which this node has a container: task id → container status.
    func presentTasks() async throws -> [String: TaskStatus.ContainerStatus]
}

/// Reading tasks' logs.
package protocol TaskLogSource: Sendable {
    /// What a task's container has written; nothing when there is no container.
    /// - Parameter watermarks: With `follows`, how often to say until when the log is complete.
    /// - Throws: A fault whose text says why the log cannot be read.
    func taskLog(id: String, _ selection: LogSelection, watermarks: Duration) async throws
        -> AsyncThrowingStream<LogPart, any Error>
    /// What `--details` shows beside the lines of a task's container: labels and variables that its log options name, and its tag. Nothing when
    /// there is no container.
    func taskLogDetails(id: String) async throws -> [String: String]
}

/// The swarm's networks on a node, and the places of containers outside of services in them.
package protocol SwarmNetworkExecutor: Sendable {
    /// Takes what managers tell of the swarm's networks, in this order; returns when new connections follow all of it. What is told is kept, and
    /// in force again when the daemon has been restarted, before any manager answers.
    /// - Parameter nodeID: This node's id in the swarm, by which it finds itself among the peers.
    func applyNetworkChanges(_ changes: [NetworkChangeSet], nodeID: String) async throws
    /// Whether this node can have an ingress network of a subnet of IPv4: `nil`, or why not. It is tried, beside the node's own network.
    /// - Throws: When it cannot be tried.
    func tryIngress(_ subnet: IPNetwork) async throws -> IngressTrouble?
    /// Takes what the keys of encrypted networks are derived from, in place of what was told before; none are left when it is empty. It is kept in
    /// memory alone, and in force once ``NodeEncryption/keys`` says so.
    func setOverlayKeys(_ keys: OverlayKeyring) async
    /// The node has left the swarm: everything of the swarm's networks goes.
    func leaveNetworks() async throws
    /// Returns when the container that holds an attachment is not as `known` says: how it is, or `nil` when no container of
    /// this node holds it (any more).
    func waitForHolder(of attachmentID: String, otherThan known: AttachmentHolder) async throws -> AttachmentHolder?
}

/// The container that holds an attachment.
package struct AttachmentHolder: Sendable, Equatable {
    package var name: String
    /// Those that the node has chosen for it; none in networks whose addresses the swarm gives, and none yet before its place is made.
    package var addresses: [IPNetwork]

    package init(name: String, addresses: [IPNetwork] = []) {
        self.addresses = addresses
        self.name = name
    }
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
