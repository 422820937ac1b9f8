/// An Ethernet address of six octets.
package struct MACAddress: Hashable, Sendable, Comparable {
    /// The six octets, most significant first, in the lower 48 bits.
    private let number: UInt64

    /// - Precondition: six octets.
    package init(octets: some Collection<UInt8>) {
        precondition(octets.count == 6, "an Ethernet address has six octets")
        number = octets.reduce(0) { $0 << 8 | UInt64(truncatingIfNeeded: $1) }
    }

    /// The address of an endpoint of an overlay: `02:42` and its tag.
    package init(tag: EndpointTag) { number = 0x0242_0000_0000 | UInt64(truncatingIfNeeded: tag.number) }

    /// The address of an endpoint or a bridge that was given none of its own: made of the tag that its addresses would have. Nowhere
    /// else does it follow from an address.
    package init(defaultFor addresses: HostAddresses) { self.init(tag: EndpointTag(defaultFor: addresses)) }

    /// `aa:bb:cc:dd:ee:ff`, or `nil` when the text is anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 6 else { return nil }
        var octets: [UInt8] = []
        for part in parts {
            guard part.utf8.count == 2, let octet = UInt8(part, radix: 16) else { return nil }
            octets.append(octet)
        }
        self.init(octets: octets)
    }

    /// Six octets in the order in which they are sent.
    package var octets: [UInt8] {
        [40, 32, 24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

extension MACAddress: TextCodable {
    package static let textName = "MAC address"

    package var description: String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}
