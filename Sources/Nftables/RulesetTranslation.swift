import Addressing
import CLinux
package import Netlink

extension RulesetChanges {
    /// Steps in the kernel's own terms; `nil` where one cannot be said so.
    package init?(_ steps: [TableStep]) {
        self.init()
        for step in steps {
            switch step {
            case .remove(let table, let set, let layout, let keys):
                let elements = keys.compactMap { layout.encode(key: $0).map { RulesetElement(key: $0) } }
                guard elements.count == keys.count else { return nil }
                delete(elements, from: set, of: table.inKernel)
            case .add(let table, let set, let layout, let values):
                var elements: [RulesetElement] = []
                for (key, value) in values {
                    guard let key = layout.encode(key: key), let value = layout.encode(value: value) else { return nil }
                    switch value {
                    case .none: elements.append(RulesetElement(key: key))
                    case .data(let bytes): elements.append(RulesetElement(key: key, value: .data(bytes)))
                    case .chain(let name): elements.append(RulesetElement(key: key, value: .goto(name)))
                    }
                }
                add(elements, to: set, of: table.inKernel)
            case .chain(let table, let name, let count, let balancing):
                guard let modulus = UInt32(exactly: count), modulus > 0 else { return nil }
                addChain(name, of: table.inKernel, rule: balancing.rule(of: modulus))
            }
        }
    }
}

extension Balancing {
    /// NFT_REG32_00 as a part of NFT_REG_1, and those behind it: a key of several parts lies in registers side by side.
    private static let (first, second, third): (UInt32, UInt32, UInt32) = (1, 9, 10)
    /// NFT_REG_2 as NFT_REG32_04: behind sixteen octets.
    private static let behindAddress6: UInt32 = 2

    /// The rule as libnftables makes it of the text: listed, both are the same.
    fileprivate func rule(of count: UInt32) -> [RuleExpression] {
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

extension TableID {
    private static let families: [(Family, UInt8)] = [
        (.inet, 1), (.ip, 2), (.arp, 3), (.netdev, 5), (.bridge, 7), (.ip6, 10),
    ]

    /// By its number in the kernel, `NFPROTO_…`.
    package var inKernel: RulesetTable {
        RulesetTable(family: Self.families.first { $0.0 == family }?.1 ?? 0, name: name)
    }

    /// `nil`: of a family that nft does not name.
    package init?(_ table: RulesetTable) {
        guard let family = Self.families.first(where: { $0.1 == table.family })?.0 else { return nil }
        self.init(family, table.name)
    }
}
