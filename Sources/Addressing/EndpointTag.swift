/// 32 bits that tell an endpoint of an overlay from all others of its network. Given by whoever gives the addresses, and kept
/// with them.
///
/// The endpoint's MAC is made of it, so that it can be read off every frame: the routing mesh takes it for the mark and the
/// connection zone of what an endpoint sends. In JSON: a number.
package struct EndpointTag: Hashable, Sendable, Comparable {
    /// The first of the four octets is the most significant.
    package let number: UInt32

    package init(number: UInt32) { self.number = number }

    /// The tag of an endpoint that was given none of its own: its IPv4 address as a number, as before there were tags; without
    /// one, the last four octets of its IPv6 address. Nowhere else does a tag follow from an address.
    package init(defaultFor addresses: HostAddresses) {
        if let address = addresses.v4 {
            number = address.number
        } else {
            number = addresses.v6.map { UInt32(truncatingIfNeeded: $0.low) } ?? 0
        }
    }

    /// As the kernel's packet mark has it: the four octets as they lie in the MAC, read in the machine's own order.
    package var mark: UInt32 { number.bigEndian }

    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

extension EndpointTag: Codable {
    package init(from decoder: any Decoder) throws {
        number = try decoder.singleValueContainer().decode(UInt32.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(number)
    }
}

/// A block of tags: all that agree in the bits of a mask. A network's tags are of one block, so that marks made of them can be
/// told from others.
package struct EndpointTagBlock: Hashable, Sendable, Codable {
    /// Bits out of the mask are clear.
    package let base: EndpointTag
    package let mask: EndpointTag

    package init(base: EndpointTag, mask: EndpointTag) {
        self.base = EndpointTag(number: base.number & mask.number)
        self.mask = mask
    }

    /// The block of a network that was given none of its own: its IPv4 subnet's. All tags for a network without one.
    package init(defaultFor subnet: IPv4Network?) {
        self.init(
            base: EndpointTag(number: subnet?.first.number ?? 0), mask: EndpointTag(number: subnet?.mask.number ?? 0))
    }

    /// Whether the tag is one of the block.
    package func contains(_ tag: EndpointTag) -> Bool { tag.number & mask.number == base.number }
}
