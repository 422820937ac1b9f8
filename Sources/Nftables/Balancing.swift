package import Addressing
import CLinux
import Netlink

/// How the chains of a table choose one of so many: `n3` of three.
package enum Balancing: Equatable, Sendable {
    /// Of a map by address and number, at random.
    case addresses(map: String, IPFamily = .v4)
    /// Of a map by protocol, port and number, in turns. The number goes through something that the packet has.
    case ports(map: String, through: Carrier, IPFamily = .v4)

    /// What a packet has that the number may go through, as maps take no expression.
    package enum Carrier: String, Equatable, Sendable { case mark, priority }

    /// The rule of a chain that chooses one of so many by the sender's address, of ports alone: the same number for it wherever the rule is.
    package func textBySource(of count: Int) -> String? {
        guard count > 1, case .ports(let map, let carrier, let family) = self else { return nil }
        return "meta \(carrier) set jhash \(family == .v4 ? "ip" : "ip6") saddr mod \(count) seed 0x61707573 "
            + "dnat to meta l4proto . th dport . meta \(carrier) map @\(map)"
    }

    /// The rule of a chain that chooses one of so many.
    package func text(of count: Int) -> String {
        switch self {
        case .addresses(let map, let family):
            "dnat to \(family == .v4 ? "ip" : "ip6") daddr . numgen random mod \(count) map @\(map)"
        case .ports(let map, let carrier, _):
            "meta \(carrier) set numgen inc mod \(count) dnat to meta l4proto . th dport . meta \(carrier) map @\(map)"
        }
    }
}

extension Balancing {
    /// NFT_REG32_00 as a part of NFT_REG_1, and those behind it: a key of several parts lies in registers side by side.
    private static let (first, second, third): (UInt32, UInt32, UInt32) = (1, 9, 10)
    /// NFT_REG_2 as NFT_REG32_04: behind sixteen octets.
    private static let behindAddress6: UInt32 = 2

    /// The rule as libnftables makes it of the text: listed, both are the same.
    func rule(of count: UInt32) -> [RuleExpression] {
        switch self {
        case .addresses(let map, let family):
            let (offset, length): (UInt32, UInt32) = family == .v4 ? (16, 4) : (24, 16)
            return [
                .payload(
                    register: Self.first, base: UInt32(NFT_PAYLOAD_NETWORK_HEADER.rawValue), offset: offset,
                    length: length),
                .number(
                    register: family == .v4 ? Self.second : Self.behindAddress6, modulus: count, isRandom: true),
                .lookUp(register: Self.first, map: map, into: Self.first),
                .translate(family, addressRegister: Self.first, portRegister: nil),
            ]
        case .ports(let map, let carrier, let family):
            let key = carrier == .mark ? UInt32(NFT_META_MARK.rawValue) : UInt32(NFT_META_PRIORITY.rawValue)
            return [
                .number(register: Self.first, modulus: count, isRandom: false),
                .storeMeta(register: Self.first, key: key),
                .loadMeta(register: Self.first, key: UInt32(NFT_META_L4PROTO.rawValue)),
                .payload(
                    register: Self.second, base: UInt32(NFT_PAYLOAD_TRANSPORT_HEADER.rawValue), offset: 2, length: 2),
                .loadMeta(register: Self.third, key: key),
                .lookUp(register: Self.first, map: map, into: Self.first),
                .translate(
                    family, addressRegister: Self.first,
                    portRegister: family == .v4 ? Self.second : Self.behindAddress6),
            ]
        }
    }
}
