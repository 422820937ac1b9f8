import Addressing
import Nftables

/// `bridge guard`: what a container's port may say, in each namespace that has such ports: the node's and every overlay's.
///
/// A port sends with its own MAC and address, ARP about itself, and nothing else: no tags, no other protocol. Ports are links
/// of the group ``Layout/linkGroup``; others are not looked at. A port without elements is dumb, so they come before it. IPv6
/// addresses are numbers here, since nft 1.0.6 cannot name what neighbour discovery asks for. Who has one has the link-local
/// address of its MAC, too; who may use what is nobody's may use no other of those.
///
/// Nobody advertises a router, and nobody redirects. In an overlay nobody tells of multicast groups either: its bridge keeps no account of them and
/// passes what is sent to one to all, and so would it pass these words of each container to all the others.
///
/// The rule about `ether type` stands by itself: as a part of the next one nft leaves it out of its listing, and who loads a
/// listing would get a question about the protocol, which looks through tags.
struct GuardTable {
    static let id = TableID(.bridge, "guard")

    struct Port: Equatable {
        let link: String
        let mac: MACAddress
        let addresses: HostAddresses
        /// It may also use addresses that are nobody's.
        let isLax: Bool
        /// Of a network whose containers must not talk to each other.
        let isIsolated: Bool

        /// Its IPv6 address and the link-local one; none where it has none.
        fileprivate var addresses6: [IPv6Address] {
            addresses.v6.map { [$0, IPv6Address(linkLocalFor: mac)] } ?? []
        }
    }

    let ports: [Port]
    /// What is somebody's, for ports that may use what is nobody's.
    let taken: Set<IPAddress>
    /// There are such ports beside these.
    var hasOthersLax = false
    /// MACs of the bridges that have isolated ports.
    let gates: Set<MACAddress>
    /// Whether the bridges keep account of who is in which multicast group.
    var hearsGroups = true
    /// Nothing is passed on, whosever port it comes from: nobody in an overlay has anything to say to others.
    var passesNothing = false

    /// How many ports of a table may use what is nobody's.
    static func laxPorts(in tables: [Table]) -> Int {
        let table = tables.first { $0.id == id }
        return table?.sets.first { $0.name == "lax" }?.elements.count ?? 0
    }

    private static func skeleton(hearsGroups: Bool, passesNothing: Bool) -> String {
        let end = passesNothing ? "counter drop\n" : ""
        let groups =
            hearsGroups
            ? ""
            : "mld-listener-query : drop, mld-listener-report : drop, mld-listener-done : drop, mld2-listener-report : drop, "
        return """
            set own4 { typeof iifname . ether saddr . ip saddr; }
            set own6 { typeof iifname . ether saddr . @th,64,128; }
            set lax { typeof iifname . ether saddr; }
            set lax6 { typeof iifname . ether saddr; }
            set taken4 { type ipv4_addr; }
            set taken6 { typeof @th,64,128; }
            set isolated { type ifname; }
            set gates { type ether_addr; }
            chain enter { type filter hook prerouting priority -300; policy accept;
            iifgroup \(Layout.leavingGroup) counter drop
            \(end)iifgroup != \(Layout.linkGroup) accept
            ether type != ip goto other
            iifname . ether saddr . ip saddr @own4 accept
            iifname . ether saddr @lax ip saddr != 127.0.0.0/8 ip saddr != @taken4 accept
            counter drop
            }
            chain other {
            ether type vmap { arp : goto from_arp, ip6 : goto from6 }
            counter drop
            }
            chain from_arp {
            iifname @isolated ether daddr != ff:ff:ff:ff:ff:ff ether daddr != @gates counter drop
            arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp operation { request, reply } goto arp_pair
            counter drop
            }
            chain arp_pair {
            iifname . ether saddr . arp saddr ip @own4 iifname . arp saddr ether . arp saddr ip @own4 accept
            iifname . ether saddr @lax iifname . arp saddr ether @lax arp saddr ip != 127.0.0.0/8 arp saddr ip != @taken4 accept
            counter drop
            }
            chain from6 {
            icmpv6 type vmap { \(groups)nd-router-advert : drop, nd-redirect : drop, nd-neighbor-advert : goto advert, nd-neighbor-solicit : goto solicit }
            goto source6
            }
            chain source6 {
            iifname . ether saddr . @nh,64,128 @own6 accept
            iifname . ether saddr @lax6 @nh,64,10 != 0x3fa @nh,64,127 != 0 @nh,64,128 != @taken6 accept
            counter drop
            }
            chain advert {
            iifname . ether saddr . @th,64,128 @own6 goto source6
            iifname . ether saddr @lax6 @th,64,10 != 0x3fa @th,64,128 != @taken6 goto source6
            counter drop
            }
            chain solicit {
            ip6 saddr != :: goto source6
            iifname . ether saddr . @th,64,128 @own6 accept
            iifname . ether saddr @lax6 @th,64,10 != 0x3fa @th,64,128 != @taken6 accept
            counter drop
            }
            """
    }

    var table: Table {
        let lax = ports.filter(\.isLax)
        // What is taken comes before who might take it.
        return Table(
            Self.id, skeleton: Self.skeleton(hearsGroups: hearsGroups, passesNothing: passesNothing),
            sets: [
                ElementSet(
                    "own4", layout: ElementLayout(.interface, .hardwareAddress, .address), nameFields: [0],
                    keys: ports.compactMap { port in port.addresses.v4.map { "\"\(port.link)\" . \(port.mac) . \($0)" }
                    }),
                ElementSet(
                    "own6", layout: ElementLayout(.interface, .hardwareAddress, .addressNumber6), nameFields: [0],
                    keys: ports.flatMap { port in
                        port.addresses6.map { "\"\(port.link)\" . \(port.mac) . \(NumberText.text(of: $0))" }
                    }),
                ElementSet(
                    "taken4", layout: ElementLayout(.address),
                    keys: (lax.isEmpty && !hasOthersLax ? [] : taken).compactMap(\.v4?.description)),
                ElementSet(
                    "taken6", layout: ElementLayout(.addressNumber6),
                    keys: (lax.isEmpty && !hasOthersLax ? [] : taken).compactMap { $0.v6.map(NumberText.text) }),
                ElementSet(
                    "lax", layout: ElementLayout(.interface, .hardwareAddress), nameFields: [0],
                    keys: lax.map { "\"\($0.link)\" . \($0.mac)" }),
                ElementSet(
                    "lax6", layout: ElementLayout(.interface, .hardwareAddress), nameFields: [0],
                    keys: lax.filter { $0.addresses.v6 != nil }.map { "\"\($0.link)\" . \($0.mac)" }),
                ElementSet("gates", layout: ElementLayout(.hardwareAddress), keys: gates.map(\.description)),
                ElementSet(
                    "isolated", layout: ElementLayout(.interface), nameFields: [0],
                    keys: ports.filter(\.isIsolated).map { "\"\($0.link)\"" }),
            ])
    }
}
