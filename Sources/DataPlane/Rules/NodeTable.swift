import Addressing
import Model
import Nftables

/// `ip node` and `ip6 node`, the tables of the node's own namespace: one of a family. That of IPv6 is there where the node has bridges or an underlay
/// of it.
///
/// A port of the mesh takes turns among its tasks here and, for those elsewhere, the ingress sandbox. Which turn it is goes
/// through the packet's priority, so that the map can be declared by types alone (see ``IngressTable``): a packet that is
/// forwarded gets its priority anew right afterwards, and a mark might mean something to the node.
///
/// In two things the families differ. `::1` leads nowhere: the kernel takes no packet to or from it at any link but its own, so what is published there
/// would be answered by nobody; it is refused at once, as where nothing listens, and clients go on to 127.0.0.1. The same is so of link-local
/// addresses, which are not passed on. And what containers may say of IPv6's neighbours `bridge guard` decides; it passes here.
struct NodeTable {
    let family: IPFamily
    let wanted: NodeNetwork
    /// Where ports of the mesh lead.
    let ports: [MeshPort]

    /// - Parameter ports: With the backends that they have on this node, of both families.
    init(_ family: IPFamily, wanted: NodeNetwork, ports: [MeshPort]) {
        self.family = family
        self.wanted = wanted
        // Where the mesh has no local target of the family, its ports are left to whoever listens.
        self.ports = wanted.ingress?.families.contains(family) == true ? ports : []
    }

    static func id(of family: IPFamily) -> TableID { TableID(family.tableFamily, "node") }
    /// What it was called before, when only a swarm had it: one that an earlier version has left is removed.
    static func earlierID(of family: IPFamily) -> TableID { TableID(family.tableFamily, "swarm") }

    var table: Table {
        let balanced = mesh
        return Table(
            Self.id(of: family), skeleton: skeleton, chains: balanced.chains, balancing: Self.balancing(of: family),
            sets: sets + balanced.sets)
    }

    private var isV4: Bool { family == .v4 }
    private var ip: String { family.header }

    private var skeleton: String {
        [declarations, incoming, outgoing, translation, forwarding].joined(separator: "\n")
    }

    private var declarations: String {
        let address = family.addressType
        return """
            set underlay { typeof iifname . \(ip) daddr; }
            set vteps { type \(address); }
            set members { type \(address); }
            set control { type inet_proto . inet_service; }
            set encvni { typeof @th,96,24; }
            set espports { type inet_service; }
            set localnets { type \(address); flags interval; }
            set hairpin { type \(address) . ifname; flags interval; }
            set icc { type ifname . ifname; }
            set apart { type ifname . ifname; }
            set internal { type ifname; }
            set unprotected { type ifname; }
            set routed { type ifname; }
            set trusted { type ifname . ifname; }
            set direct { type inet_proto . inet_service . \(address); flags interval; }
            map sources { type \(address) : \(address); flags interval; }
            set chosenaddrs { type inet_proto . inet_service . \(address); flags interval; }
            set chosenlinks { type inet_proto . inet_service . ifname; }
            map turns { type inet_proto . inet_service . classid : \(address) . inet_service; }
            map turnspans { type inet_proto . inet_service . classid : \(address); flags interval; }
            map published { type inet_proto . inet_service : verdict; }
            map publishedspans { type inet_proto . inet_service : verdict; flags interval; }
            map narrowed { type inet_proto . inet_service : verdict; }
            map hostports { type inet_proto . inet_service : \(address) . inet_service; }
            map hostspans { type inet_proto . inet_service : \(address); flags interval; }
            map hostaddrs { type \(address) . inet_proto . inet_service : \(address) . inet_service; }
            """
    }

    /// `nil` where the data path is of the other family.
    private var underlay: Underlay? { wanted.underlay.flatMap { $0.address.family == family ? $0 : nil } }

