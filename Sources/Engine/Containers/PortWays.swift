import Addressing

/// Where what a container publishes leads: its ways out of bridges, family by family. Pure.
struct PortWays: Equatable {
    /// The container's address in each family in which it can be reached.
    var targets = HostAddresses()
    /// Where ports are published that name no address; `nil` for everywhere.
    var usual: IPAddress?
    /// Families in which no port of the node leads to the container, which is routed to instead.
    var routed: Set<IPFamily> = []
    /// The first way's, for errors.
    var endpointID = ""

    init(targets: HostAddresses, usual: IPAddress? = nil, routed: Set<IPFamily> = []) {
        (self.targets, self.usual, self.routed) = (targets, usual, routed)
    }

    /// - Parameter network: The network with an id, as far as it is there.
    init(of record: ContainerRecord, network: (String) -> LocalNetwork?) {
        if record.isOnHostNetwork || record.networkOwner != nil { return }
        var hosts: [IPAddress] = []
        for family in IPFamily.allCases {
            guard let way = record.gatewayEndpoint(family, network: network, where: { $0.isBridge }),
                let host = way.addresses?.hosts[family], let bridge = network(way.networkID)
            else { continue }
            hosts.append(host)
            if bridge.routedFamilies.contains(family) { routed.insert(family) }
            if family == .v4 { usual = bridge.defaultBinding }
            if endpointID.isEmpty { endpointID = way.endpointID }
        }
        targets = HostAddresses(hosts)
    }
}
