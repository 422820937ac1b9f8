import Addressing
import DataPlane
import Engine
import Faults
import LinuxSystem
import Model
import Netlink
import Nftables
import TestKit
import Testing

/// Whether the host has all bridges pass their packets to its rules, as it does where br_netfilter is loaded and nobody says otherwise.
enum HostFiltering: String, CaseIterable, Sendable {
    case off = "0"
    case on = "1"

    private static let names = ["iptables", "ip6tables", "arptables"].map { "net/bridge/bridge-nf-call-\($0)" }

    /// Nothing where the kernel has no such thing.
    func set(in namespace: NetworkNamespace) async throws {
        try await namespace.run {
            for name in Self.names where try Sysctl.read(name) != nil { try Sysctl.write(name, rawValue) }
        }
    }

    func isKept(in namespace: NetworkNamespace) async throws -> Bool {
        try await namespace.run { try Self.names.allSatisfy { try Sysctl.read($0) ?? rawValue == rawValue } }
    }
}

@Suite struct BridgeTests {
    private let target = IPAddress(172, 17, 0, 10)

    @Test func `a container reaches the outside with the node's address`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let report = try await node.plane.adopt(NodeNetwork(bridges: [docker0], sandboxes: [container("c1", 10)]))
            try #require(report.failures.isEmpty, "\(report.failures)")
            let outside = try await Greeter.start("outside", in: world.client, port: 80)
            let inside = node.sandbox("c1")
            #expect(await tcp(World.clientAddress, 80, from: inside) == "outside \(node.address)")
            #expect(await udp(World.clientAddress, 80, from: inside) == "outside \(node.address)")
            withExtendedLifetime(outside) {}
        }
    }

    @Test func `a published port is reached from outside, from localhost and from its own container`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let ports = [
                HostPort(transport: .tcp, hostPort: 8081, targetAddress: target, targetPort: 80),
                HostPort(transport: .udp, hostPort: 8081, targetAddress: target, targetPort: 80),
                HostPort(
                    transport: .tcp, hostAddress: IPAddress(127, 0, 0, 1), hostPort: 8083, targetAddress: target,
                    targetPort: 80),
                HostPort(
                    transport: .tcp, hostAddress: node.address, hostPort: 8082, targetAddress: target, targetPort: 80),
            ]
            let report = try await node.plane.reconcile(
                NodeNetwork(
                    bridges: [docker0, gatewayBridge],
                    sandboxes: [container("c1", 10, published: ports), container("c2", 11)]))
            try #require(report.failures.isEmpty, "\(report.failures)")
            let greeter = try await Greeter.start("c1", in: node.sandbox("c1"), port: 80)
            let local = IPAddress(127, 0, 0, 1)
            #expect(await tcp(node.address, 8081, from: world.client) == "c1 \(World.clientAddress)")
            #expect(await udp(node.address, 8081, from: world.client) == "c1 \(World.clientAddress)")
            #expect(await tcp(local, 8081, from: node.namespace) == "c1 172.17.0.1")
            #expect(await udp(local, 8081, from: node.namespace) == "c1 172.17.0.1")
            #expect(await tcp(node.address, 8081, from: node.sandbox("c1")) == "c1 172.17.0.1")
            #expect(await tcp(node.address, 8081, from: node.sandbox("c2")) == "c1 172.17.0.1")
            #expect(await tcp(target, 80, from: node.sandbox("c2")) == "c1 172.17.0.11")
            #expect(await tcp(node.address, 8082, from: world.client) == "c1 \(World.clientAddress)")
            #expect(await tcp(local, 8082, from: node.namespace) == "Connection refused")
            #expect(await tcp(local, 8083, from: node.namespace) == "c1 172.17.0.1")
            #expect(await tcp(node.address, 8083, from: world.client) == "Connection refused")
            withExtendedLifetime(greeter) {}
        }
    }

    @Test(arguments: HostFiltering.allCases)
    func `D7: bridges keep their containers apart, and icc=false those of one bridge`(host: HostFiltering) async throws
    {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            try await host.set(in: node.namespace)
            var other = docker0
            other.id = "b1"
            other.linkName = "br-other"
            other.setGateway(IPNetwork(address: IPAddress(172, 19, 0, 1), prefixLength: 16))
            other.allowsInterContainer = false
            func member(_ id: String, _ last: UInt8) -> Sandbox {
                Sandbox(
                    id: id,
                    endpoints: [
                        .init(
                            id: "eo\(id)", network: .bridge("b1"), interfaceName: "eth0",
                            address: IPNetwork(address: IPAddress(172, 19, 0, last), prefixLength: 16),
                            gateway: IPAddress(172, 19, 0, 1))
                    ], defaultRouteEndpointID: "eo\(id)",
                    published: [
                        HostPort(
                            transport: .tcp, hostPort: 9000 + UInt16(last),
                            targetAddress: IPAddress(172, 19, 0, last),
                            targetPort: 80)
                    ])
            }
            let report = try await node.plane.reconcile(
                NodeNetwork(
                    bridges: [docker0, other], sandboxes: [container("c1", 10), member("m1", 10), member("m2", 11)]))
            try #require(report.failures.isEmpty, "\(report.failures)")
            let greeters = [
                try await Greeter.start("c1", in: node.sandbox("c1"), port: 80),
                try await Greeter.start("m2", in: node.sandbox("m2"), port: 80),
            ]
            let isolated = IPAddress(172, 19, 0, 11)
            // Control: what is published there works, from beside it as well.
            #expect(await tcp(node.address, 9011, from: node.sandbox("m1")) == "m2 172.19.0.1")
            #expect(await tcp(isolated, 80, from: node.sandbox("m1"), milliseconds: 400) != "m2 172.19.0.10")
            #expect(await tcp(isolated, 80, from: node.sandbox("c1"), milliseconds: 400) != "m2 172.17.0.10")
            #expect(await tcp(target, 80, from: node.sandbox("m1"), milliseconds: 400) != "c1 172.19.0.10")
            #expect(try await host.isKept(in: node.namespace))
            withExtendedLifetime(greeters) {}
        }
    }

    @Test
    func `a container's address is reached from outside where its bridge is unprotected, and from no other bridge`()
        async throws
    {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            try await world.client.run {
                try RouteSocket().perform([
                    AddRoute(
                        Route(
                            destination: IPNetwork(address: IPAddress(172, 17, 0, 0), prefixLength: 16),
                            gateway: node.address, link: "eth0"))
                ])
            }
            var other = docker0
            (other.id, other.linkName) = ("b1", "br-other")
            other.setGateway(IPNetwork(address: IPAddress(172, 19, 0, 1), prefixLength: 16))
            let neighbour = Sandbox(
                id: "m1",
                endpoints: [
                    .init(
                        id: "eom1", network: .bridge("b1"), interfaceName: "eth0",
                        address: IPNetwork(address: IPAddress(172, 19, 0, 10), prefixLength: 16),
                        gateway: IPAddress(172, 19, 0, 1))
                ], defaultRouteEndpointID: "eom1")
            for isUnprotected in [false, true, false] {
                var bridge = docker0
                bridge.isUnprotected4 = isUnprotected
                let report = try await node.plane.reconcile(
                    NodeNetwork(bridges: [bridge, other], sandboxes: [container("c1", 10), neighbour]))
                try #require(report.failures.isEmpty, "\(report.failures)")
                let greeter = try await Greeter.start("c1", in: node.sandbox("c1"), port: 80)
                let seen = await tcp(target, 80, from: world.client, milliseconds: isUnprotected ? 10_000 : 400)
                #expect((seen == "c1 \(World.clientAddress)") == isUnprotected, "\(seen)")
                #expect(await tcp(target, 80, from: node.sandbox("m1"), milliseconds: 400) != "c1 172.19.0.10")
                #expect(try await node.plane.resync(reason: "test").isClean)
                withExtendedLifetime(greeter) {}
                _ = try await node.plane.reconcile(NodeNetwork(bridges: [bridge, other], sandboxes: [neighbour]))
            }
        }
    }

    @Test
    func
        `ports that are published are reached at a container's own address where its bridge is routed to, and by trusted links`()
        async throws
    {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            try await world.client.run {
                try RouteSocket().perform([
                    AddRoute(
                        Route(
                            destination: IPNetwork(address: IPAddress(172, 17, 0, 0), prefixLength: 16),
                            gateway: node.address, link: "eth0"))
                ])
            }
            var other = docker0
            (other.id, other.linkName) = ("b1", "br-other")
            other.setGateway(IPNetwork(address: IPAddress(172, 19, 0, 1), prefixLength: 16))
            let neighbour = Sandbox(
                id: "m1",
                endpoints: [
                    .init(
                        id: "eom1", network: .bridge("b1"), interfaceName: "eth0",
                        address: IPNetwork(address: IPAddress(172, 19, 0, 10), prefixLength: 16),
                        gateway: IPAddress(172, 19, 0, 1))
                ], defaultRouteEndpointID: "eom1")
            let outside = try await Greeter.start("outside", in: world.client, port: 80)
            for (routed, trusted) in [([], []), ([.v4], []), ([], ["eth0"]), ([], ["eth1"]), ([.v6], [])]
                as [(Set<IPFamily>, Set<String>)]
            {
                var bridge = docker0
                (bridge.routed, bridge.trustedLinks) = (routed, trusted)
                var open = container("c1", 10)
                open.direct = [DirectPort(transport: .tcp, ports: 80...80, address: target)]
                let report = try await node.plane.reconcile(
                    NodeNetwork(bridges: [bridge, other], sandboxes: [open, neighbour]))
                try #require(report.failures.isEmpty, "\(report.failures)")
                let greeters = [
                    try await Greeter.start("c1", in: node.sandbox("c1"), port: 80),
                    try await Greeter.start("c1", in: node.sandbox("c1"), port: 81),
                ]
                let isRouted = routed == [.v4]
                let isOpen = isRouted || trusted == ["eth0"]
                let seen = await tcp(target, 80, from: world.client, milliseconds: isOpen ? 10_000 : 400)
                #expect((seen == "c1 \(World.clientAddress)") == isOpen, "\(routed) \(trusted): \(seen)")
                #expect(await tcp(target, 81, from: world.client, milliseconds: 400) != "c1 \(World.clientAddress)")
                let beside = await tcp(target, 80, from: node.sandbox("m1"), milliseconds: isRouted ? 10_000 : 400)
                #expect((beside == "c1 172.19.0.10") == isRouted, "\(routed) \(trusted): \(beside)")
                // What leaves has the container's own address where that leads back.
                let way = await tcp(World.clientAddress, 80, from: node.sandbox("c1"))
                #expect(way == "outside \(isRouted ? target : node.address)", "\(routed) \(trusted): \(way)")
                #expect(try await node.plane.resync(reason: "test").isClean)
                withExtendedLifetime(greeters) {}
                _ = try await node.plane.reconcile(NodeNetwork(bridges: [bridge, other], sandboxes: [neighbour]))
            }
            withExtendedLifetime(outside) {}
        }
    }

    @Test func `a bridge without an address connects its containers, is nobody's gateway, and keeps what it is given`()
        async throws
    {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            var bridge = docker0
            bridge.unaddressed = [.v4]
            let sandboxes = [container("c1", 10), container("c2", 11)]
            let report = try await node.plane.reconcile(NodeNetwork(bridges: [bridge], sandboxes: sandboxes))
            try #require(report.failures.isEmpty, "\(report.failures)")
            let greeter = try await Greeter.start("c1", in: node.sandbox("c1"), port: 80)
            #expect(await tcp(target, 80, from: node.sandbox("c2")) == "c1 172.17.0.11")
            #expect(await tcp(target, 80, from: node.namespace, milliseconds: 400) != "c1 172.17.0.1")
            let given = IPNetwork(address: IPAddress(172, 17, 0, 9), prefixLength: 16)
            try await node.namespace.run {
                try RouteSocket().perform([AddAddress(LinkAddress(link: "docker0", network: given))])
            }
            #expect(try await node.plane.resync(reason: "test").isClean)
            #expect(await tcp(target, 80, from: node.namespace) == "c1 172.17.0.9")
            withExtendedLifetime(greeter) {}
        }
    }

    @Test func `containers that may talk pass the host's rules only where the host wants it`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            try await HostFiltering.off.set(in: node.namespace)
            var closed = docker0
            closed.allowsInterContainer = false
            let sandboxes = [container("c1", 10), container("c2", 11)]
            _ = try await node.plane.adopt(NodeNetwork(bridges: [closed], sandboxes: sandboxes))
            let greeter = try await Greeter.start("c1", in: node.sandbox("c1"), port: 80)
            try await node.namespace.run {
                try NftContext().run(
                    "table ip site { chain c { type filter hook forward priority -10; ip daddr 172.17.0.10 drop; }; }")
            }
            #expect(await tcp(target, 80, from: node.sandbox("c2"), milliseconds: 400) != "c1 172.17.0.11")
            // What the network forbade needed the rules; what it allows does not.
            _ = try await node.plane.reconcile(NodeNetwork(bridges: [docker0], sandboxes: sandboxes))
            #expect(await tcp(target, 80, from: node.sandbox("c2")) == "c1 172.17.0.11")
            try await HostFiltering.on.set(in: node.namespace)
            #expect(await tcp(target, 80, from: node.sandbox("c2"), milliseconds: 400) != "c1 172.17.0.11")
            #expect(try await node.plane.resync(reason: "test").isClean)
            #expect(try await HostFiltering.on.isKept(in: node.namespace))
            withExtendedLifetime(greeter) {}
        }
    }

    @Test(arguments: HostFiltering.allCases)
    func `D7: an internal network has no way out and no way in`(host: HostFiltering) async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            try await host.set(in: node.namespace)
            var inner = docker0
            inner.isInternal = true
            let greeter = try await Greeter.start("outside", in: world.client, port: 80)
            // With a default route, so that it is the rules that hold it back.
            _ = try await node.plane.reconcile(
                NodeNetwork(bridges: [inner], sandboxes: [container("c1", 10), container("c2", 11)]))
            let other = try await Greeter.start("c2", in: node.sandbox("c2"), port: 80)
            #expect(await tcp(IPAddress(172, 17, 0, 11), 80, from: node.sandbox("c1")) == "c2 172.17.0.10")
            #expect(
                await tcp(World.clientAddress, 80, from: node.sandbox("c1"), milliseconds: 400)
                    != "outside \(node.address)")
            _ = try await node.plane.reconcile(
                NodeNetwork(bridges: [docker0], sandboxes: [container("c1", 10), container("c2", 11)]))
            #expect(await tcp(World.clientAddress, 80, from: node.sandbox("c1")) == "outside \(node.address)")
            withExtendedLifetime((greeter, other)) {}
        }
    }

    @Test func `a port that is taken is refused in Docker's words, and given back with its container`() async throws {
        try await withWorld(nodes: 1) { world in
            let plane = world.nodes[0].plane
            let request = PortReservations.Request(transport: .tcp, first: 8080, targetAddress: target, targetPort: 80)
            let got = try await plane.reservations.reserve([request], owner: "c1", endpoint: ("one", "e1"))
            #expect(got == [HostPort(transport: .tcp, hostPort: 8080, targetAddress: target, targetPort: 80)])
            // Asked again by the same container: the same answer.
            #expect(try await plane.reservations.reserve([request], owner: "c1", endpoint: ("one", "e1")) == got)
            await #expect(
                throws: APIError(
                    .internalError,
                    "driver failed programming external connectivity on endpoint two (e2): Bind for 0.0.0.0:8080 failed: port is already allocated"
                )
            ) {
                try await told { try await plane.reservations.reserve([request], owner: "c2", endpoint: ("two", "e2")) }
            }
            let any = PortReservations.Request(transport: .tcp, first: 0, targetAddress: target, targetPort: 80)
            let chosen = try await plane.reservations.reserve([any, any], owner: "c2", endpoint: ("two", "e2"))
            #expect(Set(chosen.map(\.published.hostPort)).count == 2)
            _ = try await plane.reconcile(
                NodeNetwork(bridges: [docker0], sandboxes: [container("c1", 10, published: got)]))
            _ = try await plane.reconcile(NodeNetwork(bridges: [docker0]))
            #expect(try await plane.reservations.reserve([request], owner: "c3", endpoint: ("three", "e3")).count == 1)
            let program = try await Greeter.start("program", in: world.nodes[0].namespace, port: 7000)
            let taken = PortReservations.Request(transport: .tcp, first: 7000, targetAddress: target, targetPort: 80)
            await #expect(
                throws: APIError(
                    .internalError,
                    "driver failed programming external connectivity on endpoint two (e2): failed to bind host port for 0.0.0.0:7000:172.17.0.10:80/tcp: address already in use"
                )
            ) { try await told { try await plane.reservations.reserve([taken], owner: "c2", endpoint: ("two", "e2")) } }
            withExtendedLifetime(program) {}
        }
    }

    @Test func `a container whose way out has changed has its new ports and no others, or all that it had`()
        async throws
    {
        try await withWorld(nodes: 1) { world in
            let held = try world.nodes[0].plane.reservations
            func ask(_ address: IPAddress?, _ port: UInt16, kept: UInt16? = nil) -> PortReservations.Request {
                var request = PortReservations.Request(
                    transport: .tcp, hostAddress: address, first: port, targetAddress: target, targetPort: 80)
                request.kept = kept
                return request
            }
            func exchange(
                _ requests: [PortReservations.Request], _ owner: String = "c1", isLax: Bool = false
            ) async throws -> [UInt16] {
                try await held.exchange(requests, owner: owner, endpoint: (owner, "e"), isLax: isLax).map(
                    \.published.hostPort)
            }
            #expect(try await exchange([ask(nil, 8080), ask(nil, 0, kept: 50_000)]) == [8080, 50_000])
            // At one address where it was at all: its own is not in its way.
            let local = IPAddress(127, 0, 0, 1)
            #expect(try await exchange([ask(local, 8080), ask(nil, 0, kept: 50_000)]) == [8080, 50_000])
            #expect(try await exchange([ask(nil, 9000)], "c2") == [9000])
            await #expect(throws: PortError.self) { _ = try await exchange([ask(nil, 9000)]) }
            // What it had is its own still.
            await #expect(throws: PortError.self) { _ = try await exchange([ask(local, 8080)], "c3") }
            #expect(try await exchange([ask(nil, 9000), ask(nil, 9001)], isLax: true) == [9001])
            #expect(try await exchange([ask(nil, 8080), ask(nil, 50_000)], "c3") == [8080, 50_000])
            #expect(try await exchange([]) == [])
            #expect(held.owners == ["c2", "c3"])
        }
    }
}
