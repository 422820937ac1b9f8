/// How much there is of a range.
extension AddressRange {
    /// Whether the address is one that may be given away: of the range, and not kept back.
    package func mayGive(_ address: IPAddress) -> Bool {
        address.family == subnet.family && bounds?.contains(address.number) == true && !reserved.contains(address)
    }

    /// How many addresses may be given away.
    package var capacity: UInt128 {
        guard let bounds else { return 0 }
        return bounds.upperBound - bounds.lowerBound + 1 - UInt128(reserved.count { mayHave($0, bounds) })
    }

    /// How many addresses of the subnet nobody may ask for: those kept back, and the subnet's own.
    package var unavailable: UInt128 {
        guard let hosts = AddressRange(subnet: subnet).bounds else { return 0 }
        let kept = UInt128(reserved.count { mayHave($0, hosts) })
        return hosts.lowerBound - subnet.first.number + (subnet.last.number - hosts.upperBound) + kept
    }

    private func mayHave(_ address: IPAddress, _ bounds: ClosedRange<UInt128>) -> Bool {
        address.family == subnet.family && bounds.contains(address.number)
    }
}
