import Addressing
@testable import DataPlane
import Foundation
import Model
import Nftables
import TestKit
import Testing

@Suite struct RuleTests {
    private let ingress = IngressSandbox(
        address: IPNetwork(address: IPAddress(10, 255, 0, 2), prefixLength: 16), overlayID: "net", bridgeID: "gw",
        gatewayAddresses: IPNetwork(address: IPAddress(172, 18, 0, 2), prefixLength: 16),
        ports: [
            MeshPort(
                transport: .tcp, publishedPort: 8080,
                backends: [
                    .init(address: IPAddress(10, 255, 1, 1), port: 80),
                    .init(address: IPAddress(10, 255, 1, 2), port: 80),
                ]),
            MeshPort(transport: .udp, publishedPort: 53, backends: []),
        ])

    @Test func `a node without a swarm has no rule about VXLAN or the mesh`() {
        let text = NodeTable(.v4, wanted: NodeNetwork()).table.skeleton
        #expect(!text.contains("goto datapath"))
        #expect(!text.contains("notrack\n}\nchain guard"))
        #expect(NodeTable(.v4, wanted: NodeNetwork()).table.chains.isEmpty)
        #expect(text.contains("dnat to ip daddr . meta l4proto . th dport map @hostaddrs"))
    }

    @Test func `a table that is new is told of without a text of its elements`() {
        let backends = (1...250).map { IPAddress(10, 1, 0, UInt8($0)) }
        let table = ServiceTable(own: [], networks: [[IPAddress(10, 1, 1, 1): backends]]).table(.v4)
        let (whole, creation) = (table.change(from: nil), table.creation)
        #expect(creation.count == whole.count && creation.summary == whole.summary)
        #expect(creation.isReplacement && !creation.isEmpty && creation.steps == nil)
        #expect(whole.commands.contains("10.1.0.250") && !creation.commands.contains("10.1.0.250"))
        // Whoever loads it adds them by themselves.
        #expect(table.filling.count == 2)
    }

    @Test func `joining a swarm changes the skeleton, a container does not`() {
        let alone = NodeTable(.v4, wanted: NodeNetwork()).table
        let member = NodeNetwork(underlay: Underlay(address: IPAddress(192, 0, 2, 1), peers: []), ingress: ingress)
        let swarm = NodeTable(.v4, wanted: member).table
        #expect(alone.tag != swarm.tag)
        #expect(swarm.skeleton.contains("udp dport 4789 iifname . ip daddr @underlay goto datapath"))
        #expect(swarm.skeleton.contains("th dport vmap @published"))
        var busy = member
        busy.sandboxes = [
            Sandbox(
                id: "c",
                published: [
                    HostPort(transport: .tcp, hostPort: 80, targetAddress: IPAddress(172, 17, 0, 2), targetPort: 8080)
                ])
        ]
        #expect(NodeTable(.v4, wanted: busy).table.tag == swarm.tag)
        let change = NodeTable(.v4, wanted: busy).table.change(from: swarm)
        #expect(change.commands == "add element ip node hostports { tcp . 80 : 172.17.0.2 . 8080 }\n")
    }

    @Test func `a port on one address and one on all addresses go to different maps`() {
        var network = NodeNetwork()
        let target = IPAddress(172, 17, 0, 2)
        network.sandboxes = [
            Sandbox(
                id: "c",
                published: [
                    HostPort(
                        transport: .tcp, hostAddress: IPAddress(0, 0, 0, 0), hostPort: 80, targetAddress: target,
                        targetPort: 1),
                    HostPort(
                        transport: .udp, hostAddress: IPAddress(127, 0, 0, 1), hostPort: 81, targetAddress: target,
                        targetPort: 2),
                ])
        ]
        let sets = NodeTable(.v4, wanted: network).table.sets
        #expect(sets.first { $0.name == "hostports" }?.elements == ["tcp . 80": "172.17.0.2 . 1"])
        #expect(sets.first { $0.name == "hostaddrs" }?.elements == ["127.0.0.1 . udp . 81": "172.17.0.2 . 2"])
    }

