import Addressing
import LinuxSystem
import Netlink
import Nftables

/// What a namespace has, or is to have, of ours: links, addresses, routes, rules, neighbours, forwarding entries and
/// kernel parameters. Links are known by name.
struct KernelState: Equatable, Sendable {
    var links: [String: LinkState] = [:]
    var addresses: Set<AddressState> = []
    /// Routes that the kernel itself adds for the addresses, and that others can take away.
    var implied: Set<ImpliedRoute> = []
    var routes: [RouteKey: RouteState] = [:]
    var rules: Set<Rule> = []
    var neighbours: [NeighbourKey: MACAddress] = [:]
    var forwarding: [ForwardingKey: ForwardingTarget] = [:]
    var parameters: [String: String] = [:]

    mutating func add(_ addresses: EndpointAddresses, to link: String) {
        for address in addresses.all { self.addresses.insert(AddressState(link: link, network: address)) }
    }

    /// The default route of the gateway's family.
    mutating func addRoute(through gateway: IPAddress, link: String, table: UInt32 = Route.mainTable) {
        routes[RouteKey(destination: .everywhere(gateway.family), table: table)] =
            RouteState(gateway: gateway, link: link)
    }

    /// The default route of a family, to a link that needs no gateway.
    mutating func addRoute(on link: String, _ family: IPFamily) {
        routes[RouteKey(destination: .everywhere(family))] = RouteState(gateway: nil, link: link)
    }

    /// Without a link and everything that goes with it.
    mutating func forget(link: String) {
        links[link] = nil
        for name in links.keys where links[name]?.master == link { links[name]?.master = nil }
        addresses = addresses.filter { $0.link != link }
        implied = implied.filter { $0.address.link != link }
        routes = routes.filter { $0.value.link != link }
        neighbours = neighbours.filter { $0.key.link != link }
        forwarding = forwarding.filter { $0.key.link != link }
        parameters = parameters.filter { !$0.key.contains("/\(link)/") }
    }
}

/// A namespace's wanted state.
struct DesiredNamespace: Equatable, Sendable {
    var kernel = KernelState()
    /// Order in which parameters are written: some reset others. Those that name no link come before any link is made.
    var parameterOrder: [String] = []
    var fixedTables: [Table] = []
    /// Links whose addresses of a family are others' affair: what they have is left alone.
    var leftAlone: Set<LinkFamily> = []
    /// Shared with all who call the same: what it is in nft's words is made when it is asked for.
    var services: ServiceTable?

    var tables: [Table] { (services?.tables ?? []) + fixedTables }

    mutating func set(_ parameter: String, _ value: String) {
        if kernel.parameters.updateValue(value, forKey: parameter) == nil { parameterOrder.append(parameter) }
    }

    /// A translated connection of which one end has said that it sends no more lives on as long as one that TCP keeps alive: two hours and a little. The
    /// kernel forgets it after one minute (CLOSE_WAIT) or two (FIN_WAIT) of silence, while the other end may still work on its answer.
    mutating func keepHalfClosed() {
        for state in ["close_wait", "fin_wait"] { set("net/netfilter/nf_conntrack_tcp_timeout_\(state)", "7500") }
    }
}

struct LinkState: Equatable, Sendable {
    enum Make: Equatable, Sendable {
        case bridge(BridgeOptions)
        /// `nil` where the other end is not known, as in a dump.
        case veth(PeerState?)
        case vxlan(VXLANSettings)
        /// Made by the process that reads it; until then there is nothing to set, nor to say of what is behind it.
        case tap
        /// Hangs on a link of the node's namespace.
        case child(ChildSettings)
        /// `nil` where its settings are not known, as in a dump.
        case vlan(of: String?, id: UInt16?)
        case dummy
        /// The container's end of a pair that is made from the other namespace.
        case inner
    }

