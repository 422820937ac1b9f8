/// An IPv6 address (RFC 4291). It is written as RFC 5952 says and read in any form of RFC 4291 §2.2, IPv4 endings among them.
///
/// A zone, as in `fe80::1%eth0`, is no part of an address: text with one is refused. Whoever has a use for zones cuts it off first.
package struct IPv6Address: Hashable, Sendable, Comparable {
    /// The first eight octets, most significant first: the upper half of the number.
    package let high: UInt64
    /// The last eight octets, most significant first.
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package init(number: UInt128) {
        self.init(high: UInt64(truncatingIfNeeded: number >> 64), low: UInt64(truncatingIfNeeded: number))
    }

    /// `nil` unless there are sixteen octets, in network order.
    package init?(octets: some Collection<UInt8>) {
        guard octets.count == 16 else { return nil }
        self.init(number: octets.reduce(0) { $0 << 8 | UInt128(truncatingIfNeeded: $1) })
    }

    /// The address as a number, most significant octet first.
    package var number: UInt128 { UInt128(truncatingIfNeeded: high) << 64 | UInt128(truncatingIfNeeded: low) }

    /// Sixteen octets in network order.
    package var octets: [UInt8] {
        [high, low].flatMap { half in
            (0..<8).map { UInt8(truncatingIfNeeded: half >> UInt64(truncatingIfNeeded: 56 - 8 * $0)) }
        }
    }

    /// Eight groups of sixteen bits, as they are written between colons.
    var groups: [UInt16] {
        [high, low].flatMap { half in
            (0..<4).map { UInt16(truncatingIfNeeded: half >> UInt64(truncatingIfNeeded: 48 - 16 * $0)) }
        }
    }

    package var isUnspecified: Bool { high == 0 && low == 0 }
    package var isLoopback: Bool { high == 0 && low == 1 }
    /// ff00::/8.
    package var isMulticast: Bool { high >> 56 == 0xff }
    /// fe80::/10: it says nothing without a link.
    package var isLinkLocal: Bool { high >> 54 == 0xfe80 >> 6 }
    /// Whether one host may have it: neither the unspecified address nor multicast.
    package var isOfAHost: Bool { !isUnspecified && !isMulticast }
    /// The IPv4 address inside of `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2); `nil` for others.
    package var mappedIPv4: IPv4Address? {
        high == 0 && low >> 32 == 0xffff ? IPv4Address(number: UInt32(truncatingIfNeeded: low)) : nil
    }

    /// The link-local address that the kernel makes of a link's MAC: `fe80::` and its modified EUI-64 (RFC 4291 appendix A).
    package init(linkLocalFor mac: MACAddress) {
        let identifier = mac.octets.prefix(3) + [0xff, 0xfe] + mac.octets.dropFirst(3)
        let number = identifier.reduce(0) { $0 << 8 | UInt64(truncatingIfNeeded: $1) }
        // The bit that says whether the MAC is the maker's is turned round.
        self.init(high: 0xfe80 << 48, low: number ^ 0x02 << 56)
    }

    package static func < (left: Self, right: Self) -> Bool {
        left.high != right.high ? left.high < right.high : left.low < right.low
    }
}

extension IPv6Address {
    /// The address in a text form of RFC 4291 §2.2, or `nil` when the text is anything else: one with a zone, in brackets, or
    /// with a prefix length.
    package init?(_ text: some StringProtocol) {
        // Eight groups of at most four digits, or six and an IPv4 address.
        guard text.utf8.count <= 45 else { return nil }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 3, let last = parts.last else { return nil }
        var groups: [UInt16] = []
        /// Where `::` stands, in groups.
        var gap: Int?
        for (index, part) in parts.enumerated() {
            if part.isEmpty {
                // A text that begins or ends with `::` has two empty parts there; one alone is a stray colon.
                let isOuter = index == 0 || index == parts.count - 1
                if isOuter {
                    let neighbour = index == 0 ? 1 : index - 1
                    guard parts[neighbour].isEmpty else { return nil }
                    continue
                }
                guard gap == nil else { return nil }
                gap = groups.count
            } else if index == parts.count - 1, last.contains(".") {
                guard let ending = IPv4Address(last) else { return nil }
                groups.append(UInt16(truncatingIfNeeded: ending.number >> 16))
                groups.append(UInt16(truncatingIfNeeded: ending.number))
            } else {
                guard part.utf8.count <= 4, part.utf8.allSatisfy(Self.isHexadecimal),
                    let group = UInt16(part, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        self.init(number: groups.reduce(0) { $0 << 16 | UInt128(truncatingIfNeeded: $1) })
    }

    private static func isHexadecimal(_ character: UInt8) -> Bool {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}

extension IPv6Address: TextCodable {
    package static let textName = "IP address"

    /// RFC 5952: small letters, no leading zeros, `::` for the longest run of zero groups and the first of several, never for a
    /// single group; a mapped IPv4 address with its ending in dots.
    package var description: String {
        if let mappedIPv4 { return "::ffff:\(mappedIPv4)" }
        let groups = groups
        var longest = 0..<0
        var start = 0
        while start < groups.count {
            guard groups[start] == 0 else {
                start += 1
                continue
            }
            let end = groups[start...].firstIndex { $0 != 0 } ?? groups.count
            if end - start > max(longest.count, 1) { longest = start..<end }
            start = end
        }
        func written(_ part: some Sequence<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        if longest.isEmpty { return written(groups) }
        return written(groups.prefix(longest.lowerBound)) + "::" + written(groups.dropFirst(longest.upperBound))
    }
}
