import Addressing
import Model
import Nftables

/// `ip swarm`, the table of the node's own namespace.
///
/// A port of the mesh takes turns among its tasks here and, for those elsewhere, the ingress sandbox. Which turn it is goes
/// through the packet's priority, so that the map can be declared by types alone (see ``IngressTable``): a packet that is
/// forwarded gets its priority anew right afterwards, and a mark might mean something to the node.
struct NodeTable {
    static let id = TableID(.ip, "swarm")

    let wanted: NodeNetwork
    /// Where ports of the mesh lead, see ``NodeNetwork/meshAtNode``.
    let ports: [MeshPort]

    init(wanted: NodeNetwork, ports: [MeshPort]? = nil) {
        self.wanted = wanted
        self.ports = ports ?? wanted.meshAtNode
    }

    var table: Table {
        let turns = mesh
        return Table(
            Self.id, skeleton: skeleton, chains: turns.chains, balancing: Self.balancing, sets: sets + turns.sets)
    }

    private var skeleton: String {
        [declarations, incoming, outgoing, translation, forwarding].joined(separator: "\n")
    }

    private let declarations = """
        set underlay { typeof iifname . ip daddr; }
        set vteps { type ipv4_addr; }
        set members { type ipv4_addr; }
        set control { type inet_proto . inet_service; }
        set encvni { typeof @th,96,24; }
        set espports { type inet_service; }
        set localnets { type ipv4_addr; flags interval; }
        set hairpin { type ipv4_addr . ifname; flags interval; }
        set icc { type ifname . ifname; }
        set apart { type ifname . ifname; }
        set internal { type ifname; }
        set chosen { type inet_proto . inet_service; flags interval; }
        set chosenaddrs { type inet_proto . inet_service . ipv4_addr; flags interval; }
        set chosenlinks { type inet_proto . inet_service . ifname; }
        map turns { type inet_proto . inet_service . classid : ipv4_addr . inet_service; }
        map published { type inet_proto . inet_service : verdict; }
        map hostports { type inet_proto . inet_service : ipv4_addr . inet_service; }
        map hostspans { type inet_proto . inet_service : ipv4_addr; flags interval; }
        map hostaddrs { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
        """

    /// `nil` where the data path is of IPv6, see ``NodeTable6``.
    private var underlay: Underlay? { wanted.underlay.flatMap { $0.address.family == .v4 ? $0 : nil } }

    /// ESP comes by the same way, from members alone; whether it is theirs the process that opens it finds out.
    ///
    /// VXLAN's socket hears every address of the node, what is broadcast as well: what does not come from a member, by the
    /// underlay's link, to the node's own address, ends here. Nothing from outside names the node's loopback.
    private var incoming: String {
        let tunnel =
            underlay.map {
                """
                udp dport \($0.port) iifname . ip daddr @underlay goto datapath
                udp dport \($0.port) fib daddr type != unicast counter drop
                udp dport @espports iifname . ip daddr @underlay goto sealed
                udp dport @espports fib daddr type != unicast counter drop
                """
            } ?? ""
        return """
            chain datapath {
            ip saddr != @vteps counter drop
            meta ipsec missing @th,96,24 @encvni counter drop
            notrack
            }
            chain sealed {
            ip saddr != @vteps counter drop
            notrack
            }
            chain raw_in { type filter hook prerouting priority raw; policy accept;
            \(tunnel)
            iif != "lo" ip daddr 127.0.0.0/8 counter drop
            iif != "lo" ip saddr 127.0.0.0/8 counter drop
            }
            """
    }

