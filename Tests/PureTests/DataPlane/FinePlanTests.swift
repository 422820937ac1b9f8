import Addressing
import Model
import Netlink
import Nftables
import TestKit
import Testing

@testable import DataPlane

/// Deriving everything is the oracle: what fine changes make of the known state of each namespace is what follows from the network as a whole.
@Suite struct FinePlanTests {
    private let layout = Layout(runDirectory: "/run/apus")

    private func address(_ net: UInt8, _ last: UInt8) -> IPNetwork {
        IPNetwork(address: IPAddress(10, net, 0, last), prefixLength: 24)
    }

    /// A task of the mesh, which is in both overlays and in the bridge.
    private func task(_ number: UInt8, isDual: Bool = false) -> Sandbox {
        func endpoint(_ name: String, _ network: Sandbox.NetworkReference, _ net: UInt8, _ gateway: IPAddress? = nil)
            -> Sandbox.Endpoint
        {
            Sandbox.Endpoint(
                id: "\(name)\(number)", network: network, interfaceName: name,
                addresses: EndpointAddresses(
                    [address(net, number + 50)] + (isDual ? [NetworkDetailTests.network6(net, Int(number) + 50)] : [])),
                mac: MACAddress(for: address(net, number + 50).address),
                gateways: HostAddresses(
                    gateway.map { [$0] + (isDual ? [NetworkDetailTests.address6(net, 1)] : []) } ?? []))
        }
        return Sandbox(
            id: "t\(number)",
            endpoints: [
                endpoint("eth0", .overlay("b"), 1), endpoint("eth1", .bridge("gw"), 2, IPAddress(10, 2, 0, 1)),
                endpoint("eth2", .overlay("a"), 3),
            ], defaultRouteEndpointID: "eth1\(number)",
            mesh: MeshMembership(
                endpointID: "eth2\(number)", gateway: IPAddress(10, 3, 0, 1),
                targetPorts: [.init(transport: .tcp, port: 80)]))
    }

    private func derive(_ network: NodeNetwork, _ applied: [Scope: AppliedNamespace]) -> [Scope: AppliedNamespace] {
        let derivation = Derivation(
            network, layout: layout, filtersBridges: false, after: applied[.node]?.input, applied[.ingress]?.input)
        return derivation.inputs().mapValues { AppliedNamespace(input: $0, state: derivation.state(for: $0)) }
    }

    /// Chains that elements led to stay; they are passed over.
    private func isSame(_ known: [Table], _ derived: [Table]) -> Bool {
        guard known.map(\.id) == derived.map(\.id) else { return false }
        return zip(known, derived).allSatisfy { known, derived in
            var stripped = known
            stripped.chains = known.chains.filter { derived.chains[$0.key] != nil }
            return stripped == derived
        }
    }

    /// Steps in an order of their own: within a table what is removed is so in any order, and a family's steps come before the other's or after them.
    private func inOrder(_ steps: [TableStep]) -> [TableStep] {
        func text(_ step: TableStep) -> String {
            switch step {
            case .remove(let table, let set, _, let keys): "\(table) \(set) remove \(keys)"
            case .add(let table, let set, _, let values): "\(table) \(set) add \(values.sorted { $0.key < $1.key })"
            case .chain(let table, let name, _, _): "\(table) \(name)"
            }
        }
        return steps.map { step in
            guard case .remove(let table, let set, let layout, let keys) = step else { return step }
            return .remove(table, set: set, layout, keys: keys.sorted())
        }.sorted { text($0) < text($1) }
    }

