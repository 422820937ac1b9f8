import Addressing
import Glibc
import LinuxSystem
import Model
import Netlink
import Nftables
import TestKit
import Testing

@testable import DataPlane

/// Who may send to the data path and to what the swarm's nodes have for each other.
@Suite struct DataPathTests {
    private let inner = BridgeNetwork(
        id: "bi", linkName: "br-int", gateway: IPNetwork(address: IPAddress(172, 20, 0, 1), prefixLength: 16),
        isInternal: true)

    private func innerContainer() -> Sandbox {
        Sandbox(
            id: "i1",
            endpoints: [
                .init(
                    id: "e0i1", network: .bridge("bi"), interfaceName: "eth0",
                    address: IPNetwork(address: IPAddress(172, 20, 0, 10), prefixLength: 16),
                    gateway: IPAddress(172, 20, 0, 1))
                // Without a default route it could still send to the gateway's MAC.
            ], defaultRouteEndpointID: "e0i1")
    }

    private func withNodes(_ body: (World) async throws -> Void) async throws {
        try await withWorld(nodes: 2) { world in
            var wanted = swarm(world, tasks: [(1, 1), (2, 1)], callers: [(1, 2)])
            wanted[0].bridges.append(inner)
            // A manager that is reached elsewhere than at its data path.
            wanted[0].underlay?.managers = [World.clientAddress]
            wanted[0].sandboxes += [container("c1", 10), innerContainer()]
            // The way to the other node's address is the underlay; a container's is masqueraded there.
            try await apply(wanted, world)
            try await body(world)
        }
    }

    /// A VXLAN frame with a datagram for a task inside.
    private func vxlan(
        _ name: String, to mac: [UInt8], by own: [UInt8], from: IPAddress, at address: IPAddress,
        task: IPAddress = taskAddress(1, 1)
    ) -> (name: String, frame: [UInt8]) {
        let source = taskAddress(2, 2)
        let datagram = Frames.udp(source, task, port: 80, Array("[\(name)]".utf8))
        let inside =
            [8, 0, 0, 0, 0, 0x10, 0x01, 0] + MACAddress(for: task).octets + MACAddress(for: source).octets + [8, 0]
            + datagram
        return (name, mac + own + [8, 0] + Frames.udp(from, address, port: 4789, inside))
    }

    private func mac(_ link: String, _ namespace: NetworkNamespace) async throws -> [UInt8] {
        try #require(try await namespace.run { try RouteSocket().link(named: link)?.mac }).octets
    }

