import Concurrency
package import EngineInterface
import Faults
package import Model

/// What managers answer; other nodes refuse in Docker's words.
extension Swarm: SwarmBackend, NodeBackend, ServiceBackend, TaskBackend {
    package func inspectSwarm() async throws -> ClusterObject { try manager().inspectSwarm() }

    package func updateSwarm(
        version: UInt64, _ spec: ClusterSpec, rotateWorkerToken: Bool, rotateManagerToken: Bool, rotateUnlockKey: Bool
    ) async throws {
        let manager = try manager()
        if rotateUnlockKey { throw UnsupportedError.features("unlock keys") }
        guard let root = part?.identity.roots.first else { throw SwarmError.notMember }
        try await manager.updateSwarm(
            version: version, spec, rotateWorkerToken: rotateWorkerToken, rotateManagerToken: rotateManagerToken,
            rootPEM: try root.canonicalPEM)
    }

    package func listNodes(_ filters: Filters) async throws -> [Node] { try manager().listNodes(filters) }
    package func inspectNode(_ reference: String) async throws -> Node { try manager().inspectNode(reference) }
    package func updateNode(_ reference: String, version: UInt64, _ spec: NodeSpec) async throws {
        try await manager().updateNode(reference, version: version, spec)
    }
    package func removeNode(_ reference: String, force: Bool) async throws {
        try await manager().removeNode(reference, force: force)
    }

    package func listServices(_ filters: Filters, withStatus: Bool) async throws -> [Service] {
        try manager().listServices(filters, withStatus: withStatus)
    }
    package func inspectService(_ reference: String, insertDefaults: Bool) async throws -> Service {
        try manager().inspectService(reference, insertDefaults: insertDefaults)
    }
    package func createService(_ spec: ServiceSpec) async throws -> (id: String, warnings: [String]) {
        try await manager().createService(spec)
    }
    package func updateService(
        _ reference: String, version: UInt64, _ spec: ServiceSpec, rollback: Bool,
        credentialsFrom origin: CredentialsOrigin = .spec
    ) async throws -> [String] {
        try await manager().updateService(
            reference, version: version, spec, rollback: rollback, credentialsFrom: origin)
    }
    package func removeService(_ reference: String) async throws { try await manager().removeService(reference) }

    package func listTasks(_ filters: Filters) async throws -> [SwarmTask] { try manager().listTasks(filters) }
    package func inspectTask(_ reference: String) async throws -> SwarmTask { try manager().inspectTask(reference) }

    package func serviceLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream {
        try manager().serviceLogs(reference, query)
    }
    package func taskLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream {
        try manager().taskLogs(reference, query)
    }
}

extension Swarm: SwarmNetworkCatalog {
    package func isManager() async -> Bool { part?.isManager ?? false }
    package func isMember() async -> Bool { part != nil }

    package func swarmNetworks() async throws -> [SwarmNetwork] {
        guard let part else { return [] }
        // A manager that has started and has no quorum, or none yet, knows the networks that its node takes part in, as a worker does.
        if let manager = part.state.value.manager { return manager.swarmNetworks() }
        return part.agent.board.networks.value.networks
    }

    package func createSwarmNetwork(_ request: NetworkRequest) async throws -> String {
        if let part, !part.isManager {
            throw SwarmError.networkOfWorker
        }
        // Docker answers 500 here where it says 503 elsewhere.
        guard part != nil else { throw SwarmError.networkWithoutSwarm }
        return try await manager().createNetwork(request)
    }

    package func attach(
        _ id: String, to network: String, _ spec: NetworkAttachmentSpec
    ) async throws -> NetworkAttachment {
        guard let part else { throw SwarmError.networkNotFound(network) }
        return try await part.agent.attach(id, to: network, spec)
    }

    package func networksInUse() async -> Set<String> { part?.state.value.manager?.networksInUse() ?? [] }

    package func addressStatus(ofNetwork id: String) async -> NetworkStatus? {
        part?.state.value.manager?.addressStatus(ofNetwork: id)
    }

    /// What networks have of addresses; nothing on a node that is no manager.
    package func subnetCounts() async -> [SubnetCount] { part?.state.value.manager?.subnetCounts() ?? [] }

    /// How this manager's posting of alerts goes; `nil` where nobody is to be told, and on a node that is no manager.
    package func alertPosting() async -> PostingState? { part?.state.value.manager?.webhook?.state }

    /// What this manager's member of the store tells of itself; `nil` where it does not, and on a node that is no manager.
    package func storeMetrics() async -> StoreMetrics? { await part?.state.value.manager?.storeMetrics() }

    package func removeSwarmNetwork(id: String) async throws { try await manager().removeNetwork(id: id) }
}

extension Swarm {
    /// The containers that this node's API answers for: those of its own engine, and while it is a manager those of the swarm's tasks anywhere.
    nonisolated package func containers(over local: TaskContainers) -> SwarmContainers {
        SwarmContainers(local: local) { [weak self] in await self?.part?.state.value.manager?.tunnels }
    }
}
