import Addressing
import Model
import TestKit
import Testing

@testable import DataPlane

/// Deriving everything is the oracle: what sandboxes that come, change and go make of the known state of each namespace is what follows from the network
/// as a whole.
@Suite struct SandboxPlanTests {
    private let layout = Layout(runDirectory: "/run/apus")

    private func address(_ net: UInt8, _ last: Int) -> IPNetwork {
        IPNetwork(address: IPAddress(10, net, 0, UInt8(last)), prefixLength: 24)
    }

    private func sandbox(_ number: Int, isDual: Bool = false, _ random: inout SplitMix) -> Sandbox {
        // Few are at the place of another.
        let place = 50 + (Int.random(in: 0..<12, using: &random) == 0 ? 1 : number)
        func endpoint(_ name: String, _ network: Sandbox.NetworkReference, _ net: UInt8, _ gateway: IPAddress? = nil)
            -> Sandbox.Endpoint
        {
            Sandbox.Endpoint(
                id: "\(name)\(number)", network: network, interfaceName: name,
                addresses: EndpointAddresses(
                    [address(net, place)] + (isDual ? [NetworkDetailTests.network6(net, place)] : [])),
                mac: MACAddress(for: address(net, place).address),
                gateways: HostAddresses(
                    gateway.map { [$0] + (isDual ? [NetworkDetailTests.address6(net, 1)] : []) } ?? []))
        }
        var sandbox = Sandbox(id: "t\(number)")
        if Bool.random(using: &random) { sandbox.endpoints.append(endpoint("eth0", .overlay("b"), 1)) }
        if Int.random(in: 0..<4, using: &random) > 0 {
            sandbox.endpoints.append(endpoint("eth1", .bridge("gw"), 2, IPAddress(10, 2, 0, 1)))
            sandbox.defaultRouteEndpointID = "eth1\(number)"
            for port in 0..<Int.random(in: 0...2, using: &random) {
                sandbox.published.append(
                    HostPort(
                        PublishedPort(
                            transport: .tcp,
                            hostAddress: Bool.random(using: &random) ? IPAddress(192, 0, 2, 1) : nil,
                            hostPort: UInt16(100 * number + port), containerPort: 80),
                        to: address(2, place).address))
                if isDual {
                    sandbox.published.append(
                        HostPort(
                            PublishedPort(
                                transport: .tcp, hostAddress: .unspecified(.v6), hostPort: UInt16(100 * number + port),
                                containerPort: 80),
                            to: NetworkDetailTests.address6(2, place)))
                }
            }
        }
        if Bool.random(using: &random) {
            sandbox.endpoints.append(endpoint("eth2", .overlay("a"), 3))
            sandbox.mesh = MeshMembership(
                endpointID: "eth2\(number)", gateway: IPAddress(10, 3, 0, 1),
                targetPorts: [.init(transport: .tcp, port: 80)])
        }
        if Int.random(in: 0..<20, using: &random) == 0, !sandbox.endpoints.isEmpty { sandbox.endpoints[0].isLax = true }
        return sandbox
    }

    private func derive(_ network: NodeNetwork, _ applied: [Scope: AppliedNamespace]) -> [Scope: AppliedNamespace] {
        let derivation = Derivation(
            network, layout: layout, filtersBridges: false, after: applied[.node]?.input, applied[.ingress]?.input)
        return derivation.inputs().mapValues { AppliedNamespace(input: $0, state: derivation.state(for: $0)) }
    }

    private func plan(_ sandboxes: [String: Sandbox?], _ network: NodeNetwork, _ ledger: Ledger) -> SandboxPlan? {
        SandboxPlan(
            sandboxes, in: network, claims: Claims(network), layout: layout, filtersBridges: false,
            applied: ledger.applied, isReady: { _ in true })
    }

    /// As a pass that succeeds would.
    private func carryOut(_ plan: SandboxPlan, _ network: inout NodeNetwork, _ ledger: inout Ledger) {
        for (id, change) in plan.changed { network.replace(sandbox: id, change.new) }
        var outcome = ReconcilePass.Outcome()
        for (scope, input) in plan.after.derivation.inputs() where !scope.holdsPorts {
            outcome.applied[scope] = AppliedNamespace(input: input, state: plan.after.derivation.state(for: input))
        }
        ledger.take(plan)
        ledger.take(plan, outcome)
    }

