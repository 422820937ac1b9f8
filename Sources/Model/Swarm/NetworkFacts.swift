package import Addressing

/// What a node knows of the swarm's networks: facts by their keys, changed in place.
package struct NetworkFacts: Sendable, Equatable {
    package private(set) var settings: NetworkFact.Settings?
    /// By node.
    package private(set) var peers: [String: SwarmNetworkState.Peer] = [:]
    /// By network, the others included.
    package private(set) var subnets: [String: [IPNetwork]] = [:]
    /// By what is published.
    package private(set) var ports: [NetworkFact.PortKey: Port] = [:]
    /// Those that the node takes part in, by id.
    package private(set) var networks: [String: Network] = [:]

    package init() {}

    /// A port of the mesh with who is behind it. Without a port of its own it leads nowhere: what is behind was told before, or is to be
    /// taken back.
    package struct Port: Sendable, Equatable {
        package var port: NetworkFact.Port?
        package var backends: Set<IPAddress> = []
    }

    /// A service of a network with who is behind it; without a service of its own it has no name.
    package struct Service: Sendable, Equatable {
        package var service: NetworkFact.Service?
        package var backends: Set<IPAddress> = []
    }

    /// A network with everybody on it.
    package struct Network: Sendable, Equatable {
        /// `nil` while only others of its facts are known.
        package var network: SwarmNetwork?
        /// By their first address.
        package var endpoints: [IPAddress: SwarmNetworkState.Endpoint] = [:]
        /// By id.
        package var services: [String: Service] = [:]
    }

    /// Takes a change set.
    /// - Returns: Keys of the facts that are different now, those of a snapshot's scope included that are gone.
    @discardableResult package mutating func apply(_ set: NetworkChangeSet) -> Set<NetworkFact.Key> {
        var changed: Set<NetworkFact.Key> = []
        if set.isSnapshot || set.isEnd {
            let kept = set.isEnd ? [] : Set(set.upserts.compactMap(\.key))
            for key in keys(of: set.scope) where !kept.contains(key) {
                remove(key)
                changed.insert(key)
            }
        }
        if set.isEnd { return changed }
        for fact in set.upserts where fact.key?.scope == set.scope {
            if let key = fact.key, self.put(fact) { changed.insert(key) }
        }
        for key in set.removals where key.scope == set.scope { if remove(key) { changed.insert(key) } }
        return changed
    }

    /// Every fact of a scope.
    package func facts(of scope: NetworkFact.Scope) -> [NetworkFact] {
        switch scope {
        case .swarm:
            var facts: [NetworkFact] = settings.map { [.settings($0)] } ?? []
            facts += peers.values.map { .peer($0) }
            facts += subnets.map { .subnets(network: $0.key, $0.value) }
            for (key, port) in ports {
                if let own = port.port { facts.append(.port(own)) }
                facts += port.backends.map { .meshBackend(key, $0) }
            }
            return facts
        case .network(let id):
            guard let network = networks[id] else { return [] }
            var facts: [NetworkFact] = network.network.map { [.network($0)] } ?? []
            facts += network.endpoints.values.map { .endpoint(network: id, $0) }
            for (serviceID, service) in network.services {
                if let own = service.service { facts.append(.service(network: id, own)) }
                facts += service.backends.map { .backend(network: id, service: serviceID, $0) }
            }
            return facts
        }
    }

    /// Those of which there is a fact.
    package var scopes: [NetworkFact.Scope] { [.swarm] + networks.keys.map { .network($0) } }

    /// `nil` when nobody has told it, or has taken it back.
    package func fact(_ key: NetworkFact.Key) -> NetworkFact? {
        switch key {
        case .settings: settings.map { .settings($0) }
        case .peer(let id): peers[id].map { .peer($0) }
        case .subnets(let id): subnets[id].map { .subnets(network: id, $0) }
        case .port(let key): ports[key]?.port.map { .port($0) }
        case .meshBackend(let key, let address):
            ports[key]?.backends.contains(address) == true ? .meshBackend(key, address) : nil
        case .network(let id): networks[id]?.network.map { .network($0) }
        case .endpoint(let id, let address): networks[id]?.endpoints[address].map { .endpoint(network: id, $0) }
        case .service(let id, let service):
            networks[id]?.services[service]?.service.map { .service(network: id, $0) }
        case .backend(let id, let service, let address):
            networks[id]?.services[service]?.backends.contains(address) == true
                ? .backend(network: id, service: service, address) : nil
        }
    }

    private func keys(of scope: NetworkFact.Scope) -> [NetworkFact.Key] { facts(of: scope).compactMap(\.key) }

    /// - Returns: Whether anything is different now.
    private mutating func put(_ fact: NetworkFact) -> Bool {
        switch fact {
        case .settings(let new): Self.replace(&settings, new)
        case .peer(let new): Self.replace(&peers[new.nodeID], new)
        case .subnets(let id, let new): Self.replace(&subnets[id], new)
        case .port(let new): Self.replace(&ports[new.key, default: Port()].port, new)
        case .meshBackend(let key, let address): ports[key, default: Port()].backends.insert(address).inserted
        case .network(let new): Self.replace(&networks[new.id, default: Network()].network, new)
        case .endpoint(let id, let new):
            if let address = new.addresses.all.first {
                Self.replace(&networks[id, default: Network()].endpoints[address], new)
            } else {
                false
            }
        case .service(let id, let new):
            Self.replace(&networks[id, default: Network()].services[new.serviceID, default: Service()].service, new)
        case .backend(let id, let service, let address):
            networks[id, default: Network()].services[service, default: Service()].backends.insert(address).inserted
        }
    }

    private static func replace<Value: Equatable>(_ old: inout Value?, _ new: Value) -> Bool {
        if old == new { return false }
        old = new
        return true
    }

    /// - Returns: Whether it was there.
    @discardableResult private mutating func remove(_ key: NetworkFact.Key) -> Bool {
        switch key {
        case .settings: return Self.take(&settings)
        case .peer(let id): return peers.removeValue(forKey: id) != nil
        case .subnets(let id): return subnets.removeValue(forKey: id) != nil
        case .port(let key):
            defer { if ports[key] == Port() { ports[key] = nil } }
            return Self.take(&ports[key, default: Port()].port)
        case .meshBackend(let key, let address):
            defer { if ports[key] == Port() { ports[key] = nil } }
            return ports[key, default: Port()].backends.remove(address) != nil
        case .network(let id), .endpoint(let id, _), .service(let id, _), .backend(let id, _, _):
            guard networks[id] != nil else { return false }
            defer { if networks[id] == Network() { networks[id] = nil } }
            return networks[id, default: Network()].remove(key)
        }
    }

    fileprivate static func take<Value>(_ value: inout Value?) -> Bool {
        defer { value = nil }
        return value != nil
    }
}

extension NetworkFacts.Network {
    fileprivate mutating func remove(_ key: NetworkFact.Key) -> Bool {
        switch key {
        case .network: return NetworkFacts.take(&network)
        case .endpoint(_, let address): return endpoints.removeValue(forKey: address) != nil
        case .service(_, let id):
            defer { if services[id] == NetworkFacts.Service() { services[id] = nil } }
            return NetworkFacts.take(&services[id, default: NetworkFacts.Service()].service)
        case .backend(_, let id, let address):
            defer { if services[id] == NetworkFacts.Service() { services[id] = nil } }
            return services[id, default: NetworkFacts.Service()].backends.remove(address) != nil
        case .settings, .peer, .subnets, .port, .meshBackend: return false
        }
    }
}
