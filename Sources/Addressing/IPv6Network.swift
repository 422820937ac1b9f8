/// An IPv6 address with a prefix length, as in `fd00:1::7/64`: a network, or a host's address in its network (RFC 4291 §2.3).
package struct IPv6Network: Hashable, Sendable {
    /// The address as written; host bits may be set.
    package let address: IPv6Address
    private let length: UInt8

    /// 0 to 128.
    package var prefixLength: Int { Int(clamping: length) }

    /// - Precondition: `prefixLength` is within 0…128; parse text from outside with ``init(_:)``.
    package init(address: IPv6Address, prefixLength: Int) {
        precondition((0...128).contains(prefixLength), "prefix length out of range")
        self.address = address
        length = UInt8(clamping: prefixLength)
    }

    /// `address/n`, or `nil` when the text is anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv6Address(parts[0]), let length = Int(parts[1]),
            (0...128).contains(length), String(length) == parts[1]
        else { return nil }
        self.init(address: address, prefixLength: length)
    }

    package var mask: IPv6Address {
        IPv6Address(number: length == 0 ? 0 : UInt128.max << UInt128(truncatingIfNeeded: 128 - length))
    }
    /// The network with the host bits cleared.
    package var masked: IPv6Network { IPv6Network(address: first, prefixLength: prefixLength) }
    /// Lowest address: that of all the subnet's routers (RFC 4291 §2.6.1).
    package var first: IPv6Address {
        IPv6Address(high: address.high & mask.high, low: address.low & mask.low)
    }
    /// Highest address: a host's as any other.
    package var last: IPv6Address {
        IPv6Address(high: address.high | ~mask.high, low: address.low | ~mask.low)
    }

    /// Whether the address is in the network.
    package func contains(_ other: IPv6Address) -> Bool {
        (other.high ^ address.high) & mask.high == 0 && (other.low ^ address.low) & mask.low == 0
    }
    /// Whether all of the other network's addresses are in this one.
    package func contains(_ other: IPv6Network) -> Bool {
        prefixLength <= other.prefixLength && contains(other.address)
    }
    /// Whether any address is in both.
    package func overlaps(_ other: IPv6Network) -> Bool { contains(other.first) || other.contains(first) }
}

extension IPv6Network: TextCodable {
    package static let textName = "CIDR address"

    package var description: String { "\(address)/\(prefixLength)" }
}
