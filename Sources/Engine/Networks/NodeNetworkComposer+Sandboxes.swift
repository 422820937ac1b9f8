import Addressing
import DataPlane
import Model

/// Containers' network namespaces.
extension NodeNetworkComposer {
    /// Whether the container has a network namespace that is to be there. A place in a network is not given up before the container has left it.
    private func hasSandbox(_ container: any NetworkMember) -> Bool {
        guard !container.isOnHostNetwork else { return false }
        return container.endpoints.contains(where: \.isJoined)
            || (container.isInSandbox && !left.contains(container.id))
    }

    /// A place in a network that is not there, or of a swarm that the node has left, is none: it would keep all the others' networks from
    /// being what they are to be.
    func sandbox(_ id: String) -> Sandbox? {
        guard let container = containers[id], hasSandbox(container) else { return nil }
        let joined = container.endpoints.filter { isPresent($0) }
        let endpoints = joined.compactMap { endpoint -> Sandbox.Endpoint? in
            guard var addresses = endpoint.addresses, let mac = endpoint.hardwareAddress else { return nil }
            var gateways = endpoint.gateways ?? HostAddresses()
            if container.disablesIPv6 { (addresses.v6, gateways.v6) = (nil, nil) }
            return Sandbox.Endpoint(
                id: endpoint.endpointID,
                network: reference(of: endpoint),
                interfaceName: endpoint.interfaceName, addresses: addresses, mac: mac,
                gateways: gateways, isLax: isLax(endpoint, of: container))
        }
        let ways = (v4: gatewayEndpoint(of: container, .v4), v6: gatewayEndpoint(of: container, .v6))
        let ports = ports(of: container)
        return Sandbox(
            id: id, endpoints: endpoints, defaultRouteEndpointID: (ways.v4 ?? ways.v6)?.endpointID,
            defaultRoute6EndpointID: ways.v4 == nil || ways.v4?.endpointID == ways.v6?.endpointID
                ? nil : ways.v6?.endpointID,
            mesh: mesh(container, joined), resolver: resolvers[id],
            published: ports.published, direct: ports.direct)
    }

    /// Ports of the node that lead to a container, and those of its own that are open at its own address: of a network that is routed to, and of one
    /// that trusts links of the node. What was published in a network of the other kind before the way out changed leads nowhere.
    private func ports(of container: any NetworkMember) -> (published: [HostPort], direct: [DirectPort]) {
        var (published, direct): ([HostPort], [DirectPort]) = ([], [])
        for port in container.publishedPorts {
            let family = port.family
            guard let way = gatewayEndpoint(of: container, family, where: { $0.isBridge }),
                let target = way.addresses?.hosts[family], let network = networks[way.networkID]
            else { continue }
            let isRouted = network.gatewayMode(family) == .routed
            if !isRouted, port.isRouted != true { published.append(HostPort(port, to: target)) }
            if isRouted || !network.trustedLinks.isEmpty {
                direct.append(DirectPort(transport: port.transport, ports: port.containerPorts, address: target))
            }
        }
        return (published, direct)
    }

    private func reference(of endpoint: EndpointRecord) -> Sandbox.NetworkReference {
        if endpoint.overlay != nil { return .overlay(endpoint.networkID) }
        return networks[endpoint.networkID]?.parent == nil ? .bridge(endpoint.networkID) : .parent(endpoint.networkID)
    }

    /// Whether an endpoint is one of a network that is there.
    func isPresent(_ endpoint: EndpointRecord) -> Bool {
        guard endpoint.isJoined, endpoint.addresses != nil else { return false }
        guard endpoint.overlay == nil else { return facts != nil }
        guard let network = networks[endpoint.networkID] else { return false }
        return network.isBridge || network.parentNetwork != nil
    }

    /// Whether an endpoint may use addresses that are nobody's: its container may add them, or the network's owner says so.
    private func isLax(_ endpoint: EndpointRecord, of container: any NetworkMember) -> Bool {
        if administered.contains(container.id) { return true }
        if endpoint.overlay != nil { return isOpen(swarm: endpoint.networkID) }
        return SpoofCheck.isOff(networks[endpoint.networkID]?.options)
    }

    /// The container's way out in a family, of the networks that are there.
    func gatewayEndpoint(
        of container: any NetworkMember, _ family: IPFamily, where isMeant: (LocalNetwork) -> Bool = { _ in true }
    ) -> EndpointRecord? {
        container.gatewayEndpoint(family, network: { networks[$0] }, where: isMeant)
    }

    private func mesh(_ container: any NetworkMember, _ joined: [EndpointRecord]) -> MeshMembership? {
        guard let endpoint = joined.first(where: { $0.overlay?.isIngress == true }), let addresses = endpoint.addresses,
            let ports = container.meshPorts
        else { return nil }
        let targets = ports.filter(\.isOnMesh).compactMap { port -> MeshMembership.TargetPort? in
            guard let transport = port.transport, let number = UInt16(exactly: port.targetPort) else { return nil }
            let isRow = port.count > 1 && port.publishedPorts != nil
            let last = isRow ? UInt16(exactly: Int(clamping: number) + port.count - 1) : nil
            return MeshMembership.TargetPort(transport: transport, port: number, last: last)
        }
        var gateways = endpoint.gateways ?? HostAddresses(addresses.all.map { $0.first.advanced(by: 1) })
        if container.disablesIPv6 { gateways.v6 = nil }
        return MeshMembership(
            endpointID: endpoint.endpointID, gateways: gateways, gatewayMAC: MACAddress(defaultFor: gateways),
            tags: EndpointTagBlock(defaultFor: addresses.v4),
            targetPorts: Array(Set(targets)).sorted {
                ($0.port, $0.transport.rawValue) < ($1.port, $1.transport.rawValue)
            })
    }
}