    @Test(arguments: SimulationSeeds.of("SEEDS", 30))
    func `what is kept is what is derived, after any fine changes`(seed: UInt64) {
        var random = SplitMix(state: seed)
        var oracle = NetworkDetailTests.Oracle()
        oracle.sharesAddresses = seed % 3 == 0
        oracle.isDual = seed % 2 == 0
        var network = oracle.isDual ? NetworkDetailTests.dual : NetworkDetailTests.empty
        network.sandboxes = [task(1, isDual: oracle.isDual), task(2, isDual: oracle.isDual)]
        for place in network.overlays.indices where network.overlays[place].id == "b" {
            network.overlays[place].isEncrypted = seed % 5 < 2
        }
        var ledger = Ledger()
        ledger.applied = derive(network, [:])
        var fine = 0
        for _ in 0..<60 {
            var changes = NetworkChanges()
            for _ in 0..<Int.random(in: 1...3, using: &random) { oracle.step(&random, &changes) }
            let before = network
            // Who is in which network is told by the claims alone: no sandbox is looked at.
            var bare = network
            bare.sandboxes = []
            let blind = FinePlan(
                changes.details, in: &bare, claims: Claims(network), applied: ledger.applied, isReady: { _ in true })
            let seeing = FinePlan(
                changes.details, in: &network, claims: Claims(network), applied: ledger.applied,
                isReady: { _ in true })
            #expect((blind == nil) == (seeing == nil))
            if let plan = seeing {
                fine += 1
                #expect(blind?.members.mapValues(Set.init) == plan.members.mapValues(Set.init))
                #expect(blind?.services.mapValues(inOrder) == plan.services.mapValues(inOrder))
                #expect(blind.map { inOrder($0.node) } == inOrder(plan.node))
                #expect(blind.map { inOrder($0.ingress) } == inOrder(plan.ingress))
                #expect(blind?.ends.mapValues(Set.init) == plan.ends.mapValues(Set.init))
                ledger.take(plan, network)
                // Connections end as the difference of the whole says.
                let ends = ConnectionEnds(from: before, to: network).byScope
                #expect(plan.ends.mapValues(Set.init) == ends.mapValues(Set.init))
            } else {
                #expect(network == before)
                network.apply(changes)
                ledger.applied = derive(network, ledger.applied)
            }
            let derived = derive(network, ledger.applied)
            #expect(ledger.applied.keys == derived.keys)
            for (scope, expected) in derived {
                guard let known = ledger.applied[scope] else { continue }
                #expect(known.input == expected.input, "\(scope)")
                #expect(known.state.kernel == expected.state.kernel, "\(scope)")
                #expect(isSame(known.state.tables, expected.state.tables), "\(scope)")
            }
        }
        #expect(fine > 3)
        #expect(oracle.agrees(with: network))
    }

    /// However many others there are.
    @Test func `a change of the mesh is planned for the ports that it is about`() throws {
        var network = NetworkDetailTests.empty
        network.sandboxes = [task(1)]
        network.ingress?.ports = (0..<100).map { number in
            MeshPort(
                transport: .tcp, publishedPort: UInt16(8000 + number),
                backends: [51, 60].map { MeshPort.Backend(address: IPAddress(10, 3, 0, $0), port: 80) })
        }
        var ledger = Ledger()
        ledger.applied = derive(network, [:])
        func plan(_ say: (inout NetworkChanges) -> Void) throws -> FinePlan {
            var changes = NetworkChanges()
            say(&changes)
            let made = FinePlan(
                changes.details, in: &network, claims: Claims(network), applied: ledger.applied,
                isReady: { _ in true })
            let plan = try #require(made)
            ledger.take(plan, network)
            let derived = derive(network, ledger.applied)
            for scope in [Scope.node, .ingress] {
                #expect(ledger.applied[scope]?.input == derived[scope]?.input, "\(scope)")
            }
            return plan
        }
        func keys(_ plan: FinePlan) -> [String] {
            (plan.node + plan.ingress).flatMap { step -> [String] in
                switch step {
                case .remove(_, _, _, let keys): keys
                case .add(_, _, _, let values): Array(values.keys)
                case .chain: []
                }
            }
        }
        let one = try plan { $0.setMeshBackend(.init(address: IPAddress(10, 3, 0, 61), port: 80), of: .tcp, 8050) }
        for ports in [one.portsAtNode, one.portsAtSandbox] {
            #expect(ports?.changed.map(\.publishedPort) == [8050])
            #expect(ports?.gone.isEmpty == true && ports?.come.isEmpty == true)
        }
        #expect(!keys(one).isEmpty && keys(one).allSatisfy { $0.hasPrefix("tcp . 8050") } && !one.changesPorts)
        // One that goes and comes again is behind the others then.
        let moved = try plan {
            $0.removePort(.tcp, 8010)
            $0.setPort(.tcp, 8010)
            $0.setPort(.tcp, 9000)
            $0.removePort(.tcp, 8020)
        }
        #expect(moved.portsAtNode?.come.map(\.publishedPort) == [8010, 9000] && moved.changesPorts)
        #expect(moved.portsAtNode?.gone.map(\.number).sorted() == [8010, 8020])
        let nothing = try plan { $0.setPort(.tcp, 8030) }
        #expect(nothing.portsAtNode == nil && nothing.node.isEmpty && nothing.ingress.isEmpty)
    }

