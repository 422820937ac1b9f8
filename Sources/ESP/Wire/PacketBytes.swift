import CESP

/// Bytes of a packet where it lies. Whoever reads or writes has checked before that the place is within the packet: what packets say of
/// themselves is checked in ``Segmenter``, ``Coalescer`` and ``Receiver``, and nothing here is.
typealias PacketBytes = UnsafeMutableRawPointer

/// Numbers named `octet`, `short`, `word`, `long` are in network order, `raw…` as they lie in memory.
extension UnsafeMutableRawPointer {
    @inline(__always) func octet(_ at: Int) -> Int { Int(truncatingIfNeeded: load(fromByteOffset: at, as: UInt8.self)) }
    @inline(__always) func short(_ at: Int) -> Int {
        Int(truncatingIfNeeded: UInt16(bigEndian: loadUnaligned(fromByteOffset: at, as: UInt16.self)))
    }
    @inline(__always) func word(_ at: Int) -> UInt32 {
        UInt32(bigEndian: loadUnaligned(fromByteOffset: at, as: UInt32.self))
    }
    @inline(__always) func long(_ at: Int) -> UInt64 {
        UInt64(bigEndian: loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }
    @inline(__always) func rawShort(_ at: Int) -> UInt16 { loadUnaligned(fromByteOffset: at, as: UInt16.self) }
    @inline(__always) func rawWord(_ at: Int) -> UInt32 { loadUnaligned(fromByteOffset: at, as: UInt32.self) }
    @inline(__always) func rawLong(_ at: Int) -> UInt64 { loadUnaligned(fromByteOffset: at, as: UInt64.self) }

    @inline(__always) func putOctet(_ at: Int, _ value: Int) {
        storeBytes(of: UInt8(truncatingIfNeeded: value), toByteOffset: at, as: UInt8.self)
    }
    @inline(__always) func putShort(_ at: Int, _ value: Int) {
        storeBytes(of: UInt16(truncatingIfNeeded: value).bigEndian, toByteOffset: at, as: UInt16.self)
    }
    @inline(__always) func putWord(_ at: Int, _ value: UInt32) {
        storeBytes(of: value.bigEndian, toByteOffset: at, as: UInt32.self)
    }
    @inline(__always) func putLong(_ at: Int, _ value: UInt64) {
        storeBytes(of: value.bigEndian, toByteOffset: at, as: UInt64.self)
    }
    @inline(__always) func putRawShort(_ at: Int, _ value: UInt16) {
        storeBytes(of: value, toByteOffset: at, as: UInt16.self)
    }
    @inline(__always) func putRawLong(_ at: Int, _ value: UInt64) {
        storeBytes(of: value, toByteOffset: at, as: UInt64.self)
    }

    /// The six octets of an Ethernet address as a number.
    @inline(__always) func ethernetAddress(_ at: Int) -> UInt64 {
        UInt64(truncatingIfNeeded: short(at)) << 32 | UInt64(truncatingIfNeeded: word(at + 2))
    }
}

/// Where things are. The packet is counted from SPI on, frames from their Ethernet header.
enum ESPLayout {
    /// SPI 4, sequence number 4, IV 8.
    static let header = 16
    /// Inner UDP 8, VXLAN 8: what is before the frame.
    static let prefix = 16
    static let ethernet = 14
    static let icv = 16
    /// The shortest packet: an empty frame, pad length and next header.
    static let shortest = header + prefix + ethernet + 2 + icv
    static let vxlanPort = 4789
    /// IP's number of UDP, in the trailer: transport mode.
    static let nextHeader = 17
    /// `struct virtio_net_hdr`.
    static let vnetHeader = 10
    /// Of one send, joined or not: what UDP over IPv4 can carry.
    static let longestSend = 65_507
    /// UDP_MAX_SEGMENTS of the kernels that have UDP_SEGMENT.
    static let mostSegments = 64
    /// Smaller ones are reserved, RFC 4303 section 2.1.
    static let leastSPI: UInt32 = 256

    static let ipv4 = 0x0800
    static let ipv6 = 0x86dd
    static let arp = 0x0806
    static let tcp = 6
    static let udp = 17
    static let icmpv6 = 58
}

/// Kinds of segmentation in `struct virtio_net_hdr`: linux/virtio_net.h.
enum SegmentationKind {
    static let none = 0
    static let tcp4 = 1
    static let tcp6 = 4
    static let udp = 5
    /// Beside TCP's: the first segment alone has CWR.
    static let ecn = 0x80
}

/// The internet checksum (RFC 1071). Sums are kept in memory order and folded once.
enum InternetChecksum {
    @inline(__always) static func fold(_ sum: UInt64) -> UInt16 {
        var sum = (sum & 0xffff_ffff) &+ (sum >> 32)
        sum = (sum & 0xffff) &+ (sum >> 16)
        sum = (sum & 0xffff) &+ (sum >> 16)
        sum = (sum & 0xffff) &+ (sum >> 16)
        return UInt16(truncatingIfNeeded: sum)
    }

    @inline(__always) static func sum(_ bytes: PacketBytes, _ count: Int, _ start: UInt64 = 0) -> UInt64 {
        cesp_sum(bytes, count, start)
    }

    /// Of a pseudo-header: addresses, protocol, and the length of what follows.
    @inline(__always) static func pseudo(ip: PacketBytes, isV6: Bool, protocol number: Int, length: Int) -> UInt64 {
        var sum: UInt64 = 0
        if isV6 {
            var at = 8
            while at < 40 {
                sum &+= UInt64(truncatingIfNeeded: ip.rawWord(at))
                at &+= 4
            }
        } else {
            sum = UInt64(truncatingIfNeeded: ip.rawWord(12)) &+ UInt64(truncatingIfNeeded: ip.rawWord(16))
        }
        sum &+= UInt64(truncatingIfNeeded: UInt16(truncatingIfNeeded: number).bigEndian)
        return sum &+ UInt64(truncatingIfNeeded: UInt16(truncatingIfNeeded: length).bigEndian)
    }

    /// Writes the checksum of an IPv4 header of so many bytes.
    @inline(__always) static func putHeader(_ ip: PacketBytes, length: Int) {
        ip.putRawShort(10, 0)
        var sum: UInt64 = 0
        var at = 0
        while at < length {
            sum &+= UInt64(truncatingIfNeeded: ip.rawShort(at))
            at &+= 2
        }
        ip.putRawShort(10, ~fold(sum))
    }
}
