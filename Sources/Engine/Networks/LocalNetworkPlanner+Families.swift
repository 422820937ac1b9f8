import Addressing
import EngineInterface
import Model

extension LocalNetworkPlanner {
    /// The pools of a network, IPv4's first: those that were asked for, and for a family without any one that the engine chooses.
    func pools(_ request: NetworkRequest, _ network: inout LocalNetwork) throws -> [AddressPool] {
        let asked = request.ipam?.config ?? []
        let named = asked.filter { !($0.subnet ?? "").isEmpty }
        let (sixes, fours) = (named.filter { $0.family == .v6 }, named.filter { $0.family != .v6 })
        if fours.count > 1 || sixes.count > 1 { throw NetworkError.severalSubnets }
        var pools: [AddressPool] = fours
        if request.families.contains(.v4) {
            network.hasChosenSubnet = fours.isEmpty
            if fours.isEmpty {
                guard let chosen = chooser.only(.v4).choose(avoiding: taken + routed) else {
                    throw PoolError.exhausted(.v4)
                }
                pools = [AddressPool(subnet: chosen.description)]
            } else if asked.count > named.count {
                // A pool that names no subnet beside one that does.
                throw asked.count > 1 && sixes.isEmpty ? NetworkError.severalSubnets : PoolError.invalidSubnet("")
            }
        } else {
            network.lacksIPv4 = true
        }
        pools += sixes
        guard request.families.contains(.v6) else { return pools }
        network.hasChosenSubnet6 = sixes.isEmpty
        if sixes.isEmpty { pools.append(try chosenPool6()) }
        return pools
    }

    private func chosenPool6() throws(PoolError) -> AddressPool {
        let given = chooser.only(.v6)
        let own = uniqueLocal.map { prefix in
            SubnetChooser(pools: [.init(base: .v6(prefix.network), prefixLength: UniqueLocalPrefix.subnetLength)])
        }
        guard let chosen = (given.blocks.isEmpty ? own : given)?.choose(avoiding: taken + routed) else {
            throw .exhausted(.v6)
        }
        return AddressPool(subnet: chosen.description)
    }

    /// Gives a bridge of IPv4 alone a subnet of IPv6, as if it had had one from the beginning: its MAC stays.
    func addIPv6(to network: inout LocalNetwork) throws(PoolError) {
        var pool = try chosenPool6()
        guard let parsed = try AddressPoolRules.parse([pool], avoiding: taken, families: [.v6]).first else { return }
        pool.gateway = parsed.gateway.description
        network.mac = network.bridgeMAC
        network.hasChosenSubnet6 = true
        network.ranges.append(parsed.range)
        network.gateways = HostAddresses((network.gateways?.all ?? []) + [parsed.gateway])
        network.ipam.config = (network.ipam.config ?? []) + [pool]
    }
}

extension LocalNetwork {
    /// Gives nobody else the ingress sandbox's addresses.
    mutating func reserveIngress() {
        for (index, address) in ingressAddresses.enumerated() { ranges[index].reserved.insert(address.address) }
    }
}

extension AddressPool {
    /// `nil` where the subnet's text is none.
    fileprivate var family: IPFamily? { subnet.flatMap { IPNetwork($0) }?.family }
}

extension MACAddress {
    /// For what has no IPv4 address that a MAC could be made of: the first 32 bits of a random id.
    init(random id: String) {
        self.init(tag: EndpointTag(number: UInt32(id.prefix(8), radix: 16) ?? 0))
    }
}

extension LocalNetwork {
    /// Of which its containers get addresses, IPv4 first.
    var families: [IPFamily] { IPFamily.allCases.filter { family in ranges.contains { $0.subnet.family == family } } }

    /// Whether an address is of a pool that was written for a family that this network does not have: it is passed over as the pool is.
    func passesOver(_ text: String, _ family: IPFamily) -> Bool {
        guard !families.contains(family), let address = IPAddress(text) else { return false }
        return (ipam.config ?? []).contains { $0.subnet.flatMap { IPNetwork($0) }?.contains(address) == true }
    }

    /// Whether users may not ask for addresses of a family since its subnet is the engine's choice.
    func hasChosenSubnet(_ family: IPFamily) -> Bool {
        switch family {
        case .v4: hasChosenSubnet == true
        case .v6: hasChosenSubnet6 == true
        }
    }
}