    /// VXLAN is not tracked; nothing of an encrypted network leaves in clear, whatever state the encryption is in. What the
    /// kernel sends to another member's data path has no owner; a program's socket has, and is none of the data path.
    private var outgoing: String {
        let untracked =
            underlay.map {
                "ip saddr \($0.address) udp dport \($0.port) notrack\nip saddr \($0.address) udp dport @espports notrack"
            } ?? ""
        let guarded =
            underlay.map {
                """
                ip saddr \($0.address) udp dport \($0.port) @th,96,24 @encvni rt ipsec missing counter drop
                udp dport \($0.port) ip daddr @vteps meta skuid 0-4294967294 counter drop
                """
            } ?? ""
        return """
            chain raw_out { type filter hook output priority raw; policy accept;
            \(untracked)
            }
            chain guard { type filter hook output priority filter; policy accept;
            \(guarded)
            oifgroup \(Layout.linkGroup) icmp type redirect drop
            }
            """
    }

    private var translation: String {
        """
        \(refusalChain)
        chain choice {
        meta l4proto . th dport . ip daddr @chosenaddrs meta l4proto . th dport vmap @published
        meta l4proto . th dport . iifname @chosenlinks meta l4proto . th dport vmap @published
        goto host
        }
        chain host {
        dnat to ip daddr . meta l4proto . th dport map @hostaddrs
        dnat to meta l4proto . th dport map @hostports
        dnat to meta l4proto . th dport map @hostspans
        }
        chain publish {
        meta l4proto . th dport @chosen goto choice
        meta l4proto . th dport vmap @published
        goto host
        }
        chain nat_in { type nat hook prerouting priority dstnat; policy accept; fib daddr type local jump publish; }
        chain nat_out { type nat hook output priority -100; policy accept; fib daddr type local jump publish; }
        chain nat_post { type nat hook postrouting priority srcnat; policy accept;
        oifgroup \(Layout.linkGroup) ip saddr 127.0.0.0/8 masquerade
        ct status dnat ip saddr . oifname @hairpin masquerade
        oifgroup != \(Layout.linkGroup) ip saddr @localnets masquerade
        }
        """
    }

