/// An IPv4 address with a prefix length, as in `10.1.0.7/24`: a network, or a host's address in its network (RFC 4632 §3.1).
package struct IPv4Network: Hashable, Sendable {
    /// The address as written; host bits may be set.
    package let address: IPv4Address
    private let length: UInt8

    /// 0 to 32.
    package var prefixLength: Int { Int(clamping: length) }

    /// - Precondition: `prefixLength` is within 0…32; parse text from outside with ``init(_:)``.
    package init(address: IPv4Address, prefixLength: Int) {
        precondition((0...32).contains(prefixLength), "prefix length out of range")
        self.address = address
        length = UInt8(clamping: prefixLength)
    }

    /// `a.b.c.d/n`, or `nil` when the text is anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(parts[0]), let length = Int(parts[1]),
            (0...32).contains(length), String(length) == parts[1]
        else { return nil }
        self.init(address: address, prefixLength: length)
    }

    package var mask: IPv4Address {
        IPv4Address(number: prefixLength == 0 ? 0 : UInt32.max << (32 - UInt32(clamping: prefixLength)))
    }
    /// The network with the host bits cleared.
    package var masked: IPv4Network { IPv4Network(address: first, prefixLength: prefixLength) }
    /// Lowest address: the network's own.
    package var first: IPv4Address { IPv4Address(number: address.number & mask.number) }
    /// Highest address: the broadcast address where there is one.
    package var last: IPv4Address { IPv4Address(number: address.number | ~mask.number) }

    /// Also of the network's own address and the broadcast address.
    package func contains(_ other: IPv4Address) -> Bool { (other.number ^ address.number) & mask.number == 0 }
    /// Whether all of the other network's addresses are in this one.
    package func contains(_ other: IPv4Network) -> Bool {
        prefixLength <= other.prefixLength && contains(other.address)
    }
    /// Whether any address is in both.
    package func overlaps(_ other: IPv4Network) -> Bool { contains(other.first) || other.contains(first) }
}

extension IPv4Network: TextCodable {
    package static let textName = "CIDR address"

    package var description: String { "\(address)/\(prefixLength)" }
}
