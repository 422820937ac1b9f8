import Addressing
@testable import DataPlane
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
        let text = NodeTable(wanted: NodeNetwork()).table.skeleton
        #expect(!text.contains("goto datapath"))
        #expect(!text.contains("notrack\n}\nchain guard"))
        #expect(NodeTable(wanted: NodeNetwork()).table.chains.isEmpty)
        #expect(text.contains("dnat to ip daddr . meta l4proto . th dport map @hostaddrs"))
    }

    @Test func `joining a swarm changes the skeleton, a container does not`() {
        let alone = NodeTable(wanted: NodeNetwork()).table
        let member = NodeNetwork(underlay: Underlay(address: IPAddress(192, 0, 2, 1), peers: []), ingress: ingress)
        let swarm = NodeTable(wanted: member).table
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
        #expect(NodeTable(wanted: busy).table.tag == swarm.tag)
        let change = NodeTable(wanted: busy).table.change(from: swarm)
        #expect(change.commands == "add element ip swarm hostports { tcp . 80 : 172.17.0.2 . 8080 }\n")
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
        let sets = NodeTable(wanted: network).table.sets
        #expect(sets.first { $0.name == "hostports" }?.elements == ["tcp . 80": "172.17.0.2 . 1"])
        #expect(sets.first { $0.name == "hostaddrs" }?.elements == ["127.0.0.1 . udp . 81": "172.17.0.2 . 2"])
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
        let table = IngressTable(ingress: ingress).table
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
            ]).table
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

    @Test func `chains are not named by words of nft`() {
        let mesh = MeshTables(
            interface: "eth1", address: IPv4Address(10, 255, 0, 3), answerAddress: IPv4Address(172, 18, 0, 3), ports: []
        ).tables
        let all = [NodeTable(wanted: NodeNetwork(ingress: ingress)).table, IngressTable(ingress: ingress).table] + mesh
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
}
