/// One subnet that addresses are taken from.
package struct AddressRange: Hashable, Sendable, Codable {
    package var subnet: IPNetwork
    /// The part of the subnet to take addresses from; `nil` for all of it.
    package var range: IPNetwork?
    /// Never handed out: the gateway and auxiliary addresses.
    package var reserved: Set<IPAddress>

    package init(subnet: IPNetwork, range: IPNetwork? = nil, reserved: Set<IPAddress> = []) {
        self.subnet = subnet.masked
        self.range = range?.masked
        self.reserved = reserved
    }

    /// Whether an address of the subnet may be a host's, in the range or beside it: users may ask for any.
    package func isHost(_ address: IPAddress) -> Bool {
        AddressRange(subnet: subnet).bounds?.contains(address.number) == true && address.family == subnet.family
    }

    /// Lowest and highest address that may be handed out, as numbers of the subnet's family: not the subnet's own, which is no host's
    /// in either family, nor IPv4's broadcast address.
    var bounds: ClosedRange<UInt128>? {
        let part = range ?? subnet
        guard part.family == subnet.family else { return nil }
        var low = part.first.number
        var high = part.last.number
        // A subnet of one or two addresses is a link between two hosts, which have both (RFC 3021, RFC 6164).
        if subnet.prefixLength < subnet.family.width - 1 {
            if low == subnet.first.number { low += 1 }
            if subnet.family == .v4, high == subnet.last.number { high -= 1 }
        }
        return low <= high ? low...high : nil
    }
}

/// Hands out addresses of a network's subnets.
///
/// Which addresses are in use is not kept here: the caller derives it from the objects that own them, so none can leak.
/// A freed address comes round again only after all others of its subnet: each subnet is walked in a circle. A step passes over one
/// address that is in use or reserved, so there are at most as many steps as of those, however large the subnet.
package struct AddressAllocator: Sendable {
    /// Subnets with a range first, then the others, each in ascending order.
    package let ranges: [AddressRange]
    private var nextNumber: [IPNetwork: UInt128] = [:]

    package init(_ ranges: [AddressRange]) {
        self.ranges = ranges.sorted { left, right in
            (left.range == nil ? 1 : 0, left.subnet.first) < (right.range == nil ? 1 : 0, right.subnet.first)
        }
    }

    /// A free address of a family with its subnet's prefix length; `nil` when every subnet of the family is full.
    package mutating func allocate(_ family: IPFamily = .v4, isInUse: (IPAddress) -> Bool) -> IPNetwork? {
        for candidate in ranges where candidate.subnet.family == family {
            guard let bounds = candidate.bounds else { continue }
            let start = nextNumber[candidate.subnet].flatMap { bounds.contains($0) ? $0 : nil } ?? bounds.lowerBound
            var number = start
            repeat {
                guard let address = IPAddress(number: number, family: family) else { break }
                let following = number == bounds.upperBound ? bounds.lowerBound : number + 1
                if !candidate.reserved.contains(address), !isInUse(address) {
                    nextNumber[candidate.subnet] = following
                    return IPNetwork(address: address, prefixLength: candidate.subnet.prefixLength)
                }
                number = following
            } while number != start
        }
        return nil
    }

    /// Goes on after an address that was handed out by an earlier instance of the daemon, so that what has been freed since rests, too.
    package mutating func resume(after address: IPAddress) {
        for candidate in ranges where candidate.subnet.family == address.family {
            guard let bounds = candidate.bounds, bounds.contains(address.number) else { continue }
            nextNumber[candidate.subnet] =
                address.number == bounds.upperBound ? bounds.lowerBound : address.number + 1
        }
    }

    /// The subnet that an address asked for by the user lies in; `nil` when it lies in none.
    package func subnet(of address: IPAddress) -> IPNetwork? {
        ranges.first { $0.subnet.contains(address) }?.subnet
    }
}
