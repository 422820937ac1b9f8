package import Addressing
import CLinux
import Glibc
import Synchronization

/// An element of a set or map of nftables, as the kernel has it: each part of a key or value that is put together of several is padded to four bytes.
package struct RulesetElement: Hashable, Sendable {
    /// What a map has under the key.
    package enum Value: Hashable, Sendable {
        /// Of a set.
        case none
        case data([UInt8])
        /// The name of a chain.
        case goto(String)
    }

    package let key: [UInt8]
    package let value: Value

    package init(key: [UInt8], value: Value = .none) {
        self.key = key
        self.value = value
    }
}

/// A step of a rule (`struct nft_expr_ops`, linux/netfilter/nf_tables.h). Registers are `NFT_REG_…` and `NFT_REG32_…`.
package enum RuleExpression: Hashable, Sendable {
    /// `NFT_PAYLOAD_…` header, offset and length in bytes.
    case payload(register: UInt32, base: UInt32, offset: UInt32, length: UInt32)
    /// A number below the modulus, in turns or at random.
    case number(register: UInt32, modulus: UInt32, isRandom: Bool)
    /// `NFT_META_…`
    case loadMeta(register: UInt32, key: UInt32)
    case storeMeta(register: UInt32, key: UInt32)
    /// `size`: of what the map gives, in bytes.
    case lookUp(register: UInt32, map: String, into: UInt32)
    /// Another destination, of the family that the table is of.
    case translate(IPFamily = .v4, addressRegister: UInt32, portRegister: UInt32?)
}

/// Changes of nftables that are made together or not at all.
package struct RulesetChanges: Sendable {
    /// Elements of one message: its length must fit 16 bits.
    private static let mostElements = 200

    private(set) var messages: [MessageWriter] = []
    /// Elements and chains.
    package private(set) var count = 0

    package init() {}

    package var isEmpty: Bool { messages.isEmpty }

    /// An element that is there already with another value is refused; the same is none.
    package mutating func add(_ elements: [RulesetElement], to set: String, of table: RulesetTable) {
        change(elements, set, table, RulesetMessage.newElement, MessageFlags.create)
    }

    /// An element that is not there is refused.
    package mutating func delete(_ elements: [RulesetElement], from set: String, of table: RulesetTable) {
        change(elements, set, table, RulesetMessage.deleteElement, 0)
    }

    private mutating func change(
        _ elements: [RulesetElement], _ set: String, _ table: RulesetTable, _ kind: UInt16, _ flags: UInt16
    ) {
        var rest = elements[...]
        while !rest.isEmpty {
            let some = rest.prefix(Self.mostElements)
            rest = rest.dropFirst(some.count)
            var writer = RulesetMessage.begin(kind, table.family, flags: flags)
            writer.string(UInt16(truncatingIfNeeded: NFTA_SET_ELEM_LIST_TABLE.rawValue), table.name)
            writer.string(UInt16(truncatingIfNeeded: NFTA_SET_ELEM_LIST_SET.rawValue), set)
            writer.nest(UInt16(truncatingIfNeeded: NFTA_SET_ELEM_LIST_ELEMENTS.rawValue), marked: true) { list in
                for element in some { element.encode(into: &list) }
            }
            messages.append(writer)
        }
        count += elements.count
    }

    /// A chain without a hook, with these rules alone: what one that is there already has goes.
    package mutating func addChain(_ name: String, of table: RulesetTable, rules: [[RuleExpression]]) {
        var chain = RulesetMessage.begin(RulesetMessage.newChain, table.family, flags: MessageFlags.create)
        chain.string(UInt16(truncatingIfNeeded: NFTA_CHAIN_TABLE.rawValue), table.name)
        chain.string(UInt16(truncatingIfNeeded: NFTA_CHAIN_NAME.rawValue), name)
        var flush = RulesetMessage.begin(RulesetMessage.deleteRule, table.family, flags: 0)
        flush.string(UInt16(truncatingIfNeeded: NFTA_RULE_TABLE.rawValue), table.name)
        flush.string(UInt16(truncatingIfNeeded: NFTA_RULE_CHAIN.rawValue), name)
        messages += [chain, flush]
        for rule in rules {
            var writer = RulesetMessage.begin(
                RulesetMessage.newRule, table.family, flags: MessageFlags.create | MessageFlags.append)
            writer.string(UInt16(truncatingIfNeeded: NFTA_RULE_TABLE.rawValue), table.name)
            writer.string(UInt16(truncatingIfNeeded: NFTA_RULE_CHAIN.rawValue), name)
            writer.nest(UInt16(truncatingIfNeeded: NFTA_RULE_EXPRESSIONS.rawValue), marked: true) { list in
                for expression in rule { expression.encode(into: &list) }
            }
            messages.append(writer)
        }
        count += 1
    }
}

/// Changes nftables in the namespace in which it was opened, whoever calls. Blocking.
package final class RulesetSocket: Sendable {
    let shared: SharedSocket

    /// In the calling thread's namespace.
    package init() throws { shared = SharedSocket(try NetlinkSocket(protocol: NETLINK_NETFILTER)) }

    /// In the namespace of another socket, whose descriptor it uses.
    package init(sharing connections: ConntrackSocket) { shared = connections.shared }

    /// Makes the changes as one transaction.
    /// - Throws: ``NetlinkError`` with what the kernel refused; nothing has happened then.
    package func perform(_ changes: RulesetChanges) throws(NetlinkError) {
        if changes.isEmpty { return }
        try shared.socket.withLock { (socket) throws(NetlinkError) in
            try socket.transact(changes.messages, attempting: "change nftables")
        }
    }
}