    /// ESP comes by the same way and to the same address, from wherever: a member behind a translation of addresses has one that nobody was told of.
    /// Whose it is the process that opens it finds out, by the key.
    ///
    /// VXLAN's socket hears every address of the node, what is broadcast as well: what does not come from a member, by the
    /// underlay's link, to the node's own address, ends here. Nothing from outside names the node's loopback; of IPv6's the kernel sees to it.
    private var incoming: String {
        let tunnel =
            underlay.map {
                """
                udp dport \($0.port) iifname . \(ip) daddr @underlay goto datapath
                udp dport \($0.port) fib daddr type != unicast counter drop
                udp dport @espports iifname . \(ip) daddr @underlay goto sealed
                udp dport @espports fib daddr type != unicast counter drop
                """
            } ?? ""
        let loopback =
            isV4
            ? """

            iif != "lo" ip daddr 127.0.0.0/8 counter drop
            iif != "lo" ip saddr 127.0.0.0/8 counter drop
            """ : ""
        return """
            chain datapath {
            \(ip) saddr != @vteps counter drop
            meta ipsec missing @th,96,24 @encvni counter drop
            notrack
            }
            chain sealed {
            notrack
            }
            chain raw_in { type filter hook prerouting priority raw; policy accept;
            \(tunnel)\(loopback)
            }
            """
    }

    /// VXLAN is not tracked; nothing of an encrypted network leaves in clear, whatever state the encryption is in. What the
    /// kernel sends to another member's data path has no owner; a program's socket has, and is none of the data path.
    private var outgoing: String {
        let untracked =
            underlay.map {
                "\(ip) saddr \($0.address) udp dport \($0.port) notrack\n\(ip) saddr \($0.address) udp dport @espports notrack"
            } ?? ""
        let guarded =
            underlay.map {
                """
                \(ip) saddr \($0.address) udp dport \($0.port) @th,96,24 @encvni rt ipsec missing counter drop
                udp dport \($0.port) \(ip) daddr @vteps meta skuid 0-4294967294 counter drop
                """
            } ?? ""
        let redirect = isV4 ? "icmp type redirect" : "icmpv6 type nd-redirect"
        return """
            chain raw_out { type filter hook output priority raw; policy accept;
            \(untracked)
            }
            chain guard { type filter hook output priority filter; policy accept;
            \(guarded)
            oifgroup \(Layout.linkGroup) \(redirect) drop
            }
            """
    }

    private var translation: String {
        let (fromOutside, fromHere, local) =
            isV4
            ? ("", "", "oifgroup \(Layout.linkGroup) ip saddr 127.0.0.0/8 masquerade\n")
            : ("ip6 saddr != fe80::/10 ", "ip6 daddr != ::1 ip6 daddr != fe80::/10 ", "")
        return """
            \(family.refusalChain)
            chain choice {
            meta l4proto . th dport . \(ip) daddr @chosenaddrs meta l4proto . th dport vmap @narrowed
            meta l4proto . th dport . iifname @chosenlinks meta l4proto . th dport vmap @narrowed
            goto host
            }
            chain host {
            dnat to \(ip) daddr . meta l4proto . th dport map @hostaddrs
            dnat to meta l4proto . th dport map @hostports
            dnat to meta l4proto . th dport map @hostspans
            }
            chain publish {
            meta l4proto . th dport vmap @published
            meta l4proto . th dport vmap @publishedspans
            goto host
            }
            chain nat_in { type nat hook prerouting priority dstnat; policy accept; \(fromOutside)fib daddr type local jump publish; }
            chain nat_out { type nat hook output priority -100; policy accept; \(fromHere)fib daddr type local jump publish; }
            chain nat_post { type nat hook postrouting priority srcnat; policy accept;
            \(local)ct status dnat \(ip) saddr . oifname @hairpin masquerade
            oifgroup != \(Layout.linkGroup) snat to \(ip) saddr map @sources
            oifgroup != \(Layout.linkGroup) \(ip) saddr @localnets masquerade
            }
            """
    }

