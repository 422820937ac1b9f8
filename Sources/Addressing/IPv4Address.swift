/// An IPv4 address. Text form: dotted quad, RFC 6943 §3.1.1 strict (four decimal octets, no leading zeros).
package struct IPv4Address: Hashable, Sendable, Comparable {
    /// The address as a number, most significant octet first.
    package let number: UInt32

    package init(number: UInt32) { self.number = number }

    package init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        number = UInt32(clamping: a) << 24 | UInt32(clamping: b) << 16 | UInt32(clamping: c) << 8 | UInt32(clamping: d)
    }

    /// The address in dotted-quad text, or `nil` when the text is anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var number: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (48...57).contains($0) }),
                part == "0" || part.utf8.first != 48, let octet = UInt8(part)
            else { return nil }
            number = number << 8 | UInt32(clamping: octet)
        }
        self.number = number
    }

    /// Four octets in network order.
    package var octets: [UInt8] {
        [
            UInt8(truncatingIfNeeded: number >> 24), UInt8(truncatingIfNeeded: number >> 16),
            UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number),
        ]
    }

    /// The value of `in_addr.s_addr`: the four octets as they lie in memory, read in the machine's own order.
    package var inMemory: UInt32 { number.bigEndian }

    package var isLoopback: Bool { number >> 24 == 127 }
    package var isUnspecified: Bool { number == 0 }
    /// Whether one host may have it: neither of "this network" (0.0.0.0/8) nor multicast, reserved or broadcast (224.0.0.0 and above).
    package var isOfAHost: Bool { (1..<224).contains(number >> 24) }

    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }

    /// The address `count` further on; wraps at the end of the address space.
    package func advanced(by count: UInt32) -> Self { Self(number: number &+ count) }
}

extension IPv4Address: TextCodable {
    package static let textName = "IP address"

    package var description: String { octets.map(String.init).joined(separator: ".") }
}
