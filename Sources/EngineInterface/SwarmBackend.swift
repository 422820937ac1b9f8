package import Model

// On a node that is no manager each method but ``SwarmBackend/swarmInfo()`` and those to become one throws `.unavailable` with Docker's sentence.

/// The swarm itself, and this node's membership of it.
package protocol SwarmBackend: Sendable {
    /// For `GET /info`; never fails.
    func swarmInfo() async -> SwarmInfo
    /// - Returns: The node's id.
    func initialiseSwarm(_ request: SwarmInitRequest) async throws -> String
    /// Returns when the node is a member; one that becomes a manager answers as such by then.
    func joinSwarm(_ request: SwarmJoinRequest) async throws
    /// - Parameter force: A manager leaves, too, though the others may lose their quorum.
    func leaveSwarm(force: Bool) async throws
    /// With the tokens for joining.
    func inspectSwarm() async throws -> ClusterObject
    /// - Parameter version: The one that `spec` was made from; another one since is refused.
    func updateSwarm(
        version: UInt64, _ spec: ClusterSpec, rotateWorkerToken: Bool, rotateManagerToken: Bool, rotateUnlockKey: Bool
    ) async throws
}

/// The swarm's nodes.
package protocol NodeBackend: Sendable {
    /// In the order in which they joined.
    func listNodes(_ filters: Filters) async throws -> [Node]
    /// - Parameter reference: An id, the beginning of one, a host name, or `self`.
    func inspectNode(_ reference: String) async throws -> Node
    /// - Parameter version: The one that `spec` was made from; another one since is refused.
    func updateNode(_ reference: String, version: UInt64, _ spec: NodeSpec) async throws
    /// Only workers; a manager is demoted first.
    /// - Parameter force: Also while it is up.
    func removeNode(_ reference: String, force: Bool) async throws
}

/// The swarm's services.
package protocol ServiceBackend: Sendable {
    /// - Parameter withStatus: Also tell how many tasks run and should run.
    func listServices(_ filters: Filters, withStatus: Bool) async throws -> [Service]
    /// - Parameter insertDefaults: Fill in what holds where the specification says nothing.
    func inspectService(_ reference: String, insertDefaults: Bool) async throws -> Service
    /// - Returns: Id and warnings; the tasks are still to be made.
    func createService(_ spec: ServiceSpec) async throws -> (id: String, warnings: [String])
    /// - Parameters:
    ///   - version: The one that `spec` was made from; another one since is refused.
    ///   - rollback: Take the specification of before instead of `spec`, with the credentials that it has.
    ///   - origin: Whose credentials the nodes go on with when `spec` has none.
    func updateService(
        _ reference: String, version: UInt64, _ spec: ServiceSpec, rollback: Bool,
        credentialsFrom origin: CredentialsOrigin
    ) async throws -> [String]
    /// The service is gone for users at once; its tasks are stopped afterwards.
    func removeService(_ reference: String) async throws

    /// The lines of all of a service's tasks, from every node, in order of time.
    func serviceLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream
}

/// The tasks of the swarm's services.
package protocol TaskBackend: Sendable {
    /// Those of users' services; attachments are not shown.
    func listTasks(_ filters: Filters) async throws -> [SwarmTask]
    /// - Parameter reference: An id or the beginning of one.
    func inspectTask(_ reference: String) async throws -> SwarmTask
    /// The lines of one task, from whichever node it is on.
    func taskLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream
}
