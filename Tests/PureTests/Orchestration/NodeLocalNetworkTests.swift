import Addressing
import EngineInterface
import Faults
import Model
import Testing

@testable import Orchestration

/// Networks of the swarm that nodes make by themselves: the swarm gives no addresses in them.
@Suite struct NodeLocalNetworkTests {
    private static func request(_ driver: String = "macvlan", from source: String? = "cfg") -> NetworkRequest {
        var request = NetworkRequest()
        request.name = "lan"
        request.driver = driver
        request.scope = "swarm"
        request.attachable = true
        request.configFrom = source.map { NetworkRequest.ConfigurationSource(network: $0) }
        return request
    }

    private func swarm() throws -> SwarmSimulation {
        var swarm = SwarmSimulation()
        swarm.addNode("n1")
        swarm.state.networks["lan"] = try NetworkAllocator(state: swarm.state).allocate(
            Self.request(), id: "lan", at: swarm.now)
        return swarm
    }

    private static func join(_ networks: String...) -> (inout ServiceSpec) -> Void {
        { spec in
            spec.taskTemplate.networks = networks.map { id in
                var config = NetworkAttachmentConfig()
                config.target = id
                config.aliases = ["alias"]
                return config
            }
        }
    }

    @Test func `a network that nodes make has a name and a driver, and where its settings are`() throws {
        let state = SwarmState()
        let made = try NetworkAllocator(state: state).allocate(Self.request("ipvlan"), id: "lan", at: .zero)
        #expect(made.isNodeLocal && made.isAllocated && made.vni == nil && made.addressRanges.isEmpty)
        #expect(made.driverName == "ipvlan" && made.spec.configFrom?.network == "cfg" && made.spec.scope == "swarm")
        #expect(throws: UnsupportedError.features("swarm-scoped macvlan networks without --config-from")) {
            try NetworkAllocator(state: state).allocate(Self.request(from: nil), id: "x", at: .zero)
        }
        var taken = state
        taken.networks["lan"] = made
        #expect(throws: NetworkError.nameTaken("lan")) {
            try NetworkAllocator(state: taken).allocate(Self.request(), id: "x", at: .zero)
        }
        var overlay = SwarmNetwork(id: "o")
        #expect(!overlay.isNodeLocal && !overlay.isAllocated)
        overlay.driverState = Driver(name: "overlay", options: [SwarmNetwork.identifierOption: "4097"])
        #expect(!overlay.isNodeLocal && overlay.isAllocated)
    }

    @Test func `what such a network says of itself is refused: every node has it from its own settings`() throws {
        let changes: [(inout NetworkRequest) -> Void] = [
            { $0.options = ["parent": "eth0"] }, { $0.options = ["com.docker.network.driver.mtu": "1400"] },
            { $0.options = ["made.up": ""] }, { $0.labels = ["a": "b"] }, { $0.enableIPv6 = true },
            { $0.ipam = AddressManagement(driver: "", config: [AddressPool(subnet: "192.0.2.0/24")]) },
            { $0.ipam = AddressManagement(driver: "made-up", config: []) },
        ]
        for driver in NetworkAllocator.nodeLocalDrivers.sorted() {
            for change in changes {
                var request = Self.request(driver)
                change(&request)
                #expect(throws: NetworkConfigurationError.ownSettings) {
                    try NetworkAllocator(state: SwarmState()).allocate(request, id: "lan", at: .zero)
                }
            }
            // What command lines always send.
            var plain = Self.request(driver)
            plain.ipam = AddressManagement(driver: "default", config: [])
            plain.options = [:]
            #expect(try NetworkAllocator(state: SwarmState()).allocate(plain, id: "lan", at: .zero).isNodeLocal)
        }
    }

    @Test func `tasks get places without addresses there, services no address, and both theirs in overlays beside`()
        throws
    {
        var swarm = try swarm()
        var request = NetworkRequest()
        request.name = "app"
        request.driver = "overlay"
        swarm.state.networks["app"] = try NetworkAllocator(state: swarm.state).allocate(
            request, id: "app", at: swarm.now)
        swarm.addService("web", replicas: 2, change: Self.join("lan", "app"))
        swarm.addService("alone", replicas: 1, change: Self.join("lan"))
        swarm.settle()
        #expect(swarm.running("web").count == 2 && swarm.running("alone").count == 1)
        for task in swarm.running("web") {
            let places = try #require(task.networksAttachments)
            #expect(places.map(\.network.id) == ["lan", "app"] && places.map(\.addresses.count) == [0, 1])
            #expect(places[0].aliases == ["alias"])
            // What hangs on a link of the node has no port on a bridge.
            #expect(task.bridges.map(\.name) == ["app", "docker_gwbridge"])
        }
        #expect(swarm.state.services["web"]?.endpoint.virtualIPs?.map(\.networkID) == ["app"])
        #expect(swarm.state.services["alone"]?.endpoint.virtualIPs == nil)
        #expect(swarm.running("alone").allSatisfy { $0.bridges.isEmpty })
    }

    @Test func `a container outside of services gets its place at once, whatever address it asks its node for`() throws
    {
        var swarm = try swarm()
        var task = SwarmTask(id: "a")
        (task.createdAt, task.nodeID, task.desiredState) = (swarm.now, "n1", .running)
        task.spec.networkAttachmentSpec = NetworkAttachmentSpec(
            containerID: "c", containerName: "c", aliases: ["x"], address: RequestedAddresses("192.0.2.77"))
        var place = NetworkAttachmentConfig()
        place.target = "lan"
        task.spec.networks = [place]
        swarm.state.tasks["a"] = task
        swarm.settle(rounds: 2)
        let given = try #require(swarm.state.tasks["a"]?.networksAttachments?.first)
        #expect(given.network.id == "lan" && given.addresses.isEmpty && given.aliases == ["x"])
    }
}
