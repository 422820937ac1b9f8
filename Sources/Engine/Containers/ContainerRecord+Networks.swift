import EngineInterface
import Model

extension ContainerRecord {
    /// Whether it is to have ports published.
    var publishes: Bool { !(hostConfig.portBindings ?? [:]).isEmpty || hostConfig.publishAllPorts }

    /// Gives up every place in a network, and what was added beside them.
    mutating func leaveNetworks() {
        for index in endpoints.indices { endpoints[index].leave() }
        endpoints.removeAll { $0.isAutomatic == true }
    }

    /// Adds an endpoint of `docker_gwbridge` where the container has a swarm network that leads outside, or publishes ports beside one that is not sealed,
    /// and has no bridge that does so itself; takes it away where that is no longer so.
    /// - Parameters:
    ///   - gateway: The id of `docker_gwbridge`; `nil` adds nothing.
    ///   - openBridges: Names of the bridges that lead outside.
    mutating func setGatewayEndpoint(gateway: String?, openBridges: Set<String>) {
        let overlays = endpoints.compactMap { $0.attachmentID == nil ? nil : $0.overlay }
        let isNeeded =
            overlays.contains(where: \.leadsOutside) || publishes && !overlays.isEmpty && !overlays.areSealed
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

extension ContainerRecord {
    /// Looks whether the container may have a place in one more network. What counts is where it is now, not how it was made.
    /// - Throws: ``EndpointError``. Source: moby, `daemon/container_operations.go`.
    func checkConnection(to network: String) throws(EndpointError) {
        if network == "host" { throw .hostNetwork }
        if isOnHostNetwork || networkOwner != nil { throw .sharedNetwork }
        let isThere = endpoints.contains { $0.networkName == network } || (isOnNone && network == LocalNetwork.noneName)
        // Docker looks at where a container is already only while it runs; one that does not may be told of its place there once more.
        if isThere, !isRunning, network != LocalNetwork.noneName { return }
        if isThere { throw .alreadyConnected(container: name, network: network) }
        let isAlone = network == LocalNetwork.noneName
        if isOnNone || (isAlone && endpoints.contains { $0.isAutomatic != true }) { throw .noneNetwork }
    }

    /// What is asked for once more in a network that the container, which does not run, is on already: programs that make a container anew name each of
    /// its networks, be it in the request that makes it or later. In a network of the swarm's this counts from the next start on; in another one what
    /// was asked for first does, such as its address. Source: moby, `daemon.updateNetworkSettings`.
    mutating func renewRequest(on network: String, isOfSwarm: Bool, _ settings: EndpointSettings?) {
        guard isOfSwarm, let settings else { return }
        for index in endpoints.indices where endpoints[index].networkName == network {
            endpoints[index].requested = settings
        }
    }

    /// Looks whether the container may leave a network.
    /// - Throws: ``EndpointError`` for the node's own network, and for one that the container is not on.
    func checkDisconnection(from network: String) throws(EndpointError) {
        if isOnHostNetwork, network == "host" { throw .hostNetwork }
        let isThere = network == LocalNetwork.noneName ? isOnNone : endpoints.contains { $0.networkName == network }
        guard isThere else { throw .notConnected(container: id, network: network) }
    }
}
