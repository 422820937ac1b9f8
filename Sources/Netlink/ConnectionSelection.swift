package import Addressing
import CLinux

/// Which connections a listing is to have. The kernel looks through its table itself then (5.8; before it lists all of them, so
/// what comes must be looked at all the same).
package enum ConnectionSelection: Sendable, Hashable {
    /// Begun by an address.
    case begun(by: IPAddress)
    /// Sent to an address, before translation.
    case sent(to: IPAddress)
    /// Answered from an address: sent there, after translation.
    case answered(from: IPAddress)
    /// Sent to a port, before translation. The protocol is IPPROTO_TCP, IPPROTO_UDP…
    case port(UInt16, protocol: UInt8)

    /// In which it is listed: the kernel reads what is selected as of the listing's family.
    var families: [AddressFamily] {
        switch self {
        case .port: [.ipv4, .ipv6]
        case .begun(let address), .sent(let address), .answered(let address): [AddressFamily(address.family)]
        }
    }

    /// How many times the kernel goes through its table of all namespaces for it.
    package var dumps: Int { families.count }

    /// Bits of CTA_FILTER_ORIG_FLAGS and CTA_FILTER_REPLY_FLAGS, which no header of the kernel's names: which members of a
    /// tuple are compared.
    private enum Compared {
        static let source: UInt32 = 1 << 0
        static let destination: UInt32 = 1 << 1
        static let `protocol`: UInt32 = 1 << 3
        static let destinationPort: UInt32 = 1 << 5
    }

    func encode(into message: inout MessageWriter) {
        switch self {
        case .begun(let address): encode(into: &message, address, asSource: true, isReply: false)
        case .sent(let address): encode(into: &message, address, asSource: false, isReply: false)
        case .answered(let address): encode(into: &message, address, asSource: true, isReply: true)
        case .port(let number, let transport):
            message.nest(UInt16(CTA_TUPLE_ORIG.rawValue), marked: true) {
                $0.nest(UInt16(CTA_TUPLE_PROTO.rawValue), marked: true) {
                    $0.number(UInt16(CTA_PROTO_NUM.rawValue), transport)
                    $0.bigEndian(UInt16(CTA_PROTO_DST_PORT.rawValue), number)
                }
            }
            compare(Compared.protocol | Compared.destinationPort, isReply: false, into: &message)
        }
    }

    private func encode(
        into message: inout MessageWriter, _ address: IPAddress, asSource: Bool, isReply: Bool
    ) {
        message.nest(UInt16((isReply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG).rawValue), marked: true) {
            $0.nest(UInt16(CTA_TUPLE_IP.rawValue), marked: true) {
                let type: UInt16 =
                    switch address.family {
                    case .v4: UInt16((asSource ? CTA_IP_V4_SRC : CTA_IP_V4_DST).rawValue)
                    case .v6: UInt16((asSource ? CTA_IP_V6_SRC : CTA_IP_V6_DST).rawValue)
                    }
                $0.bytes(type, address.octets)
            }
        }
        compare(asSource ? Compared.source : Compared.destination, isReply: isReply, into: &message)
    }

    private func compare(_ members: UInt32, isReply: Bool, into message: inout MessageWriter) {
        message.nest(UInt16(CTA_FILTER.rawValue), marked: true) {
            $0.number(UInt16((isReply ? CTA_FILTER_REPLY_FLAGS : CTA_FILTER_ORIG_FLAGS).rawValue), members)
        }
    }
}
