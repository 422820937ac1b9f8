import Concurrency
package import EngineInterface
import Addressing
import Faults
import LinuxSystem
package import Model

/// Docker's network calls: local networks by this node, overlays through the swarm.
extension NodeEngine: NetworkBackend {
    private static let filterKeys: Set<String> = ["dangling", "driver", "id", "label", "name", "scope", "type"]

    package func listNetworks(_ filters: Filters) async throws -> [NetworkResource] {
        try filters.allow(Self.filterKeys)
        for type in filters["type"] where !["custom", "builtin"].contains(type) {
            throw APIError(.invalidInput, "invalid filter: 'type'='\(type)'")
        }
        let dangling = try filters["dangling"].map { value in
            guard let flag = GoFlag.parse(value) else {
                throw APIError(.invalidInput, "invalid filter 'dangling=\(value)'")
            }
            return flag
        }
        guard Set(dangling).count <= 1 else {
            throw APIError(.invalidInput, "got more than one value for filter key \"dangling\"")
        }
        let used = dangling.isEmpty ? [] : await catalog?.networksInUse() ?? []
        return try await allNetworks().filter { network in
            filters.any("driver") { network.driver == $0 }
                && filters.any("id") { network.identifier.hasPrefix($0) }
                && filters.any("name") { network.name.contains($0) }
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
        var found = try Self.find(reference, in: candidates)
        if verbose { found.services = services(on: found.identifier) }
        return found
    }

    /// By id, then name, then unambiguous prefix of an id.
    /// - Throws: `.notFound` with `network X not found`.
    static func find(_ reference: String, in networks: [NetworkResource]) throws -> NetworkResource {
        if let exact = networks.first(where: { $0.identifier == reference }) { return exact }
        let named = networks.filter { $0.name == reference }
        if named.count > 1 {
            throw APIError(
                .invalidInput, "network \(reference) is ambiguous (\(named.count) matches found based on name)")
        }
        if let named = named.first { return named }
        let prefixed = reference.isEmpty ? [] : networks.filter { $0.identifier.hasPrefix(reference) }
        if prefixed.count > 1 {
            throw APIError(
                .invalidInput, "network \(reference) is ambiguous (\(prefixed.count) matches found based on ID prefix)")
        }
        guard let only = prefixed.first else { throw APIError(.notFound, "network \(reference) not found") }
        return only
    }

    func allNetworks() async throws -> [NetworkResource] {
        var all = networks.all.map(resource)
        if let catalog { all += try await catalog.swarmNetworks().map(resource) }
        return all.sorted { ($0.name, $0.identifier) < ($1.name, $1.identifier) }
    }

    package func createNetwork(_ request: NetworkRequest) async throws -> (id: String, warning: String) {
        var request = request
        if request.name.isEmpty { throw APIError(.invalidInput, "network name cannot be empty") }
        if request.driver.isEmpty { request.driver = "bridge" }
        let isOverlay = request.driver == "overlay"
        if isOverlay, request.scope == "local" {
            throw APIError(.forbidden, "cannot downgrade network scope for overlay networks")
        }
        if isOverlay {
            guard let catalog, await catalog.isMember() else {
                throw APIError(
                    .unavailable,
                    "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again."
                )
            }
            guard await catalog.isManager() else {
                throw APIError(
                    .unavailable,
                    "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. "
                        + "Please run this command on a manager node or promote the current node to a manager.")
            }
            try refuseTakenName(request.name)
            let id = try await catalog.createSwarmNetwork(request)
            return (id, "")
        }
        switch request.driver {
        case "bridge": break
        case "host", "null":
            throw APIError(.forbidden, "only one instance of \"\(request.driver)\" network is allowed")
        case "macvlan", "ipvlan":
            throw APIError(.notImplemented, "network driver \(request.driver) is not implemented by apus yet")
        default: throw APIError(.notFound, "plugin \"\(request.driver)\" not found")
        }
        if request.scope == "swarm" {
            throw APIError(.notImplemented, "swarm-scoped bridge networks are not implemented by apus yet")
        }
        return try await serializer.run("networks") {
            try refuseTakenName(request.name)
            if let catalog, try await catalog.swarmNetworks().contains(where: { $0.spec.name == request.name }) {
                throw APIError(.conflict, "network with name \(request.name) already exists")
            }
            let planner = LocalNetworkPlanner(
                taken: networks.subnets,
                routed: try await routedSubnets() + (self.network.swarmState?.subnets ?? []))
            let network = try planner.plan(request, id: RandomID.docker(), at: .now)
            if networks.all.contains(where: { $0.driver == "bridge" && $0.bridgeName == network.bridgeName }) {
                throw APIError(.forbidden, "networks have same bridge name")
            }
            try await networks.add(network)
            do { try await self.network.refresh() } catch {
                try await networks.remove(network.id)
                throw error
            }
            events.publish("network", "create", network.id, ["name": network.name, "type": "bridge"])
            return (network.id, "")
        }
    }

    private func refuseTakenName(_ name: String) throws {
        if networks.named(name) != nil { throw APIError(.conflict, "network with name \(name) already exists") }
    }

    package func removeNetwork(_ reference: String) async throws {
        let found = try Self.find(reference, in: try await allNetworks())
        if ["bridge", "host", "none"].contains(found.name) {
            throw APIError(.forbidden, "\(found.name) is a pre-defined network and cannot be removed")
        }
        if found.scope == "swarm" {
            guard let catalog else { throw APIError(.notFound, "network \(reference) not found") }
            return try await catalog.removeSwarmNetwork(id: found.identifier)
        }
        try await serializer.run("networks") {
            let isNeeded = found.name == LocalNetwork.gatewayBridgeName && network.swarmState != nil
            guard !isNeeded, try await removeUnused(found.identifier) else {
                throw APIError(
                    .forbidden,
                    "error while removing network: network \(found.name) id \(found.identifier) has active endpoints")
            }
            try await network.refresh(removesLater: true)
        }
        events.publish("network", "destroy", found.identifier, ["name": found.name, "type": found.driver])
    }

    /// Removes a local network unless a container has joined it; none joins it meanwhile.
    /// - Returns: Whether it is gone.
    /// - Throws: ``APIError`` `network X not found` when somebody else has removed it.
    func removeUnused(_ id: String) async throws -> Bool {
        var taken: LocalNetwork?
        var isUsed = false
        containers.examine { all in
            isUsed = all.contains { $0.endpoints.contains { $0.isJoined && $0.networkID == id } }
            if !isUsed { taken = networks.withdraw(id) }
        }
        if isUsed { return false }
        guard let taken else { throw APIError(.notFound, "network \(id) not found") }
        try await networks.erase(taken)
        return true
    }

    // MARK: How networks are shown

    private func resource(_ network: LocalNetwork) -> NetworkResource {
        var resource = NetworkResource()
        resource.name = network.name
        resource.identifier = network.id
        resource.created = network.created
        resource.scope = "local"
        resource.driver = network.driver
        resource.enableIPv4 = true
        resource.ipam = network.ipam
        resource.internal = network.isInternal
        resource.attachable = network.isAttachable
        resource.options = network.options
        resource.labels = network.labels
        resource.containers = endpoints(on: network.id)
        guard network.isGatewayBridge else { return resource }
        for (container, row) in resource.containers ?? [:] {
            resource.containers?[container]?.name = "gateway_\(row.endpointID.prefix(12))"
        }
        if let subnet = network.ranges.first?.subnet, self.network.swarmState != nil {
            var sandbox = NetworkContainer()
            sandbox.name = "gateway_ingress-sbox"
            sandbox.endpointID = network.id
            let leg = subnet.first.advanced(by: 2)
            sandbox.macAddress = MACAddress(defaultFor: HostAddresses(leg)).description
            sandbox.iPv4Address = "\(leg)/\(subnet.prefixLength)"
            resource.containers?["ingress-sbox"] = sandbox
        }
        return resource
    }

    private func resource(_ network: SwarmNetwork) -> NetworkResource {
        var resource = NetworkResource()
        resource.name = network.spec.name
        resource.identifier = network.id
        resource.created = network.createdAt
        resource.scope = "swarm"
        resource.driver = "overlay"
        resource.enableIPv4 = true
        resource.internal = network.spec.internal ?? false
        resource.attachable = network.spec.attachable ?? false
        resource.ingress = network.spec.ingress ?? false
        resource.options = network.driverState?.options
        resource.labels = network.spec.labels.isEmpty ? nil : network.spec.labels
        resource.ipam = AddressManagement(
            driver: "default",
            config: (network.ipamOptions?.configs ?? []).map { pool in
                var shown = AddressPool(
                    subnet: pool.subnet?.description, ipRange: pool.range?.description,
                    gateway: pool.gateway?.description)
                shown.auxiliaryAddresses = pool.auxiliaryAddresses?.mapValues(\.description)
                return shown
            })
        var local = endpoints(on: network.id)
        if resource.ingress { local["ingress-sbox"] = ingressEndpoint(of: network) }
        guard let view = self.network.swarmState?.networks.first(where: { $0.network.id == network.id }),
            !local.isEmpty || resource.ingress
        else { return resource }
        resource.containers = local
        resource.labels = network.spec.labels
        let nodes = Set(view.endpoints.map(\.nodeID))
        resource.peers = (self.network.swarmState?.peers ?? []).filter { resource.ingress || nodes.contains($0.nodeID) }
            .map {
                NetworkPeer(name: String($0.nodeID.prefix(12)), ip: $0.address.description)
            }
        return resource
    }

    /// The node's own endpoint of the ingress network, which belongs to no container.
    private func ingressEndpoint(of network: SwarmNetwork) -> NetworkContainer? {
        guard let peer = self.network.ownPeer, let address = peer.ingressAddresses?.primary else { return nil }
        var row = NetworkContainer()
        row.name = "ingress-endpoint"
        row.endpointID = network.id
        row.macAddress = MACAddress(tag: peer.ingressTag).description
        row.iPv4Address = address.description
        return row
    }

    private func endpoints(on networkID: String) -> [String: NetworkContainer] {
        var shown: [String: NetworkContainer] = [:]
        for record in containers.all {
            for endpoint in record.endpoints where endpoint.networkID == networkID && endpoint.isJoined {
                guard let address = endpoint.address else { continue }
                var row = NetworkContainer()
                row.name = record.name
                row.endpointID = endpoint.endpointID
                row.macAddress = endpoint.hardwareAddress?.description ?? ""
                row.iPv4Address = address.description
                shown[record.id] = row
            }
        }
        return shown
    }

    private func services(on networkID: String) -> [String: NetworkService]? {
        guard let state = network.swarmState,
            let view = state.networks.first(where: { $0.network.id == networkID })
        else { return nil }
        let isIngress = view.network.spec.ingress == true
        var shown: [String: NetworkService] = [:]
        for service in view.services {
            let tasks = view.endpoints.compactMap { endpoint -> NetworkServiceTask? in
                guard let address = endpoint.addresses.primary, service.tasks.contains(address) else { return nil }
                return Self.shown(endpoint.names.first ?? endpoint.taskID, address, on: endpoint.vtep)
            }
            var row = NetworkService(vip: service.virtualAddresses?.primary?.description ?? "<nil>", tasks: tasks)
            if isIngress {
                row.ports = state.ports.filter { $0.serviceID == service.serviceID }
                    .map { "Target: \($0.targetPort), Publish: \($0.publishedPort)" }
            }
            shown[service.name] = row
        }
        if isIngress {
            // The nodes' own endpoints, as Docker has them: of a service without a name.
            let nodes = state.peers.compactMap { peer in
                peer.ingressAddresses?.primary.map { Self.shown("ingress-endpoint", $0.address, on: peer.address) }
            }
            if !nodes.isEmpty { shown[""] = NetworkService(vip: "<nil>", tasks: nodes) }
        }
        return shown
    }

    private static func shown(_ name: String, _ address: IPAddress, on node: IPAddress) -> NetworkServiceTask {
        var task = NetworkServiceTask()
        task.name = name
        task.endpointIP = address.description
        task.info = ["Host IP": node.description]
        return task
    }

    /// Subnets that the host routes, which a chosen one must not hide.
    func routedSubnets() async throws -> [IPNetwork] {
        let text = try await onThread { try Files.text("/proc/net/route") } ?? ""
        return text.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: "\t")
            guard fields.count > 7, let destination = UInt32(fields[1], radix: 16),
                let mask = UInt32(fields[7], radix: 16), mask != 0
            else { return nil }
            // The kernel prints both as they lie in memory.
            return IPNetwork(
                address: .v4(IPv4Address(number: destination.byteSwapped)), prefixLength: mask.nonzeroBitCount)
        }
    }
}
