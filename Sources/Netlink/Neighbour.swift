package import Addressing
import CLinux

/// Neighbour states (`NUD_…`, linux/neighbour.h); a set, though the kernel has one at a time.
package struct NeighbourState: OptionSet, Sendable, Hashable {
    /// `ndm_state`.
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Answered lately.
    package static let reachable = Self(rawValue: UInt16(NUD_REACHABLE))
    /// Never asked for nor aged; in a bridge's table: static.
    package static let noARP = Self(rawValue: UInt16(NUD_NOARP))
    /// Never asked for, never forgotten.
    package static let permanent = Self(rawValue: UInt16(NUD_PERMANENT))
}

/// `struct ndmsg` (rtnetlink(7)).
private struct NeighbourHeader {
    static let length = 12
    var family: AddressFamily
    var index: UInt32 = 0
    var state: NeighbourState = []
    var flags: UInt8 = 0

    func encode(into message: inout MessageWriter) {
        message.put(family.rawValue)
        message.put(zeros: 3)
        message.put(index)
        message.put(state.rawValue)
        message.put(flags)
        message.put(UInt8(0))
    }
}

/// Which MAC an address on a link has: a row of ARP's table, or of IPv6's neighbour discovery.
package struct Neighbour: Sendable, Hashable {
    package var link: LinkID
    package var address: IPAddress
    /// `nil` while it is being asked for.
    package var mac: MACAddress?
    package var state: NeighbourState
    /// Who has put it there (`NDA_PROTOCOL`): ``ownProtocol`` for ours, 0 where nobody says.
    package var `protocol`: UInt8

    package init(
        link: LinkID, address: IPAddress, mac: MACAddress?, state: NeighbourState = .permanent,
        protocol: UInt8 = ownProtocol
    ) {
        self.link = link
        self.address = address
        self.mac = mac
        self.state = state
        self.protocol = `protocol`
    }

    func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        NeighbourHeader(family: AddressFamily(address.family), index: context.index(of: link), state: state).encode(
            into: &message)
        message.bytes(NeighbourAttribute.destination, address.octets)
        if let mac { message.bytes(NeighbourAttribute.linkAddress, mac.octets) }
        if `protocol` != 0 { message.number(NeighbourAttribute.protocol, `protocol`) }
    }

    /// `nil` for messages of other types or families.
    package init?(_ message: NetlinkMessage) throws(NetlinkError) {
        guard message.type == MessageType.newNeighbour else { return nil }
        try self.init(row: message)
    }

    /// Also of one that tells that it is gone.
    init?(row message: NetlinkMessage) throws(NetlinkError) {
        let (fixed, attributes) = try message.parts(fixed: NeighbourHeader.length)
        guard let family = IPFamily(try fixed.number(at: 0, as: UInt8.self)),
            try fixed.number(at: 10, as: UInt8.self) & NeighbourAttribute.flagProxy == 0,
            let address = attributes.address(NeighbourAttribute.destination), address.family == family
        else { return nil }
        self.address = address
        link = .index(try fixed.number(at: 4))
        state = NeighbourState(rawValue: try fixed.number(at: 8))
        mac = attributes.mac(NeighbourAttribute.linkAddress)
        `protocol` = attributes.number(NeighbourAttribute.protocol) ?? 0
    }
}

/// Adds a neighbour or replaces the one with this address.
package struct SetNeighbour: NetlinkRequest {
    package var neighbour: Neighbour

    package init(_ neighbour: Neighbour) { self.neighbour = neighbour }

    package var type: UInt16 { MessageType.newNeighbour }
    package var flags: UInt16 { MessageFlags.create | MessageFlags.replace }
    package var links: [LinkID] { [neighbour.link] }
    package var description: String { "set neighbour \(neighbour.address) on \(neighbour.link)" }
    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        neighbour.encode(into: &message, context)
    }
}

/// Takes a neighbour away, by its link and address; ``NetlinkError/Code/missing`` when there is none.
package struct DeleteNeighbour: NetlinkRequest {
    package var neighbour: Neighbour

    package init(_ neighbour: Neighbour) { self.neighbour = neighbour }

    package var type: UInt16 { MessageType.deleteNeighbour }
    package var flags: UInt16 { 0 }
    package var links: [LinkID] { [neighbour.link] }
    package var description: String { "delete neighbour \(neighbour.address) on \(neighbour.link)" }
    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        NeighbourHeader(family: AddressFamily(neighbour.address.family), index: context.index(of: neighbour.link))
            .encode(into: &message)
        message.bytes(NeighbourAttribute.destination, neighbour.address.octets)
    }
}

