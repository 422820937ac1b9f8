package import Addressing

extension SwarmNetworkState {
    /// The same as snapshots: one of the swarm, and one of each network.
    package var changeSets: [NetworkChangeSet] {
        var common: [NetworkFact] = [
            .settings(.init(dataPathPort: dataPathPort, controlPorts: controlPorts, managers: managers))
        ]
        common += peers.map { .peer($0) }
        for port in ports {
            let key = NetworkFact.PortKey(port.transport, port.publishedPort)
            common.append(.port(.init(key, targetPort: port.targetPort, serviceID: port.serviceID)))
            common += port.backends.map { .meshBackend(key, $0) }
        }
        let own = Set(networks.flatMap { $0.network.ipamOptions?.configs ?? [] }.compactMap(\.subnet))
        for network in networks {
            let subnets = (network.network.ipamOptions?.configs ?? []).compactMap(\.subnet)
            if !subnets.isEmpty { common.append(.subnets(network: network.network.id, subnets)) }
        }
        // Of networks that it says no more of.
        for subnet in subnets where !own.contains(subnet) {
            common.append(.subnets(network: subnet.description, [subnet]))
        }
        return [NetworkChangeSet(.swarm, sequence: version, isSnapshot: true, upserts: common)]
            + networks.map { $0.snapshot(sequence: version) }
    }
}

extension SwarmNetworkState.Network {
    fileprivate func snapshot(sequence: UInt64) -> NetworkChangeSet {
        let id = network.id
        var facts: [NetworkFact] = [.network(network)]
        facts += endpoints.map { .endpoint(network: id, $0) }
        for service in services {
            facts.append(
                .service(
                    network: id,
                    .init(
                        serviceID: service.serviceID, name: service.name, aliases: service.aliases,
                        virtualAddresses: service.virtualAddresses)))
            facts += service.backends.map { .backend(network: id, service: service.serviceID, $0) }
        }
        return NetworkChangeSet(.network(id), sequence: sequence, isSnapshot: true, upserts: facts)
    }
}

extension NetworkFacts {
    /// What a whole state says.
    package init(_ state: SwarmNetworkState) {
        self.init()
        for set in state.changeSets { apply(set) }
    }

    /// Subnets of all the swarm's networks.
    package var allSubnets: [IPNetwork] { subnets.values.flatMap { $0 } }
}