    var make: Make
    /// `nil`: any.
    var mtu: Int?
    /// `nil`: any.
    var mac: MACAddress?
    var group: UInt32 = 0
    var alias: String?
    var master: String?
    var port: PortOptions?
    var isUp = true

    /// Hangs on a link of the node's namespace.
    var isChild: Bool { if case .child = make { true } else { false } }
}

/// A macvlan or ipvlan device.
struct ChildSettings: Equatable, Sendable {
    /// By its name in the node's namespace; `nil` where it is not known, as in a dump.
    var parent: String?
    var kind: ParentNetwork.Kind

    func isLike(_ other: ChildSettings) -> Bool {
        kind == other.kind && (parent == nil || other.parent == nil || parent == other.parent)
    }
}

struct PeerState: Equatable, Sendable {
    var namespace: NetworkNamespace
    var name: String
    var mac: MACAddress
    var mtu: Int
}

struct AddressState: Hashable, Sendable {
    var link: String
    var network: IPNetwork
}

/// A link's addresses of one family.
struct LinkFamily: Hashable, Sendable {
    let link: String
    let family: IPFamily
}

/// What the kernel adds when an address comes, or its link goes up (`proto kernel`).
struct ImpliedRoute: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// That the address is this node's own, in table `local`.
        case own
        /// That its subnet is on the link, in table `main`.
        case subnet
    }

    var address: AddressState
    var kind: Kind

    var route: Route {
        let network = address.network
        // The kernel names no source and no scope in IPv6's, and gives the subnet's a metric.
        let isV4 = network.family == .v4
        let source = isV4 ? network.address : nil
        return switch kind {
        case .own:
            Route(
                destination: IPNetwork(network.address), link: .name(address.link),
                source: source, table: Route.localTable, protocol: kernelProtocol, scope: isV4 ? .host : .universe,
                kind: .local)
        case .subnet:
            Route(
                destination: network.masked, link: .name(address.link), source: source, protocol: kernelProtocol,
                scope: isV4 ? nil : .universe, metric: isV4 ? 0 : Route.subnetMetric6)
        }
    }

    /// Those of an address.
    static func all(of address: AddressState) -> [ImpliedRoute] {
        var found = [ImpliedRoute(address: address, kind: .own)]
        // A loopback's subnet is in table `local`, too, and nothing of ours needs it.
        if !address.network.isSingle, !address.network.address.isLoopback {
            found.append(ImpliedRoute(address: address, kind: .subnet))
        }
        return found
    }
}

struct RouteKey: Hashable, Sendable {
    var destination = Route.everywhere
    var table = Route.mainTable
}

struct RouteState: Equatable, Sendable {
    /// `nil`: everybody is on the link.
    var gateway: IPAddress?
    var link: String
}

struct NeighbourKey: Hashable, Sendable {
    var link: String
    var address: IPAddress
}

struct ForwardingKey: Hashable, Sendable {
    var link: String
    var mac: MACAddress
    var owner: ForwardingEntry.Owner
}

extension ForwardingKey {
    /// In the table of an overlay's tunnel: behind which node a MAC is.
    static func tunnel(_ mac: MACAddress) -> Self {
        ForwardingKey(link: Layout.overlayTunnel, mac: mac, owner: .device)
    }

    /// In the table of an overlay's bridge: that a MAC is behind the tunnel, so that it need not be looked for at every port. The bridge knows a MAC in
    /// one place: one that is at a port here has no such row.
    static func behindTunnel(_ mac: MACAddress, isEncrypted: Bool) -> Self {
        let tunnel = isEncrypted ? Layout.encryptedTunnel : Layout.overlayTunnel
        return ForwardingKey(link: tunnel, mac: mac, owner: .master)
    }
}

struct ForwardingTarget: Equatable, Sendable {
    /// VTEP; `nil` in a bridge's own table.
    var remote: IPAddress?
}

/// Whether a namespace forwards IPv6; while it does, it takes no router's advertisements unless a link is told to.
let forwarding6Parameter = "net/ipv6/conf/all/forwarding"
