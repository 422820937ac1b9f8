/// Chooses a subnet for a network whose creator names none.
package struct SubnetChooser: Sendable {
    /// A block that is cut into subnets of one size.
    package struct Pool: Hashable, Sendable {
        /// The block, host bits clear.
        package let base: IPNetwork
        /// That of each subnet.
        package let prefixLength: Int

        /// - Precondition: `prefixLength` is at least that of `base`, and leaves two bits for hosts: at most 30, or 126.
        package init(base: IPNetwork, prefixLength: Int) {
            precondition(Self.cuts(base, to: prefixLength), "a pool is cut into smaller subnets")
            self.base = base.masked
            self.prefixLength = prefixLength
        }

        /// A block and a length that somebody has written; `nil` where the length does not cut it, or leaves less than two bits for hosts.
        package init?(cutting base: IPNetwork, to prefixLength: Int) {
            guard Self.cuts(base, to: prefixLength) else { return nil }
            self.init(base: base, prefixLength: prefixLength)
        }

        private static func cuts(_ base: IPNetwork, to prefixLength: Int) -> Bool {
            prefixLength > 0 && prefixLength >= base.prefixLength && prefixLength <= base.family.width - 2
        }

        /// The first subnet that overlaps none of `taken`; `nil` when there is none. It goes from each subnet that is in the way to
        /// behind it, so there are at most as many steps as subnets taken, however many the block holds.
        func first(avoiding taken: [IPNetwork]) -> IPNetwork? {
            let obstacles = taken.filter { $0.overlaps(base) }.sorted { $0.last < $1.last }
            let size = UInt128(1) << UInt128(truncatingIfNeeded: base.family.width - prefixLength)
            let end = base.last.number
            var start = base.first.number
            while start <= end, let address = IPAddress(number: start, family: base.family) {
                let subnet = IPNetwork(address: address, prefixLength: prefixLength)
                guard let obstacle = obstacles.last(where: { $0.overlaps(subnet) }) else { return subnet }
                // Behind the last that is in the way, at the next boundary.
                let last = max(obstacle.last.number, subnet.last.number)
                let (next, isBeyond) = (last | (size - 1)).addingReportingOverflow(1)
                if isBeyond { return nil }
                start = next
            }
            return nil
        }
    }

    /// In the order in which they are chosen from.
    package let pools: [Pool]

    package init(pools: [Pool]) { self.pools = pools }

    /// The blocks that subnets are cut from.
    package var blocks: [IPNetwork] { pools.map(\.base) }

    /// Local bridges: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/16 in /20 steps from its upper end's half.
    package static let bridges = SubnetChooser(
        pools: (17...31).map {
            Pool(base: IPNetwork(address: IPAddress(172, $0, 0, 0), prefixLength: 16), prefixLength: 16)
        } + [Pool(base: IPNetwork(address: IPAddress(192, 168, 128, 0), prefixLength: 17), prefixLength: 20)])

    /// Overlays: from 10.1.0.0/24 upwards, so that 10.0.0.0/16 stays the user's; 10.254.0.0/15 is left to ingress.
    package static let overlays = SubnetChooser(
        pools: (1...253).map {
            Pool(base: IPNetwork(address: IPAddress(10, $0, 0, 0), prefixLength: 16), prefixLength: 24)
        })

    /// Those of its blocks that are of one family, which may be none.
    package func only(_ family: IPFamily) -> SubnetChooser {
        SubnetChooser(pools: pools.filter { $0.base.family == family })
    }

    /// The first subnet that overlaps none of `taken`; `nil` when there is none.
    package func choose(avoiding taken: [IPNetwork]) -> IPNetwork? {
        let index = SubnetIndex(taken)
        for pool in pools { if let subnet = pool.first(avoiding: index.overlapping(pool.base)) { return subnet } }
        return nil
    }
}