extension NetlinkSocket {
    /// Sends messages between those that begin and end a transaction of nftables (linux/netfilter/nfnetlink.h).
    fileprivate mutating func transact(_ messages: [MessageWriter], attempting: String) throws(NetlinkError) {
        let first = nextSequence()
        var bytes = Self.boundary(UInt16(truncatingIfNeeded: NFNL_MSG_BATCH_BEGIN), sequence: first)
        var last = first
        for (place, message) in messages.enumerated() {
            last = nextSequence()
            let message = message.finished(sequence: last, acknowledged: place == messages.count - 1)
            bytes += message
        }
        bytes += Self.boundary(UInt16(truncatingIfNeeded: NFNL_MSG_BATCH_END), sequence: nextSequence())
        // Refusals come in the order of the messages, that of the whole first. The last message is answered in any case.
        try complete(bytes, from: first, to: last, attempting)
    }

    private static func boundary(_ type: UInt16, sequence: UInt32) -> [UInt8] {
        var writer = MessageWriter(type: type, flags: MessageFlags.request)
        writer.put(UInt8(0))
        writer.put(UInt8(0))
        writer.put(UInt16(NFNL_SUBSYS_NFTABLES).bigEndian)
        return writer.finished(sequence: sequence)
    }
}

extension RulesetElement {
    fileprivate func encode(into list: inout MessageWriter) {
        let data = UInt16(truncatingIfNeeded: NFTA_DATA_VALUE.rawValue)
        list.nest(UInt16(truncatingIfNeeded: NFTA_LIST_ELEM.rawValue), marked: true) { element in
            element.nest(UInt16(truncatingIfNeeded: NFTA_SET_ELEM_KEY.rawValue), marked: true) { $0.bytes(data, key) }
            let place = UInt16(truncatingIfNeeded: NFTA_SET_ELEM_DATA.rawValue)
            switch value {
            case .none: break
            case .data(let bytes): element.nest(place, marked: true) { $0.bytes(data, bytes) }
            case .goto(let chain):
                element.nest(place, marked: true) {
                    $0.nest(UInt16(truncatingIfNeeded: NFTA_DATA_VERDICT.rawValue), marked: true) { verdict in
                        verdict.bigEndian(
                            UInt16(truncatingIfNeeded: NFTA_VERDICT_CODE.rawValue),
                            UInt32(truncatingIfNeeded: NFT_GOTO.rawValue))
                        verdict.string(UInt16(truncatingIfNeeded: NFTA_VERDICT_CHAIN.rawValue), chain)
                    }
                }
            }
        }
    }
}

extension RuleExpression {
    /// NFTA_NG_TYPE: in turns 0, at random 1.
    private static let random: UInt32 = 1
    /// NFT_NAT_DNAT, NFPROTO_IPV4.
    private static let (destination, family, family6): (UInt32, UInt32, UInt32) = (1, 2, 10)

    fileprivate func encode(into list: inout MessageWriter) {
        list.nest(UInt16(truncatingIfNeeded: NFTA_LIST_ELEM.rawValue), marked: true) { expression in
            expression.string(UInt16(truncatingIfNeeded: NFTA_EXPR_NAME.rawValue), name)
            expression.nest(UInt16(truncatingIfNeeded: NFTA_EXPR_DATA.rawValue), marked: true) { data in
                if case .lookUp(_, let map, _) = self {
                    data.string(UInt16(truncatingIfNeeded: NFTA_LOOKUP_SET.rawValue), map)
                }
                for (type, value) in numbers { data.bigEndian(UInt16(truncatingIfNeeded: type), value) }
            }
        }
    }

    private var name: String {
        switch self {
        case .payload: "payload"
        case .number: "numgen"
        case .loadMeta, .storeMeta: "meta"
        case .lookUp: "lookup"
        case .translate: "nat"
        }
    }

    private var numbers: [(type: UInt32, value: UInt32)] {
        switch self {
        case .payload(let register, let base, let offset, let length):
            [
                (NFTA_PAYLOAD_DREG.rawValue, register), (NFTA_PAYLOAD_BASE.rawValue, base),
                (NFTA_PAYLOAD_OFFSET.rawValue, offset), (NFTA_PAYLOAD_LEN.rawValue, length),
            ]
        case .number(let register, let modulus, let isRandom):
            [
                (NFTA_NG_DREG.rawValue, register), (NFTA_NG_MODULUS.rawValue, modulus),
                (NFTA_NG_TYPE.rawValue, isRandom ? Self.random : 0), (NFTA_NG_OFFSET.rawValue, 0),
            ]
        case .loadMeta(let register, let key):
            [(NFTA_META_KEY.rawValue, key), (NFTA_META_DREG.rawValue, register)]
        case .storeMeta(let register, let key):
            [(NFTA_META_KEY.rawValue, key), (NFTA_META_SREG.rawValue, register)]
        case .lookUp(let register, _, let into):
            [(NFTA_LOOKUP_SREG.rawValue, register), (NFTA_LOOKUP_DREG.rawValue, into)]
        case .translate(let family, let address, let port):
            [
                (NFTA_NAT_TYPE.rawValue, Self.destination),
                (NFTA_NAT_FAMILY.rawValue, family == .v4 ? Self.family : Self.family6),
                (NFTA_NAT_REG_ADDR_MIN.rawValue, address),
            ] + (port.map { [(NFTA_NAT_REG_PROTO_MIN.rawValue, $0)] } ?? [])
        }
    }
}
