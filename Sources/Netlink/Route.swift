package import Addressing
import CLinux

/// Who put a route, rule or neighbour there: everything of ours says 77.
package let ownProtocol: UInt8 = 77
/// RTPROT_KERNEL: what the kernel adds by itself, as the route to an address's subnet.
package let kernelProtocol = UInt8(RTPROT_KERNEL)

/// A route (rtnetlink(7)).
package struct Route: Sendable, Hashable {
    /// How far the destination is (`RT_SCOPE_…`): the larger the number, the nearer.
    package enum Scope: UInt8, Sendable { case universe = 0, site = 200, link = 253, host = 254, nowhere = 255 }
    /// What becomes of packets (`RTN_…`).
    package enum Kind: UInt8, Sendable {
        case unicast = 1, local, broadcast, anycast, multicast, blackhole, unreachable, prohibit, `throw`, nat
    }

    /// RT_TABLE_MAIN.
    package static let mainTable: UInt32 = 254
    /// RT_TABLE_LOCAL.
    package static let localTable: UInt32 = 255

    /// Host bits clear; `0.0.0.0/0` is the default route.
    package var destination: IPNetwork
    /// `nil`: the destination itself is on the link.
    package var gateway: IPAddress?
    /// `nil` where the gateway's address says it.
    package var link: LinkID?
    /// Source address of packets that start here.
    package var source: IPAddress?
    /// Number of the routing table.
    package var table: UInt32
    /// Who has put it there (`RTPROT_…`): ``ownProtocol`` for ours.
    package var `protocol`: UInt8
    package var scope: Scope
    package var kind: Kind
    /// Of several routes to one destination the lowest is taken; 0 unless given.
    package var metric: UInt32
    /// Bytes of a packet on this route; the link's when `nil`.
    package var mtu: Int?
    /// The gateway is on the link although no address says so.
    package var onLink: Bool

    /// The metric of a route that was given none: IPv6's have one all the same (`IP6_RT_PRIO_USER`, net/ip6_route.h).
    package static func usualMetric(_ family: IPFamily) -> UInt32 { family == .v4 ? 0 : 1024 }
    /// The metric of the route that the kernel adds for an IPv6 address (`IP6_RT_PRIO_ADDRCONF`).
    package static let subnetMetric6: UInt32 = 256

    /// `0.0.0.0/0`.
    package static let everywhere = IPNetwork.everywhere(.v4)

    /// `scope` is `link` unless there is a gateway, as ip(8) has it.
    package init(
        destination: IPNetwork = Route.everywhere, gateway: IPAddress? = nil, link: LinkID? = nil,
        source: IPAddress? = nil, table: UInt32 = Route.mainTable, protocol: UInt8 = ownProtocol, scope: Scope? = nil,
        kind: Kind = .unicast, metric: UInt32 = 0, mtu: Int? = nil, onLink: Bool = false
    ) {
        self.destination = destination
        self.gateway = gateway
        self.link = link
        self.source = source
        self.table = table
        self.protocol = `protocol`
        self.scope = scope ?? (gateway == nil && kind == .unicast ? .link : .universe)
        self.kind = kind
        self.metric = metric
        self.mtu = mtu
        self.onLink = onLink
    }

    /// `struct rtmsg`.
    static let headerLength = 12

    /// A dump of all tables of a family; `protocol` 0: whoever added the route.
    static func header(_ family: IPFamily, protocol number: UInt8, into message: inout MessageWriter) {
        message.put(AddressFamily(family).rawValue)
        message.put(zeros: 3)
        message.put(UInt8(RT_TABLE_UNSPEC.rawValue))
        message.put(number)
        message.put(zeros: 6)
    }

    func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        message.put(AddressFamily(destination.family).rawValue)
        message.put(UInt8(clamping: destination.prefixLength))
        message.put(UInt8(0))
        message.put(UInt8(0))
        message.put(table < 256 ? UInt8(clamping: table) : UInt8(RT_TABLE_UNSPEC.rawValue))
        message.put(`protocol`)
        message.put(scope.rawValue)
        message.put(kind.rawValue)
        message.put(onLink ? RouteAttribute.onLink : 0)
        message.number(RouteAttribute.table, table)
        if destination.prefixLength > 0 { message.bytes(RouteAttribute.destination, destination.first.octets) }
        if let gateway { message.bytes(RouteAttribute.gateway, gateway.octets) }
        if let link { message.number(RouteAttribute.outInterface, context.index(of: link)) }
        if let source { message.bytes(RouteAttribute.preferredSource, source.octets) }
        if metric != 0 { message.number(RouteAttribute.priority, metric) }
        if let mtu {
            message.nest(RouteAttribute.metrics) { $0.number(RouteAttribute.metricMTU, UInt32(clamping: mtu)) }
        }
    }

    /// `nil` for messages of other types or families.
    package init?(_ message: NetlinkMessage) throws(NetlinkError) {
        guard message.type == MessageType.newRoute else { return nil }
        try self.init(row: message)
    }

    /// Also of one that tells that it is gone.
    init?(row message: NetlinkMessage) throws(NetlinkError) {
        let (fixed, attributes) = try message.parts(fixed: Self.headerLength)
        let length = Int(clamping: try fixed.number(at: 1, as: UInt8.self))
        let flags = try fixed.number(at: 8, as: UInt32.self)
        guard let family = IPFamily(try fixed.number(at: 0, as: UInt8.self)), length <= family.width,
            flags & RouteAttribute.cloned == 0
        else { return nil }
        let address = attributes.address(RouteAttribute.destination) ?? .unspecified(family)
        guard address.family == family else { return nil }
        destination = IPNetwork(address: address, prefixLength: length)
        gateway = attributes.address(RouteAttribute.gateway)
        link = attributes.number(RouteAttribute.outInterface, as: UInt32.self).map { .index($0) }
        source = attributes.address(RouteAttribute.preferredSource)
        let shortTable = try fixed.number(at: 4, as: UInt8.self)
        table = attributes.number(RouteAttribute.table) ?? UInt32(clamping: shortTable)
        `protocol` = try fixed.number(at: 5)
        scope = Scope(rawValue: try fixed.number(at: 6)) ?? .universe
        guard let kind = Kind(rawValue: try fixed.number(at: 7)) else { return nil }
        self.kind = kind
        metric = attributes.number(RouteAttribute.priority) ?? 0
        mtu = try attributes.nest(RouteAttribute.metrics)?.number(RouteAttribute.metricMTU, as: UInt32.self).map {
            Int(clamping: $0)
        }
        onLink = flags & RouteAttribute.onLink != 0
    }
}

