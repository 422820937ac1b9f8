import Addressing
import CLinux
import DataPlane
import EngineInterface
import Glibc
import LinuxSystem
import Logging
import Netlink
import Nftables
import PathProbes
import TestKit
import Testing

/// Two nodes with a router between them, and on each what measures the way to the other.
private struct TwoNodes: Sendable {
    let nodes: [NetworkNamespace]
    let router: NetworkNamespace
    let probers: [PathProber]

    static let addresses = [IPAddress(198, 51, 100, 2), IPAddress(203, 0, 113, 2)]

    static func demand(_ number: Int, linkMTU: Int = 1500) -> PathDemand {
        PathDemand(
            device: ProbeDevice.Setting(own: addresses[number], port: 4789), linkMTU: linkMTU,
            targets: [PathTarget(id: "node-\(1 - number)", address: addresses[1 - number], isShared: true)],
            members: addresses)
    }

    /// Of one node's way to the other.
    func measurement(_ number: Int) -> PathMeasurement? { probers[number].measurements(seconds: 1_000_000).first }

    func wait(
        for number: Int, _ what: String, _ condition: @escaping @Sendable (PathMeasurement) -> Bool
    ) async throws -> PathMeasurement {
        try await eventually(within: .seconds(60), "\(what); last: \(String(describing: measurement(number)))") {
            measurement(number).flatMap { condition($0) ? $0 : nil }
        }
    }
}

