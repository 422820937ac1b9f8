import Addressing
import Model
import Nftables

/// `netdev mesh`, `ip mesh` and `ip6 mesh`: a task behind ports of the mesh, at its interface in the ingress network.
///
/// Who sent a packet is known from its source MAC: `02:42` and the four bytes of the ingress endpoint's tag. They
/// become the mark of the packet and of its connection; a reply gets the mark back, is routed by it to the ingress
/// interface, and there gets the MAC back. The last two bytes are also the connection's zone, so that one client port
/// arriving through two nodes is two connections.
///
/// MACs that were seen are kept for as many nodes as ``mostNodes`` says; further ones get no reply through the mesh at this task. The kernel makes
/// room for all of them beforehand, and walks through it every second, in every task: a thousand nodes more cost 16 KiB a task.
///
/// What was called on this very node comes through the task's bridge instead, needs no mark to find back, and is led to the
/// ingress address all the same: a server may be bound to it alone.
struct MeshTables {
    static let mostNodes = 2048
    static let deviceID = TableID(.netdev, "mesh")
    static func id(of family: IPFamily) -> TableID { TableID(family.tableFamily, "mesh") }

    /// The ingress interface, as `eth1`.
    let interface: String
    /// The addresses there: of each family that has one there is a table.
    let addresses: HostAddresses
    /// The addresses of the ways out, that an unconnected UDP socket would answer from; the one in the ingress network where there is no way out.
    let answers: HostAddresses
    let ports: [MeshMembership.TargetPort]
    /// Nothing else leads out of the task: what it begins by this interface is refused, so that the mesh is no way out either.
    var isOnlyWay = false

    var tables: [Table] {
        [Table(Self.deviceID, skeleton: deviceSkeleton, devices: [interface])]
            + addresses.all.map { address in
                Table(
                    Self.id(of: address.family),
                    skeleton: skeleton(of: address, answers[address.family] ?? address),
                    sets: [
                        ElementSet(
                            "ports", layout: ElementLayout(.transport, .port),
                            keys: ports.filter { $0.last == nil }.map { "\($0.transport) . \($0.port)" })
                    ] + (hasRows ? [ElementSet("portspans", keys: rows)] : []))
            }
    }

    /// Rows of ports, in an order in which none meets the one before.
    private var rows: [String] {
        var taken: [PortRow] = []
        for port in ports where port.last != nil {
            let row = PortRow(port.transport, port.ports)
            if !taken.contains(where: { $0.meets(row) }) { taken.append(row) }
        }
        return taken.map { "\($0.transport) . \($0.ports.lowerBound)-\($0.ports.upperBound)" }
    }
    private var hasRows: Bool { ports.contains { $0.last != nil } }

    /// A rule about the task's ports: once more about those in a row, where there are some.
    private func onPorts(_ rule: (String) -> String) -> String {
        rule("@ports") + (hasRows ? "\n" + rule("@portspans") : "")
    }

    private var deviceSkeleton: String {
        """
        map back { typeof meta mark : ether saddr; size \(Self.mostNodes); flags dynamic; }
        chain arrive { type filter hook ingress device "\(interface)" priority 0; policy accept;
        meta protocol { ip, ip6 } meta mark set @ll,64,32 add @back { meta mark : ether saddr }
        }
        chain leave { type filter hook egress device "\(interface)" priority 0; policy accept;
        meta mark != 0 ether daddr set meta mark map @back
        }
        """
    }

    /// Neighbours are asked for within the network; whoever asks of IPv6's has no connection.
    private func skeleton(of address: IPAddress, _ answer: IPAddress) -> String {
        let neighbours =
            switch address.family {
            case .v4: ""
            case .v6:
                "iifname \"\(interface)\" icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
            }
        let localDNAT =
            address == answer
            ? ""
            : onPorts {
                """
                iifname != "\(interface)" \(address.family.header) daddr \(answer) meta l4proto . th dport \($0) \
                meta l4proto != udp dnat to \(address)
                """
            }
        let unconnected = onPorts {
            "iifname \"\(interface)\" meta l4proto . th dport \($0) meta l4proto udp dnat to \(answer)"
        }
        let accepted = onPorts { "iifname \"\(interface)\" meta l4proto . th dport \($0) accept" }
        let closed =
            isOnlyWay
            ? """

            chain filter_out { type filter hook output priority filter; policy accept;
            oifname "\(interface)" ct direction original counter reject with \(address.family.controlProtocol) admin-prohibited
            }
            """ : ""
        let declared = hasRows ? "set portspans { type inet_proto . inet_service; flags interval; }\n" : ""
        return """
            set ports { type inet_proto . inet_service; }
            \(declared)chain set_zone { type filter hook prerouting priority raw; policy accept;
            iifname "\(interface)" ct original zone set @ll,80,16
            }
            chain set_mark { type filter hook prerouting priority mangle; policy accept;
            iifname "\(interface)" ct state new ct mark set meta mark
            }
            chain restore_mark { type route hook output priority mangle; policy accept;
            ct mark != 0 meta mark set ct mark
            }
            chain unconnected { type nat hook prerouting priority dstnat; policy accept;
            \(unconnected)
            \(localDNAT)
            }
            chain filter_in { type filter hook input priority filter; policy accept;
            iifname "\(interface)" ct state established,related accept
            \(neighbours)\(accepted)
            iifname "\(interface)" counter drop
            }
            chain filter_fwd { type filter hook forward priority filter; policy accept;
            iifname "\(interface)" drop
            oifname "\(interface)" drop
            }\(closed)
            """
    }
}

/// `ip dns`: leads port 53 of 127.0.0.11 to the ports that the resolver really has. Were it bound to port 53 itself, a
/// DNS server in the container could not bind the wildcard address.
struct ResolverTable {
    static let id = TableID(.ip, "dns")
    static let address = IPv4Address(127, 0, 0, 11)

    let ports: ResolverPorts

    /// The ports are elements, so that the skeleton is the same for every container.
    var table: Table {
        Table(
            Self.id,
            skeleton: """
                map ports { type inet_proto . inet_service : ipv4_addr . inet_service; }
                chain redirect_out { type nat hook output priority -100; policy accept;
                ip daddr \(Self.address) dnat to meta l4proto . th dport map @ports
                }
                """,
            sets: [
                ElementSet(
                    "ports", layout: ElementLayout(.transport, .port, value: .fields([.address, .port])),
                    elements: [
                        "udp . 53": "\(Self.address) . \(ports.udp)", "tcp . 53": "\(Self.address) . \(ports.tcp)",
                    ])
            ])
    }
}
