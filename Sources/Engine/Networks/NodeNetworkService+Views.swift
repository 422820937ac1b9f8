import Addressing
import EngineInterface
import Model

/// How networks are shown.
extension NodeNetworkService {
    /// - Parameter places: Who is on it, by the container's id.
    func resource(_ network: LocalNetwork, _ places: [String: NetworkContainer]) -> NetworkResource {
        var resource = NetworkResource()
        resource.name = network.name
        resource.identifier = network.id
        resource.created = network.created
        resource.scope = "local"
        resource.driver = network.driver
        resource.enableIPv4 = network.lacksIPv4 != true
        resource.enableIPv6 = network.families.contains(.v6) || network.configuresIPv6 == true
        resource.ipam = network.ipam
        resource.internal = network.isInternal
        resource.attachable = network.isAttachable
        resource.options = network.options
        resource.labels = network.labels
        resource.containers = places
        resource.configOnly = network.isConfiguration == true
        resource.configFrom.network = network.configFrom ?? ""
        guard network.isGatewayBridge else { return resource }
        for (container, row) in resource.containers ?? [:] {
            resource.containers?[container]?.name = "gateway_\(row.endpointID.prefix(12))"
        }
        if !network.ingressAddresses.isEmpty, self.network.isInSwarm {
            var sandbox = NetworkContainer()
            sandbox.name = "gateway_ingress-sbox"
            sandbox.endpointID = PlaceID.derived(from: "ingress-sbox", on: network.id)
            let addresses = EndpointAddresses(network.ingressAddresses)
            sandbox.macAddress = MACAddress(defaultFor: addresses.hosts).description
            sandbox.iPv4Address = addresses.v4?.description ?? ""
            sandbox.iPv6Address = addresses.v6?.description ?? ""
            resource.containers?["ingress-sbox"] = sandbox
        }
        return resource
    }

    /// - Parameter places: Who is on it, by the container's id.
    func resource(_ network: SwarmNetwork, _ places: [String: NetworkContainer]) -> NetworkResource {
        var resource = NetworkResource()
        resource.name = network.spec.name
        resource.identifier = network.id
        resource.created = network.createdAt
        resource.scope = "swarm"
        resource.driver = network.driverName
        resource.enableIPv4 = !network.isIPv6Alone
        resource.enableIPv6 = network.spec.iPv6Enabled == true
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
        resource.configFrom.network = network.spec.configFrom?.network ?? ""
        if network.isNodeLocal { return nodeLocal(resource, places) }
        var local = places
        if resource.ingress { local["ingress-sbox"] = ingressEndpoint(of: network) }
        guard let facts = self.network.facts, let view = facts.networks[network.id], !local.isEmpty || resource.ingress
        else { return resource }
        resource.containers = local
        resource.labels = network.spec.labels
        let nodes = Set(view.endpoints.values.map(\.nodeID))
        resource.peers = facts.peers.values.filter { resource.ingress || nodes.contains($0.nodeID) }
            .sorted { $0.nodeID < $1.nodeID }.map {
                NetworkPeer(name: String($0.nodeID.prefix(12)), ip: $0.address.description)
            }
        return resource
    }

    /// With this node's own settings, where it has made its part.
    private func nodeLocal(_ known: NetworkResource, _ places: [String: NetworkContainer]) -> NetworkResource {
        var resource = known
        guard let part = networks.network(known.identifier) else { return resource }
        resource.configFrom.network = part.configFrom ?? ""
        resource.containers = places
        resource.enableIPv4 = part.lacksIPv4 != true
        resource.enableIPv6 = part.families.contains(.v6)
        resource.ipam = part.ipam
        resource.labels = part.labels
        resource.options = part.options
        return resource
    }

    /// The node's own endpoint of the ingress network, which belongs to no container.
    private func ingressEndpoint(of network: SwarmNetwork) -> NetworkContainer? {
        guard let peer = self.network.ownPeer, let addresses = peer.ingressAddresses else { return nil }
        var row = NetworkContainer()
        row.name = "ingress-endpoint"
        row.endpointID = PlaceID.derived(from: peer.nodeID, on: network.id)
        row.macAddress = MACAddress(tag: peer.ingressTag).description
        row.iPv4Address = addresses.v4?.description ?? ""
        row.iPv6Address = addresses.v6?.description ?? ""
        return row
    }

    /// Who is on the networks: by the network's id, then the container's.
    func places() -> [String: [String: NetworkContainer]] {
        Self.places(of: members.members, plain: networks.plain)
    }