    /// Containers reach services of their node, on internal networks at their gateway alone, but not what the swarm's nodes
    /// have for each other, on any node: as their node's address they would be taken for a member.
    ///
    /// What a network forbids is looked at before connections that are known: those may be of a time before the network.
    ///
    /// What is routed to is reached at ports that are published, and told what the way to it is like; by links that a network trusts its containers are
    /// reached at such ports, too.
    private var forwarding: String {
        """
        chain filter_in { type filter hook input priority filter; policy accept;
        iifgroup \(Layout.linkGroup) meta l4proto . th dport @control counter drop
        iifname @internal fib daddr . iif type != { local, \(isV4 ? "broadcast, " : "")multicast } counter drop
        }
        chain filter_fwd { type filter hook forward priority filter; policy accept;
        iifgroup \(Layout.linkGroup) \(ip) daddr @members meta l4proto . th dport @control counter drop
        iifname @internal iifname . oifname != @icc counter drop
        oifname @internal iifname . oifname != @icc counter drop
        ct status dnat accept
        iifname . oifname @apart counter drop
        ct state established,related accept
        iifname . oifname @icc accept
        iifgroup != \(Layout.linkGroup) oifname @unprotected accept
        oifname @routed meta l4proto \(isV4 ? "icmp" : "ipv6-icmp") accept
        oifname @routed meta l4proto . th dport . \(ip) daddr @direct accept
        iifname . oifname @trusted meta l4proto . th dport . \(ip) daddr @direct accept
        oifgroup \(Layout.linkGroup) counter drop
        }
        """
    }

    private var sets: [ElementSet] {
        let bridges = wanted.bridges
        let (ports, spans) = PortSpan.fold(wanted.sandboxes.flatMap(\.published), family)
        var everywhere: [String: String] = [:]
        var onAddress: [String: String] = [:]
        for port in ports {
            let published = port.published
            let key = "\(published.transport) . \(published.hostPort)"
            let target = "\(port.target) . \(published.containerPort)"
            if let address = published.hostAddress {
                onAddress["\(address) . \(key)"] = target
            } else {
                everywhere[key] = target
            }
        }
        let outgoing = bridges.filter { $0.masquerades && !$0.isInternal && !$0.routed.contains(family) }
        func pairs(_ bridges: [BridgeNetwork]) -> [String] {
            bridges.map { "\"\($0.linkName)\" . \"\($0.linkName)\"" }
        }
        let (port, pair) = (Self.portFields, ElementLayout(.interface, .interface))
        return pathSets + [
            ElementSet(
                "localnets",
                keys: outgoing.filter { $0.sources[family] == nil }.compactMap {
                    $0.addresses[family]?.masked.spelling
                }),
            ElementSet(
                "sources",
                elements: Dictionary(
                    outgoing.compactMap { bridge -> (String, String)? in
                        guard let source = bridge.sources[family] else { return nil }
                        return bridge.addresses[family].map { ($0.masked.spelling, "\(source)") }
                    }
                ) { first, _ in first }),
            ElementSet(
                "hairpin", nameFields: [1],
                keys: bridges.compactMap { bridge in
                    bridge.addresses[family].map { "\($0.masked.spelling) . \"\(bridge.linkName)\"" }
                }),
            ElementSet("icc", layout: pair, nameFields: [0, 1], keys: pairs(bridges.filter(\.allowsInterContainer))),
            ElementSet(
                "apart", layout: pair, nameFields: [0, 1], keys: pairs(bridges.filter { !$0.allowsInterContainer })),
            ElementSet(
                "internal", layout: ElementLayout(.interface), nameFields: [0],
                keys: bridges.filter(\.isInternal).map { "\"\($0.linkName)\"" }),
            ElementSet(
                "unprotected", layout: ElementLayout(.interface), nameFields: [0],
                keys: bridges.filter { isV4 ? $0.isUnprotected4 : $0.isUnprotected6 }.map { "\"\($0.linkName)\"" }),
            ElementSet(
                "routed", layout: ElementLayout(.interface), nameFields: [0],
                keys: bridges.filter { $0.routed.contains(family) }.map { "\"\($0.linkName)\"" }),
            ElementSet(
                "trusted", layout: pair, nameFields: [0, 1],
                keys: bridges.flatMap { bridge in
                    bridge.trustedLinks.map { "\"\($0)\" . \"\(bridge.linkName)\"" }
                }),
            ElementSet(
                "direct", isExchanged: true, keys: DirectPort.elements(wanted.sandboxes.flatMap(\.direct), family)),
            ElementSet(
                "hostports", layout: ElementLayout(port, value: family.endpointLayout), elements: everywhere),
            ElementSet(
                "hostspans", isExchanged: true,
                elements: Dictionary(
                    spans.map { ("\($0.transport) . \($0.first)-\($0.last)", "\($0.target)") }
                ) { first, _ in first }),
            ElementSet(
                "hostaddrs", layout: ElementLayout([family.addressField] + port, value: family.endpointLayout),
                elements: onAddress),
        ]
    }

