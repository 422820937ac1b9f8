/// The two families of addresses.
package enum IPFamily: Hashable, Codable, Sendable, CaseIterable {
    case v4, v6

    /// Bits of an address: 32 or 128.
    package var width: Int {
        switch self {
        case .v4: 32
        case .v6: 128
        }
    }
}

/// An address of either family. Text form: as the family's own. IPv4 comes before IPv6 in their order.
package enum IPAddress: Hashable, Sendable, Comparable {
    case v4(IPv4Address)
    case v6(IPv6Address)

    /// An IPv4 address of four octets.
    package init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) { self = .v4(IPv4Address(a, b, c, d)) }

    /// An address of either family, or `nil` when the text is anything else, one with a zone among it.
    package init?(_ text: some StringProtocol) {
        if let address = IPv4Address(text) {
            self = .v4(address)
        } else if let address = IPv6Address(text) {
            self = .v6(address)
        } else {
            return nil
        }
    }

    /// An IPv4 address, or `nil` when the text is anything else: for what exists with IPv4 alone as yet.
    package init?(ipv4 text: some StringProtocol) {
        guard let address = IPv4Address(text) else { return nil }
        self = .v4(address)
    }

    /// Four or sixteen octets in network order; `nil` for any other count.
    package init?(octets: some Collection<UInt8>) {
        if octets.count == 4 {
            self = .v4(IPv4Address(number: octets.reduce(0) { $0 << 8 | UInt32(truncatingIfNeeded: $1) }))
        } else if let address = IPv6Address(octets: octets) {
            self = .v6(address)
        } else {
            return nil
        }
    }

    /// The address of a family with this number; `nil` when the family has no such number.
    package init?(number: UInt128, family: IPFamily) {
        switch family {
        case .v4:
            guard let number = UInt32(exactly: number) else { return nil }
            self = .v4(IPv4Address(number: number))
        case .v6: self = .v6(IPv6Address(number: number))
        }
    }

    /// The lowest address of a family: `0.0.0.0` or `::`.
    package static func unspecified(_ family: IPFamily) -> IPAddress {
        switch family {
        case .v4: .v4(IPv4Address(number: 0))
        case .v6: .v6(IPv6Address(high: 0, low: 0))
        }
    }

    package var family: IPFamily {
        switch self {
        case .v4: .v4
        case .v6: .v6
        }
    }
    /// `nil` for IPv6.
    package var v4: IPv4Address? { if case .v4(let address) = self { address } else { nil } }
    /// `nil` for IPv4.
    package var v6: IPv6Address? { if case .v6(let address) = self { address } else { nil } }

    /// The address as a number, most significant octet first. Only those of one family compare.
    package var number: UInt128 {
        switch self {
        case .v4(let address): UInt128(truncatingIfNeeded: address.number)
        case .v6(let address): address.number
        }
    }
    /// Four or sixteen octets in network order.
    package var octets: [UInt8] {
        switch self {
        case .v4(let address): address.octets
        case .v6(let address): address.octets
        }
    }

    package var isLoopback: Bool {
        switch self {
        case .v4(let address): address.isLoopback
        case .v6(let address): address.isLoopback
        }
    }
    package var isUnspecified: Bool {
        switch self {
        case .v4(let address): address.isUnspecified
        case .v6(let address): address.isUnspecified
        }
    }
    /// Whether one host may have it.
    package var isOfAHost: Bool {
        switch self {
        case .v4(let address): address.isOfAHost
        case .v6(let address): address.isOfAHost
        }
    }

    package static func < (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.v4(let left), .v4(let right)): left < right
        case (.v6(let left), .v6(let right)): left < right
        case (.v4, .v6): true
        case (.v6, .v4): false
        }
    }

    /// The address `count` further on; wraps at the end of the address space.
    package func advanced(by count: UInt32) -> Self {
        switch self {
        case .v4(let address): .v4(address.advanced(by: count))
        case .v6(let address): .v6(IPv6Address(number: address.number &+ UInt128(truncatingIfNeeded: count)))
        }
    }
}

extension IPAddress: TextCodable {
    package static let textName = "IP address"

    package var description: String {
        switch self {
        case .v4(let address): address.description
        case .v6(let address): address.description
        }
    }
}
