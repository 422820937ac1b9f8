import Addressing
@testable import DataPlane
import Model
import Nftables
import TestKit
import Testing

/// A9: however many ports stand in a row, they are one element of a set, and as many of the next one as there is to choose from.
@Suite struct RowRuleTests {
    private let one = IPAddress(10, 255, 1, 1)
    private let two = IPAddress(10, 255, 1, 2)

    private func row(_ backends: [IPAddress], reach: PortReach? = nil) -> MeshPort {
        MeshPort(
            transport: .udp, publishedPort: 10_000, backends: backends.map { .init(address: $0, port: 10_000) },
            reach: reach, lastPort: 19_999)
    }

    private func ingress(_ ports: [MeshPort]) -> IngressSandbox {
        IngressSandbox(
            address: IPNetwork(address: IPAddress(10, 255, 0, 2), prefixLength: 16), overlayID: "net", bridgeID: "gw",
            gatewayAddresses: IPNetwork(address: IPAddress(172, 18, 0, 2), prefixLength: 16), ports: ports)
    }

    private func elements(_ table: Table, _ set: String) -> [String: String] {
        table.sets.first { $0.name == set }?.elements ?? ["no such set": ""]
    }

    @Test func `a row of the mesh is one element in the sandbox, and one for each task`() {
        let table = IngressTable(.v4, ingress: ingress([row([one, two])])).table
        #expect(elements(table, "svcspans") == ["udp . 10000-19999": "goto w2"])
        #expect(
            elements(table, "bespans") == [
                "udp . 10000-19999 . 0": "10.255.1.1", "udp . 10000-19999 . 1": "10.255.1.2",
            ])
        #expect(elements(table, "svc").isEmpty && elements(table, "be").isEmpty)
        #expect(
            table.chains == [
                "w2": "meta mark set numgen inc mod 2 dnat to meta l4proto . th dport . meta mark map @bespans"
            ])
        let bySource = IngressTable(.v4, ingress: ingress([row([one, two], reach: PortReach(isBySource: true))])).table
        #expect(elements(bySource, "svcspans") == ["udp . 10000-19999": "goto x2"])
        #expect(bySource.chains["x2"]?.hasSuffix("meta mark map @bespans") == true)
        let none = IngressTable(.v4, ingress: ingress([row([])])).table
        #expect(elements(none, "svcspans") == ["udp . 10000-19999": "goto n0"] && none.chains.isEmpty)
    }

    @Test func `a row is one element of the node's table, and single ports where it answers at some places alone`() {
        func table(_ ports: [MeshPort]) -> Table {
            NodeTable(.v4, wanted: NodeNetwork(ingress: ingress(ports))).table
        }
        let whole = table([row([one, two])])
        #expect(elements(whole, "publishedspans") == ["udp . 10000-19999": "goto w1"])
        // Tasks are elsewhere: the sandbox has the one turn.
        #expect(elements(whole, "turnspans") == ["udp . 10000-19999 . none": "172.18.0.2"])
        #expect(elements(whole, "published").isEmpty && elements(whole, "turns").isEmpty)
        let narrow = table([row([one], reach: PortReach(links: ["eth1"]))])
        #expect(elements(narrow, "publishedspans").isEmpty && elements(narrow, "published").count == 10_000)
        #expect(elements(narrow, "turns")["udp . 15000 . none"] == "172.18.0.2 . 15000")
        // Of two that meet, one: the kernel refuses the rest along with the other.
        var other = row([one])
        (other.publishedPort, other.lastPort) = (15_000, 25_000)
        let single = MeshPort(transport: .udp, publishedPort: 12_000, backends: [])
        let mixed = table([row([one]), other, single])
        #expect(elements(mixed, "publishedspans").count == 1)
        #expect(elements(mixed, "published").count == 5001)
        #expect(elements(mixed, "published")["udp . 12000"] == nil)
    }

    @Test func `a task's row is a set of its own, which others have not`() {
        func tables(_ ports: [MeshMembership.TargetPort]) -> Table? {
            MeshTables(
                interface: "eth1", addresses: HostAddresses([one]), answers: HostAddresses([IPAddress(172, 18, 0, 9)]),
                ports: ports
            ).tables.last
        }
        let plain = tables([.init(transport: .tcp, port: 80)])
        #expect(plain?.skeleton.contains("portspans") == false && plain?.sets.count == 1)
        let rows = tables([.init(transport: .tcp, port: 80), .init(transport: .udp, port: 10_000, last: 19_999)])
        #expect(rows.map { elements($0, "portspans") } == ["udp . 10000-19999": ""])
        #expect(rows.map { elements($0, "ports") } == ["tcp . 80": ""])
        #expect(rows?.skeleton.contains("iifname \"eth1\" meta l4proto . th dport @portspans accept") == true)
    }

    @Test func `a container's row is one element, at an address and to other numbers it is as many as it has`() {
        let target = IPAddress(172, 17, 0, 2)
        func fold(_ ports: [PublishedPort]) -> (single: [HostPort], spans: [PortSpan]) {
            PortSpan.fold(ports.map { HostPort($0, to: target) }, .v4)
        }
        let row = PublishedPort(transport: .udp, hostPort: 10_000, containerPort: 10_000, count: 10_000)
        let same = fold([row, PublishedPort(transport: .udp, hostPort: 53, containerPort: 53)])
        #expect(same.spans == [PortSpan(transport: .udp, first: 10_000, last: 19_999, target: target)])
        #expect(same.single.map(\.published.hostPort) == [53])
        let shifted = fold([PublishedPort(transport: .udp, hostPort: 10_000, containerPort: 20_000, count: 100)])
        #expect(shifted.spans.isEmpty && shifted.single.count == 100)
        #expect(shifted.single.last?.published.containerPort == 20_099)
        let local = fold([
            PublishedPort(
                transport: .udp, hostAddress: IPAddress(127, 0, 0, 1), hostPort: 10_000, containerPort: 10_000,
                count: 100)
        ])
        #expect(local.spans.isEmpty && local.single.count == 100)
        // As records of before have them, beside a row.
        let mixed = fold(
            [row]
                + (0..<20).map { PublishedPort(transport: .udp, hostPort: 20_000 + $0, containerPort: 20_000 + $0) }
                + [PublishedPort(transport: .udp, hostPort: 15_000, containerPort: 1)])
        #expect(mixed.spans.map(\.first) == [10_000, 20_000] && mixed.single.isEmpty)
    }

    @Test func `connections to what a row led to, or leads to now, end together`() {
        let target = IPAddress(172, 17, 0, 2)
        func network(_ ports: [PublishedPort]) -> NodeNetwork {
            NodeNetwork(sandboxes: [Sandbox(id: "c", published: ports.map { HostPort($0, to: target) })])
        }
        let row = PublishedPort(transport: .udp, hostPort: 10_000, containerPort: 10_000, count: 10_000)
        let begun = ConnectionEnds(from: network([]), to: network([row])).byScope[.node]
        #expect(begun == [.unledRow(PortRow(.udp, 10_000...19_999), at: nil)])
        let over = ConnectionEnds(from: network([row]), to: network([])).byScope[.node]
        #expect(over == [.row(10_000...19_999, answeredFrom: target)])
    }
}
