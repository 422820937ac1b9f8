/// What a message tells of one thing, so that a reader can hold it against what it knows of that thing, and need not look at all others.
package enum NetlinkNews: Sendable, Hashable {
    /// The link of this index, or the port that it is, is other than before.
    case link(UInt32)
    /// A link of this name is gone.
    case linkGone(String)
    case forwarding(ForwardingEntry)
    case forwardingGone(ForwardingEntry)
    case neighbour(Neighbour)
    case neighbourGone(Neighbour)
    case address(LinkAddress)
    case addressGone(LinkAddress)
    /// Whether it took the place of another is said as well.
    case route(Route, replaces: Bool)
    case routeGone(Route)
    /// Parameters of IPv4 of the link of this index.
    case parameters(ofLink: UInt32)
    /// A transaction of nftables.
    case ruleset

    /// As many things of one topic and namespace are told one by one.
    package static let most = 256

    /// What a message tells, nothing where that concerns nobody; `nil` where it cannot be told so.
    static func told(by message: NetlinkMessage, isNetfilter: Bool) throws(NetlinkError) -> [NetlinkNews]? {
        if isNetfilter { return [.ruleset] }
        switch message.type {
        case MessageType.newLink: return [.link(try index(message))]
        case MessageType.deleteLink: return try goneLink(message)
        case MessageType.newNeighbour, MessageType.deleteNeighbour: return try row(message)
        case MessageType.newAddress: return try LinkAddress(row: message).map { [.address($0)] }
        case MessageType.deleteAddress: return try LinkAddress(row: message).map { [.addressGone($0)] }
        // Of a kind that no listing tells of either: of no concern.
        case MessageType.newRoute:
            let replaces = message.flags & MessageFlags.replace != 0
            return try Route(row: message).map { [.route($0, replaces: replaces)] } ?? []
        case MessageType.deleteRoute: return try Route(row: message).map { [.routeGone($0)] } ?? []
        case MessageType.newParameters, MessageType.deleteParameters: return try parameters(message)
        default: return nil
        }
    }

    private static func index(_ message: NetlinkMessage) throws(NetlinkError) -> UInt32 {
        try message.parts(fixed: LinkHeader.length).fixed.number(at: 4)
    }

    /// Of a bridge's family it tells that the link is its port no more.
    private static func goneLink(_ message: NetlinkMessage) throws(NetlinkError) -> [NetlinkNews]? {
        let (fixed, attributes) = try message.parts(fixed: LinkHeader.length)
        guard try fixed.number(at: 0) == AddressFamily.unspecified.rawValue else { return [.link(try index(message))] }
        return attributes.string(LinkAttribute.name).map { [.linkGone($0)] }
    }

    private static func row(_ message: NetlinkMessage) throws(NetlinkError) -> [NetlinkNews]? {
        let isGone = message.type == MessageType.deleteNeighbour
        if let entry = try ForwardingEntry(row: message) {
            return [isGone ? .forwardingGone(entry) : .forwarding(entry)]
        }
        if let row = try Neighbour(row: message) { return [isGone ? .neighbourGone(row) : .neighbour(row)] }
        // What no listing tells of either: rows of VLANs, and addresses that are answered for others.
        return []
    }

    /// `struct netconfmsg` is the family alone; `NETCONFA_IFINDEX` is below 0 for what holds for all links, or for new ones.
    private static func parameters(_ message: NetlinkMessage) throws(NetlinkError) -> [NetlinkNews]? {
        let (_, attributes) = try message.parts(fixed: 1)
        let number = attributes.number(ParameterAttribute.link, as: Int32.self)
        return number.flatMap { UInt32(exactly: $0) }.map { [.parameters(ofLink: $0)] }
    }
}
