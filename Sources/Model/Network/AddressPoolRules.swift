package import Addressing

/// Reads the pools of a request for a network, local or of the swarm, and refuses what cannot be.
package enum AddressPoolRules {
    /// A network needs its own address, a gateway, a host and, with IPv4, the broadcast address. One that may be a link between two hosts has of IPv4 what it has
    /// of addresses (RFC 3021), its gateway's first, if need be no other; of IPv6 its own is nobody's, as with Docker.
    private static func longestPrefix(_ family: IPFamily, mayBeLink: Bool) -> Int {
        switch family {
        case _ where !mayBeLink: family.width - 2
        case .v4: family.width
        case .v6: family.width - 1
        }
    }

    /// Whether all addresses are hosts'.
    private static func isLink(_ subnet: IPNetwork) -> Bool { subnet.family == .v4 && subnet.prefixLength > 30 }

    /// The ranges of several pools; the gateway is kept out of each, the subnet's first address where none is given.
    /// Where nobody is to be the gateway, that address is as good as any other.
    ///
    /// - Parameters:
    ///   - taken: Subnets that no pool may overlap; nor may two of them overlap each other.
    ///   - families: Those of which there may be pools.
    ///   - open: Those whose pools have no gateway unless one is given.
    ///   - mayBeLinks: Whether two addresses are enough, or of IPv4 one.
    /// - Returns: As many as there are pools, in their order.
    /// - Throws: ``PoolError`` naming the offending value.
    package static func parse(
        _ pools: [AddressPool], avoiding taken: [IPNetwork], families: Set<IPFamily> = [.v4],
        withoutGateway open: Set<IPFamily> = [], mayBeLinks: Bool = false
    ) throws(PoolError) -> [(range: AddressRange, gateway: IPAddress)] {
        var taken = taken
        var result: [(range: AddressRange, gateway: IPAddress)] = []
        for pool in pools {
            var (range, gateway) = try parse(pool, families, mayBeLink: mayBeLinks)
            let subnet = range.subnet
            if taken.contains(where: { $0.overlaps(subnet) }) { throw .overlaps }
            taken.append(subnet)
            let first = gateway ?? (isLink(subnet) ? subnet.first : subnet.first.advanced(by: 1))
            if gateway != nil || !open.contains(subnet.family) {
                try checkAuxiliaries(of: pool, beside: first)
                range.reserved.insert(first)
            }
            // Elsewhere it is outside of what is handed out.
            if subnet.family == .v6, subnet.prefixLength > longestPrefix(.v6, mayBeLink: false) {
                range.reserved.insert(subnet.first)
            }
            result.append((range, first))
        }
        return result
    }

    /// Tells pools that a network uses from those of a family that it does not have, which are passed over, as with Docker: what is written
    /// for IPv6 waits for the network to be made with it. A pool without a readable subnet is not passed over.
    package static func split(
        _ pools: [AddressPool], by families: Set<IPFamily>
    ) -> (used: [AddressPool], unused: [AddressPool]) {
        func isUsed(_ pool: AddressPool) -> Bool {
            pool.subnet.flatMap { IPNetwork($0) }.map { families.contains($0.family) } ?? true
        }
        return (pools.filter(isUsed), pools.filter { !isUsed($0) })
    }

    /// - Throws: ``PoolError/auxiliaryTaken(name:address:)``.
    private static func checkAuxiliaries(of pool: AddressPool, beside gateway: IPAddress) throws(PoolError) {
        var taken: Set<IPAddress> = [gateway]
        for (name, text) in (pool.auxiliaryAddresses ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard let address = IPAddress(text), !taken.insert(address).inserted else { continue }
            throw .auxiliaryTaken(name: name, address: text)
        }
    }

    /// One pool as it is written.
    private static func parse(
        _ pool: AddressPool, _ families: Set<IPFamily>, mayBeLink: Bool
    ) throws(PoolError) -> (range: AddressRange, gateway: IPAddress?) {
        let text = pool.subnet ?? ""
        guard let subnet = IPNetwork(text) else { throw PoolError.invalidSubnet(text) }
        guard families.contains(subnet.family) else { throw .unusedFamily(text) }
        guard isOfHosts(subnet) else { throw .invalidSubnet(text) }
        guard subnet.prefixLength <= longestPrefix(subnet.family, mayBeLink: mayBeLink) else {
            throw PoolError.smallSubnet(text)
        }
        var range: IPNetwork?
        if let text = pool.ipRange, !text.isEmpty {
            guard let parsed = IPNetwork(text), parsed.family == subnet.family else {
                throw PoolError.invalidRange(text)
            }
            guard subnet.contains(parsed) else { throw PoolError.rangeOutside(text) }
            range = parsed
        }
        var reserved: Set<IPAddress> = []
        for (_, text) in (pool.auxiliaryAddresses ?? [:]).sorted(by: { $0.key < $1.key }) {
            reserved.insert(try address(text, "aux-address", in: subnet))
        }
        var gateway: IPAddress?
        if let text = pool.gateway, !text.isEmpty { gateway = try address(text, "gateway", in: subnet) }
        return (AddressRange(subnet: subnet, range: range, reserved: reserved), gateway)
    }

    /// Whether hosts may have its addresses beyond their link: of IPv6 neither ::/8, which stands for IPv4 and for oneself, nor link-local
    /// addresses, nor multicast (RFC 4291 §2.4).
    private static func isOfHosts(_ subnet: IPNetwork) -> Bool {
        guard let first = subnet.v6?.first else { return true }
        return first.high >> 56 != 0 && !first.isLinkLocal && !first.isMulticast
    }

    private static func address(
        _ text: String, _ what: String, in subnet: IPNetwork
    ) throws(PoolError) -> IPAddress {
        guard let address = IPAddress(text), address.family == subnet.family else {
            throw PoolError.invalidAddress(field: what, text: text)
        }
        guard subnet.contains(address) else { throw PoolError.addressOutside(field: what, text: text) }
        if isLink(subnet) { return address }
        guard address != subnet.first, subnet.family == .v6 || address != subnet.last else {
            throw PoolError.addressReserved(field: what, text: text)
        }
        return address
    }
}
