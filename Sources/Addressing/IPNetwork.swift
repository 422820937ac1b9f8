/// An address of either family with a prefix length: a network, or a host's address in its network. IPv4 comes before IPv6 in
/// their order, and a shorter prefix before a longer one.
package enum IPNetwork: Hashable, Sendable, Comparable {
    case v4(IPv4Network)
    case v6(IPv6Network)

    /// - Precondition: `prefixLength` is within 0…32 or 0…128; parse text from outside with ``init(_:)``.
    package init(address: IPAddress, prefixLength: Int) {
        switch address {
        case .v4(let address): self = .v4(IPv4Network(address: address, prefixLength: prefixLength))
        case .v6(let address): self = .v6(IPv6Network(address: address, prefixLength: prefixLength))
        }
    }

    /// A network of a single address.
    package init(_ address: IPAddress) { self.init(address: address, prefixLength: address.family.width) }

    /// `address/n` of either family, or `nil` when the text is anything else.
    package init?(_ text: some StringProtocol) {
        if let network = IPv4Network(text) {
            self = .v4(network)
        } else if let network = IPv6Network(text) {
            self = .v6(network)
        } else {
            return nil
        }
    }

    /// `a.b.c.d/n`, or `nil` when the text is anything else: for what exists with IPv4 alone as yet.
    package init?(ipv4 text: some StringProtocol) {
        guard let network = IPv4Network(text) else { return nil }
        self = .v4(network)
    }

    /// All addresses of a family: the default route's destination.
    package static func everywhere(_ family: IPFamily) -> IPNetwork {
        IPNetwork(address: .unspecified(family), prefixLength: 0)
    }

    /// `nil` for IPv6.
    package var v4: IPv4Network? { if case .v4(let network) = self { network } else { nil } }
    /// `nil` for IPv4.
    package var v6: IPv6Network? { if case .v6(let network) = self { network } else { nil } }

    package var family: IPFamily {
        switch self {
        case .v4: .v4
        case .v6: .v6
        }
    }
    /// The address as written; host bits may be set.
    package var address: IPAddress {
        switch self {
        case .v4(let network): .v4(network.address)
        case .v6(let network): .v6(network.address)
        }
    }
    /// Bits: 0 to 32, or to 128.
    package var prefixLength: Int {
        switch self {
        case .v4(let network): network.prefixLength
        case .v6(let network): network.prefixLength
        }
    }
    /// Whether it is a single address.
    package var isSingle: Bool { prefixLength == family.width }
    /// The network with the host bits cleared.
    package var masked: IPNetwork {
        switch self {
        case .v4(let network): .v4(network.masked)
        case .v6(let network): .v6(network.masked)
        }
    }
    /// Lowest address: the network's own.
    package var first: IPAddress {
        switch self {
        case .v4(let network): .v4(network.first)
        case .v6(let network): .v6(network.first)
        }
    }
    /// Highest address: IPv4's broadcast address, where there is one.
    package var last: IPAddress {
        switch self {
        case .v4(let network): .v4(network.last)
        case .v6(let network): .v6(network.last)
        }
    }

    /// `false` for what is of the other family.
    package func contains(_ other: IPAddress) -> Bool {
        switch (self, other) {
        case (.v4(let network), .v4(let address)): network.contains(address)
        case (.v6(let network), .v6(let address)): network.contains(address)
        case (.v4, .v6), (.v6, .v4): false
        }
    }
    /// `false` for what is of the other family.
    package func contains(_ other: IPNetwork) -> Bool {
        switch (self, other) {
        case (.v4(let network), .v4(let other)): network.contains(other)
        case (.v6(let network), .v6(let other)): network.contains(other)
        case (.v4, .v6), (.v6, .v4): false
        }
    }
    /// `false` for what is of the other family.
    package func overlaps(_ other: IPNetwork) -> Bool {
        switch (self, other) {
        case (.v4(let network), .v4(let other)): network.overlaps(other)
        case (.v6(let network), .v6(let other)): network.overlaps(other)
        case (.v4, .v6), (.v6, .v4): false
        }
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.address, left.prefixLength) < (right.address, right.prefixLength)
    }
}

extension IPNetwork: TextCodable {
    package static let textName = "CIDR address"

    package var description: String { "\(address)/\(prefixLength)" }
}