    /// Of the data path and what nodes have for each other.
    private var pathSets: [ElementSet] {
        let underlay = wanted.underlay
        let address = ElementLayout([family.addressField])
        func own(_ addresses: Set<IPAddress>?) -> [String] {
            (addresses ?? []).filter { $0.family == family }.map(\.description)
        }
        return [
            ElementSet(
                "underlay", layout: ElementLayout([.interface, family.addressField]), nameFields: [0], keys: arrivals),
            ElementSet("vteps", layout: address, keys: own(underlay?.peers)),
            ElementSet("members", layout: address, keys: own(underlay?.members)),
            ElementSet("control", layout: ElementLayout(Self.portFields), keys: control),
            ElementSet("encvni", keys: wanted.overlays.filter(\.isEncrypted).map { "\($0.vni)" }),
            ElementSet("espports", layout: ElementLayout(.port), keys: (underlay?.espPorts ?? []).map { "\($0)" }),
        ]
    }

    /// Where the data path may arrive: by the link that has the node's underlay address, to that address.
    private var arrivals: [String] {
        guard let underlay, let link = underlay.link else { return [] }
        return ["\"\(link)\" . \(underlay.address)"]
    }

    private var control: [String] {
        guard let underlay = wanted.underlay else { return [] }
        let paths = [underlay.port] + underlay.espPorts
        return paths.map { "udp . \($0)" } + underlay.controlPorts.map { "tcp . \($0)" }
    }

    private static let portFields: [ElementField] = [.transport, .port]

    static func balancing(of family: IPFamily) -> Balancing { .ports(map: "turns", through: .priority, family) }
    static func backendLayout(of family: IPFamily) -> ElementLayout {
        ElementLayout(portFields + [.priority], value: family.endpointLayout)
    }

    /// The chain for each number of turns in use, and which turn leads where.
    private var mesh: (chains: [String: String], sets: [ElementSet]) {
        let balancing = Self.balancing(of: family)
        var chains: [String: String] = [:]
        var backendsByTurn: [String: String] = [:]
        var (ports, narrowed): ([String: String], [String: String]) = ([:], [:])
        var (addresses, links): (Set<String>, Set<String>) = ([], [])
        let rows = MeshRows(self.ports, family, map: "turnspans", through: .priority, number: Self.priority) {
            $0.reach?.isEverywhere != false
        }
        for port in rows.others {
            let key = "\(port.transport) . \(port.publishedPort)"
            let backends = port.backends.filter { $0.address.family == family }
            let (name, text) = balancing.chain(of: backends.count, port.reach)
            if let text { chains[name] = text }
            ports[key] = "goto \(name)"
            if let reach = port.reach, !reach.isEverywhere {
                ports[key] = "goto choice"
                narrowed[key] = "goto \(name)"
                let places = reach.addresses.filter { $0.family == family }
                addresses.formUnion(places.outermost.map { "\(key) . \($0.spelling)" })
                links.formUnion(reach.links.map { "\(key) . \"\($0)\"" })
            }
            for (turn, backend) in backends.enumerated() {
                backendsByTurn["\(key) . \(Self.priority(turn))"] = "\(backend.address) . \(backend.port)"
            }
        }
        return (
            chains.merging(rows.chains) { own, _ in own },
            [
                // In one transaction, of which the kernel shows what is found by intervals last: a port that answers at some places alone is never among
                // those that answer everywhere, so that until then it answers nowhere.
                ElementSet("chosenaddrs", isExchanged: true, keys: addresses),
                ElementSet("chosenlinks", nameFields: [2], isExchanged: true, keys: links),
                ElementSet("turnspans", isExchanged: true, elements: rows.members),
                ElementSet(
                    "turns", layout: Self.backendLayout(of: family), isExchanged: true, elements: backendsByTurn),
                ElementSet("narrowed", layout: IngressTable.portLayout, isExchanged: true, elements: narrowed),
                ElementSet("publishedspans", isExchanged: true, elements: rows.entries),
                ElementSet("published", layout: IngressTable.portLayout, isExchanged: true, elements: ports),
            ]
        )
    }

    /// As nft prints it: a class of traffic control.
    @Sendable static func priority(_ turn: Int) -> String { turn == 0 ? "none" : "0:" + String(turn, radix: 16) }
}
