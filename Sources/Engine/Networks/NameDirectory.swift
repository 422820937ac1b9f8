import Addressing
import Model
import NameService

/// The names on the node's networks, by network and changed by key: see ``NameTableComposer`` for what they are altogether.
///
/// Its sandboxes look up in the same ``NetworkNames``; what they have of their own is which networks those are, and their links.
struct NameDirectory {
    /// A service as it is in the table of its network.
    private struct Service {
        var fact: NetworkFact.Service
        /// Its names with its network's.
        var reserved: [String]
    }

    /// A network of the swarm.
    private struct Overlay {
        var name: String?
        var services: [String: Service] = [:]
    }

    private let reserved = ServiceNames()
    private var tables: [String: NetworkNames] = [:]
    private var overlays: [String: Overlay] = [:]
    /// The bridges on which a container has names, by its id.
    private var bridges: [String: Set<String>] = [:]

    // MARK: Facts

    /// Takes those of the swarm's facts that have changed.
    /// - Parameter isInUse: Whether a container has joined a network, by its id.
    mutating func take(
        _ keys: Set<NetworkFact.Key>, of facts: NetworkFacts?, isInUse: (String) -> Bool = { _ in true }
    ) {
        // A network's name and a service's are looked at before those who have a place there or are behind it.
        for key in keys { if case .network(let id) = key { take(network: id, facts) } }
        for key in keys { if case .service(let id, let service) = key { take(service: service, id, facts) } }
        for key in keys {
            switch key {
            case .endpoint(let id, let address): take(endpoint: address, id, facts)
            case .backend(let id, let service, let address): take(backend: address, service, id, facts)
            case .settings, .peer, .subnets, .port, .meshBackend, .network, .service: break
            }
        }
        for key in keys { if case .network(let id) = key, !isInUse(id) { tidy(id) } }
    }

    /// Takes all facts in place of those of before.
    mutating func reset(_ facts: NetworkFacts?) {
        for id in overlays.keys { tables[id]?.removeAll() }
        for overlay in overlays.values {
            for service in overlay.services.values { for name in service.reserved { reserved.remove(name) } }
        }
        overlays = [:]
        guard let facts else { return }
        let keys = facts.networks.keys.flatMap { facts.facts(of: .network($0)).compactMap(\.key) }
        take(Set(keys), of: facts)
    }

    private mutating func table(swarm id: String) -> NetworkNames {
        if overlays[id] == nil { overlays[id] = Overlay() }
        return table(id, reserved)
    }

    private mutating func table(_ id: String, _ reserved: ServiceNames?) -> NetworkNames {
        if let table = tables[id] { return table }
        let table = NetworkNames(reserved: reserved)
        tables[id] = table
        return table
    }

    private mutating func take(network id: String, _ facts: NetworkFacts?) {
        let name = facts?.networks[id]?.network?.spec.name
        if overlays[id]?.name == name { return }
        overlays[id, default: Overlay()].name = name
        for service in (overlays[id]?.services ?? [:]).values { reserve(service.fact, id) }
    }

    private mutating func take(service: String, _ id: String, _ facts: NetworkFacts?) {
        let table = table(swarm: id)
        for name in overlays[id]?.services.removeValue(forKey: service)?.reserved ?? [] { reserved.remove(name) }
        let known = facts?.networks[id]?.services[service]
        if let fact = known?.service {
            table.set(.service(service), Self.names(of: fact), fact.virtualAddresses?.all ?? [])
            table.set(.tasks(service), Self.taskNames(of: fact), [])
            reserve(fact, id)
        } else {
            table.set(.service(service), [], [])
            table.set(.tasks(service), [], [])
        }
        // What is behind it answers to its names.
        for address in known?.backends ?? [] { take(backend: address, service, id, facts) }
    }

    private mutating func reserve(_ service: NetworkFact.Service, _ id: String) {
        let overlay = overlays[id]
        let names = overlay?.name.map { network in Self.names(of: service).map { "\($0).\(network)" } } ?? []
        for name in names { reserved.add(name) }
        for name in overlay?.services[service.serviceID]?.reserved ?? [] { reserved.remove(name) }
        overlays[id, default: Overlay()].services[service.serviceID] = Service(fact: service, reserved: names)
    }