    /// One network with three sandboxes, and others with however many.
    @Test(arguments: [0, 1, 50] as [UInt8])
    func `a change looks at those who are in its network, and at no namespace of others`(
        others: UInt8
    ) throws {
        func sandbox(_ number: UInt8, in overlay: String, _ net: UInt8) -> Sandbox {
            let own = address(net, 60 + number)
            return Sandbox(
                id: "\(overlay)\(number)",
                endpoints: [
                    Sandbox.Endpoint(
                        id: "e\(overlay)\(number)", network: .overlay(overlay), interfaceName: "eth0",
                        addresses: EndpointAddresses([own]), mac: MACAddress(for: own.address))
                ])
        }
        var network = NetworkDetailTests.empty
        network.sandboxes = (0..<3).map { sandbox($0, in: "b", 1) }
        network.sandboxes += (0..<others).map { sandbox($0, in: "a", 3) }
        let applied = derive(network, [:])
        let claims = Claims(network)
        var changes = NetworkChanges()
        changes.setBackend(IPAddress(10, 1, 0, 9), of: IPAddress(10, 1, 0, 100), in: "b")
        var asked: [Scope] = []
        let made = FinePlan(changes.details, in: &network, claims: claims, applied: applied) { scope in
            asked.append(scope)
            return true
        }
        let plan = try #require(made)
        #expect(Set(plan.members.keys) == ["b"])
        #expect(Set(plan.members["b"] ?? []) == ["b0", "b1", "b2"])
        #expect(asked.count == 3 && Set(asked) == [.sandbox("b0"), .sandbox("b1"), .sandbox("b2")])
        // What is kept is what follows from the network as it is.
        var changed = claims
        for sandbox in network.sandboxes.prefix(2) { changed.change(sandbox, nil) }
        network.sandboxes.removeFirst(2)
        #expect(changed == Claims(network))
    }

    @Test func `MACs of this node's endpoints are known by key, as often as somebody has one`() {
        let mac = MACAddress(for: IPAddress(10, 1, 0, 5))
        func sandbox(_ id: String, in overlays: String...) -> Sandbox {
            Sandbox(
                id: id,
                endpoints: overlays.map { overlay in
                    Sandbox.Endpoint(
                        id: "\(overlay)\(id)", network: .overlay(overlay), interfaceName: "eth0",
                        addresses: EndpointAddresses([IPNetwork(address: IPAddress(10, 1, 0, 5), prefixLength: 24)]),
                        mac: mac)
                })
        }
        var network = NetworkDetailTests.empty
        let (first, second) = (sandbox("1", in: "a", "b"), sandbox("2", in: "b"))
        network.sandboxes = [first, second]
        var claims = Claims(network)
        #expect(claims.isLocal(mac, in: "a") && claims.isLocal(mac, in: "b") && !claims.isLocal(mac, in: "c"))
        if let ingress = network.ingress {
            #expect(claims.isLocal(MACAddress(tag: ingress.tag), in: ingress.overlayID))
        }
        claims.change(first, nil)
        #expect(!claims.isLocal(mac, in: "a") && claims.isLocal(mac, in: "b"))
        claims.change(second, sandbox("2", in: "a"))
        #expect(claims.isLocal(mac, in: "a") && !claims.isLocal(mac, in: "b"))
    }

