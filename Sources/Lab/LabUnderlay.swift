package import Addressing

/// By which addresses the members of a lab reach each other.
package enum LabFamilies: String, Codable, Sendable, CaseIterable {
    /// IPv4 alone.
    case ipv4
    /// IPv6 alone.
    case ipv6
    /// Both; nodes know each other by IPv4.
    case dual
    /// IPv6 among nodes; between a node and the client or the internet host IPv4 as well.
    case ipv6Inside = "ipv6-inside"

    /// That by which nodes know each other.
    var main: IPFamily { self == .ipv4 || self == .dual ? .v4 : .v6 }
    /// Those that members have addresses of.
    var all: [IPFamily] {
        switch self {
        case .ipv4: [.v4]
        case .ipv6: [.v6]
        case .dual: [.v4, .v6]
        case .ipv6Inside: [.v6, .v4]
        }
    }
}

/// Addresses on a lab's underlay: 198.51.100.0/24 (TEST-NET-2, RFC 5737) and 2001:db8:51:100::/64 (RFC 3849). Every lab has them on a
/// bridge of its own.
package struct LabUnderlay: Sendable {
    /// Where every node serves its metrics.
    static let metricsPort: UInt16 = 9323
    static let registryPort: UInt16 = 5000
    private static let subnets: [IPFamily: IPNetwork] = [
        .v4: IPNetwork(address: IPAddress(198, 51, 100, 0), prefixLength: 24),
        .v6: IPNetwork(address: .v6(IPv6Address(high: 0x2001_0db8_0051_0100, low: 0)), prefixLength: 64),
    ]

    package let families: LabFamilies

    package init(_ families: LabFamilies = .ipv4) { self.families = families }

    /// Then the nodes' bridges have it as well.
    var hasIPv6: Bool { families.all.contains(.v6) }

    /// One a family, the main one's first.
    package var subnets: [IPNetwork] { families.all.compactMap { Self.subnets[$0] } }

    private func host(_ number: UInt32, _ number6: UInt32) -> LabAddresses {
        LabAddresses(subnets.map { $0.first.advanced(by: $0.family == .v4 ? number : number6) })
    }

    /// Node numbers begin with 1; the first is at .11 and ::11.
    func node(_ number: Int) -> LabAddresses { host(10 + UInt32(clamping: number), 0x10 + UInt32(clamping: number)) }
    /// At .50 and ::50.
    var client: LabAddresses { host(50, 0x50) }
    /// At .254 and ::fe.
    var internet: LabAddresses { host(254, 0xfe) }

    /// The registry as nodes name it.
    var registry: String { HostText.join(internet.main, Int(Self.registryPort)) }

    /// What each node's resolv.conf says.
    var resolvConf: String { internet.all.map { "nameserver \($0)\n" }.joined() }
}

/// A member's addresses on the underlay, one a family; never none.
package struct LabAddresses: Codable, Sendable, Equatable {
    /// By which it is known.
    package let main: IPAddress
    /// The main one's family first.
    package let all: [IPAddress]

    fileprivate init(_ addresses: [IPAddress]) {
        main = addresses.first ?? .unspecified(.v4)
        all = addresses
    }
}