    private static func names(of service: NetworkFact.Service) -> [String] {
        var names = [service.name]
        for alias in service.aliases where !names.contains(alias) { names.append(alias) }
        return names
    }

    /// What all tasks of a service answer to, in either mode: Docker has it for aliases as well.
    static func taskNames(of service: NetworkFact.Service) -> [String] { names(of: service).map { "tasks.\($0)" } }

    private mutating func take(backend address: IPAddress, _ service: String, _ id: String, _ facts: NetworkFacts?) {
        let known = facts?.networks[id]?.services[service]
        guard let known, let fact = known.service, known.backends.contains(address) else {
            return table(swarm: id).set(.backend(service, address), [], [])
        }
        let own = (fact.virtualAddresses?.all ?? []).isEmpty ? Self.names(of: fact) : []
        table(swarm: id).set(.backend(service, address), own + Self.taskNames(of: fact), [address])
    }

    private mutating func take(endpoint address: IPAddress, _ id: String, _ facts: NetworkFacts?) {
        let endpoint = facts?.networks[id]?.endpoints[address]
        table(swarm: id).set(
            .place("\(address)"), endpoint.map(Self.names(of:)) ?? [], endpoint?.addresses.all ?? [])
    }

    static func names(of endpoint: SwarmNetworkState.Endpoint) -> [String] {
        if endpoint.containerID.isEmpty { return endpoint.names }
        return endpoint.names + [endpoint.containerID, String(endpoint.containerID.prefix(12))]
    }

    /// A network without a name of which nothing else is known either is none.
    private mutating func tidy(_ id: String) {
        guard let overlay = overlays[id], overlay.name == nil, overlay.services.isEmpty, tables[id]?.isEmpty == true
        else { return }
        overlays[id] = nil
        tables[id] = nil
    }

    // MARK: Containers

    /// Takes a container as it is now; `nil` when it is there no more.
    mutating func take(_ id: String, _ container: (any NetworkMember)?, _ networks: [String: LocalNetwork]) {
        var now: Set<String> = []
        for endpoint in container?.endpoints ?? [] where endpoint.isJoined && endpoint.overlay == nil {
            // Names in networks of the swarm are facts.
            guard let container, let network = networks[endpoint.networkID], network.isOfSwarm != true,
                let addresses = endpoint.addresses?.hosts.all
            else { continue }
            now.insert(endpoint.networkID)
            let names = NameTableComposer.names(of: container, endpoint)
            table(endpoint.networkID, nil).set(
                .place(id), [container.name] + names.subtracting([container.name]).sorted(), addresses)
        }
        for network in (bridges[id] ?? []).subtracting(now) { tables[network]?.set(.place(id), [], []) }
        bridges[id] = now.isEmpty ? nil : now
    }

    /// What a container can look up.
    mutating func names(for container: any NetworkMember, _ networks: [String: LocalNetwork]) -> SandboxNames {
        var found = SandboxNames(networks: [], forwards: NameTableComposer.hasNameServers(container))
        for endpoint in container.endpoints where endpoint.isJoined {
            if let overlay = endpoint.overlay {
                // Ingress carries what comes from outside; nothing is looked up on it.
                if overlay.isIngress { continue }
                found.networks.append(Self.network(endpoint.networkName, table(swarm: endpoint.networkID), endpoint))
            } else if let network = networks[endpoint.networkID] {
                if !network.isClosed { found.forwards = true }
                if network.name == "bridge" || network.isGatewayBridge { continue }
                let own = network.isOfSwarm == true ? table(swarm: network.id) : table(network.id, nil)
                found.networks.append(Self.network(network.name, own, endpoint))
            }
        }
        return found
    }

    private static func network(_ name: String, _ names: NetworkNames, _ endpoint: EndpointRecord)
        -> SandboxNames.Network
    {
        // They were read when the endpoint was made.
        let links = (endpoint.requested?.links ?? []).compactMap { text in
            (try? LinkText(text)).flatMap { SandboxNames.Link($0.alias, to: $0.name) }
        }
        return SandboxNames.Network(name: name, names: names, links: links)
    }

    /// The node has this network of its own no more.
    mutating func forget(network id: String) { if overlays[id] == nil { tables[id] = nil } }
}
