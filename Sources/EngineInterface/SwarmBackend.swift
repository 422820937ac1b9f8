package import Model

// On a node that is no manager each method but ``SwarmBackend/swarmInfo()`` and those to become one throws `.unavailable` with Docker's sentence.

/// The swarm itself, and this node's membership of it.
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
}

/// The swarm's nodes.
package protocol NodeBackend: Sendable {
    func listNodes(_ filters: Filters) async throws -> [Node]
    func inspectNode(_ reference: String) async throws -> Node
    func updateNode(_ reference: String, version: UInt64, _ spec: NodeSpec) async throws
    func removeNode(_ reference: String, force: Bool) async throws
}

/// The swarm's services.
package protocol ServiceBackend: Sendable {
    func listServices(_ filters: Filters, withStatus: Bool) async throws -> [Service]
    func inspectService(_ reference: String, insertDefaults: Bool) async throws -> Service
    func createService(_ spec: ServiceSpec) async throws -> (id: String, warnings: [String])
    func updateService(
        _ reference: String, version: UInt64, _ spec: ServiceSpec, rollback: Bool
    ) async throws -> [String]
    func removeService(_ reference: String) async throws

    /// The lines of all of a service's tasks, from every node, in order of time.
    func serviceLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream
}

/// The tasks of the swarm's services.
package protocol TaskBackend: Sendable {
    func listTasks(_ filters: Filters) async throws -> [SwarmTask]
    func inspectTask(_ reference: String) async throws -> SwarmTask
    func taskLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream
}
