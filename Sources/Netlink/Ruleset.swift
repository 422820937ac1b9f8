import CLinux
import Glibc
import LinuxSystem

/// A table of nftables: its family as the kernel numbers it (`NFPROTO_…`), and its name.
package struct RulesetTable: Hashable, Sendable {
    /// `NFPROTO_…`, which for IP is as `AF_…`.
    package let family: UInt8
    package let name: String

    package init(family: UInt8, name: String) {
        self.family = family
        self.name = name
    }
}

/// Counts what nftables has in a namespace and reads nothing of it, so that what somebody else has put there, however much it
/// is, takes no memory to look at. Blocking, as ``RouteSocket``; in the namespace of the thread that calls.
package struct Ruleset: Sendable {
    package init() {}

    /// Whether there is a table of this name.
    package func has(_ table: RulesetTable) throws -> Bool {
        var writer = Self.message(Kind.getTable, table.family, isDump: false)
        writer.string(Attribute.tableName, table.name)
        var socket = try NetlinkSocket(protocol: NETLINK_NETFILTER)
        return try socket.ask(attempting: "look for table \(table.name)", orNothing: true, writer.finished).isEmpty
            == false
    }

    /// Of all families, in the network namespace of the calling thread.
    package func tables() throws -> Set<RulesetTable> {
        let request = Self.message(Kind.getTable, 0, isDump: true)
        var socket = try NetlinkSocket(protocol: NETLINK_NETFILTER)
        let found = try socket.dump(attempting: "list tables", request.finished) { message -> RulesetTable? in
            guard message.type == Kind.newTable else { return nil }
            let (fixed, attributes) = try message.parts(fixed: Self.headerLength)
            guard let name = attributes.string(Attribute.tableName) else { return nil }
            return RulesetTable(family: try fixed.number(at: 0), name: name)
        }
        return Set(found.rows)
    }

    /// Whether a table has a chain whose name begins so.
    package func hasChain(in table: RulesetTable, beginning prefix: String) throws -> Bool {
        let request = Self.message(Kind.getChain, table.family, isDump: true)
        var socket = try NetlinkSocket(protocol: NETLINK_NETFILTER)
        // The kernel tells the chains of all tables of the family.
        let found = try socket.dump(attempting: "list chains", most: 1, request.finished) { message -> String? in
            guard message.type == Kind.newChain else { return nil }
            let (fixed, attributes) = try message.parts(fixed: Self.headerLength)
            let family: UInt8 = try fixed.number(at: 0)
            guard family == table.family, attributes.string(Attribute.table) == table.name,
                let name = attributes.string(Attribute.chainName), name.hasPrefix(prefix)
            else { return nil }
            return name
        }
        return !found.rows.isEmpty
    }

    /// Whether a table has more than so many chains, rules, sets and elements together. Stops counting there.
    package func exceeds(_ most: Int, in table: RulesetTable) throws -> Bool {
        var left = most
        try count(Kind.getChain, table, &left)
        try count(Kind.getRule, table, &left)
        for set in try sets(of: table, &left) { try countElements(of: set, &left) }
        return left < 0
    }

    /// What libnftables reads before it changes anything, whatever that is about.
    package struct Load: Equatable, Sendable {
        /// Chains and sets of all tables, or as far as they were counted.
        package var objects: Int
        /// Elements of sets of ranges, or as far as they were counted.
        package var elements: Int
    }

    /// Counts up to a little more than the given numbers.
    package func load(objects mostObjects: Int, elements mostElements: Int) throws -> Load {
        var objects = mostObjects
        var elements = mostElements
        let sets = try sets(of: nil, &objects)
        try count(Kind.getChain, nil, &objects)
        for set in sets where set.hasRanges { try countElements(of: set, &elements) }
        return Load(objects: mostObjects - objects, elements: mostElements - elements)
    }

    // MARK: counting

    private struct SetName {
        let table: RulesetTable
        let name: String
        let hasRanges: Bool
    }

    /// `nil`: of all tables. Keeps no more names than are left.
    private func sets(of table: RulesetTable?, _ left: inout Int) throws -> [SetName] {
        if left < 0 { return [] }
        var request = Self.message(Kind.getSet, table?.family ?? 0, isDump: true)
        if let table { request.string(Attribute.table, table.name) }
        var socket = try NetlinkSocket(protocol: NETLINK_NETFILTER)
        let found = try socket.dump(attempting: "list sets", most: left, request.finished) { message -> SetName? in
            guard message.type == Kind.newSet else { return nil }
            let (fixed, attributes) = try message.parts(fixed: Self.headerLength)
            guard let owner = attributes.string(Attribute.table), let name = attributes.string(Attribute.setName) else {
                return nil
            }
            let place = RulesetTable(family: try fixed.number(at: 0), name: owner)
            guard table == nil || place == table else { return nil }
            let flags = attributes.bigEndian(Attribute.setFlags, as: UInt32.self) ?? 0
            return SetName(table: place, name: name, hasRanges: flags & Attribute.flagInterval != 0)
        }
        left -= found.rows.count + found.passedOver
        return found.rows
    }

    /// Counts messages of one kind, one for each thing.
    private func count(_ kind: UInt16, _ table: RulesetTable?, _ left: inout Int) throws {
        if left < 0 { return }
        var writer = Self.message(kind, table?.family ?? 0, isDump: true)
        // Chains and rules name their table first alike; the kernel passes over other tables' rules, not chains.
        if let table { writer.string(Attribute.table, table.name) }
        left -= try Self.count(writer, upTo: left, attempting: "count rules") { message in
            guard let table else { return 1 }
            let (fixed, attributes) = try message.parts(fixed: Self.headerLength)
            let family: UInt8 = try fixed.number(at: 0)
            return family == table.family && attributes.string(Attribute.table) == table.name ? 1 : 0
        }
    }

    private func countElements(of set: SetName, _ left: inout Int) throws {
        if left < 0 { return }
        var writer = Self.message(Kind.getElement, set.table.family, isDump: true)
        writer.string(Attribute.table, set.table.name)
        writer.string(Attribute.elementSet, set.name)
        left -= try Self.count(writer, upTo: left, attempting: "count elements of \(set.name)") { message in
            let attributes = try message.parts(fixed: Self.headerLength).attributes
            return try attributes.bytes(Attribute.elements).map { try Attributes.count(in: $0) } ?? 0
        }
    }

    /// None where what was to be counted has gone meanwhile.
    private static func count(
        _ request: MessageWriter, upTo most: Int, attempting: String, _ number: (NetlinkMessage) throws -> Int
    ) throws -> Int {
        var socket = try NetlinkSocket(protocol: NETLINK_NETFILTER)
        do {
            return try socket.count(attempting: attempting, upTo: most, request.finished, number: number)
        } catch let error as NetlinkError where error.code == .missing {
            return 0
        }
    }

    // MARK: messages

    /// `struct nfgenmsg`: family, version, resource id.
    private static let headerLength = 4

    private static func message(_ kind: UInt16, _ family: UInt8, isDump: Bool) -> MessageWriter {
        var writer = MessageWriter(type: kind, flags: MessageFlags.request | (isDump ? MessageFlags.dump : 0))
        writer.put(family)
        writer.put(zeros: headerLength - 1)
        return writer
    }

    /// linux/netfilter/nf_tables.h
    private enum Kind {
        private static let subsystem = UInt16(truncatingIfNeeded: NFNL_SUBSYS_NFTABLES) << 8
        private static func number(_ message: nf_tables_msg_types) -> UInt16 {
            subsystem | UInt16(truncatingIfNeeded: message.rawValue)
        }
        static let newTable = number(NFT_MSG_NEWTABLE)
        static let getTable = number(NFT_MSG_GETTABLE)
        static let newChain = number(NFT_MSG_NEWCHAIN)
        static let getChain = number(NFT_MSG_GETCHAIN)
        static let getRule = number(NFT_MSG_GETRULE)
        static let newSet = number(NFT_MSG_NEWSET)
        static let getSet = number(NFT_MSG_GETSET)
        static let getElement = number(NFT_MSG_GETSETELEM)
    }

    private enum Attribute {
        static let tableName = UInt16(truncatingIfNeeded: NFTA_TABLE_NAME.rawValue)
        /// NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE, NFTA_SET_ELEM_LIST_TABLE.
        static let table: UInt16 = 1
        static let chainName = UInt16(truncatingIfNeeded: NFTA_CHAIN_NAME.rawValue)
        static let setName = UInt16(truncatingIfNeeded: NFTA_SET_NAME.rawValue)
        static let setFlags = UInt16(truncatingIfNeeded: NFTA_SET_FLAGS.rawValue)
        static let elementSet = UInt16(truncatingIfNeeded: NFTA_SET_ELEM_LIST_SET.rawValue)
        static let elements = UInt16(truncatingIfNeeded: NFTA_SET_ELEM_LIST_ELEMENTS.rawValue)
        static let flagInterval = UInt32(truncatingIfNeeded: NFT_SET_INTERVAL.rawValue)
    }
}

extension Attributes {
    /// How many attributes there are, of one type or several.
    static func count(in bytes: ArraySlice<UInt8>) throws(NetlinkError) -> Int {
        var rest = bytes
        var count = 0
        while rest.count >= 4 {
            let length = Int(clamping: try FixedPart(rest).number(at: 0, as: UInt16.self))
            guard length >= 4, length <= rest.count else {
                throw NetlinkError(code: .malformed, attempting: "read a netlink attribute of length \(length)")
            }
            rest = rest.dropFirst(aligned(length))
            count += 1
        }
        return count
    }
}
