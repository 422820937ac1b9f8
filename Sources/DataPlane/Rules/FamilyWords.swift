import Addressing
import Nftables

/// What nft calls the things of a family: rules of both are the same but for these words.
extension IPFamily {
    /// Of a table whose chains see the family's packets.
    var tableFamily: TableID.Family {
        switch self {
        case .v4: .ip
        case .v6: .ip6
        }
    }

    /// The header, as in `ip saddr`.
    var header: String { tableFamily.rawValue }

    /// The type of an address in keys and values.
    var addressType: String {
        switch self {
        case .v4: "ipv4_addr"
        case .v6: "ipv6_addr"
        }
    }

    /// An address in the kernel's bytes.
    var addressField: ElementField {
        switch self {
        case .v4: .address
        case .v6: .address6
        }
    }

    /// An address and a port to which something is translated.
    var endpointLayout: ElementLayout.Value { .fields([addressField, .port]) }

    /// What `reject with` tells its errors by.
    var controlProtocol: String {
        switch self {
        case .v4: "icmp"
        case .v6: "icmpv6"
        }
    }

    /// An address or port without backends refuses at once.
    var refusalChain: String {
        """
        chain n0 {
        meta l4proto tcp reject with tcp reset
        reject with \(controlProtocol) port-unreachable
        }
        """
    }
}

extension IPNetwork {
    /// As nft prints it in listings: a single address without its length.
    var spelling: String { isSingle ? "\(address)" : description }
}

extension [IPNetwork] {
    /// Without those that lie in another one: the kernel takes no ranges that overlap.
    var outermost: [IPNetwork] {
        let all = Set(map(\.masked))
        return all.filter { one in !all.contains { $0 != one && $0.contains(one) } }
    }
}

extension EndpointAddresses {
    /// The address of a family; `nil` when there is none.
    subscript(family: IPFamily) -> IPNetwork? { all.first { $0.family == family } }
}
