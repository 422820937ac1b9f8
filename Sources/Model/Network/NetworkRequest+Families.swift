package import Addressing

extension NetworkRequest {
    /// Of which its containers get addresses: IPv4 unless it says no, IPv6 if it says so.
    package var families: Set<IPFamily> {
        var families: Set<IPFamily> = enableIPv4 == false ? [] : [.v4]
        if enableIPv6 == true { families.insert(.v6) }
        return families
    }
}
