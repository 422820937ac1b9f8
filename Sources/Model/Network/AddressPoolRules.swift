package import Addressing

/// Reads the pools of a request for a network, local or of the swarm, and refuses what cannot be.
package enum AddressPoolRules {
    /// A network needs its own address, a gateway, a host and the broadcast address.
    private static let longestPrefix = 30

    /// The ranges of several pools; the gateway is kept out of each, the subnet's first address where none is given.
    ///
    /// - Parameter taken: Subnets that no pool may overlap; nor may two of them overlap each other.
    /// - Returns: As many as there are pools, in their order.
    /// - Throws: ``PoolError`` naming the offending value.
    package static func parse(
        _ pools: [AddressPool], avoiding taken: [IPNetwork]
    ) throws(PoolError) -> [(range: AddressRange, gateway: IPAddress)] {
        var taken = taken
        var result: [(range: AddressRange, gateway: IPAddress)] = []
        for pool in pools {
            var (range, gateway) = try parse(pool)
            let subnet = range.subnet
            if taken.contains(where: { $0.overlaps(subnet) }) { throw .overlaps }
            taken.append(subnet)
            let door = gateway ?? subnet.first.advanced(by: 1)
            range.reserved.insert(door)
            result.append((range, door))
        }
        return result
    }

    /// One pool as it is written.
    private static func parse(_ pool: AddressPool) throws(PoolError) -> (range: AddressRange, gateway: IPAddress?) {
        let text = pool.subnet ?? ""
        guard let subnet = IPNetwork(ipv4: text) else {
            throw PoolError.invalidSubnet(text)
        }
        guard subnet.prefixLength <= longestPrefix else {
            throw PoolError.smallSubnet(text)
        }
        var range: IPNetwork?
        if let text = pool.ipRange, !text.isEmpty {
            guard let parsed = IPNetwork(ipv4: text) else {
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

    private static func address(
        _ text: String, _ what: String, in subnet: IPNetwork
    ) throws(PoolError) -> IPAddress {
        guard let address = IPAddress(ipv4: text) else {
            throw PoolError.invalidAddress(field: what, text: text)
        }
        guard subnet.contains(address) else { throw PoolError.addressOutside(field: what, text: text) }
        guard address != subnet.first, address != subnet.last else {
            throw PoolError.addressReserved(field: what, text: text)
        }
        return address
    }
}