    /// Containers reach services of their node, on internal networks at their gateway alone, but not what the swarm's nodes
    /// have for each other, on any node: as their node's address they would be taken for a member.
    ///
    /// What a network forbids is looked at before connections that are known: those may be of a time before the network.
    private let forwarding = """
        chain filter_in { type filter hook input priority filter; policy accept;
        iifgroup \(Layout.linkGroup) meta l4proto . th dport @control counter drop
        iifname @internal fib daddr . iif type != { local, broadcast, multicast } counter drop
        }
        chain filter_fwd { type filter hook forward priority filter; policy accept;
        iifgroup \(Layout.linkGroup) ip daddr @members meta l4proto . th dport @control counter drop
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
        let (ports, spans) = PortSpan.fold(wanted.sandboxes.flatMap(\.published))
        var everywhere: [String: String] = [:]
        var onAddress: [String: String] = [:]
        for port in ports where port.target.family == .v4 {
            let published = port.published
            let key = "\(published.transport) . \(published.hostPort)"
            let target = "\(port.target) . \(published.containerPort)"
            if let address = published.hostAddress {
                onAddress["\(address) . \(key)"] = target
            } else {
                everywhere[key] = target
            }
        }
        let encrypted = wanted.overlays.filter(\.isEncrypted)
        func pairs(_ bridges: [BridgeNetwork]) -> [String] {
            bridges.map { "\"\($0.linkName)\" . \"\($0.linkName)\"" }
        }
        return [
            ElementSet("underlay", layout: ElementLayout(.interface, .address), nameFields: [0], keys: arrivals),
            ElementSet(
                "vteps", layout: ElementLayout(.address),
                keys: (wanted.underlay?.peers ?? []).compactMap(\.v4?.description)),
            ElementSet(
                "members", layout: ElementLayout(.address),
                keys: (wanted.underlay?.members ?? []).compactMap(\.v4?.description)),
            ElementSet("control", layout: ElementLayout(.transport, .port), keys: control),
            ElementSet("encvni", keys: encrypted.map { "\($0.vni)" }),
            ElementSet(
                "espports", layout: ElementLayout(.port), keys: (wanted.underlay?.espPorts ?? []).map { "\($0)" }),
            ElementSet(
                "localnets",
                keys: bridges.filter { $0.masquerades && !$0.isInternal }.compactMap {
                    $0.addresses.v4?.masked.spelling
                }),
            ElementSet(
                "hairpin", nameFields: [1],
                keys: bridges.compactMap { bridge in
                    bridge.addresses.v4.map { "\($0.masked.spelling) . \"\(bridge.linkName)\"" }
                }),
            ElementSet(
                "icc", layout: Self.pairLayout, nameFields: [0, 1], keys: pairs(bridges.filter(\.allowsInterContainer))),
            ElementSet(
                "apart", layout: Self.pairLayout, nameFields: [0, 1],
                keys: pairs(bridges.filter { !$0.allowsInterContainer })),
            ElementSet(
                "internal", layout: ElementLayout(.interface), nameFields: [0],
                keys: bridges.filter(\.isInternal).map { "\"\($0.linkName)\"" }),
            ElementSet(
                "hostports", layout: ElementLayout(.transport, .port, value: Self.endpoint), elements: everywhere),
            ElementSet(
                "hostspans", isExchanged: true,
                elements: Dictionary(
                    spans.map { ("\($0.transport) . \($0.first)-\($0.last)", "\($0.target)") }
                ) { first, _ in first }),
            ElementSet(
                "hostaddrs", layout: ElementLayout(.address, .transport, .port, value: Self.endpoint),
                elements: onAddress),
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

    static let balancing = Balancing.ports(map: "turns", through: .priority)
    static let turnLayout = ElementLayout(.transport, .port, .priority, value: .fields([.address, .port]))
    private static let endpoint = ElementLayout.Value.fields([.address, .port])
    private static let pairLayout = ElementLayout(.interface, .interface)

    /// The chain for each number of turns in use, and which turn leads where.
    private var mesh: (chains: [String: String], sets: [ElementSet]) {
        var chains: [String: String] = [:]
        var turns: [String: String] = [:]
        var ports: [String: String] = [:]
        var (chosen, addresses, links): (Set<String>, Set<String>, Set<String>) = ([], [], [])
        for port in self.ports {
            let key = "\(port.transport) . \(port.publishedPort)"
            let backends = port.backends.filter { $0.address.family == .v4 }
            let (name, text) = Self.balancing.chain(of: backends.count, port.reach)
            if let text { chains[name] = text }
            ports[key] = "goto \(name)"
            if let reach = port.reach, !reach.isEverywhere {
                chosen.insert(key)
                addresses.formUnion(reach.addresses.compactMap(\.v4).map { "\(key) . \($0.spelling)" })
                links.formUnion(reach.links.map { "\(key) . \"\($0)\"" })
            }
            for (turn, backend) in backends.enumerated() {
                turns["\(key) . \(Self.priority(turn))"] = "\(backend.address) . \(backend.port)"
            }
        }
        return (
            chains,
            [
                // What narrows a port is there with the port, in one transaction.
                ElementSet("chosen", isExchanged: true, keys: chosen),
                ElementSet("chosenaddrs", isExchanged: true, keys: addresses),
                ElementSet("chosenlinks", nameFields: [2], isExchanged: true, keys: links),
                ElementSet("turns", layout: Self.turnLayout, isExchanged: true, elements: turns),
                ElementSet("published", layout: IngressTable.portLayout, isExchanged: true, elements: ports),
            ]
        )
    }

    /// As nft prints it: a class of traffic control.
    @Sendable static func priority(_ turn: Int) -> String { turn == 0 ? "none" : "0:" + String(turn, radix: 16) }
}

extension IPv4Network {
    /// As nft prints it in listings: a single address without its length.
    var spelling: String { prefixLength == 32 ? "\(address)" : description }
}