    @Test
    func
        `what is routed is neither masqueraded nor reached but at ports that are published, and trusted links likewise`()
    {
        let (own, other) = (IPNetwork(address: IPAddress(10, 8, 0, 1), prefixLength: 24), IPAddress(10, 8, 0, 5))
        func elements(_ name: String, _ change: (inout BridgeNetwork) -> Void) -> [String: String] {
            var bridge = BridgeNetwork(id: "b", linkName: "br-b", gateway: own)
            change(&bridge)
            let ports: [ClosedRange<UInt16>] = [80...80, 8000...8010, 8005...8020, 80...80]
            let sandbox = Sandbox(
                id: "c", direct: ports.map { DirectPort(transport: .tcp, ports: $0, address: other) })
            let table = NodeTable(.v4, wanted: NodeNetwork(bridges: [bridge], sandboxes: [sandbox])).table
            return table.sets.first { $0.name == name }?.elements ?? ["no such set": ""]
        }
        #expect(elements("localnets") { _ in } == ["10.8.0.0/24": ""])
        #expect(elements("localnets") { $0.routed = [.v6] } == ["10.8.0.0/24": ""])
        #expect(elements("localnets") { $0.routed = [.v4] }.isEmpty)
        #expect(elements("routed") { $0.routed = [.v4] } == ["\"br-b\"": ""])
        #expect(elements("routed") { $0.routed = [.v6] }.isEmpty)
        #expect(elements("trusted") { $0.trustedLinks = ["eth1"] } == ["\"eth1\" . \"br-b\"": ""])
        // None begins within another.
        #expect(
            elements("direct") { _ in } == ["tcp . 80 . 10.8.0.5": "", "tcp . 8000-8020 . 10.8.0.5": ""])
        func named(_ bridge: inout BridgeNetwork) { bridge.sources = HostAddresses(IPAddress(192, 0, 2, 7)) }
        #expect(elements("sources", named) == ["10.8.0.0/24": "192.0.2.7"])
        #expect(elements("localnets", named).isEmpty)
        #expect(
            elements("sources") {
                named(&$0)
                $0.masquerades = false
            }.isEmpty)
        let rules = NodeTable(.v4, wanted: NodeNetwork()).table.skeleton.split(separator: "\n").map(String.init)
        let order = [
            "ct state established,related accept", "oifname @routed meta l4proto . th dport . ip daddr @direct accept",
            "iifname . oifname @trusted meta l4proto . th dport . ip daddr @direct accept",
            "oifgroup \(Layout.linkGroup) counter drop",
        ].map { rule in rules.firstIndex { $0.hasSuffix(rule) } }
        #expect(order.allSatisfy { $0 != nil } && order.compactMap { $0 } == order.compactMap { $0 }.sorted())
    }

    @Test func `a bridge without an address is no gateway, and what it has is left alone`() throws {
        var bridge = BridgeNetwork(
            id: "b", linkName: "br-b", gateway: IPNetwork(address: IPAddress(10, 8, 0, 1), prefixLength: 24))
        let endpoint = Sandbox.Endpoint(
            id: "0123456789abcdef", network: .bridge("b"), interfaceName: "eth0",
            address: IPNetwork(address: IPAddress(10, 8, 0, 5), prefixLength: 24), gateway: IPAddress(10, 8, 0, 1))
        for isBare in [false, true] {
            bridge.unaddressed = isBare ? [.v4] : []
            let sandbox = Sandbox(id: "c", endpoints: [endpoint], defaultRouteEndpointID: endpoint.id)
            let derivation = Derivation(
                NodeNetwork(bridges: [bridge], sandboxes: [sandbox]), layout: Layout(runDirectory: "/run/test"),
                filtersBridges: true)
            let node = derivation.nodeState()
            #expect(node.kernel.addresses.isEmpty == isBare && node.kernel.neighbours.isEmpty == isBare)
            #expect(node.leftAlone == (isBare ? [LinkFamily(link: "br-b", family: .v4)] : []))
            let input = try #require(derivation.inputs()[.sandbox("c")])
            let inside = derivation.state(for: input).kernel
            #expect(inside.neighbours.isEmpty == isBare && inside.routes.count == 1)
        }
    }

    @Test func `a port has its own pair, and what others have is listed only for those that may use what is nobody's`()
    {
        func port(isLax: Bool) -> GuardTable.Port {
            let address = IPAddress(172, 17, 0, 2)
            return .init(
                link: "a1", mac: MACAddress(for: address), addresses: HostAddresses(address), isLax: isLax,
                isIsolated: true)
        }
        func elements(_ name: String, isLax: Bool) -> Set<String> {
            let table = GuardTable(
                ports: [port(isLax: isLax)], taken: [IPAddress(172, 17, 0, 1)],
                gates: [MACAddress(for: IPAddress(172, 17, 0, 1))]
            ).table
            return Set(table.sets.first { $0.name == name }.map { Array($0.elements.keys) } ?? ["no such set"])
        }
        for isLax in [false, true] {
            #expect(elements("own4", isLax: isLax) == ["\"a1\" . 02:42:ac:11:00:02 . 172.17.0.2"])
            #expect(elements("lax", isLax: isLax) == (isLax ? ["\"a1\" . 02:42:ac:11:00:02"] : []))
            #expect(elements("taken4", isLax: isLax) == (isLax ? ["172.17.0.1"] : []))
            #expect(elements("isolated", isLax: isLax) == ["\"a1\""])
            #expect(elements("gates", isLax: isLax) == ["02:42:ac:11:00:01"])
            for none in ["own6", "lax6", "taken6"] { #expect(elements(none, isLax: isLax).isEmpty) }
        }
    }

    @Test func `a port without tasks refuses instead of missing`() {
        let table = IngressTable(.v4, ingress: ingress).table
        #expect(table.sets.first { $0.name == "svc" }?.elements == ["tcp . 8080": "goto n2", "udp . 53": "goto n0"])
        #expect(
            table.sets.first { $0.name == "be" }?.elements == [
                "tcp . 8080 . 0": "10.255.1.1 . 80", "tcp . 8080 . 1": "10.255.1.2 . 80",
            ])
        #expect(
            table.chains == ["n2": "meta mark set numgen inc mod 2 dnat to meta l4proto . th dport . meta mark map @be"]
        )
    }

    @Test func `one more backend is one transaction that adds its chain and turns the address to it last`() {
        let address = IPAddress(10, 1, 0, 100)
        func table(_ count: UInt8) -> Table {
            ServiceTable(own: [
                VirtualAddress(address: address, backends: (0..<count).map { IPAddress(10, 1, 0, $0) })
            ]).table(.v4)
        }
        #expect(
            table(2).change(from: table(1)).commands == """
                delete element ip lb vip { 10.1.0.100 }
                add chain ip lb n2
                flush chain ip lb n2
                add rule ip lb n2 dnat to ip daddr . numgen random mod 2 map @be
                add element ip lb be { 10.1.0.100 . 1 : 10.1.0.1 }
                add element ip lb vip { 10.1.0.100 : goto n2 }

                """)
        #expect(
            table(0).change(from: table(1)).commands == """
                delete element ip lb vip { 10.1.0.100 }
                delete element ip lb be { 10.1.0.100 . 0 }
                add element ip lb vip { 10.1.0.100 : goto n0 }

                """)
        #expect(table(2).change(from: table(2)).isEmpty)
    }

    /// Without a chain that translates, the kernel does not translate what exists either: the end of a connection would not arrive.
    @Test func `the table of services of IPv6 outlives the last of them on a network that has IPv6`() throws {
        let (address, backend) = (try #require(IPAddress("fd00:1::100")), try #require(IPAddress("fd00:1::2")))
        let services = [address: [backend]]
        func names(_ table: ServiceTable) -> [TableID] { table.tables.map(\.id) }
        let both = [ServiceTable.id(of: .v4), ServiceTable.id(of: .v6)]
        #expect(names(ServiceTable(networks: [services], hasIPv6: true)) == both)
        #expect(names(ServiceTable(networks: [[:]], hasIPv6: true)) == both)
        #expect(names(ServiceTable(networks: [services])) == both)
        #expect(names(ServiceTable(networks: [[:]])) == [ServiceTable.id(of: .v4)])
    }

    @Test func `chains are not named by words of nft`() {
        let mesh = MeshTables(
            interface: "eth1",
            addresses: HostAddresses(v4: IPv4Address(10, 255, 0, 3), v6: IPv6Address("fd00:255::3")),
            answers: HostAddresses(IPAddress(172, 18, 0, 3)), ports: []
        ).tables
        let all =
            IPFamily.allCases.flatMap {
                [NodeTable($0, wanted: NodeNetwork(ingress: ingress)).table, IngressTable($0, ingress: ingress).table]
            } + mesh
        let words: Set = [
            "udp", "tcp", "reply", "original", "ip", "mark", "redirect", "queue", "log", "limit", "return", "goto",
            "jump",
        ]
        for table in all {
            for line in table.skeleton.split(separator: "\n") where line.hasPrefix("chain ") {
                #expect(!words.contains(String(line.split(separator: " ")[1])))
            }
        }
    }

    // MARK: both families

    private func dual(_ ports: [MeshPort]) -> IngressSandbox {
        IngressSandbox(
            addresses: EndpointAddresses([IPNetwork("10.255.0.2/16"), IPNetwork("fd00:255::2/64")].compactMap { $0 }),
            tag: EndpointTag(number: 0x0aff_0002), overlayID: "net", bridgeID: "gw",
            gatewayAddresses: EndpointAddresses(
                [IPNetwork("172.18.0.2/16"), IPNetwork("fd00:18::2/64")].compactMap { $0 }),
            gatewayMAC: MACAddress(tag: EndpointTag(number: 0xac12_0002)), ports: ports)
    }

    @Test func `the node has one table a family, of the same rules but for what the families are not alike in`() {
        func lines(_ family: IPFamily) -> [String] {
            let underlay = Underlay(
                address: family == .v4 ? IPAddress(192, 0, 2, 1) : IPAddress("2001:db8::1") ?? .unspecified(.v6),
                peers: [])
            let words = [("ip6 ", "ip "), ("ipv6_addr", "ipv4_addr"), ("2001:db8::1", "192.0.2.1")]
            return NodeTable(family, wanted: NodeNetwork(underlay: underlay, ingress: dual([]))).table.skeleton
                .split(separator: "\n").map { line in
                    words.reduce(String(line)) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
                }
        }
        let (four, six) = (lines(.v4), lines(.v6))
        #expect(
            four.filter { !six.contains($0) } == [
                "iif != \"lo\" ip daddr 127.0.0.0/8 counter drop", "iif != \"lo\" ip saddr 127.0.0.0/8 counter drop",
                "oifgroup 77 icmp type redirect drop", "reject with icmp port-unreachable",
                "chain nat_in { type nat hook prerouting priority dstnat; policy accept; fib daddr type local jump publish; }",
                "chain nat_out { type nat hook output priority -100; policy accept; fib daddr type local jump publish; }",
                "oifgroup 77 ip saddr 127.0.0.0/8 masquerade",
                "iifname @internal fib daddr . iif type != { local, broadcast, multicast } counter drop",
                "oifname @routed meta l4proto icmp accept",
            ])
        #expect(
            six.filter { !four.contains($0) } == [
                "oifgroup 77 icmpv6 type nd-redirect drop", "reject with icmpv6 port-unreachable",
                "chain nat_in { type nat hook prerouting priority dstnat; policy accept; ip saddr != fe80::/10 fib daddr type local jump publish; }",
                "chain nat_out { type nat hook output priority -100; policy accept; ip daddr != ::1 ip daddr != fe80::/10 fib daddr type local jump publish; }",
                "iifname @internal fib daddr . iif type != { local, multicast } counter drop",
                "oifname @routed meta l4proto ipv6-icmp accept",
            ])
    }

    @Test func `rules of IPv4 are as the version before has left them, so that its tables are not replaced`() {
        let node = NodeTable(.v4, wanted: NodeNetwork()).table
        #expect(node.tag == "apus:63cc01e481a85ff1")
        let task = MeshTables(
            interface: "eth1", addresses: HostAddresses(IPAddress(10, 255, 0, 3)),
            answers: HostAddresses(IPAddress(172, 18, 0, 3)), ports: [])
        #expect(task.tables.last?.tag == "apus:54dab980efb49bc6")
    }

    @Test func `a port's places and turns are in the table of their family, and places that overlap are one`() throws {
        let texts = [
            "10.0.0.0/8", "10.1.0.0/16", "192.0.2.1/32", "2001:db8::/32", "2001:db8:1::/48", "2001:db8::1/128",
            "fd00::1/128",
        ]
        let reach = PortReach(addresses: texts.compactMap { IPNetwork($0) }, links: ["eth1"])
        let backends = ["10.255.1.1", "fd00:255::11", "fd00:255::12"].compactMap { IPAddress($0) }
        let port = MeshPort(
            transport: .tcp, publishedPort: 8080, backends: backends.map { .init(address: $0, port: 80) }, reach: reach)
        func elements(_ family: IPFamily, _ name: String, _ ingress: IngressSandbox) -> [String: String]? {
            NodeTable(family, wanted: NodeNetwork(ingress: ingress), ports: [port]).table.sets
                .first { $0.name == name }?.elements
        }
        let both = dual([port])
        #expect(elements(.v4, "chosenaddrs", both) == ["tcp . 8080 . 10.0.0.0/8": "", "tcp . 8080 . 192.0.2.1": ""])
        #expect(elements(.v6, "chosenaddrs", both) == ["tcp . 8080 . 2001:db8::/32": "", "tcp . 8080 . fd00::1": ""])
        for (family, chain) in [(IPFamily.v4, "n1"), (.v6, "n2")] {
            // Nobody who looks among those that answer everywhere finds it, whatever else is there by then.
            #expect(elements(family, "published", both) == ["tcp . 8080": "goto choice"])
            #expect(elements(family, "narrowed", both) == ["tcp . 8080": "goto \(chain)"])
            #expect(elements(family, "chosenlinks", both) == ["tcp . 8080 . \"eth1\"": ""])
        }
        #expect(elements(.v4, "turns", both) == ["tcp . 8080 . none": "10.255.1.1 . 80"])
        #expect(
            elements(.v6, "turns", both) == [
                "tcp . 8080 . none": "fd00:255::11 . 80", "tcp . 8080 . 0:1": "fd00:255::12 . 80",
            ])
        // Where the mesh has no local target of a family, its ports are whoever's that listens.
        #expect(elements(.v4, "narrowed", ingress) == ["tcp . 8080": "goto n1"])
        #expect(elements(.v6, "published", ingress)?.isEmpty == true)
        #expect(elements(.v6, "narrowed", ingress)?.isEmpty == true)
        #expect(
            IngressTable(.v6, ingress: both).table.sets.first { $0.name == "svc" }?.elements == [
                "tcp . 8080": "goto n2"
            ])
    }

    @Test func `a range of ports is one element in the table of its family`() {
        func ports(_ target: IPAddress) -> [HostPort] {
            (UInt16(9000)..<9100).map {
                HostPort(
                    transport: .udp, hostAddress: .unspecified(target.family), hostPort: $0, targetAddress: target,
                    targetPort: $0)
            }
        }
        let (four, six) = (IPAddress(172, 17, 0, 2), IPAddress("fd00::2") ?? .unspecified(.v6))
        var network = NodeNetwork()
        network.sandboxes = [
            Sandbox(id: "c", published: ports(four) + ports(six).filter { $0.published.hostPort != 9050 })
        ]
        func spans(_ family: IPFamily) -> [String: String]? {
            NodeTable(family, wanted: network).table.sets.first { $0.name == "hostspans" }?.elements
        }
        #expect(spans(.v4) == ["udp . 9000-9099": "172.17.0.2"])
        #expect(spans(.v6) == ["udp . 9000-9049": "fd00::2", "udp . 9051-9099": "fd00::2"])
        // Too few to be one: each by itself, at all addresses of the family as before.
        network.sandboxes[0].published = ports(six).filter { $0.published.hostPort % 10 != 0 }
        let single = NodeTable(.v6, wanted: network).table.sets.first { $0.name == "hostports" }?.elements
        #expect(spans(.v6)?.isEmpty == true && single?.count == 90 && single?["udp . 9001"] == "fd00::2 . 9001")
    }

    @Test func `a task has rules of the mesh in each family that it has an address of, and answers from its way out`() {
        func tables(_ addresses: HostAddresses, _ answers: HostAddresses) -> [TableID: String] {
            let tables = MeshTables(interface: "eth1", addresses: addresses, answers: answers, ports: []).tables
            return Dictionary(uniqueKeysWithValues: tables.map { ($0.id, $0.skeleton) })
        }
        let (four, six) = (IPAddress(10, 255, 0, 3), IPAddress("fd00:255::3") ?? .unspecified(.v6))
        let way = IPAddress("fd00:18::3") ?? .unspecified(.v6)
        #expect(
            Set(tables(HostAddresses(four), HostAddresses()).keys) == [MeshTables.deviceID, MeshTables.id(of: .v4)])
        let both = tables(HostAddresses([four, six]), HostAddresses([way]))
        #expect(Set(both.keys) == [MeshTables.deviceID, MeshTables.id(of: .v4), MeshTables.id(of: .v6)])
        #expect(both[MeshTables.id(of: .v6)]?.contains("meta l4proto udp dnat to fd00:18::3") == true)
        #expect(both[MeshTables.id(of: .v6)]?.contains("ip6 daddr fd00:18::3 meta l4proto . th dport @ports") == true)
        #expect(both[MeshTables.id(of: .v4)]?.contains("meta l4proto udp dnat to 10.255.0.3") == true)
        #expect(both[MeshTables.id(of: .v4)]?.contains("icmpv6") == false)
    }
}
