import Addressing
import LinuxSystem
import Netlink
import TestKit
import Testing

@Suite struct LinkTests {
    @Test func `a bridge is made with its MTU, group, alias, MAC and options`() async throws {
        try await withNetworkNamespace { namespace in
            let link = try await namespace.run {
                let socket = try RouteSocket()
                try socket.perform(
                    CreateBridge(
                        name: "br0", mac: MACAddress("02:42:0a:01:00:01"), mtu: 1400, group: 77, alias: "apus:bridge:1",
                        options: BridgeOptions(multicastSnooping: false), isUp: true))
                return try #require(try socket.link(named: "br0"))
            }
            #expect(link.kind == "bridge")
            #expect(link.mtu == 1400)
            #expect(link.group == 77)
            #expect(link.alias == "apus:bridge:1")
            #expect(link.mac == MACAddress("02:42:0a:01:00:01"))
            #expect(link.bridge?.multicastSnooping == false)
            #expect(link.isUp)
        }
    }

    @Test func `a taken name is an error with the code exists and allowed when asked`() async throws {
        try await withNetworkNamespace { namespace in
            try await namespace.run {
                let socket = try RouteSocket()
                try socket.perform(CreateBridge(name: "br0"))
                let error = #expect(throws: NetlinkError.self) { try socket.perform(CreateBridge(name: "br0")) }
                #expect(error?.code == .exists)
                #expect(error?.attempting == "create bridge br0")
                try socket.perform(CreateBridge(name: "br0").allowing(.exists))
            }
        }
    }

    @Test func `the peer of a veth is born in another namespace with all it was given`() async throws {
        try await withNetworkNamespaces(2) { namespaces in
            let inside = namespaces[1]
            let mac = try #require(MACAddress("02:42:0a:01:00:07"))
            let outer = try await namespaces[0].run {
                let socket = try RouteSocket()
                try socket.perform([
                    CreateBridge(name: "br0", isUp: true),
                    CreateVeth(
                        name: "a1", mtu: 1450, group: 77, alias: "apus:port:1", master: "br0", isUp: true,
                        peer: VethPeer(name: "eth0", mac: mac, mtu: 1450, namespace: inside)),
                    SetPort(
                        "a1",
                        PortOptions(learning: false, locked: true, hairpin: true, unicastFlood: false, isolated: true)),
                    SetForwardingEntry(ForwardingEntry(link: "a1", mac: mac, owner: .master)),
                ])
                return try socket.links()
            }
            let bridge = try #require(outer.first { $0.name == "br0" })
            let port = try #require(outer.first { $0.name == "a1" })
            #expect(port.master == bridge.index)
            #expect(port.group == 77)
            #expect(port.alias == "apus:port:1")
            #expect(port.kind == "veth")
            #expect(port.peerNamespaceID != nil)
            let wanted = PortOptions(
                learning: false, locked: true, hairpin: true, unicastFlood: false, isolated: true)
            #expect(port.port?.satisfies(wanted) == true)
            #expect(port.port?.satisfies(PortOptions(learning: true)) == false)
            let peer = try #require(try await inside.run { try RouteSocket().link(named: "eth0") })
            #expect(peer.mac == mac)
            #expect(peer.mtu == 1450)
            #expect(peer.index == port.peerIndex)
            let ends = try await inside.run {
                let socket = try RouteSocket()
                try socket.perform(SetLink("eth0", isUp: true))
                return try socket.link(named: "eth0")
            }
            #expect(ends?.isUp == true && ends?.isRunning == true)
        }
    }

