import Addressing
import Model
import Nftables

/// `ip6 swarm`: what ``NodeTable`` is for IPv4, where the node has bridges or an underlay of IPv6.
///
/// Two things are other. `::1` leads nowhere: the kernel takes no packet to or from it at any link but its own, so what is published there
/// would be answered by nobody; it is refused at once, as where nothing listens, and clients go on to 127.0.0.1. And what
/// containers may say of neighbours `bridge guard` decides; it passes here.
struct NodeTable6 {
    static let id = TableID(.ip6, "swarm")

    let wanted: NodeNetwork
    /// Where ports of the mesh lead, see ``NodeNetwork/meshAtNode``.
    let ports: [MeshPort]

    var table: Table {
        let turns = mesh
        return Table(
            Self.id, skeleton: skeleton, chains: turns.chains, balancing: Self.balancing, sets: sets + turns.sets)
    }

    private var skeleton: String {
        [declarations, incoming, outgoing, translation, forwarding].joined(separator: "\n")
    }

    private let declarations = """
        set underlay { typeof iifname . ip6 daddr; }
        set vteps { type ipv6_addr; }
        set members { type ipv6_addr; }
        set control { type inet_proto . inet_service; }
        set encvni { typeof @th,96,24; }
        set espports { type inet_service; }
        set localnets { type ipv6_addr; flags interval; }
        set hairpin { type ipv6_addr . ifname; flags interval; }
        set icc { type ifname . ifname; }
        set apart { type ifname . ifname; }
        set internal { type ifname; }
        map turns { type inet_proto . inet_service . classid : ipv6_addr . inet_service; }
        map published { type inet_proto . inet_service : verdict; }
        map hostports { type inet_proto . inet_service : ipv6_addr . inet_service; }
        map hostaddrs { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
        """

    /// The address of the data path; `nil` where it is of IPv4 or there is none.
    private var tunnel: (address: IPv6Address, port: UInt16)? {
        guard let underlay = wanted.underlay, let address = underlay.address.v6 else { return nil }
        return (address, underlay.port)
    }

    /// As in ``NodeTable``: what is not a member's, or arrives elsewhere than at the node's own address, ends here.
    private var incoming: String {
        let arriving =
            tunnel.map {
                """
                udp dport \($0.port) iifname . ip6 daddr @underlay goto datapath
                udp dport \($0.port) fib daddr type != unicast counter drop
                udp dport @espports iifname . ip6 daddr @underlay goto sealed
                udp dport @espports fib daddr type != unicast counter drop
                """
            } ?? ""
        return """
            chain datapath {
            ip6 saddr != @vteps counter drop
            meta ipsec missing @th,96,24 @encvni counter drop
            notrack
            }
            chain sealed {
            ip6 saddr != @vteps counter drop
            notrack
            }
            chain raw_in { type filter hook prerouting priority raw; policy accept;
            \(arriving)
            }
            """
    }

    private var outgoing: String {
        let untracked =
            tunnel.map {
                "ip6 saddr \($0.address) udp dport \($0.port) notrack\nip6 saddr \($0.address) udp dport @espports notrack"
            } ?? ""
        let guarded =
            tunnel.map {
                """
                ip6 saddr \($0.address) udp dport \($0.port) @th,96,24 @encvni rt ipsec missing counter drop
                udp dport \($0.port) ip6 daddr @vteps meta skuid 0-4294967294 counter drop
                """
            } ?? ""
        return """
            chain raw_out { type filter hook output priority raw; policy accept;
            \(untracked)
            }
            chain guard { type filter hook output priority filter; policy accept;
            \(guarded)
            oifgroup \(Layout.linkGroup) icmpv6 type nd-redirect drop
            }
            """
    }

    private var translation: String {
        """
        chain publish {
        meta l4proto . th dport vmap @published
        dnat to ip6 daddr . meta l4proto . th dport map @hostaddrs
        dnat to meta l4proto . th dport map @hostports
        }
        chain nat_in { type nat hook prerouting priority dstnat; policy accept; fib daddr type local jump publish; }
        chain nat_out { type nat hook output priority -100; policy accept; ip6 daddr != ::1 fib daddr type local jump publish; }
        chain nat_post { type nat hook postrouting priority srcnat; policy accept;
        ct status dnat ip6 saddr . oifname @hairpin masquerade
        oifgroup != \(Layout.linkGroup) ip6 saddr @localnets masquerade
        }
        """
    }

    private let forwarding = """
        chain filter_in { type filter hook input priority filter; policy accept;
        iifgroup \(Layout.linkGroup) meta l4proto . th dport @control counter drop
        iifname @internal fib daddr . iif type != { local, multicast } counter drop
        }
        chain filter_fwd { type filter hook forward priority filter; policy accept;
        iifgroup \(Layout.linkGroup) ip6 daddr @members meta l4proto . th dport @control counter drop
        iifname @internal iifname . oifname != @icc counter drop
        oifname @internal iifname . oifname != @icc counter drop
        ct status dnat accept
        iifname . oifname @apart counter drop
        ct state established,related accept
        iifname . oifname @icc accept
        oifgroup \(Layout.linkGroup) counter drop
        }
        """

