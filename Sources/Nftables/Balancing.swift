package import Addressing
import CLinux
import Netlink

/// How the chains of a table choose one of so many: `n3` of three, `p8` of five to eight.
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

    /// The rules of a chain that chooses one of so many, one a line.
    package func text(of count: Int) -> String {
        moduli(of: count).map { modulus in
            switch self {
            case .addresses(let map, let family):
                "dnat to \(family == .v4 ? "ip" : "ip6") daddr . numgen random mod \(modulus) map @\(map)"
            case .ports(let map, let carrier, _):
                "meta \(carrier) set numgen inc mod \(modulus) dnat to meta l4proto . th dport . meta \(carrier) map @\(map)"
            }
        }.joined(separator: "\n")
    }
}

/// Which chain chooses among how many. Turns need one for each number. What is chosen at random need not: of a number that nobody has, the rule
/// finds nothing, and the next rule of the chain draws another. So a chain that draws from the next power of two does for all numbers down to half
/// of it, and one more that can be chosen is one element.
extension Balancing {
    /// Up to so many have a chain that draws once, from just as many: they are most services, and no draw is lost.
    private static let mostExact = 4
    /// Of which at most half find nothing each time: one connection in 64 is left, which goes to one of the first half.
    private static let draws = 6

    /// How many the chain that chooses among so many has room for: the least number that it does for is above half of it.
    package func room(for count: Int) -> Int {
        guard case .addresses = self, count > Self.mostExact else { return count }
        var room = Self.mostExact
        while room < count, room <= .max / 2 { room *= 2 }
        return room
    }

    /// The name of that chain: `n3` for three, `p8` for five to eight.
    package func name(of count: Int) -> String {
        let room = self.room(for: count)
        return isDrawnAgain(room) ? "p\(room)" : "n\(room)"
    }

    /// How many a chain of that name has room for; `nil` for one that is none of these.
    func room(ofChain name: String) -> Int? {
        guard let room = Int(name.dropFirst()), room > 0, self.name(of: room) == name else { return nil }
        return room
    }

    private func isDrawnAgain(_ room: Int) -> Bool {
        if case .addresses = self { room > Self.mostExact } else { false }
    }

    /// Of what the chain's rules draw, one after the other.
    fileprivate func moduli(of count: Int) -> [Int] {
        let room = self.room(for: count)
        return isDrawnAgain(room) ? Array(repeating: room, count: Self.draws) + [room / 2] : [room]
    }
}

extension Balancing {
    /// NFT_REG32_00 as a part of NFT_REG_1, and those behind it: a key of several parts lies in registers side by side.
    private static let (first, second, third): (UInt32, UInt32, UInt32) = (1, 9, 10)
    /// NFT_REG_2 as NFT_REG32_04: behind sixteen octets.
    private static let behindAddress6: UInt32 = 2

    /// The rules as libnftables makes them of the text: listed, both are the same. `nil` for more than the kernel counts.
    func rules(of count: Int) -> [[RuleExpression]]? {
        let moduli = self.moduli(of: count).map { UInt32(exactly: $0) }
        let rules = moduli.compactMap { $0 }.filter { $0 > 0 }.map { rule(of: $0) }
        return rules.count == moduli.count ? rules : nil
    }

    private func rule(of count: UInt32) -> [RuleExpression] {
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
