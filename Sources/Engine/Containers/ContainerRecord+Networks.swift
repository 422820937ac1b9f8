import Model

extension ContainerRecord {
    /// Gives up every place in a network, and what was added beside them.
    mutating func leaveNetworks() {
        for index in endpoints.indices { endpoints[index].leave() }
        endpoints.removeAll { $0.isAutomatic == true }
    }

    /// Adds an endpoint of `docker_gwbridge` where the container has a swarm network that leads outside, or publishes ports beside one,
    /// and has no bridge that does so itself; takes it away where that is no longer so.
    /// - Parameters:
    ///   - gateway: The id of `docker_gwbridge`; `nil` adds nothing.
    ///   - openBridges: Names of the bridges that lead outside.
    mutating func setGatewayEndpoint(gateway: String?, openBridges: Set<String>) {
        let overlays = endpoints.compactMap { $0.attachmentID == nil ? nil : $0.overlay }
        let publishes = !(hostConfig.portBindings ?? [:]).isEmpty || hostConfig.publishAllPorts
        let isNeeded = overlays.contains { !$0.isInternal || publishes }
        let hasOther = endpoints.contains { endpoint in
            endpoint.overlay == nil && endpoint.isAutomatic != true && openBridges.contains(endpoint.networkName)
        }
        guard isNeeded, !hasOther else { return endpoints.removeAll { $0.isAutomatic == true } }
        guard let gateway, !endpoints.contains(where: { $0.isAutomatic == true }) else { return }
        var endpoint = EndpointRecord(networkID: gateway, networkName: LocalNetwork.gatewayBridgeName)
        endpoint.isAutomatic = true
        endpoints.append(endpoint)
    }
}
