import Addressing

extension AddressPoolRules {
    /// Refuses pools that are not well written, all that is wrong with them at once. A pool without a subnet is left to who makes the network.
    ///
    /// - Parameter allowsIPv6: Whether subnets of IPv6 are looked at.
    /// - Throws: ``PoolError/malformed(_:)``.
    package static func check(_ pools: [AddressPool], allowsIPv6: Bool) throws(PoolError) {
        var faults: [PoolFault] = []
        for pool in pools {
            guard let text = pool.subnet, !text.isEmpty else { continue }
            guard let subnet = IPNetwork(text) else {
                faults.append(.notation(.subnet, text: text))
                continue
            }
            if subnet.family == .v6, !allowsIPv6 { continue }
            if subnet != subnet.masked { faults.append(.hostBits(.subnet, subnet)) }
            if let text = pool.ipRange, !text.isEmpty { faults += Self.faults(ofRange: text, in: subnet) }
            if let text = pool.gateway, let fault = Self.fault(of: text, in: subnet) {
                faults.append(.gateway(text: text, fault))
            }
            for (name, text) in (pool.auxiliaryAddresses ?? [:]).sorted(by: { $0.key < $1.key }) {
                if let fault = Self.fault(of: text, in: subnet) { faults.append(.auxiliary(name: name, fault)) }
            }
        }
        if !faults.isEmpty { throw .malformed(faults) }
    }

    private static func faults(ofRange text: String, in subnet: IPNetwork) -> [PoolFault] {
        guard let range = IPNetwork(text) else { return [.notation(.range, text: text)] }
        guard range.family == subnet.family else { return [.rangeFamily(text: text, subnet: subnet.family)] }
        var faults: [PoolFault] = []
        if range.prefixLength < subnet.prefixLength { faults.append(.wideRange(text: text, subnet: subnet)) }
        if range != range.masked { faults.append(.hostBits(.range, range)) }
        if !subnet.overlaps(range) { faults.append(.rangeOutside(text: text, subnet: subnet)) }
        return faults
    }

    private static func fault(of text: String, in subnet: IPNetwork) -> AddressFault? {
        if text.isEmpty { return nil }
        guard let address = IPAddress(text) else { return .notation }
        guard address.family == subnet.family else { return .family(subnet: subnet.family) }
        return subnet.contains(address) ? nil : .outside(subnet: subnet)
    }
}
