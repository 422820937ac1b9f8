package import Addressing
package import EngineInterface

/// What a probe and its answer have in common: nobody who has not seen the one can make the other.
package struct ProbeNonce: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Fit for keys: from the system's generator.
    package static func random() -> ProbeNonce {
        ProbeNonce(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }
}

/// A frame that is sent through the tunnel itself: Ethernet, IPv4 and UDP, so that network cards treat it as they treat containers'.
///
/// Behind UDP's header: `APUS`, version 1, kind, flags, 0, nonce (16), the packet's length on the underlay (2), zeros. Numbers are in
/// network order.
package struct ProbeFrame: Sendable, Equatable {
    /// A question is answered; an answer never is.
    package enum Kind: UInt8, Sendable { case question = 1, answer = 2 }

    package var kind: Kind
    package var nonce: ProbeNonce
    /// Of the packet that carries the frame on the underlay, in bytes; an answer repeats the question's.
    package var size: Int
    /// Of an answer: the question's checksum was wrong when it arrived.
    package var isDamaged: Bool

    package init(_ kind: Kind, nonce: ProbeNonce, size: Int, isDamaged: Bool = false) {
        self.isDamaged = isDamaged
        self.kind = kind
        self.nonce = nonce
        self.size = size
    }

    // MARK: layout

    static let ethernet = 14
    private static let ip = 20
    private static let udp = 8
    private static let content = 26
    private static let mark: [UInt8] = [0x41, 0x50, 0x55, 0x53]
    private static let version: UInt8 = 1
    /// A frame without zeros at its end. Both kinds have at least this: an answer is never longer than its question.
    static let shortest = ethernet + ip + udp + content
    /// Where the checksum of UDP begins to count, and where it is from there: what a card needs to know.
    static let checksumStart = ethernet + ip
    static let checksumOffset = 6

    /// What the tunnel adds to a frame's IPv4 packet: Ethernet, VXLAN, UDP and the underlay's IP header; of what is encrypted twice UDP, and ESP
    /// (docs/encryption.md).
    package static func overhead(_ family: IPFamily, _ kind: PathKind = .vxlan) -> Int {
        (kind == .esp ? 92 : 50) + (family == .v4 ? 0 : 20)
    }

    /// The longest IPv4 packet in a packet of the underlay of a length. What is encrypted is a multiple of 4 bytes long.
    static func inner(_ size: Int, _ family: IPFamily, _ kind: PathKind) -> Int {
        let room = size - overhead(family, kind)
        return kind == .esp ? room & ~3 : room
    }

    /// The shortest packet of the underlay that carries a probe.
    package static func smallest(_ family: IPFamily, _ kind: PathKind = .vxlan) -> Int {
        shortest - ethernet + overhead(family, kind)
    }

    /// The station of a node in the probes' network: a local address, of the node's on the underlay.
    package static func station(of address: IPAddress) -> MACAddress {
        switch address {
        case .v4: MACAddress(octets: [0x02, 0x70] + address.octets)
        case .v6:
            // FNV-1a, folded to five octets.
            MACAddress(
                octets: [0x06]
                    + address.octets.reduce(into: UInt64(0xcbf2_9ce4_8422_2325)) { hash, octet in
                        hash = (hash ^ UInt64(clamping: octet)) &* 0x100_0000_01b3
                    }.octets.suffix(5))
        }
    }

    // MARK: writing

    /// The frame as it is sent.
    /// - Parameters:
    ///   - length: Of the whole frame; ``shortest`` at least.
    ///   - leavesChecksum: UDP's checksum is for the device to compute: what is written is the sum over the pseudo-header.
    ///   - hasChecksum: Without one: what is encrypted is authentic, and frames that have none are joined with no others on their way.
    func bytes(
        from: MACAddress, to: MACAddress, length: Int, leavesChecksum: Bool, hasChecksum: Bool = true
    ) -> [UInt8] {
        let length = min(max(length, Self.shortest), 65_000)
        let packet = length - Self.ethernet
        // Addresses that no host takes anything from: nothing but the probe's socket looks at them.
        let addresses: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 2]
        var header: [UInt8] = [0x45, 0] + UInt16(clamping: packet).octets + [0, 0, 0x40, 0, 64, 17, 0, 0] + addresses
        let sum = ProbeChecksum.of(header[...])
        header.replaceSubrange(10..<12, with: sum.octets)
        let datagram = UInt16(clamping: packet - Self.ip)
        var body = Self.port.octets + Self.port.octets + datagram.octets + [0, 0]
        body += Self.mark + [Self.version, kind.rawValue, isDamaged ? 1 : 0, 0]
        body += nonce.high.octets + nonce.low.octets + UInt16(clamping: size).octets
        body += [UInt8](repeating: 0, count: max(0, packet - Self.ip - body.count))
        let pseudo = addresses + [0, 17] + datagram.octets
        let check: UInt16
        if !hasChecksum {
            check = 0
        } else if leavesChecksum {
            check = ~ProbeChecksum.of(pseudo[...])
        } else {
            let whole = ProbeChecksum.of(pseudo[...], body[...])
            check = whole == 0 ? 0xffff : whole
        }
        body.replaceSubrange(Self.checksumOffset..<Self.checksumOffset + 2, with: check.octets)
        return to.octets + from.octets + [0x08, 0x00] + header + body
    }

    /// Not registered with anybody: nothing leaves the tunnel.
    private static let port: UInt16 = 4

    // MARK: reading

    /// Who has sent a frame, and what is in it; `nil` for what is no probe.
    /// - Parameter hasChecksum: The kernel has not left the checksum open, as it does for what never was on a wire.
    static func read(_ frame: ArraySlice<UInt8>, hasChecksum: Bool) -> (
        from: MACAddress, frame: ProbeFrame, isDamaged: Bool
    )? {
        guard frame.count >= shortest else { return nil }
        let packet = frame.dropFirst(ethernet)
        guard frame.dropFirst(12).prefix(2).elementsEqual([8, 0]), packet.first == 0x45,
            packet.dropFirst(9).first == 17
        else { return nil }
        let declared = Int(clamping: packet.dropFirst(2).number(UInt16.self))
        guard declared >= ip + udp + content, declared <= packet.count else { return nil }
        let datagram = packet.prefix(declared).dropFirst(ip)
        let content = datagram.dropFirst(udp)
        guard content.prefix(4).elementsEqual(mark), content.dropFirst(4).first == version,
            let kind = content.dropFirst(5).first.flatMap(Kind.init(rawValue:)), let flags = content.dropFirst(6).first
        else { return nil }
        let nonce = ProbeNonce(
            high: content.dropFirst(8).number(UInt64.self), low: content.dropFirst(16).number(UInt64.self))
        var isDamaged = false
        if hasChecksum {
            let length = UInt16(clamping: datagram.count)
            let pseudo = Array(packet.dropFirst(12).prefix(8)) + [0, 17] + length.octets
            isDamaged = ProbeChecksum.of(pseudo[...], datagram) != 0
        }
        return (
            MACAddress(octets: Array(frame.dropFirst(6).prefix(6))),
            ProbeFrame(
                kind, nonce: nonce, size: Int(clamping: content.dropFirst(24).number(UInt16.self)),
                isDamaged: flags & 1 != 0),
            isDamaged
        )
    }
}

/// The internet checksum (RFC 1071).
enum ProbeChecksum {
    /// Of the parts one after the other; all but the last have an even length. 0 over what has its checksum in it and is whole.
    static func of(_ parts: ArraySlice<UInt8>...) -> UInt16 {
        var sum: UInt64 = 0
        for part in parts {
            var high: UInt64?
            for octet in part {
                if let first = high {
                    sum &+= first << 8 | UInt64(clamping: octet)
                    high = nil
                } else {
                    high = UInt64(clamping: octet)
                }
            }
            if let high { sum &+= high << 8 }
        }
        while sum >> 16 != 0 { sum = sum & 0xffff &+ sum >> 16 }
        return ~UInt16(truncatingIfNeeded: sum)
    }
}

extension FixedWidthInteger {
    /// In network order.
    var octets: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}

extension ArraySlice<UInt8> {
    /// A number in network order at the beginning; missing octets count as none.
    func number<Number: FixedWidthInteger & UnsignedInteger>(_ type: Number.Type) -> Number {
        prefix(Number.bitWidth / 8).reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }
}
