package import Addressing
import CLinux

/// A routing rule that leads to a table (ip-rule(8), linux/fib_rules.h).
package struct Rule: Sendable, Hashable {
    /// Rules are asked in this order, the lowest first.
    package var priority: UInt32
    /// Number of the routing table that it leads to.
    package var table: UInt32
    /// Only packets with this mark, see ``markMask``; all when `nil`.
    package var mark: UInt32?
    /// All bits when `nil`.
    package var markMask: UInt32?
    /// Whose packets it is for; source and destination are of it.
    package var family: IPFamily
    package var source: IPNetwork?
    package var destination: IPNetwork?
    /// Only packets that come in by the link of this name.
    package var inputLink: String?
    /// Who has put it there (`FRA_PROTOCOL`): ``ownProtocol`` for ours.
    package var `protocol`: UInt8

    package init(
        priority: UInt32, table: UInt32, mark: UInt32? = nil, markMask: UInt32? = nil, source: IPNetwork? = nil,
        destination: IPNetwork? = nil, inputLink: String? = nil, family: IPFamily = .v4,
        protocol: UInt8 = ownProtocol
    ) {
        self.family = family
        self.priority = priority
        self.table = table
        self.mark = mark
        self.markMask = markMask
        self.source = source
        self.destination = destination
        self.inputLink = inputLink
        self.protocol = `protocol`
    }

    /// What every new namespace has for IPv4: the tables `local`, `main` and `default` (ip-rule(8)).
    package static let initial: Set<Rule> = [
        Rule(priority: 0, table: UInt32(RT_TABLE_LOCAL.rawValue), protocol: kernelProtocol),
        Rule(priority: 32_766, table: Route.mainTable, protocol: kernelProtocol),
        Rule(priority: 32_767, table: UInt32(RT_TABLE_DEFAULT.rawValue), protocol: kernelProtocol),
    ]

    /// `struct fib_rule_hdr`.
    static let headerLength = 12

    func encode(into message: inout MessageWriter) {
        message.put(AddressFamily(family).rawValue)
        message.put(UInt8(clamping: destination?.prefixLength ?? 0))
        message.put(UInt8(clamping: source?.prefixLength ?? 0))
        message.put(UInt8(0))
        message.put(table < 256 ? UInt8(clamping: table) : UInt8(RT_TABLE_UNSPEC.rawValue))
        message.put(zeros: 2)
        message.put(RuleAttribute.toTable)
        message.put(UInt32(0))
        message.number(RuleAttribute.priority, priority)
        message.number(RuleAttribute.table, table)
        if let mark {
            message.number(RuleAttribute.mark, mark)
            message.number(RuleAttribute.markMask, markMask ?? .max)
        }
        if let source { message.bytes(RuleAttribute.source, source.first.octets) }
        if let destination { message.bytes(RuleAttribute.destination, destination.first.octets) }
        if let inputLink { message.string(RuleAttribute.inInterface, inputLink) }
        message.number(RuleAttribute.protocol, `protocol`)
    }

    /// `nil` for messages of other types or families.
    package init?(_ message: NetlinkMessage) throws(NetlinkError) {
        guard message.type == MessageType.newRule else { return nil }
        let (fixed, attributes) = try message.parts(fixed: Self.headerLength)
        guard let family = IPFamily(try fixed.number(at: 0, as: UInt8.self)),
            try fixed.number(at: 7) == RuleAttribute.toTable
        else { return nil }
        let destinationLength = Int(clamping: try fixed.number(at: 1, as: UInt8.self))
        let sourceLength = Int(clamping: try fixed.number(at: 2, as: UInt8.self))
        guard destinationLength <= family.width, sourceLength <= family.width else { return nil }
        self.family = family
        priority = attributes.number(RuleAttribute.priority) ?? 0
        let shortTable = try fixed.number(at: 4, as: UInt8.self)
        table = attributes.number(RuleAttribute.table) ?? UInt32(clamping: shortTable)
        mark = attributes.number(RuleAttribute.mark)
        markMask = attributes.number(RuleAttribute.markMask)
        source = attributes.address(RuleAttribute.source).flatMap {
            $0.family == family ? IPNetwork(address: $0, prefixLength: sourceLength) : nil
        }
        destination = attributes.address(RuleAttribute.destination).flatMap {
            $0.family == family ? IPNetwork(address: $0, prefixLength: destinationLength) : nil
        }
        inputLink = attributes.string(RuleAttribute.inInterface)
        `protocol` = attributes.number(RuleAttribute.protocol) ?? 0
    }
}

/// Adds a rule; ``NetlinkError/Code/exists`` when the very same one is there.
package struct AddRule: NetlinkRequest {
    package var rule: Rule

    package init(_ rule: Rule) { self.rule = rule }

    package var type: UInt16 { MessageType.newRule }
    package var flags: UInt16 { MessageFlags.create | MessageFlags.exclusive }
    package var description: String { "add rule \(rule.priority) to table \(rule.table)" }
    package func encode(into message: inout MessageWriter, _ context: EncodingContext) { rule.encode(into: &message) }
}

/// Takes a rule away that fits all that is said; ``NetlinkError/Code/missing`` when there is none.
package struct DeleteRule: NetlinkRequest {
    package var rule: Rule

    package init(_ rule: Rule) { self.rule = rule }

    package var type: UInt16 { MessageType.deleteRule }
    package var flags: UInt16 { 0 }
    package var description: String { "delete rule \(rule.priority) to table \(rule.table)" }
    package func encode(into message: inout MessageWriter, _ context: EncodingContext) { rule.encode(into: &message) }
}
