/// What an installation cuts the IPv6 subnets from that nobody names: a prefix of 48 bits that is its own with all probability (RFC 4193 §3.2).
package struct UniqueLocalPrefix: Hashable, Sendable {
    /// Of a subnet, as the address architecture has it (RFC 4291 §2.5.1).
    package static let subnetLength = 64

    /// `fd00::/8` and 40 bits.
    package let network: IPv6Network

    private init(global: UInt64) {
        let bits = global & 0xff_ffff_ffff
        network = IPv6Network(address: IPv6Address(high: 0xfd << 56 | bits << 16, low: 0), prefixLength: 48)
    }

    /// The prefix that a random id stands for: its first 40 bits; `nil` for what does not begin with ten hexadecimal digits.
    package init?(random id: String) {
        guard id.utf8.count >= 10, let global = UInt64(id.prefix(10), radix: 16) else { return nil }
        self.init(global: global)
    }

    /// The prefix that follows from a text which is nobody else's: its FNV-1a hash, folded to 40 bits.
    package init(hashing text: String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 {
            hash ^= UInt64(truncatingIfNeeded: byte)
            hash = hash &* 0x100_0000_01b3
        }
        self.init(global: hash ^ hash >> 40)
    }
}