/// Adds a route. `replacing`: takes the place of one with the same destination, metric and table.
package struct AddRoute: NetlinkRequest {
    package var route: Route
    package var replacing: Bool

    package init(_ route: Route, replacing: Bool = true) {
        self.route = route
        self.replacing = replacing
    }

    package var type: UInt16 { MessageType.newRoute }
    package var flags: UInt16 { MessageFlags.create | (replacing ? MessageFlags.replace : MessageFlags.exclusive) }
    package var links: [LinkID] { route.link.map { [$0] } ?? [] }
    package var description: String { "add \(route)" }
    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        route.encode(into: &message, context)
    }
}

/// Takes a route away that fits all that is said; ``NetlinkError/Code/missing`` when there is none.
package struct DeleteRoute: NetlinkRequest {
    package var route: Route

    package init(_ route: Route) { self.route = route }

    package var type: UInt16 { MessageType.deleteRoute }
    package var flags: UInt16 { 0 }
    package var links: [LinkID] { route.link.map { [$0] } ?? [] }
    package var description: String { "delete \(route)" }
    package func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        route.encode(into: &message, context)
    }
}

extension Route: CustomStringConvertible {
    package var description: String {
        var text = "route \(destination)"
        if let gateway { text += " via \(gateway)" }
        if let link { text += " dev \(link)" }
        return text + " table \(table)"
    }
}
