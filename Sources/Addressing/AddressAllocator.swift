/// One subnet that addresses are taken from.
package struct AddressRange: Hashable, Sendable, Codable {
    package var subnet: IPv4Network
    /// The part of the subnet to take addresses from; `nil` for all of it.
    package var range: IPv4Network?
    /// Never handed out: the gateway and auxiliary addresses.
    package var reserved: Set<IPv4Address>

    package init(subnet: IPv4Network, range: IPv4Network? = nil, reserved: Set<IPv4Address> = []) {
        self.subnet = subnet.masked
        self.range = range?.masked
        self.reserved = reserved
    }

    /// Lowest and highest address that may be handed out: neither the subnet's own nor its broadcast address.
    var bounds: ClosedRange<UInt32>? {
        let part = range ?? subnet
        var low = part.first.number
        var high = part.last.number
        if subnet.prefixLength < 31 {
            if low == subnet.first.number { low += 1 }
            if high == subnet.last.number { high -= 1 }
        }
        return low <= high ? low...high : nil
    }
}

/// Hands out addresses of a network's subnets.
///
/// Which addresses are in use is not kept here: the caller derives it from the objects that own them, so none can leak.
/// A freed address comes round again only after all others of its subnet: each subnet is walked in a circle.
package struct AddressAllocator: Sendable {
    /// Subnets with a range first, then the others, each in ascending order.
    package let ranges: [AddressRange]
    private var nextNumber: [IPv4Network: UInt32] = [:]

    package init(_ ranges: [AddressRange]) {
        self.ranges = ranges.sorted { left, right in
            (left.range == nil ? 1 : 0, left.subnet.first.number) < (
                right.range == nil ? 1 : 0, right.subnet.first.number
            )
        }
    }

    /// A free address with its subnet's prefix length; `nil` when every subnet is full.
    package mutating func allocate(isInUse: (IPv4Address) -> Bool) -> IPv4Network? {
        for candidate in ranges {
            guard let bounds = candidate.bounds else { continue }
            let start = nextNumber[candidate.subnet].flatMap { bounds.contains($0) ? $0 : nil } ?? bounds.lowerBound
            var number = start
            repeat {
                let address = IPv4Address(number: number)
                let following = number == bounds.upperBound ? bounds.lowerBound : number + 1
                if !candidate.reserved.contains(address), !isInUse(address) {
                    nextNumber[candidate.subnet] = following
                    return IPv4Network(address: address, prefixLength: candidate.subnet.prefixLength)
                }
                number = following
            } while number != start
        }
        return nil
    }

    /// Goes on after an address that was handed out in an earlier life, so that what has been freed since rests, too.
    package mutating func resume(after address: IPv4Address) {
        for candidate in ranges {
            guard let bounds = candidate.bounds, bounds.contains(address.number) else { continue }
            nextNumber[candidate.subnet] =
                address.number == bounds.upperBound ? bounds.lowerBound : address.number + 1
        }
    }

    /// The subnet that an address asked for by the user lies in; `nil` when it lies in none.
    package func subnet(of address: IPv4Address) -> IPv4Network? {
        ranges.first { $0.subnet.contains(address) }?.subnet
    }
}

/// Chooses a subnet for a network whose creator names none.
package struct SubnetChooser: Sendable {
    /// A block that is cut into subnets of one size.
    package struct Pool: Sendable {
        let base: IPv4Network
        let prefixLength: Int

        /// - Precondition: `prefixLength` is at least that of `base` and at most 30.
        package init(base: IPv4Network, prefixLength: Int) {
            precondition(prefixLength >= base.prefixLength && prefixLength <= 30, "a pool is cut into smaller subnets")
            self.base = base
            self.prefixLength = prefixLength
        }
    }

    let pools: [Pool]

    package init(pools: [Pool]) { self.pools = pools }

    /// Local bridges: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/16 in /20 steps from its upper end's half.
    package static let bridges = SubnetChooser(
        pools: (17...31).map {
            Pool(base: IPv4Network(address: IPv4Address(172, $0, 0, 0), prefixLength: 16), prefixLength: 16)
        } + [Pool(base: IPv4Network(address: IPv4Address(192, 168, 128, 0), prefixLength: 17), prefixLength: 20)])

    /// Overlays: from 10.1.0.0/24 upwards, so that 10.0.0.0/16 stays the user's; 10.254.0.0/15 is left to ingress.
    package static let overlays = SubnetChooser(
        pools: (1...253).map {
            Pool(base: IPv4Network(address: IPv4Address(10, $0, 0, 0), prefixLength: 16), prefixLength: 24)
        })

    /// The first subnet that overlaps none of `taken`; `nil` when there is none.
    package func choose(avoiding taken: [IPv4Network]) -> IPv4Network? {
        for pool in pools {
            let step = UInt64(1) << UInt64(clamping: 32 - pool.prefixLength)
            let near = taken.filter { $0.overlaps(pool.base) }
            var start = UInt64(clamping: pool.base.first.number)
            while start <= UInt64(clamping: pool.base.last.number) {
                let subnet = IPv4Network(
                    address: IPv4Address(number: UInt32(clamping: start)), prefixLength: pool.prefixLength)
                if !near.contains(where: { $0.overlaps(subnet) }) { return subnet }
                start += step
            }
        }
        return nil
    }
}
