import Addressing
import EngineInterface
import Faults
import LinuxSystem
import Model
import NameService
import Netlink
import TestKit
import Testing

@testable import Engine

/// Networks of the swarm that a node makes by itself: from what managers tell to the container, and back to nothing.
@Suite(.timeLimit(.minutes(2))) struct NodeLocalLifeTests {
    private static let id = "0123456789abcdefghijklmno"

    private static func network() -> SwarmNetwork {
        var network = SwarmNetwork(id: id)
        network.spec.name = "lan"
        network.spec.scope = "swarm"
        network.spec.configFrom = NetworkRequest.ConfigurationSource(network: "cfg")
        network.driverState = Driver(name: "macvlan")
        return network
    }

    private static func task(_ id: String = "t") -> SwarmTask {
        var task = SwarmTask(id: id)
        (task.serviceID, task.nodeID, task.slot) = ("s", "n", 1)
        task.spec.containerSpec = ContainerSpec()
        task.spec.containerSpec?.image = "box"
        task.spec.containerSpec?.command = ["sleep", "1000"]
        task.spec.containerSpec?.stopGracePeriod = 0
        task.networksAttachments = [NetworkAttachment(network: network(), addresses: [])]
        return task
    }

    private static func configuration() -> NetworkRequest {
        var request = NetworkRequest()
        request.name = "cfg"
        request.configOnly = true
        request.options = ["parent": "par0"]
        request.ipam = AddressManagement(
            driver: "default",
            config: [AddressPool(subnet: "192.0.2.0/24", ipRange: "192.0.2.64/27", gateway: "192.0.2.1")])
        return request
    }

    private static func makeParent(in namespace: NetworkNamespace) async throws {
        try await namespace.run {
            try RouteSocket().perform([
                CreateVeth(name: "par0", isUp: true, peer: VethPeer(name: "far0")),
                SetLink(.name("far0"), isUp: true),
            ])
        }
    }

    private static func told(_ facts: [NetworkFact], isEnd: Bool = false) -> NetworkChangeSet {
        NetworkChangeSet(.network(id), sequence: 1, upserts: facts, isEnd: isEnd)
    }

    private static func place(_ address: IPAddress, _ name: String) -> NetworkFact {
        .endpoint(
            network: id,
            .init(
                addresses: HostAddresses(address), nodeID: "m", taskID: name, vtep: IPAddress(203, 0, 113, 7),
                containerID: "",
                names: [name]))
    }

    @Test func `a task joins by its node's own settings, is found by name, and leaves nothing behind`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            try await Self.makeParent(in: fixture.namespace)
            let far = IPAddress(192, 0, 2, 99)
            try await engine.tasks.applyNetworkChanges(
                [Self.told([.network(Self.network()), Self.place(far, "far")])], nodeID: "n")
            let task = Self.task()
            // The node has no such settings.
            await #expect(throws: NetworkConfigurationError.notFound("cfg")) {
                _ = try await engine.tasks.prepareTask(task)
            }
            _ = try await engine.networks.createNetwork(Self.configuration())
            let container = try await engine.tasks.prepareTask(task)
            _ = try await engine.tasks.startTask(task)
            let chosen = await engine.tasks.chosenAddresses(of: task)
            #expect(chosen.map(\.networkID) == [Self.id])
            #expect(chosen.first?.addresses.map(\.description) == ["192.0.2.64/24"])
            let sandbox = engine.network.dataPlane.sandboxNamespace(container)
            #expect(try await sandbox.run { try RouteSocket().link(named: "eth0") }?.macvlan == .bridge)
            var query = Message()
            (query.id, query.recursionDesired) = (7, true)
            query.question = Question(try #require(DomainName("far")), .a)
            let octets = query.encoded()
            let reply = try await sandbox.run { try exchange(octets, IPAddress(127, 0, 0, 11), 53, .udp) }
            #expect(try Message(decoding: reply).answers.count == 1)
            // Nobody makes another of its settings, or takes them away, as long as it is there.
            await #expect(throws: NetworkConfigurationError.inUse("cfg")) {
                try await engine.networks.removeNetwork("cfg")
            }
            #expect(try await engine.networks.listNetworks(Filters()).allSatisfy { $0.name != "lan" })
            try await engine.tasks.stopTask(task)
            try await eventually(within: .seconds(20)) {
                try fixture.record(container).endpoints.allSatisfy { !$0.isJoined }
            }
            #expect(engine.networks.networks.network(Self.id) != nil)
            try await engine.tasks.removeTask(id: "t")
            // The node takes part in it no more.
            try await engine.tasks.applyNetworkChanges([Self.told([], isEnd: true)], nodeID: "n")
            #expect(engine.networks.networks.network(Self.id) == nil)
            try await engine.networks.removeNetwork("cfg")
            #expect(try await fixture.namespace.run { try RouteSocket().link(named: "par0") } != nil)
        }
    }

    /// What a manager answers that has this network, and lets it go when it is asked to.
    private struct Catalog: SwarmNetworkCatalog {
        let networks: [SwarmNetwork]

        func isManager() -> Bool { true }
        func isMember() -> Bool { true }
        func swarmNetworks() -> [SwarmNetwork] { networks }
        func networksInUse() -> Set<String> { [] }
        func addressStatus(ofNetwork id: String) -> NetworkStatus? { nil }
        func createSwarmNetwork(_ request: NetworkRequest) throws -> String {
            throw NetworkError.notFound(request.name)
        }
        func attach(
            _ id: String, to network: String, _ spec: NetworkAttachmentSpec
        ) throws -> NetworkAttachment { throw NetworkError.notFound(network) }
        func removeSwarmNetwork(id: String) {}
    }

    @Test func `the settings of a network can be removed as soon as it has been removed itself`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            try await Self.makeParent(in: fixture.namespace)
            try await engine.tasks.applyNetworkChanges([Self.told([.network(Self.network())])], nodeID: "n")
            _ = try await engine.networks.createNetwork(Self.configuration())
            try await engine.networks.ensureNodeLocal(Self.network())
            await #expect(throws: NetworkConfigurationError.inUse("cfg")) {
                try await engine.networks.removeNetwork("cfg")
            }
            engine.networks.use(Catalog(networks: [Self.network()]))
            // Managers have not told this node of it yet.
            try await engine.networks.removeNetwork("lan")
            #expect(engine.networks.networks.network(Self.id) == nil)
            try await engine.networks.removeNetwork("cfg")
        }
    }

    @Test func `a network that managers have removed is removed, though this node cannot let its part go yet`()
        async throws
    {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            try await Self.makeParent(in: fixture.namespace)
            try await engine.tasks.applyNetworkChanges([Self.told([.network(Self.network())])], nodeID: "n")
            _ = try await engine.networks.createNetwork(Self.configuration())
            try await engine.networks.ensureNodeLocal(Self.network())
            engine.networks.use(Catalog(networks: [Self.network()]))
            try await engine.store.close()
            try await engine.networks.removeNetwork("lan")
            #expect(engine.networks.networks.network(Self.id) != nil)
            let told = fixture.log.withLock { $0 }
            #expect(told.contains { $0.hasPrefix("a part of a network that was removed is still there") })
        }
    }
}