    @Test func `a bridge goes on to know a MAC at its port, whatever is said of it elsewhere`() throws {
        var network = NetworkDetailTests.empty
        network.sandboxes = [task(1)]
        var ledger = Ledger()
        ledger.applied = derive(network, [:])
        let (here, other) = (IPAddress(10, 1, 0, 51), IPAddress(10, 1, 0, 9))
        var elsewhere = RemoteEndpoint(address: here, vtep: IPAddress(10, 9, 0, 2))
        func apply(_ say: (inout NetworkChanges) -> Void) throws -> FinePlan {
            var changes = NetworkChanges()
            say(&changes)
            let made = FinePlan(
                changes.details, in: &network, claims: Claims(network), applied: ledger.applied, isReady: { _ in true })
            let plan = try #require(made)
            ledger.take(plan, network)
            let scope = Scope.overlay("b")
            #expect(ledger.applied[scope]?.state.kernel == derive(network, ledger.applied)[scope]?.state.kernel)
            return plan
        }
        func requests(_ plan: FinePlan) -> [String] {
            let rows = plan.rows["b"]
            return ((rows?.building ?? []) + (rows?.removing ?? [])).map { "\($0)" }.sorted()
        }
        let known = try apply { $0.setRemote(elsewhere, in: "b") }
        #expect(
            requests(known) == ["set forwarding entry 02:42:0a:01:00:33 on vx0", "set neighbour 10.1.0.51 on vx0"])
        // To another MAC, which nobody here has, and on to another node.
        elsewhere.mac = MACAddress(for: other)
        let renamed = try apply { $0.setRemote(elsewhere, in: "b") }
        #expect(
            requests(renamed) == [
                "delete forwarding entry 02:42:0a:01:00:33 on vx0", "set forwarding entry 02:42:0a:01:00:09 on vx0",
                "set forwarding entry 02:42:0a:01:00:09 on vx0", "set neighbour 10.1.0.51 on vx0",
            ])
        elsewhere.vtep = IPAddress(10, 9, 0, 3)
        let moved = try apply { $0.setRemote(elsewhere, in: "b") }
        #expect(
            requests(moved) == ["set forwarding entry 02:42:0a:01:00:09 on vx0", "set neighbour 10.1.0.51 on vx0"])
        // One address goes, another comes with its MAC.
        _ = try apply {
            $0.removeRemote(here, from: "b")
            $0.setRemote(RemoteEndpoint(address: other, vtep: IPAddress(10, 9, 0, 2)), in: "b")
        }
        let gone = try apply { $0.removeRemote(other, from: "b") }
        #expect(requests(gone).count == 3)
    }

    @Test func `what reaches further than rows and elements is not fine`() {
        var network = NetworkDetailTests.empty
        network.sandboxes = [task(1)]
        let applied = derive(network, [:])
        func isFine(_ isReady: Bool = true, _ say: (inout NetworkChanges) -> Void) -> Bool {
            var changes = NetworkChanges()
            say(&changes)
            var copy = network
            return FinePlan(
                changes.details, in: &copy, claims: Claims(network), applied: applied, isReady: { _ in isReady })
                != nil
        }
        let remote = RemoteEndpoint(address: IPAddress(10, 1, 0, 9), vtep: IPAddress(10, 9, 0, 2))
        #expect(isFine { $0.setRemote(remote, in: "b") })
        #expect(!isFine(false) { $0.setRemote(remote, in: "b") })
        #expect(!isFine { $0.setPeer(IPAddress(10, 9, 0, 3)) })
        #expect(isFine { $0.setBackend(IPAddress(10, 1, 0, 9), of: IPAddress(10, 1, 0, 100), in: "b") })
        // The mesh has elements of both families.
        for address in [IPAddress(10, 3, 0, 9), NetworkDetailTests.address6(3, 9)] {
            #expect(isFine { $0.setMeshBackend(.init(address: address, port: 80), of: .tcp, 8080) })
        }
        // Where an endpoint may use further addresses, those of others are elements of the overlay's table.
        network.sandboxes[0].endpoints[0].isLax = true
        #expect(!isFine { $0.setRemote(remote, in: "b") })
        #expect(isFine { $0.setBackend(IPAddress(10, 1, 0, 9), of: IPAddress(10, 1, 0, 100), in: "b") })
        // Where two networks of a sandbox have one address, the first counts, and a connection to it may have been led before.
        network.overlays[0].tasks[IPAddress(10, 1, 0, 100)] = []
        #expect(!isFine { $0.setBackend(IPAddress(10, 1, 0, 9), of: IPAddress(10, 1, 0, 100), in: "b") })
        #expect(!isFine { $0.removeService(IPAddress(10, 1, 0, 100), from: "b") })
        #expect(isFine { $0.setBackend(IPAddress(10, 1, 0, 9), of: IPAddress(10, 1, 0, 101), in: "b") })
        #expect(
            !isFine {
                $0.setService(IPAddress(10, 1, 0, 102), in: "a")
                $0.setService(IPAddress(10, 1, 0, 102), in: "b")
            })
    }

    @Test func `elements are laid out as the kernel compares them`() throws {
        let turn = NodeTable.backendLayout(of: .v4)
        let lastTurn: [UInt8] = [6, 0, 0, 0, 0x1f, 0x90, 0, 0]
        #expect(turn.encode(key: "tcp . 8080 . 0:1f") == lastTurn + native(31))
        #expect(turn.encode(key: "udp . 80 . none") == [17, 0, 0, 0, 0, 80, 0, 0, 0, 0, 0, 0])
        #expect(turn.encode(value: "10.0.0.1 . 81") == .data([10, 0, 0, 1, 0, 81, 0, 0]))
        let address: [UInt8] = [10, 1, 0, 100]
        #expect(ServiceTable.backendLayout(of: .v4).encode(key: "10.1.0.100 . 2") == address + native(2))
        #expect(ServiceTable.addressLayout(of: .v4).encode(value: "goto n3") == .chain("n3"))
        let port = ElementLayout(.interface, .hardwareAddress, .address)
        var place = Array("p1".utf8)
        place += [UInt8](repeating: 0, count: 14)
        place += [2, 0x42, 10, 1, 0, 2, 0, 0, 10, 1, 0, 2]
        #expect(port.encode(key: "\"p1\" . 02:42:0a:01:00:02 . 10.1.0.2") == place)
        #expect(ElementLayout(.hardwareAddress).encode(key: "02:42:0a:01:00:02")?.count == 6)
        for wrong in ["", "tcp", "tcp . 80", "tcp . 80 . 0:1 . 2", "tcp . 65536 . none", "icmp . 80 . none"] {
            #expect(turn.encode(key: wrong) == nil)
        }
        for wrong in ["10.0.0", "10.0.0.256", "10.0.0.1.2", "10.0.0.1/24"] {
            #expect(ElementLayout(.address).encode(key: wrong) == nil)
        }
    }

    private func native(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number) { Array($0) } }
}