    @Test func `a vxlan device appears in the overlay while its socket stays`() async throws {
        try await withNetworkNamespaces(2) { namespaces in
            let overlay = namespaces[1]
            let settings = VXLANSettings(id: 4097, local: IPAddress(192, 0, 2, 11), port: 4789)
            try await namespaces[0].run {
                let socket = try RouteSocket()
                try socket.perform([
                    CreateBridge(name: "u0", isUp: true),
                    AddAddress(LinkAddress(link: "u0", network: try #require(IPNetwork("192.0.2.11/24")))),
                    CreateVXLAN(name: "vx0", settings: settings, mtu: 1450, namespace: overlay),
                ])
                #expect(try socket.link(named: "vx0") == nil)
            }
            try await overlay.run {
                let socket = try RouteSocket()
                try socket.perform([
                    CreateBridge(name: "br0", mtu: 1450, isUp: true),
                    SetLink("vx0", isUp: true, master: .link("br0")),
                    SetPort("vx0", PortOptions(learning: false)),
                ])
                let link = try #require(try socket.link(named: "vx0"))
                #expect(link.vxlan == settings)
                #expect(link.mtu == 1450)
                #expect(link.port?.learning == false)
                #expect(link.isUp)
            }
            // The port is taken where the device was made: a second one with the same id is refused there.
            let error = await #expect(throws: NetlinkError.self) {
                try await namespaces[0].run {
                    try RouteSocket().perform(CreateVXLAN(name: "vx1", settings: settings))
                }
            }
            #expect(error?.code == .exists)
        }
    }

    @Test func `a link changes name, master, MTU and state, and goes`() async throws {
        try await withNetworkNamespace { namespace in
            try await namespace.run {
                let socket = try RouteSocket()
                try socket.perform([
                    CreateBridge(name: "br0"), CreateVeth(name: "d0", peer: VethPeer(name: "d9")),
                    SetLink("d0", isUp: true, master: .link("br0"), mtu: 1300, alias: "x", group: 5),
                ])
                var link = try #require(try socket.link(named: "d0"))
                #expect(link.master == (try socket.link(named: "br0"))?.index)
                #expect(link.mtu == 1300 && link.isUp && link.alias == "x" && link.group == 5)
                try socket.perform([
                    SetLink(.index(link.index), isUp: false, master: SetLink.Master.none), SetLink("d0", newName: "d1"),
                ])
                link = try #require(try socket.link(named: "d1"))
                #expect(link.master == nil && !link.isUp)
                try socket.perform([DeleteLink("d1"), DeleteLink("br0")])
                #expect(try socket.links().map(\.name) == ["lo"])
                let error = #expect(throws: NetlinkError.self) { try socket.perform(DeleteLink("d1")) }
                #expect(error?.code == .missing)
            }
        }
    }

    @Test func `links of a group are deleted together, and others stay`() async throws {
        try await withNetworkNamespace { namespace in
            try await namespace.run {
                let socket = try RouteSocket()
                try socket.perform(
                    (0..<5).flatMap { number -> [any NetlinkRequest] in
                        [
                            CreateVeth(name: "d\(number)", peer: VethPeer(name: "e\(number)")),
                            SetLink(.name("d\(number)"), group: number < 3 ? 79 : 78),
                        ]
                    } + [CreateBridge(name: "br0"), SetLink("br0", group: 79)])
                try socket.perform(DeleteLinks(group: 79))
                #expect(Set(try socket.links().map(\.name)) == ["lo", "d3", "e3", "d4", "e4"])
                let error = #expect(throws: NetlinkError.self) { try socket.perform(DeleteLinks(group: 79)) }
                #expect(error?.code == .missing)
            }
        }
    }

    @Test func `one failing request of a batch is named and the others are done`() async throws {
        try await withNetworkNamespace { namespace in
            try await namespace.run {
                let socket = try RouteSocket()
                let errors = try socket.attempt([
                    CreateBridge(name: "b1"), SetLink("missing", isUp: true), CreateBridge(name: "b2"),
                    AddAddress(LinkAddress(link: "missing", network: Route.everywhere)),
                ])
                #expect(errors.map { $0?.code } == [nil, .missing, nil, .missing])
                #expect(errors[1]?.attempting == "change link missing")
                #expect(try Set(socket.links().map(\.name)) == ["lo", "b1", "b2"])
            }
        }
    }
}
