import CESP

/// Frame ↔ packet: UDP and VXLAN before the frame, the trailer behind it, sealed (RFC 4303 section 2, RFC 7348 section 5).
enum Encapsulation {
    /// Of the packet that a frame makes.
    @inline(__always) static func length(_ count: Int) -> Int { ESPLayout.header + body(count) + ESPLayout.icv }

    /// What is encrypted: a multiple of 4 bytes.
    @inline(__always) private static func body(_ count: Int) -> Int {
        let plain = ESPLayout.prefix + count
        return plain + ((2 &- plain) & 3) + 2
    }

    /// Writes the packet of ``length(_:)`` bytes. There are ``ESPLayout/prefix`` bytes to write to before the frame, and eight after it, which
    /// are as before in the end. False: the library refused, and the packet means nothing.
    @inline(__always) static func seal(
        _ frame: PacketBytes, _ count: Int, vni: UInt32, sourcePort: Int, spi: UInt32, sequence: UInt64,
        cipher: OpaquePointer, into packet: PacketBytes
    ) -> Bool {
        let plain = ESPLayout.prefix + count
        let body = body(count)
        let inner = frame - ESPLayout.prefix
        inner.putShort(0, sourcePort)
        inner.putShort(2, ESPLayout.vxlanPort)
        inner.putShort(4, plain)
        inner.putRawShort(6, 0)
        inner.putWord(8, 0x0800_0000)
        inner.putWord(12, vni << 8)
        // RFC 4303 section 2.4: 1, 2, 3, how many that were, and what is inside.
        let trailer = inner + plain
        let saved = trailer.rawLong(0)
        trailer.putLong(0, 0x0102_0300_0000_0000)
        trailer.putOctet(body - plain - 2, body - plain - 2)
        trailer.putOctet(body - plain - 1, ESPLayout.nextHeader)
        packet.putWord(0, spi)
        packet.putWord(4, UInt32(truncatingIfNeeded: sequence))
        packet.putLong(8, sequence)
        let isSealed = cesp_seal(cipher, packet, inner, body, UInt32(truncatingIfNeeded: sequence >> 32)) == 1
        trailer.putRawLong(0, saved)
        return isSealed
    }

    /// What was in a packet.
    struct Contents: Equatable {
        let vni: UInt32
        /// Of the frame, which begins ``ESPLayout/prefix`` bytes after the packet's header.
        let length: Int
    }

    /// Reads `body` opened bytes, at least those of an empty frame; `nil` when they are no frame in VXLAN in UDP.
    @inline(__always) static func contents(_ inner: PacketBytes, body: Int) -> Contents? {
        let plain = body - 2 - inner.octet(body - 2)
        guard inner.octet(body - 1) == ESPLayout.nextHeader, plain >= ESPLayout.prefix + ESPLayout.ethernet,
            inner.short(4) == plain, inner.short(2) == ESPLayout.vxlanPort, inner.octet(8) & 0x08 != 0
        else { return nil }
        return Contents(vni: inner.word(12) >> 8, length: plain - ESPLayout.prefix)
    }
}