    private var sets: [ElementSet] {
        let bridges = wanted.bridges
        var everywhere: [String: String] = [:]
        var onAddress: [String: String] = [:]
        for port in wanted.sandboxes.flatMap(\.published) where port.target.family == .v6 {
            let published = port.published
            let key = "\(published.transport) . \(published.hostPort)"
            let target = "\(port.target) . \(published.containerPort)"
            if let address = published.hostAddress {
                if address.family == .v6 { onAddress["\(address) . \(key)"] = target }
            } else {
                everywhere[key] = target
            }
        }
        func pairs(_ bridges: [BridgeNetwork]) -> [String] {
            bridges.map { "\"\($0.linkName)\" . \"\($0.linkName)\"" }
        }
        let pair = ElementLayout(.interface, .interface)
        return pathSets + [
            ElementSet(
                "localnets",
                keys: bridges.filter { $0.masquerades && !$0.isInternal }.compactMap {
                    $0.addresses.v6?.masked.spelling
                }),
            ElementSet(
                "hairpin", nameFields: [1],
                keys: bridges.compactMap { bridge in
                    bridge.addresses.v6.map { "\($0.masked.spelling) . \"\(bridge.linkName)\"" }
                }),
            ElementSet("icc", layout: pair, nameFields: [0, 1], keys: pairs(bridges.filter(\.allowsInterContainer))),
            ElementSet(
                "apart", layout: pair, nameFields: [0, 1], keys: pairs(bridges.filter { !$0.allowsInterContainer })),
            ElementSet(
                "internal", layout: ElementLayout(.interface), nameFields: [0],
                keys: bridges.filter(\.isInternal).map { "\"\($0.linkName)\"" }),
            ElementSet(
                "hostports", layout: ElementLayout(.transport, .port, value: Self.endpoint), elements: everywhere),
            ElementSet(
                "hostaddrs", layout: ElementLayout(.address6, .transport, .port, value: Self.endpoint),
                elements: onAddress),
        ]
    }

    /// Of the data path and what nodes have for each other.
    private var pathSets: [ElementSet] {
        let underlay = wanted.underlay
        let arrivals = underlay.flatMap { underlay in
            underlay.link.flatMap { link in underlay.address.v6.map { "\"\(link)\" . \($0)" } }
        }
        let paths = underlay.map { [$0.port] + $0.espPorts } ?? []
        let control = paths.map { "udp . \($0)" } + (underlay?.controlPorts ?? []).map { "tcp . \($0)" }
        return [
            ElementSet(
                "underlay", layout: ElementLayout(.interface, .address6), nameFields: [0],
                keys: arrivals.map { [$0] } ?? []),
            ElementSet(
                "vteps", layout: ElementLayout(.address6), keys: (underlay?.peers ?? []).compactMap(\.v6?.description)),
            ElementSet(
                "members", layout: ElementLayout(.address6),
                keys: (underlay?.members ?? []).compactMap(\.v6?.description)),
            ElementSet("control", layout: ElementLayout(.transport, .port), keys: control),
            ElementSet("encvni", keys: wanted.overlays.filter(\.isEncrypted).map { "\($0.vni)" }),
            ElementSet("espports", layout: ElementLayout(.port), keys: (underlay?.espPorts ?? []).map { "\($0)" }),
        ]
    }

    static let balancing = Balancing.ports(map: "turns", through: .priority, .v6)
    static let turnLayout = ElementLayout(.transport, .port, .priority, value: endpoint)
    private static let endpoint = ElementLayout.Value.fields([.address6, .port])

    /// The chain for each number of turns in use, and which turn leads where; none for a port that no task has an IPv6 address for.
    private var mesh: (chains: [String: String], sets: [ElementSet]) {
        var chains: [String: String] = [:]
        var turns: [String: String] = [:]
        var published: [String: String] = [:]
        for port in ports {
            let key = "\(port.transport) . \(port.publishedPort)"
            let backends = port.backends.filter { $0.address.family == .v6 }
            if backends.isEmpty { continue }
            chains["n\(backends.count)"] = Self.balancing.text(of: backends.count)
            published[key] = "goto n\(backends.count)"
            for (turn, backend) in backends.enumerated() {
                turns["\(key) . \(NodeTable.priority(turn))"] = "\(backend.address) . \(backend.port)"
            }
        }
        return (
            chains,
            [
                ElementSet("turns", layout: Self.turnLayout, isExchanged: true, elements: turns),
                ElementSet("published", layout: IngressTable.portLayout, isExchanged: true, elements: published),
            ]
        )
    }
}

extension IPv6Network {
    /// As nft prints it in listings: a single address without its length.
    var spelling: String { prefixLength == 128 ? "\(address)" : description }
}