    @Test(arguments: SimulationSeeds.of("SEEDS", 30))
    func `what is kept is what is derived, after any sandboxes came and went`(seed: UInt64) {
        var random = SplitMix(state: seed)
        let isDual = seed % 2 == 0
        var network = isDual ? NetworkDetailTests.dual : NetworkDetailTests.empty
        network.overlays[1].remoteEndpoints = [
            RemoteEndpoint(address: IPAddress(10, 1, 0, 52), vtep: IPAddress(10, 9, 0, 2))
        ]
        network.overlays[0].services = [VirtualAddress(address: IPAddress(10, 3, 0, 200), backends: [])]
        network.overlays[1].services = [VirtualAddress(address: IPAddress(10, 1, 0, 200), backends: [])]
        network.ingress?.ports = [
            MeshPort(
                transport: .tcp, publishedPort: 8080,
                backends: [address(3, 53).address, NetworkDetailTests.address6(3, 54)].map {
                    .init(address: $0, port: 80)
                })
        ]
        var ledger = Ledger()
        ledger.applied = derive(network, [:])
        var fine = 0
        for _ in 0..<60 {
            var sandboxes: [String: Sandbox?] = [:]
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let number = Int.random(in: 1...8, using: &random)
                sandboxes.updateValue(
                    Int.random(in: 0..<3, using: &random) == 0 ? nil : sandbox(number, isDual: isDual, &random),
                    forKey: "t\(number)")
            }
            let before = network
            if let plan = plan(sandboxes, network, ledger) {
                fine += 1
                carryOut(plan, &network, &ledger)
                // Connections end as the difference of the whole says.
                let ends = ConnectionEnds(from: before, to: network).byScope
                #expect(plan.ends.mapValues(Set.init) == ends.mapValues(Set.init))
            } else {
                for (id, sandbox) in sandboxes { network.replace(sandbox: id, sandbox) }
                ledger.applied = derive(network, ledger.applied)
            }
            let derived = derive(network, ledger.applied)
            #expect(ledger.applied.keys == derived.keys)
            for (scope, expected) in derived {
                #expect(ledger.applied[scope]?.input == expected.input, "\(scope)")
                #expect(ledger.applied[scope]?.state == expected.state, "\(scope)")
            }
        }
        #expect(fine > 0)
    }

    @Test func `a sandbox is derived by itself, however many others there are`() throws {
        var random = SplitMix(state: 1)
        var network = NetworkDetailTests.empty
        for number in 2...100 {
            var other = sandbox(1, &random)
            other.id = "t\(number)"
            for place in other.endpoints.indices {
                other.endpoints[place].id = "\(number)-\(place)"
                other.endpoints[place].addresses = EndpointAddresses([address(UInt8(10 + place), number)])
                other.endpoints[place].isLax = false
            }
            other.published = []
            network.sandboxes.append(other)
        }
        var ledger = Ledger()
        ledger.applied = derive(network, [:])
        var one = sandbox(1, &random)
        for place in one.endpoints.indices { one.endpoints[place].isLax = false }
        let comes = try #require(plan(["t1": one], network, ledger))
        #expect(comes.before.derivation.wanted.sandboxes.isEmpty)
        #expect(comes.after.derivation.wanted.sandboxes == [one])
        #expect(comes.ends[.sandbox("t2")] == nil)
        // Nothing of it changes anything.
        let same = try #require(plan(["t2": network.sandboxes[0]], network, ledger))
        #expect(same.isEmpty)
    }

    @Test func `what is another's as well is looked at as a whole`() {
        func plain(_ number: Int) -> Sandbox {
            Sandbox(
                id: "t\(number)",
                endpoints: [
                    Sandbox.Endpoint(
                        id: "e\(number)", network: .bridge("gw"), interfaceName: "eth0",
                        address: address(2, 10 + number), gateway: IPAddress(10, 2, 0, 1))
                ], defaultRouteEndpointID: "e\(number)")
        }
        var network = NetworkDetailTests.empty
        network.sandboxes = [plain(1), plain(2)]
        var ledger = Ledger()
        ledger.applied = derive(network, [:])
        func isFine(_ sandboxes: [String: Sandbox?]) -> Bool { plan(sandboxes, network, ledger) != nil }
        #expect(isFine(["t3": plain(3)]))
        #expect(isFine(["t1": nil]))
        var other = plain(3)
        other.endpoints[0].addresses = plain(1).endpoints[0].addresses
        #expect(!isFine(["t3": other]))
        // The one that had the address goes.
        #expect(isFine(["t1": nil, "t3": other]))
        other = plain(3)
        other.endpoints[0].isLax = true
        #expect(!isFine(["t3": other]))
        other = plain(3)
        other.endpoints[0].network = .bridge("none")
        #expect(!isFine(["t3": other]))
        // What may use what is nobody's is told what others have.
        network.sandboxes[1].endpoints[0].isLax = true
        ledger.applied = derive(network, [:])
        #expect(isFine(["t3": plain(3)]))
        other = plain(3)
        other.endpoints[0].isLax = true
        #expect(isFine(["t3": other]))
        #expect(!isFine(["t2": nil]))
        #expect(!isFine(["t2": plain(2)]))
        other = plain(3)
        other.endpoints[0].addresses = EndpointAddresses([address(2, 1)])
        #expect(!isFine(["t3": other]))
    }
}