    /// Everything that could be sent to the data path, from everywhere; what arrives in an overlay.
    private func barrage(_ world: World) async throws -> (sent: Set<String>, heard: Set<String>) {
        let (one, two) = (world.nodes[0], world.nodes[1])
        let anywhere = [
            one.address, IPAddress(172, 17, 0, 1), IPAddress(172, 18, 0, 1), IPAddress(172, 20, 0, 1),
            IPAddress(127, 0, 0, 1), IPAddress(198, 51, 100, 255), IPAddress(255, 255, 255, 255),
            IPAddress(224, 0, 0, 1), IPAddress(172, 17, 255, 255),
        ]
        let own1 = try await mac("eth0", one.namespace)
        let ears = [
            Ear(link: "eth0", namespace: one.sandbox("t11")), Ear(link: "eth0", namespace: two.sandbox("t21")),
        ]
        var (sent, heard): (Set<String>, Set<String>) = ([], [])
        func send(
            _ frames: [(name: String, frame: [UInt8])], by link: String, of namespace: NetworkNamespace
        ) async throws {
            let got = try await exchange(frames, by: link, of: namespace, to: ears)
            sent.formUnion(got.sent)
            heard.formUnion(got.heard)
        }
        let places: [(name: String, link: String, namespace: NetworkNamespace, next: [UInt8], own: IPAddress)] = [
            ("outside", "eth0", world.client, own1, World.clientAddress),
            (
                "docker0", "eth0", one.sandbox("c1"), MACAddress(for: IPAddress(172, 17, 0, 1)).octets,
                IPAddress(172, 17, 0, 10)
            ),
            (
                "gwbridge", "eth1", one.sandbox("t12"), MACAddress(for: IPAddress(172, 18, 0, 1)).octets,
                IPAddress(172, 18, 0, 12)
            ),
            (
                "internal", "eth0", one.sandbox("i1"), MACAddress(for: IPAddress(172, 20, 0, 1)).octets,
                IPAddress(172, 20, 0, 10)
            ),
        ]
        for place in places {
            let own = try await mac(place.link, place.namespace)
            for (suffix, source) in [("", place.own), ("-as-member", two.address)] {
                let frames = anywhere.enumerated().map { index, address in
                    vxlan("\(place.name)\(suffix)-\(index)", to: place.next, by: own, from: source, at: address)
                }
                try await send(frames, by: place.link, of: place.namespace)
            }
            guard place.name != "outside" else { continue }
            var more = [
                vxlan(
                    "\(place.name)-reserved", to: [1, 0x80, 0xc2, 0, 0, 0x0e], by: own, from: place.own,
                    at: anywhere[1])
            ]
            // To the other node, with this node's address by the time it is there.
            more.append(
                vxlan(
                    "\(place.name)-masqueraded", to: place.next, by: own, from: place.own, at: two.address,
                    task: taskAddress(2, 1)))
            try await send(more, by: place.link, of: place.namespace)
        }
        let program = vxlan("program", to: [], by: [], from: two.address, at: one.address)
        let payload = Array(program.frame.dropFirst(2 + 20 + 8))
        try await send([], by: "eth0", of: world.client)
        let open = try await Wire.open("eth0", in: one.sandbox("t11"))
        try await two.namespace.run { try Self.sendDatagram(payload, to: one.address, 4789) }
        sent.insert("program")
        heard.formUnion(try await onThread { open.names() }.intersection(["program"]))
        let member = vxlan(
            "member", to: own1, by: try await mac("eth0", two.namespace), from: two.address, at: one.address)
        try await send([member], by: "eth0", of: two.namespace)
        return (sent, heard)
    }

