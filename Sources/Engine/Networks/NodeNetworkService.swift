import Concurrency
package import EngineInterface
import Addressing
import Faults
import LinuxSystem
package import Model
import Synchronization

/// Docker's network calls: local networks by this node, overlays through the swarm.
package final class NodeNetworkService: NetworkBackend {
    let networks: LocalNetworks
    let network: NetworkCoordinator
    let members: any NetworkMembers
    let events: EventLog
    private let link = Mutex<(any SwarmNetworkCatalog)?>(nil)
    /// Local networks are made and removed one after the other.
    let lock = KeyedLock<String>()

    init(networks: LocalNetworks, network: NetworkCoordinator, members: any NetworkMembers, events: EventLog) {
        self.events = events
        self.members = members
        self.network = network
        self.networks = networks
    }

    /// Lets it answer for the swarm's networks beside the node's own.
    func use(_ catalog: any SwarmNetworkCatalog) { link.withLock { $0 = catalog } }

    /// Set once the swarm's part of the node exists.
    var catalog: (any SwarmNetworkCatalog)? { link.withLock { $0 } }

    private static let filterKeys: Set<String> = ["dangling", "driver", "id", "label", "name", "scope", "type"]

    package func listNetworks(_ filters: Filters) async throws -> [NetworkResource] {
        try filters.allow(Self.filterKeys)
        for type in filters["type"] where !["custom", "builtin"].contains(type) {
            throw FilterError.unknownNetworkType(type)
        }
        let dangling = try filters["dangling"].map { value in
            guard let flag = GoFlag.parse(value) else {
                throw FilterError.invalid(name: "dangling", value: value)
            }
            return flag
        }
        guard Set(dangling).count <= 1 else {
            throw FilterError.severalValues("dangling")
        }
        let used = dangling.isEmpty ? [] : await catalog?.networksInUse() ?? []
        return try await allNetworks().filter { network in
            filters.any("driver") { network.driver == $0 }
                && filters.match("id", [network.identifier]) && filters.match("name", [network.name])
                && filters.any("scope") { network.scope == $0 }
                && filters.any("type") { ($0 == "builtin") == Self.isBuiltIn(network) }
                && filters.labelsMatch(network.labels ?? [:])
                && dangling.allSatisfy { wanted in
                    let isUnused =
                        (network.containers ?? [:]).isEmpty && !used.contains(network.identifier)
                        && !Self.isBuiltIn(network)
                    return wanted == isUnused
                }
        }
    }

    /// Docker's own, which are there before anybody makes a network; `docker_gwbridge` and `ingress` count as made.
    private static func isBuiltIn(_ network: NetworkResource) -> Bool {
        network.scope == "local" && ["bridge", "host", "none"].contains(network.name)
    }

    package func inspectNetwork(_ reference: String, scope: String?, verbose: Bool) async throws -> NetworkResource {
        let candidates = try await allNetworks().filter { scope == nil || scope == "" || $0.scope == scope }
        var found: NetworkResource
        do { found = try Self.find(reference, in: candidates) } catch {
            guard let own = await predefined(reference, scope: scope) else { throw error }
            return own
        }
        // What changes with every container is told to who asks for more alone: others compare what they are told.
        if verbose {
            found.services = services(on: found.identifier)
            found.status =
                found.scope == "swarm" && networks.network(found.identifier) == nil
                ? await catalog?.addressStatus(ofNetwork: found.identifier) : status(of: found)
        }
        return found
    }

    /// By id, then name, then unambiguous prefix of an id.
    /// - Throws: ``NetworkError`` when there is none, or more than one.
    static func find(_ reference: String, in networks: [NetworkResource]) throws -> NetworkResource {
        if let exact = networks.first(where: { $0.identifier == reference }) { return exact }
        let named = networks.filter { $0.name == reference }
        if named.count > 1 {
            throw NetworkError.ambiguousName(reference: reference, matches: named.count)
        }
        if let named = named.first { return named }
        let prefixed = reference.isEmpty ? [] : networks.filter { $0.identifier.hasPrefix(reference) }
        if prefixed.count > 1 {
            throw NetworkError.ambiguousPrefix(reference: reference, matches: prefixed.count)
        }
        guard let only = prefixed.first else { throw NetworkError.notFound(reference) }
        return only
    }

    /// Without who is on them, which costs as much as there are containers.
    func knownNetworks() async throws -> [NetworkResource] { try await resources(places: [:]) }

    func allNetworks() async throws -> [NetworkResource] { try await resources(places: places()) }

    private func resources(places: [String: [String: NetworkContainer]]) async throws -> [NetworkResource] {
        var all = networks.all.filter { $0.isOfSwarm != true }.map { resource($0, places[$0.id] ?? [:]) }
        if let catalog { all += try await catalog.swarmNetworks().map { resource($0, places[$0.id] ?? [:]) } }
        return all.sorted { ($0.name, $0.identifier) < ($1.name, $1.identifier) }
    }

    package func createNetwork(_ request: NetworkRequest) async throws -> (id: String, warning: String) {
        var request = request
        if request.name.isEmpty { throw NetworkError.emptyName }
        if LocalNetwork.reservedNames.contains(request.name) { throw NetworkError.reservedName(request.name) }
        let source = request.configFrom?.network ?? ""
        if request.scope == "swarm", ParentOptions.drivers.contains(request.driver) {
            return (try await createNodeLocal(request), "")
        }
        request = try configured(request)
        if request.configOnly || ["", "bridge"].contains(request.driver) {
            request = try BridgeOptionRules.settleFamilies(of: request)
        }
        let pools = request.ipam?.config ?? []
        if request.configOnly {
            try AddressPoolRules.check(pools, allowsIPv6: request.families.contains(.v6))
            return try await lock.run("networks") { [request] in
                try refuseTakenName(request.name)
                return (try await createConfiguration(request).id, "")
            }
        }
        if request.driver.isEmpty { request.driver = "bridge" }
        if request.driver == "overlay" { return (try await createOverlay(request), "") }
        try AddressPoolRules.check(pools, allowsIPv6: request.families.contains(.v6))
        switch request.driver {
        case "bridge": break
        case "host", "null":
            throw NetworkError.onlyInstance(driver: request.driver)
        case _ where ParentOptions.drivers.contains(request.driver): break
        default: throw NetworkError.unknownDriver(request.driver)
        }
        if request.scope == "swarm" {
            throw UnsupportedError.features("swarm-scoped \(request.driver) networks")
        }
        return try await lock.run("networks") {
            try refuseTakenName(request.name)
            if let catalog, try await catalog.swarmNetworks().contains(where: { $0.spec.name == request.name }) {
                throw NetworkError.nameTaken(request.name)
            }
            let planner = networks.planner(
                routed: try await RoutedSubnets.read() + self.network.swarmSubnets)
            var network =
                request.driver == "bridge"
                ? try planner.plan(request, id: RandomID.docker(), at: .now)
                : try await planOnParent(request, planner, id: RandomID.docker())
            if network.isGatewayBridge { network.isMadeByHand = true }
            network.configFrom = source.isEmpty ? nil : networks.network(source)?.name ?? source
            if network.driver == "bridge",
                networks.all.contains(where: { $0.driver == "bridge" && $0.bridgeName == network.bridgeName })
            {
                throw NetworkError.bridgeNameTaken
            }
            try await networks.add(network)
            do {
                try await self.network.refresh()
                try await checkParent(of: network)
            } catch {
                // Heeds no cancellation: writes to the node's store go on to their end.
                try await networks.remove(network.id)
                throw error
            }
            events.publish("network", "create", network.id, ["name": network.name, "type": network.driver])
            return (network.id, "")
        }
    }

    /// Asks the swarm for a network; its id.
    private func createOverlay(_ request: NetworkRequest) async throws -> String {
        if request.scope == "local" { throw NetworkError.localOverlay }
        try AddressPoolRules.check(request.ipam?.config ?? [], allowsIPv6: request.families.contains(.v6))
        return try await createInSwarm(request)
    }

    /// Asks the swarm for a network; its id.
    func createInSwarm(_ request: NetworkRequest) async throws -> String {
        guard let catalog, await catalog.isMember() else { throw SwarmError.notMember }
        guard await catalog.isManager() else { throw SwarmError.notManager }
        try refuseTakenName(request.name)
        return try await catalog.createSwarmNetwork(request)
    }

    private func refuseTakenName(_ name: String) throws(NetworkError) {
        if networks.named(name) != nil { throw .nameTaken(name) }
    }

    package func removeNetwork(_ reference: String) async throws {
        let found = try Self.find(reference, in: try await knownNetworks())
        if ["bridge", "host", "none"].contains(found.name) {
            throw NetworkError.predefined(found.name)
        }
        if found.scope == "swarm" {
            guard let catalog else { throw NetworkError.notFound(reference) }
            try await catalog.removeSwarmNetwork(id: found.identifier)
            return await dropPart(of: found.identifier)
        }
        try await lock.run("networks") {
            try checkConfiguration(found.identifier)
            let isNeeded = found.name == LocalNetwork.gatewayBridgeName && network.isInSwarm
            guard !isNeeded, try await removeUnused(found.identifier) else {
                throw NetworkError.inUse(name: found.name, id: found.identifier)
            }
            try await network.refresh(removesLater: true)
        }
        events.publish("network", "destroy", found.identifier, ["name": found.name, "type": found.driver])
    }

    /// Removes a local network unless a container has joined it; none joins it meanwhile.
    /// - Returns: Whether it is gone.
    /// - Throws: ``NetworkError/notFound(_:)`` when somebody else has removed it.
    func removeUnused(_ id: String) async throws -> Bool {
        var taken: LocalNetwork?
        var isUsed = false
        members.examineMembers { all in
            isUsed = all.contains { $0.endpoints.contains { $0.isJoined && $0.networkID == id } }
            if !isUsed { taken = networks.withdraw(id) }
        }
        if isUsed { return false }
        guard let taken else { throw NetworkError.notFound(id) }
        try await networks.erase(taken)
        return true
    }
}
