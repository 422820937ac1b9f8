import Addressing
import Model
import Orchestration

extension NetworkIndex {
    /// Whether somebody may wait for nodes to have a change in force: a task that begins, for nodes to know the way to it, and one that is to end, for
    /// nodes to send it nothing more. For one more that gets connections nobody does, nor for another name.
    static func isAwaited(_ key: NetworkFact.Key, from old: NetworkFact?, to new: NetworkFact?) -> Bool {
        switch key {
        case .settings, .peer, .subnets, .port, .network, .service: return true
        case .backend, .meshBackend: return new == nil
        case .endpoint:
            guard case .endpoint(_, let place)? = new else { return false }
            guard case .endpoint(_, var former)? = old else { return true }
            (former.containerID, former.names) = (place.containerID, place.names)
            return former != place
        }
    }

    /// The fact of a key as the objects of now have it.
    func fact(_ key: NetworkFact.Key) -> NetworkFact? {
        switch key {
        case .settings: .settings(settings)
        case .peer(let id): nodes[id]?.peer(id, ingressSubnets).map { .peer($0) }
        case .subnets(let id): networks[id].map { .subnets(network: id, $0.addressRanges.map(\.subnet).sorted()) }
        case .port(let key): port(key).map { .port($0) }
        case .meshBackend(let port, let address):
            if let ingress, let owner = claims[port]?.first, serves(owner, in: ingress, address, throughMesh: true) {
                .meshBackend(port, address)
            } else {
                nil
            }
        case .network(let id): isTold(id) ? networks[id].map { .network($0) } : nil
        case .endpoint(let id, let address):
            isTold(id) ? endpoint(id, address).map { .endpoint(network: id, $0) } : nil
        case .service(let id, let service):
            isTold(id) ? self.service(id, service).map { .service(network: id, $0) } : nil
        case .backend(let id, let service, let address):
            if isTold(id), services[service] != nil, serves(service, in: id, address) {
                .backend(network: id, service: service, address)
            } else {
                nil
            }
        }
    }

    /// Asked for when a manager's address or the data path's port has changed.
    private var settings: NetworkFact.Settings {
        let usual = [LocalAddress.defaultPort, SwarmConfiguration.usualStorePort].compactMap { UInt16(exactly: $0) }
        return NetworkFact.Settings(
            dataPathPort: dataPathPort ?? 4789,
            controlPorts: Set(nodes.values.compactMap(\.managerPort) + usual).sorted(),
            managers: Set(nodes.values.compactMap(\.managerAddress)).sorted())
    }

    private var ingressSubnets: [IPNetwork] {
        (ingress.flatMap { networks[$0] }?.addressRanges ?? []).map(\.subnet)
    }

    /// The first of those that claim it has the port.
    private func port(_ key: NetworkFact.PortKey) -> NetworkFact.Port? {
        guard ingress != nil, let owner = claims[key]?.first else { return nil }
        return services[owner]?.ports.first { $0.key == key }
    }

    /// - Parameter throughMesh: The task's node must have a place in the mesh in the address's family, too. IPv4 has it in any case.
    private func serves(
        _ service: String, in network: String, _ address: IPAddress, throughMesh: Bool = false
    ) -> Bool {
        (holders[network]?[address] ?? []).contains { id in
            guard let task = tasks[id], task.serviceID == service, serving.contains(id) else { return false }
            if !throughMesh || address.family == .v4 { return true }
            return nodes[task.nodeID]?.meshFamilies.contains(address.family) == true
        }
    }

    /// Of the task that comes first, should there be several.
    private func endpoint(_ network: String, _ address: IPAddress) -> SwarmNetworkState.Endpoint? {
        for id in holders[network]?[address] ?? [] {
            guard let task = tasks[id], let vtep = nodes[task.nodeID]?.vtep,
                let place = task.places.first(where: { $0.network == network && $0.hosts.all.first == address })
            else { continue }
            return SwarmNetworkState.Endpoint(
                addresses: place.hosts, assignedTag: place.assignedTag, nodeID: task.nodeID, taskID: id, vtep: vtep,
                containerID: task.containerID, names: task.names)
        }
        return nil
    }

    private func service(_ network: String, _ id: String) -> NetworkFact.Service? {
        guard let service = services[id],
            service.networks.contains(network) || networksOfService[id]?[network] != nil
        else { return nil }
        let virtual = service.virtual[network] ?? HostAddresses()
        return NetworkFact.Service(
            serviceID: id, name: service.name, aliases: service.aliases[network] ?? [],
            virtualAddresses: virtual.isEmpty ? nil : virtual)
    }
}