private func withTwoNodes(_ body: @escaping @Sendable (TwoNodes) async throws -> Void) async throws {
    try await withNetworkNamespaces(3) { namespaces in
        let router = namespaces[2]
        let inner = [IPAddress(198, 51, 100, 1), IPAddress(203, 0, 113, 1)]
        try await router.run {
            try Sysctl.write("net/ipv4/ip_forward", "1")
            for (number, node) in namespaces.prefix(2).enumerated() {
                try RouteSocket().perform([
                    CreateVeth(name: "r\(number)", isUp: true, peer: VethPeer(name: "eth0", namespace: node)),
                    AddAddress(
                        LinkAddress(
                            link: .name("r\(number)"), network: IPNetwork(address: inner[number], prefixLength: 24))),
                    SetLink(.name("r\(number)"), isUp: true),
                ])
            }
        }
        for (number, node) in namespaces.prefix(2).enumerated() {
            try await node.run {
                try RouteSocket().perform([
                    AddAddress(
                        LinkAddress(
                            link: "eth0",
                            network: IPNetwork(address: TwoNodes.addresses[number], prefixLength: 24))),
                    SetLink("eth0", isUp: true), AddRoute(Route(gateway: inner[number])),
                ])
            }
        }
        var pace = PathMachine.Pace()
        pace.round = .milliseconds(500)
        pace.trialTimeout = .milliseconds(300)
        pace.again = .milliseconds(100)
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let probers = namespaces.prefix(2).map { PathProber(node: $0, pace: pace, log: log) }
        for (number, prober) in probers.enumerated() { prober.demand.set(TwoNodes.demand(number)) }
        let world = TwoNodes(nodes: Array(namespaces.prefix(2)), router: router, probers: probers)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for prober in probers { group.addTask { try await prober.run() } }
            group.addTask { try await body(world) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}

@Suite struct PathProberTests {
    @Test func `a healthy path is well in both directions, at the link's full length`() async throws {
        try await withTwoNodes { world in
            for number in 0..<2 {
                let found = try await world.wait(for: number, "a whole measurement") {
                    $0.mtu == 1500 && $0.lossPermille == 0 && $0.findings == []
                }
                #expect(found.findings == [])
                #expect(found.mtu == 1500)
                #expect(found.roundTripMicroseconds.map { $0 < 1_000_000 } == true)
                #expect(found.lossPermille == 0)
                #expect(found.peer == "node-\(1 - number)")
            }
            _ = try await world.wait(for: 0, "the other's questions are heard") { $0.isHeard }
            // Nothing of it is among the node's own links.
            let links = try await world.nodes[0].run { try RouteSocket().links().map(\.name).sorted() }
            #expect(!links.contains("vx0"))
        }
    }

    @Test func `C10: a firewall that drops the data path's port is found, and that it does so no more`() async throws {
        try await withTwoNodes { world in
            for number in 0..<2 { _ = try await world.wait(for: number, "well at first") { $0.mtu == 1500 } }
            try await world.nodes[1].run {
                try NftContext().run(
                    "table ip wall { chain in { type filter hook input priority 0; udp dport 4789 drop; }; }\n")
            }
            let ill = try await world.wait(for: 0, "silent") {
                // The other one's questions still arrive here: it is its side that drops.
                $0.findings == .silent && $0.isHeard
            }
            #expect(ill.roundTripMicroseconds == nil)
            #expect(ill.lossPermille == 1000)
            let other = try await world.wait(for: 1, "not heard") { $0.findings == .silent && !$0.isHeard }
            #expect(other.mtu == nil)
            try await world.nodes[1].run { try NftContext().run("delete table ip wall\n") }
            for number in 0..<2 {
                _ = try await world.wait(for: number, "well again") { $0.findings.isDisjoint(with: .silent) }
            }
        }
    }

    @Test func `E4: a link of 1400 bytes in the middle is found, with ICMP and without`() async throws {
        try await withTwoNodes { world in
            try await world.router.run { try RouteSocket().perform(SetLink("r1", mtu: 1400)) }
            // The router says so to the first; what the second sends too long vanishes in the veth.
            for number in 0..<2 {
                // A veth lets four octets more pass than it is told: room for a VLAN tag.
                let mtu = number == 0 ? 1400 : 1404
                let found = try await world.wait(for: number, "\(mtu) found") {
                    $0.findings == .narrow && $0.mtu == mtu
                }
                #expect(found.linkMTU == 1500)
            }
        }
    }

    @Test func `another length of the node's link is followed`() async throws {
        try await withTwoNodes { world in
            _ = try await world.wait(for: 0, "well at first") { $0.mtu == 1500 }
            for (number, node) in world.nodes.enumerated() {
                try await world.router.run { try RouteSocket().perform(SetLink(.name("r\(number)"), mtu: 9000)) }
                try await node.run { try RouteSocket().perform(SetLink("eth0", mtu: 9000)) }
                world.probers[number].demand.set(TwoNodes.demand(number, linkMTU: 9000))
            }
            let found = try await world.wait(for: 0, "9000 found") { $0.mtu == 9000 && $0.findings == [] }
            #expect(found.linkMTU == 9000)
        }
    }

    @Test func `E2: checksums that are spoilt on the way are found`() async throws {
        try await withTwoNodes { world in
            _ = try await world.wait(for: 0, "well at first") { $0.mtu == 1500 }
            // Both links compute no checksums, so that what the device leaves to them is computed before; the router then spoils it where a
            // long packet carries one: behind the underlay's IP header UDP, VXLAN, Ethernet, IPv4 and six octets of UDP.
            for node in world.nodes {
                _ = try await node.run { try check(clinux_set_link_checksums("eth0", 0), "ethtool") }
            }
            try await world.router.run {
                try NftContext().run(
                    """
                    table ip spoil { chain f { type filter hook forward priority 0;
                    udp dport 4789 ip length > 1000 @th,448,16 set 0xdead
                    }; }

                    """)
            }
            _ = try await world.wait(for: 0, "checksums") { $0.findings.contains(.checksums) && $0.mtu == 1500 }
        }
    }

    @Test func `E3: that another program has the data path's port is found, and so is its end`() async throws {
        try await withTwoNodes { world in
            for number in 0..<2 { _ = try await world.wait(for: number, "well at first") { $0.mtu == 1500 } }
            // The device goes, and somebody else is faster.
            world.probers[1].demand.set(nil)
            let program: CInt = try await eventually("the port is free") { () async throws -> CInt? in
                try await world.nodes[1].run { () throws -> CInt in
                    let socket = try check(Glibc.socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0), "socket")
                    let place = InternetSocketAddress(IPAddress(0, 0, 0, 0), port: 4789)
                    do { try check(place.withPointer { bind(socket, $0, $1) }, "bind") } catch {
                        close(socket)
                        throw error
                    }
                    return socket
                }
            }
            world.probers[1].demand.set(TwoNodes.demand(1))
            _ = try await world.wait(for: 0, "silent") { $0.findings == .silent }
            try await Task.sleep(for: .seconds(1))
            #expect(world.measurement(1) == nil, "it has no port to measure by")
            #expect(world.measurement(0)?.findings == .silent)
            close(program)
            for number in 0..<2 {
                _ = try await world.wait(for: number, "well again") { $0.findings.isDisjoint(with: .silent) }
            }
        }
    }

    @Test func `the data path's rules let probes pass, and keep unknown senders' out`() async throws {
        try await withTwoNodes { world in
            try await withTemporaryDirectory { directory in
                let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                let planes = world.nodes.enumerated().map { number, node in
                    NodeDataPlane(runDirectory: "\(directory)/n\(number)", nodeNamespace: node, log: log)
                }
                func network(_ number: Int, peers: Set<IPAddress>) -> NodeNetwork {
                    NodeNetwork(underlay: Underlay(address: TwoNodes.addresses[number], link: "eth0", peers: peers))
                }
                try await cleaningUp {
                    for (number, plane) in planes.enumerated() {
                        let report = try await plane.reconcile(network(number, peers: Set(TwoNodes.addresses)))
                        try #require(report.failures.isEmpty, "\(report.failures)")
                    }
                    _ = try await world.wait(for: 0, "well with rules") { $0.mtu == 1500 && $0.findings == [] }
                    _ = try await planes[1].reconcile(network(1, peers: [TwoNodes.addresses[1]]))
                    _ = try await world.wait(for: 0, "no member any more") { $0.findings == .silent }
                } by: {
                    for plane in planes { try await plane.teardown() }
                }
            }
        }
    }

    @Test func `a device of the same number is made again when the process before was killed`() async throws {
        try await withNetworkNamespaces(1) { namespaces in
            let node = namespaces[0]
            let address = IPAddress(198, 51, 100, 2)
            try await node.run {
                try RouteSocket().perform([
                    CreateBridge(name: "eth0", isUp: true),
                    AddAddress(LinkAddress(link: "eth0", network: IPNetwork(address: address, prefixLength: 24))),
                ])
            }
            let setting = ProbeDevice.Setting(own: address, port: 4789)
            for _ in 0..<3 {
                let device = try await ProbeDevice.open(setting, linkMTU: 1500, in: node)
                await #expect(throws: NetlinkError.self) {
                    try await ProbeDevice.open(setting, linkMTU: 1500, in: node)
                }
                await device.close()
            }
        }
    }
}