    private static func sendDatagram(_ payload: [UInt8], to address: IPAddress, _ port: UInt16) throws {
        let socket = Descriptor(
            owning: try check(
                Glibc.socket(AF_INET, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0), "socket"))
        var name = sockaddr_in(address, port)
        _ = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                // Refused by a rule: that it does not arrive is what is asked for.
                sendto(socket.raw, payload, payload.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    @Test func `only a member reaches the data path, at the node's own address`() async throws {
        try await withNodes { world in
            for node in world.nodes {
                try await node.namespace.run {
                    try NftContext().run(
                        """
                        flush chain ip node raw_in
                        flush chain ip node guard
                        flush chain ip node filter_in
                        flush chain ip node filter_fwd
                        add table bridge guard { flags dormant; }

                        """)
                }
            }
            let open = try await barrage(world)
            #expect(open.heard.count > open.sent.count / 2, "\(open.heard.sorted())")
            #expect(open.heard.isSuperset(of: ["member", "program", "docker0-masqueraded", "gwbridge-masqueraded"]))

            for node in world.nodes {
                #expect(try await node.plane.resync(reason: "test").failures.isEmpty)
                try await node.namespace.run { try NftContext().run("add table bridge guard { flags dormant; }\n") }
            }
            // Who can send as a member on the underlay itself is kept out by encryption alone.
            let left: Set = ["member", "outside-as-member-0"]
            let heard = try await barrage(world).heard
            #expect(heard == left, "guard asleep: \(heard.sorted())")
            for node in world.nodes { _ = try await node.plane.resync(reason: "test") }
            #expect(try await barrage(world).heard == left)
        }
    }

    @Test func `what arrives by another link than the underlay's is dropped`() async throws {
        try await withWorld(nodes: 2) { world in
            var wanted = swarm(world, tasks: [(1, 1), (2, 1)])
            try await apply(wanted, world)
            let (one, two) = (world.nodes[0], world.nodes[1])
            let greeter = try await Greeter.start("one", in: one.sandbox("t11"), port: 80)
            #expect(await tcp(taskAddress(1, 1), 80, from: two.sandbox("t21")) == "one \(taskAddress(2, 1))")
            wanted[0].underlay?.link = "eth9"
            try await apply(wanted, world)
            let answer = await tcp(taskAddress(1, 1), 80, from: two.sandbox("t21"), milliseconds: 400)
            #expect(answer != "one \(taskAddress(2, 1))")
            // Whichever has the address, also when that changes.
            wanted[0].underlay?.link = nil
            try await apply(wanted, world)
            #expect(await tcp(taskAddress(1, 1), 80, from: two.sandbox("t21")) == "one \(taskAddress(2, 1))")
            try await one.namespace.run {
                try RouteSocket().perform([
                    SetLink("eth0", isUp: false), SetLink("eth0", newName: "up0"), SetLink("up0", isUp: true),
                ])
            }
            let report = try await one.plane.resync(reason: "test", scopes: [.node])
            #expect(report.failures.isEmpty && report.repairs[.node] != nil, "\(report)")
            #expect(await tcp(taskAddress(1, 1), 80, from: two.sandbox("t21")) == "one \(taskAddress(2, 1))")
            withExtendedLifetime(greeter) {}
        }
    }

    @Test func `D7: containers reach services of their node, and none of what the nodes have for each other`()
        async throws
    {
        try await withNodes { world in
            let (one, two) = (world.nodes[0], world.nodes[1])
            var greeters: [Greeter] = []
            for port in [5000, 2377, 2380] as [UInt16] {
                greeters.append(try await Greeter.start("one", in: one.namespace, port: port))
                greeters.append(try await Greeter.start("two", in: two.namespace, port: port))
            }
            for port in [80, 2377] as [UInt16] {
                greeters.append(try await Greeter.start("outside", in: world.client, port: port))
            }
            func reaches(
                _ from: NetworkNamespace, _ address: IPAddress, _ port: UInt16, within milliseconds: Int = 10_000
            ) async -> Bool {
                let answer = await tcp(address, port, from: from, milliseconds: milliseconds)
                return ["one", "two", "outside"].contains { answer.hasPrefix($0 + " ") }
            }
            let (plain, task, closed) = (one.sandbox("c1"), one.sandbox("t12"), one.sandbox("i1"))
            let gate = IPAddress(172, 17, 0, 1)
            #expect(await reaches(plain, gate, 5000))
            #expect(await reaches(plain, one.address, 5000))
            #expect(await reaches(plain, two.address, 5000))
            #expect(await reaches(task, IPAddress(172, 18, 0, 1), 5000))
            for port in [2377, 2380] as [UInt16] {
                for address in [gate, one.address, two.address] {
                    #expect(await !reaches(plain, address, port, within: 400), "\(address):\(port)")
                    #expect(await !reaches(task, address, port, within: 400), "\(address):\(port)")
                }
                #expect(await reaches(two.namespace, one.address, port))
                // Certificates decide, not addresses: a manager may come from one that nobody here has heard of (decision 74).
                #expect(await reaches(world.client, one.address, port))
            }
            #expect(await !reaches(plain, World.clientAddress, 2377, within: 400))
            #expect(await reaches(plain, World.clientAddress, 80))
            // An internal network's node is at its gateway alone.
            #expect(await reaches(closed, IPAddress(172, 20, 0, 1), 5000))
            for (address, port) in [
                (one.address, 5000), (gate, 5000), (two.address, 5000), (World.clientAddress, 80), (one.address, 8080),
            ] as [(IPAddress, UInt16)] {
                #expect(await !reaches(closed, address, port, within: 400), "\(address):\(port)")
            }
            withExtendedLifetime(greeters) {}
        }
    }
}
