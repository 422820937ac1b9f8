import Addressing
import Concurrency
import EngineInterface
import Faults
import LinuxSystem
import Logging
import Model

/// Networks that are made to be taken by others (`--config-only`, `--config-from`): settings under a name.
extension NodeNetworkService {
    /// The request with what it takes from another network.
    /// - Throws: ``NetworkConfigurationError``.
    func configured(_ request: NetworkRequest) throws(NetworkConfigurationError) -> NetworkRequest {
        let source = request.configFrom?.network ?? ""
        if request.configOnly {
            if !source.isEmpty { throw .dependent }
            if request.internal || request.attachable || request.ingress || !request.scope.isEmpty {
                throw .operatorField
            }
            return request
        }
        if source.isEmpty { return request }
        try request.checkIsPlain()
        guard let found = networks.network(source) ?? networks.named(source), found.isConfiguration == true else {
            throw .notFound(source)
        }
        var request = request
        request.configFrom = nil
        request.ipam = found.ipam
        request.enableIPv4 = found.lacksIPv4 != true
        request.enableIPv6 = found.configuresIPv6 == true
        request.options = found.options
        request.labels = found.labels
        return request
    }

    /// Keeps settings. Addresses are taken by networks that use them.
    func createConfiguration(_ request: NetworkRequest) async throws -> LocalNetwork {
        var network = LocalNetwork(id: RandomID.docker(), name: request.name, driver: "null", created: .now)
        network.options = request.options ?? [:]
        network.labels = request.labels ?? [:]
        // Only to refuse what cannot be.
        let pools = (request.ipam?.config ?? []).filter { !($0.subnet ?? "").isEmpty }
        if request.families.isEmpty { throw NetworkError.noFamily }
        let used = AddressPoolRules.split(pools, by: request.families).used
        _ = try AddressPoolRules.parse(used, avoiding: [], families: request.families, mayBeLinks: true)
        network.lacksIPv4 = request.families.contains(.v4) ? nil : true
        network.configuresIPv6 = request.families.contains(.v6) ? true : nil
        network.ipam = AddressManagement(driver: "default", config: request.ipam?.config ?? [])
        network.ipam.options = request.ipam?.options
        network.isConfiguration = true
        try await networks.add(network)
        events.publish("network", "create", network.id, ["name": network.name, "type": network.driver])
        return network
    }

    /// - Throws: ``NetworkConfigurationError/inUse(_:)`` for settings that a network was made of.
    func checkConfiguration(_ id: String) throws(NetworkConfigurationError) {
        guard let network = networks.network(id), network.isConfiguration == true else { return }
        if networks.all.contains(where: { $0.configFrom == network.name }) { throw .inUse(network.name) }
    }
}

/// Networks of the swarm that each node makes by itself, of settings that it has under a name (`--scope swarm --config-from`).
///
/// Of such a network the swarm knows the name, the driver and where the settings are to be found. A node's part is a network of its own in all that
/// concerns the kernel and addresses; it is made when something is about to join it.
extension NodeNetworkService {
    /// Asks the swarm for one; its id. Whether nodes have the settings shows where tasks come to.
    func createNodeLocal(_ request: NetworkRequest) async throws -> String {
        if request.configOnly { throw NetworkConfigurationError.operatorField }
        guard let source = request.configFrom?.network, !source.isEmpty else {
            throw UnsupportedError.features("swarm-scoped \(request.driver) networks without --config-from")
        }
        try request.checkIsPlain()
        return try await createInSwarm(request)
    }

    /// Makes this node's part unless it is there.
    /// - Throws: ``NetworkConfigurationError/notFound(_:)`` where the node has no such settings; what a network of the driver is refused for.
    func ensureNodeLocal(_ wanted: SwarmNetwork) async throws {
        if networks.network(wanted.id) != nil { return }
        // What is left of others may have the addresses.
        try await dropNodeLocal()
        try await lock.run("networks") {
            if networks.network(wanted.id) != nil { return }
            let source = wanted.spec.configFrom?.network ?? ""
            var request = NetworkRequest()
            request.name = wanted.spec.name
            request.driver = wanted.driverName
            request.internal = wanted.spec.internal ?? false
            request.attachable = wanted.spec.attachable ?? false
            request.configFrom = NetworkRequest.ConfigurationSource(network: source)
            guard !source.isEmpty, ParentOptions.drivers.contains(request.driver) else {
                throw EndpointError.networkNotAllocated(request.name)
            }
            let planner = networks.planner(routed: try await RoutedSubnets.read() + network.swarmSubnets)
            var made = try await planOnParent(try configured(request), planner, id: wanted.id)
            made.isOfSwarm = true
            made.configFrom = networks.network(source)?.name ?? source
            try await networks.add(made)
            do {
                try await network.refresh()
                try await checkParent(of: made)
            } catch {
                // Heeds no cancellation: writes to the node's store go on to their end.
                try await networks.remove(made.id)
                throw error
            }
        }
    }

    /// Takes this node's parts away of networks that it takes part in no more, once no container is on them. What a container is still on goes with
    /// the next that leaves, or with what managers tell next.
    func dropNodeLocal() async throws {
        guard networks.ofSwarm.contains(where: isLeft) else { return }
        try await lock.run("networks") {
            for part in networks.ofSwarm where isLeft(part) { _ = try await removeUnused(part.id) }
            try await network.refresh(removesLater: true)
        }
    }

    /// Takes this node's part away of a network that has just been removed here, unless a container is still on it: managers tell of that a moment
    /// later, and whoever removes the network may remove its settings next. The network is gone in any case: what cannot be let go of now goes with what
    /// they tell.
    func dropPart(of id: String) async {
        do {
            try await lock.run("networks") {
                guard networks.network(id)?.isOfSwarm == true, try await removeUnused(id) else { return }
                try await network.refresh(removesLater: true)
            }
        } catch is CancellationError { return } catch {
            network.log.warning(
                "a part of a network that was removed is still there",
                metadata: ["network": "\(id)", "error": "\(error)"])
        }
    }

    private func isLeft(_ part: LocalNetwork) -> Bool { network.swarmNetwork(part.id)?.network == nil }
}
