import Addressing
import Model
import TestKit
import Testing

@testable import Engine
@testable import Orchestration

/// What is chosen beside what nodes say is in use, and what is told of it.
@Suite struct SubnetClaimsTests {
    private func request(_ name: String, subnet: String? = nil) -> NetworkRequest {
        var request = NetworkRequest()
        request.name = name
        request.driver = "overlay"
        if let subnet { request.ipam = AddressManagement(driver: "default", config: [AddressPool(subnet: subnet)]) }
        return request
    }

    private func add(_ request: NetworkRequest, to swarm: inout SwarmSimulation) throws -> IPNetwork {
        let made = try NetworkAllocator(state: swarm.state).allocate(request, id: request.name, at: swarm.now)
        swarm.state.networks[made.id] = made
        return try #require(made.addressRanges.first?.subnet)
    }

    private func network(_ text: String) throws -> IPNetwork { try #require(IPNetwork(text)) }

    private func addNode(
        _ id: String, routes: [String], resolvers: [String] = [], role: NodeRole = .worker,
        to swarm: inout SwarmSimulation
    ) {
        swarm.addNode(id)
        swarm.state.nodes[id]?.spec.role = role
        swarm.state.nodes[id]?.description?.routedSubnets = routes.compactMap { IPNetwork($0) }
        swarm.state.nodes[id]?.description?.resolvers = resolvers.compactMap { IPAddress($0) }
    }

    @Test
    func `C2: nodes that route 10·0·0·0∕16 and 10·0·5·0∕24 and ask 10·7·0·2 keep the next 50 overlays clear of all`()
        throws
    {
        var swarm = SwarmSimulation()
        swarm.state.cluster?.defaultAddrPool = ["10.0.0.0/8"]
        swarm.state.cluster?.subnetSize = 24
        addNode("n1", routes: ["10.0.0.0/16", "0.0.0.0/1", "128.0.0.0/1"], to: &swarm)
        addNode("n2", routes: ["10.0.5.0/24", "10.1.0.0/20"], resolvers: ["10.1.16.2"], to: &swarm)
        let forbidden = try ["10.0.0.0/16", "10.0.5.0/24", "10.1.0.0/20", "10.1.16.2/32"].map(network)
        var made: [IPNetwork] = []
        for number in 0..<50 {
            let subnet = try add(request("net\(number)"), to: &swarm)
            #expect(!(forbidden + made).contains { $0.overlaps(subnet) }, "\(subnet)")
            made.append(subnet)
        }
        #expect(made.first == (try network("10.1.17.0/24")))
        #expect(NetworkConflicts(swarm.state).new(since: nil, SwarmChanges()).isEmpty)
    }

    @Test func `C2: a block that a node keeps out is no overlay's`() throws {
        var swarm = SwarmSimulation()
        let addressing = try NodeAddressing(pools: [], bridge: "", keptOut: ["10.1.0.0/22", "10.1.5.9/24"])
        let claims = NodeDescriber.claims(
            keptOut: addressing.keptOut, bridges: [try network("172.17.0.0/16")], routed: [])
        addNode("n1", routes: claims.map(\.description), to: &swarm)
        addNode("n2", routes: [], to: &swarm)
        var made: [String] = []
        for number in 0..<3 { made.append(try add(request("net\(number)"), to: &swarm).description) }
        #expect(made == ["10.1.4.0/24", "10.1.6.0/24", "10.1.7.0/24"])
        #expect(NetworkConflicts(swarm.state).new(since: nil, SwarmChanges()).isEmpty)
    }

    /// As many as a manager takes: together all of 10.0.0.0/8.
    private var everything: [String] { (0..<1024).map { "10.\($0 / 4).\($0 % 4 * 64).0/18" } }

    @Test func `a worker that says everything is in use keeps nobody from making networks, nor from what others say`()
        throws
    {
        var swarm = SwarmSimulation()
        addNode("honest", routes: ["10.1.0.0/24", "10.1.2.0/24"], resolvers: ["10.1.3.53"], to: &swarm)
        addNode("hostile", routes: everything, to: &swarm)
        let honest = try ["10.1.0.0/24", "10.1.2.0/24", "10.1.3.0/24"].map(network)
        for number in 0..<60 {
            let subnet = try add(request("net\(number)"), to: &swarm)
            #expect(!honest.contains { $0.overlaps(subnet) }, "\(subnet)")
        }
    }

    @Test
    func
        `many such workers leave managers' words in force, and where there is nothing left at all networks are made all the same`()
        throws
    {
        var swarm = SwarmSimulation()
        addNode("boss", routes: ["10.1.0.0/24"], role: .manager, to: &swarm)
        for part in 0..<8 {
            // Each of them an eighth, so that each is believed.
            addNode("hostile\(part)", routes: Array(everything[part * 128..<(part + 1) * 128]), to: &swarm)
        }
        #expect(try add(request("a"), to: &swarm) == network("10.1.1.0/24"))
        addNode("boss2", routes: everything.map(\.self), role: .manager, to: &swarm)
        for number in 1...9 {
            addNode(
                "boss\(number)", routes: Array(everything[(number - 1) * 113..<min(1024, number * 113 + 8)]),
                role: .manager, to: &swarm)
        }
        #expect(try add(request("b"), to: &swarm) == network("10.1.0.0/24"))
    }

    @Test func `a way to all of 10·0·0·0∕8 by every node leaves what is narrower in force`() throws {
        var swarm = SwarmSimulation()
        for node in ["n1", "n2"] {
            addNode(node, routes: ["10.0.0.0/8", "10.1.0.0/22"], role: .manager, to: &swarm)
        }
        #expect(try add(request("a"), to: &swarm) == network("10.1.4.0/24"))
    }

    @Test func `random claims of one worker never make a network impossible, and are kept whenever that is possible`()
        throws
    {
        var generator = SeededGenerator.fresh("SubnetClaimsTests")
        let pool = SubnetChooser(pools: [.init(base: try network("10.64.0.0/16"), prefixLength: 20)])
        for _ in 0..<100 {
            var swarm = SwarmSimulation()
            let count = Int.random(in: 0...12, using: &generator)
            let routes = (0..<count).map { _ in
                let address = IPAddress(10, 64, UInt8.random(in: .min ... .max, using: &generator), 0)
                return IPNetwork(address: address, prefixLength: Int.random(in: 14...24, using: &generator)).masked
            }
            addNode("n1", routes: routes.map(\.description), to: &swarm)
            let claims = SubnetClaims(swarm.state)
            let chosen = try #require(claims.choose(within: pool.blocks) { pool.choose(avoiding: $0) })
            let isPossible = pool.choose(avoiding: routes) != nil
            #expect(!isPossible || !routes.contains { $0.overlaps(chosen) }, "\(chosen) beside \(routes)")
        }
    }

    @Test func `a conflict is told once, with the network, the node and the route or the name server`() throws {
        var swarm = SwarmSimulation()
        addNode("n1", routes: ["192.168.0.0/24"], to: &swarm)
        _ = try add(request("app"), to: &swarm)
        let before = swarm.state
        swarm.state.nodes["n1"]?.description?.routedSubnets = try ["192.168.0.0/24", "10.1.0.0/16", "10.1.0.0/25"].map(
            network)
        swarm.state.nodes["n1"]?.description?.resolvers = [IPAddress(240, 255, 255, 53)]
        var changes = SwarmChanges(from: before, to: swarm.state)
        let events = NetworkConflicts(swarm.state).events(since: before, changes)
        #expect(events.map(\.action) == ["conflict", "conflict"] && events.allSatisfy { $0.type == "network" })
        let app = try #require(events.first { $0.actorID == "app" })
        #expect(
            app.attributes == [
                "name": "app", "node": "n1", "node.name": "n1", "route": "10.1.0.0/16", "subnet": "10.1.0.0/24",
                "type": "overlay",
            ])
        let ingress = try #require(events.first { $0.actorID == "ingress" })
        #expect(ingress.attributes["resolver"] == "240.255.255.53" && ingress.attributes["route"] == nil)
        #expect(NetworkConflicts(swarm.state).nodesByNetwork == ["app": 1, "ingress": 1])
        // The same said otherwise is no news; neither is a network beside it, and what the manager sees first is.
        let then = swarm.state
        swarm.state.nodes["n1"]?.description?.routedSubnets = [try network("10.1.0.0/24")]
        changes = SwarmChanges(from: then, to: swarm.state)
        #expect(NetworkConflicts(swarm.state).new(since: then, changes).isEmpty)
        let last = swarm.state
        _ = try add(request("other"), to: &swarm)
        #expect(NetworkConflicts(swarm.state).new(since: last, SwarmChanges(from: last, to: swarm.state)).isEmpty)
        #expect(
            NetworkConflicts(swarm.state).new(since: nil, SwarmChanges()).map(\.network).sorted() == ["app", "ingress"])
        // One that a user makes where a node's route is.
        addNode("n2", routes: ["172.20.0.0/14"], to: &swarm)
        let quiet = swarm.state
        _ = try add(request("chosen", subnet: "172.21.0.0/16"), to: &swarm)
        let chosen = NetworkConflicts(swarm.state).new(since: quiet, SwarmChanges(from: quiet, to: swarm.state))
        #expect(chosen.map(\.node) == ["n2"] && chosen.map(\.network) == ["chosen"])
    }

    @Test func `a conflict with a block that is kept clear of is told as that, unless something there is in use`()
        throws
    {
        var swarm = SwarmSimulation()
        addNode("n1", routes: ["192.168.0.0/24"], to: &swarm)
        _ = try add(request("app"), to: &swarm)
        let before = swarm.state
        func events() -> [EngineEvent] {
            NetworkConflicts(swarm.state).events(since: before, SwarmChanges(from: before, to: swarm.state))
        }
        swarm.state.nodes["n1"]?.description?.routedSubnets = try ["10.1.0.0/16", "192.168.0.0/24"].map(network)
        swarm.state.nodes["n1"]?.description?.avoidedSubnets = [try network("10.1.0.0/16")]
        #expect(events().map { $0.attributes["avoided"] } == ["10.1.0.0/16"])
        #expect(events().allSatisfy { $0.attributes["route"] == nil })
        // The narrower route is what is in the way.
        swarm.state.nodes["n1"]?.description?.routedSubnets = try ["10.1.0.0/16", "10.1.0.0/25"].map(network)
        #expect(events().map { $0.attributes["route"] } == ["10.1.0.0/25"])
        #expect(events().allSatisfy { $0.attributes["avoided"] == nil })
        // Nothing is chosen there either way.
        #expect(try add(request("next"), to: &swarm).overlaps(network("10.1.0.0/16")) == false)
    }

    @Test func `of a node that is in conflict with everything a few are told, and how many more there are`() throws {
        var swarm = SwarmSimulation()
        for number in 0..<40 { _ = try add(request("net\(number)"), to: &swarm) }
        let before = swarm.state
        addNode("hostile", routes: everything, to: &swarm)
        let events = NetworkConflicts(swarm.state).events(since: before, SwarmChanges(from: before, to: swarm.state))
        #expect(events.count == 16)
        #expect(events.last?.attributes["others"] == "24")
        #expect(events.dropLast().allSatisfy { $0.attributes["others"] == nil })
        #expect(NetworkConflicts(swarm.state).nodesByNetwork.count == 40)
    }
}