/// Where frames for a MAC go: a row of a bridge's (`master`) or a VXLAN device's (`device`) forwarding table.
package struct ForwardingEntry: Sendable, Hashable {
    /// In which of a link's two tables the entry is.
    package enum Owner: Sendable, Hashable {
        /// The link's own table: NTF_SELF.
        case device
        /// The table of the bridge that the link is a port of: NTF_MASTER.
        case master
    }

    package var link: LinkID
    package var mac: MACAddress
    package var owner: Owner
    /// VXLAN: underlay address of the node behind which it is.
    package var remote: IPAddress?
    package var state: NeighbourState

    /// `state`: static for a bridge's table, permanent for a device's, unless given.
    package init(
        link: LinkID, mac: MACAddress, owner: Owner, remote: IPAddress? = nil, state: NeighbourState? = nil
    ) {
        self.link = link
        self.mac = mac
        self.owner = owner
        self.remote = remote
        self.state = state ?? (owner == .master ? .noARP : .permanent)
    }

    func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        let flags = owner == .device ? NeighbourAttribute.flagSelf : NeighbourAttribute.flagMaster
        NeighbourHeader(family: .bridge, index: context.index(of: link), state: state, flags: flags)
            .encode(into: &message)
        message.bytes(NeighbourAttribute.linkAddress, mac.octets)
        if let remote { message.bytes(NeighbourAttribute.destination, remote.octets) }
    }

    /// `nil` for messages of other types or families.
    package init?(_ message: NetlinkMessage) throws(NetlinkError) {
        guard message.type == MessageType.newNeighbour else { return nil }
        try self.init(row: message)
    }

    /// Also of one that tells that it is gone.
    init?(row message: NetlinkMessage) throws(NetlinkError) {
        let (fixed, attributes) = try message.parts(fixed: NeighbourHeader.length)
        // Rows of a VLAN repeat those without, as long as VLAN filtering is off.
        guard try fixed.number(at: 0) == AddressFamily.bridge.rawValue,
            attributes.bytes(NeighbourAttribute.vlan) == nil,
            let mac = attributes.mac(NeighbourAttribute.linkAddress)
        else { return nil }
        self.mac = mac
        link = .index(try fixed.number(at: 4))
        state = NeighbourState(rawValue: try fixed.number(at: 8))
        owner = try fixed.number(at: 10, as: UInt8.self) & NeighbourAttribute.flagSelf != 0 ? .device : .master
        remote = attributes.address(NeighbourAttribute.destination)
    }
}

/// Adds a row or replaces the one with this MAC.
package struct SetForwardingEntry: NetlinkRequest {
    package var entry: ForwardingEntry

    package init(_ entry: ForwardingEntry) { self.entry = entry }

    package var type: UInt16 { MessageType.newNeighbour }
    package var flags: UInt16 { MessageFlags.create | MessageFlags.replace }
    package var links: [LinkID] { [entry.link] }
    package var description: String { "set forwarding entry \(entry.mac) on \(entry.link)" }
    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        entry.encode(into: &message, context)
    }
}

/// Takes an entry away, by its link, MAC and table; ``NetlinkError/Code/missing`` when there is none.
package struct DeleteForwardingEntry: NetlinkRequest {
    package var entry: ForwardingEntry

    package init(_ entry: ForwardingEntry) { self.entry = entry }

    package var type: UInt16 { MessageType.deleteNeighbour }
    package var flags: UInt16 { 0 }
    package var links: [LinkID] { [entry.link] }
    package var description: String { "delete forwarding entry \(entry.mac) on \(entry.link)" }
    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        entry.encode(into: &message, context)
    }
}

extension Neighbour {
    /// Of the fixed part, in bytes.
    static let headerLength = NeighbourHeader.length

    /// What a dump of a table asks for: the fixed part alone.
    static func dumpMessage(_ family: AddressFamily, sequence: UInt32) -> [UInt8] {
        var writer = MessageWriter(type: MessageType.getNeighbour, flags: MessageFlags.request | MessageFlags.dump)
        NeighbourHeader(family: family).encode(into: &writer)
        return writer.finished(sequence: sequence)
    }
}