    /// - Parameter plain: The ids of `host` and `none`, by name.
    static func places(of members: [any NetworkMember], plain: [String: String])
        -> [String: [String: NetworkContainer]]
    {
        var places: [String: [String: NetworkContainer]] = [:]
        for record in members {
            if record.isUp, let network = record.plainNetwork.flatMap({ plain[$0] }) {
                var row = NetworkContainer()
                row.name = record.name
                row.endpointID = PlaceID.derived(from: record.id, on: network)
                places[network, default: [:]][record.id] = row
            }
            for endpoint in record.endpoints where endpoint.isJoined {
                guard let addresses = endpoint.addresses else { continue }
                var row = NetworkContainer()
                row.name = record.name
                row.endpointID = endpoint.endpointID
                row.macAddress = endpoint.shownMAC?.description ?? ""
                row.iPv4Address = addresses.v4?.description ?? ""
                row.iPv6Address = addresses.v6?.description ?? ""
                places[endpoint.networkID, default: [:]][record.id] = row
            }
        }
        return places
    }

    func services(on networkID: String) -> [String: NetworkService]? {
        network.facts.flatMap { Self.services(on: networkID, $0, members: members.members) }
    }

    /// - Parameter members: Containers of this node, which are asked for their places themselves: some are of an earlier daemon's choice.
    static func services(on networkID: String, _ facts: NetworkFacts, members: [any NetworkMember])
        -> [String: NetworkService]?
    {
        guard let view = facts.networks[networkID], let own = view.network else { return nil }
        let isIngress = own.spec.ingress == true
        var places: [String: String] = [:]
        for member in members {
            for endpoint in member.endpoints where endpoint.isJoined && endpoint.networkID == networkID {
                places[member.id] = endpoint.endpointID
            }
        }
        var shown: [String: NetworkService] = [:]
        for known in view.services.values {
            guard let service = known.service else { continue }
            let tasks = known.backends.sorted().compactMap { address -> NetworkServiceTask? in
                guard let endpoint = view.endpoints[address] else { return nil }
                let container = endpoint.containerID
                let derived = container.isEmpty ? "" : PlaceID.derived(from: container, on: networkID)
                return Self.shown(
                    endpoint.names.first ?? endpoint.taskID, address, at: places[container] ?? derived,
                    on: endpoint.vtep)
            }
            var row = NetworkService(vip: service.virtualAddresses?.primary?.description ?? "<nil>", tasks: tasks)
            if isIngress {
                row.ports = facts.ports.sorted { $0.key < $1.key }.compactMap(\.value.port)
                    .filter { $0.serviceID == service.serviceID }
                    .flatMap { port in
                        port.publishedPorts.enumerated().map { place, number in
                            "Target: \(Int(clamping: port.targetPort) + place), Publish: \(number)"
                        }
                    }
            }
            shown[service.name] = row
        }
        if isIngress {
            // The nodes' own endpoints, as Docker has them: of a service without a name.
            let nodes = facts.peers.values.sorted { $0.nodeID < $1.nodeID }.compactMap { peer in
                peer.ingressAddresses?.primary.map {
                    Self.shown(
                        "ingress-endpoint", $0.address, at: PlaceID.derived(from: peer.nodeID, on: networkID),
                        on: peer.address)
                }
            }
            if !nodes.isEmpty { shown[""] = NetworkService(vip: "<nil>", tasks: nodes) }
        }
        return shown
    }

    /// What a local network has of addresses; `nil` for one that has none.
    func status(of resource: NetworkResource) -> NetworkStatus? {
        guard let network = networks.network(resource.identifier), !network.ranges.isEmpty else { return nil }
        let held = Set(
            members.members.flatMap(\.endpoints).filter { $0.networkID == network.id }
                .flatMap { $0.addresses?.hosts.all ?? [] })
        let subnets = network.ranges.map { range in
            let gone = UInt128(held.count { range.mayGive($0) })
            let capacity = range.capacity
            let subnet = NetworkStatus.Subnet(
                inUse: UInt64(clamping: range.unavailable + UInt128(held.count(where: range.subnet.contains))),
                available: UInt64(clamping: capacity > gone ? capacity - gone : 0))
            return (range.subnet.description, subnet)
        }
        return NetworkStatus(Dictionary(subnets) { first, _ in first })
    }

    private static func shown(_ name: String, _ address: IPAddress, at place: String, on node: IPAddress)
        -> NetworkServiceTask
    {
        var task = NetworkServiceTask()
        task.name = name
        task.endpointID = place
        task.endpointIP = address.description
        task.info = ["Host IP": node.description]
        return task
    }
}
