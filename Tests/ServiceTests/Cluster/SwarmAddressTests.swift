import Addressing
import Cluster
import DockerMessages
import EngineInterface
import Faults
import Model
import Synchronization
import TestKit
import Testing

/// Addresses of a swarm's networks: managers and nodes in one process, with real TLS on loopback and a real etcd.
@Suite(.serialized, .timeLimit(.minutes(3))) struct SwarmAddressTests {
    private func request(_ name: String, subnet: String? = nil) -> NetworkRequest {
        var request = NetworkRequest()
        request.name = name
        request.driver = "overlay"
        if let subnet { request.ipam = AddressManagement(driver: "default", config: [AddressPool(subnet: subnet)]) }
        return request
    }

    private func subnet(_ id: String, _ manager: Swarm) async throws -> IPNetwork? {
        try await manager.swarmNetworks().first { $0.id == id }?.ipamOptions?.configs?.first?.subnet
    }

    /// The network's only subnet.
    private func status(_ id: String, _ manager: Swarm) async throws -> NetworkStatus.Subnet {
        try #require(await manager.addressStatus(ofNetwork: id)?.ipam.subnets.values.first)
    }

    @Test
    func
        `C2: what a worker routes and whom it asks is kept clear of, what it routes later is told, and clients see none of it`()
        async throws
    {
        try await withSwarm { manager, first, _, second in
            let claimed = try ["10.1.0.0/23", "192.168.7.0/24"].map { try #require(IPNetwork($0)) }
            second.executor.routes.withLock { $0 = (claimed, [IPAddress(10, 1, 2, 53)]) }
            let routed = try ["10.1.0.0/23", "10.1.2.0/24"].map { try #require(IPNetwork($0)) }
            // Told with the next sign of life: a network that is made before may still be beside it.
            var made: [String] = []
            try await eventually(within: .seconds(30), "the routes are kept clear of") { () async throws -> Bool in
                let id = try await manager.createSwarmNetwork(request("net\(made.count)"))
                made.append(id)
                let subnet = try #require(try await subnet(id, manager))
                return !routed.contains { $0.overlaps(subnet) }
            }
            let last = try #require(made.last)
            let own = try #require(try await subnet(last, manager))
            second.executor.routes.withLock { $0.subnets.append(own) }
            let event = try await eventually(within: .seconds(30), "the conflict is told") {
                () async throws -> EngineEvent? in
                first.events.withLock { events in
                    events.first { $0.action == "conflict" && $0.actorID == last }
                }
            }
            #expect(event.type == "network" && event.attributes["route"] == own.description)
            #expect(event.attributes["node.name"] == "node-2" && event.attributes["name"] == "net\(made.count - 1)")
            for node in try await manager.listNodes(Filters()) {
                #expect(node.description?.routedSubnets == nil && node.description?.resolvers == nil)
                #expect(node.description?.avoidedSubnets == nil)
            }
        }
    }

    @Test func `G5: a service has the address that it asks for, and another one that asks for it is refused by name`()
        async throws
    {
        try await withSwarm { manager, _, _, _ in
            let network = try await manager.createSwarmNetwork(request("app", subnet: "10.77.0.0/24"))
            func spec(_ name: String, _ options: [String: String], replicas: UInt64 = 1) -> ServiceSpec {
                var spec = service(name, replicas: replicas, networks: ["app"])
                spec.taskTemplate.networks?[0].driverOpts = options
                return spec
            }
            let options = ["apus.ip": "10.77.0.50", "apus.task-ip": "10.77.0.60"]
            let (id, _) = try await manager.createService(spec("web", options))
            let task = try await eventually(within: .seconds(30), "the task runs") { () async throws -> SwarmTask? in
                try await manager.listTasks(Filters(["service": ["web"]])).first { $0.status.state == .running }
            }
            #expect(task.networksAttachments?.flatMap(\.addresses).map(\.description) == ["10.77.0.60/24"])
            let made = try await manager.inspectService(id, insertDefaults: false)
            #expect(made.endpoint.virtualIPs?.map { $0.addr?.description ?? "" } == ["10.77.0.50/24"])
            func refusal(_ spec: ServiceSpec) async -> String? {
                do {
                    _ = try await manager.createService(spec)
                    return nil
                } catch { return DockerMessage.text(of: error) }
            }
            #expect(
                await refusal(spec("other", ["apus.ip": "10.77.0.50"]))
                    == "address 10.77.0.50 of network app is already in use by service web")
            #expect(
                await refusal(spec("other", ["apus.task-ip": "10.77.0.70"], replicas: 2))
                    == "a fixed address of tasks in network app needs a replicated service with one replica at most")
            #expect(await refusal(spec("other", ["apus.else": "1"])) != nil)
            // In use: the two, the gateway, and the subnet's own two.
            let status = try await status(network, manager)
            #expect(status.iPsInUse == 5 && status.dynamicIPsAvailable == 251 && status.iPsResting == nil)
        }
    }

    @Test
    func
        `C1: overlays and published services that are made and removed at once leave nothing, and their addresses rest`()
        async throws
    {
        try await withSwarm { manager, _, _, _ in
            let ingress = try #require(try await manager.swarmNetworks().first?.id)
            let before = try await status(ingress, manager)
            for number in 0..<25 {
                let network = try await manager.createSwarmNetwork(request("net\(number)"))
                let (id, _) = try await manager.createService(
                    service("web\(number)", replicas: 1, published: 9000 + number, networks: ["net\(number)"]))
                if number % 3 == 0 {
                    try await eventually(within: .seconds(30), "a task has an address") { () async throws -> Bool in
                        try await status(ingress, manager).iPsInUse > before.iPsInUse
                    }
                }
                try await manager.removeService(id)
                try await manager.removeSwarmNetwork(id: network)
            }
            let after = try await eventually(within: .seconds(60), "all addresses are given back") {
                () async throws -> NetworkStatus.Subnet? in
                // The nodes' own stay.
                let isOver = await manager.subnetCounts().allSatisfy { $0.used == 2 }
                return isOver ? try await status(ingress, manager) : nil
            }
            #expect(after.iPsResting ?? 0 >= 2)
            #expect(try await manager.swarmNetworks().map(\.spec.name) == ["ingress"])
            let counts = await manager.subnetCounts()
            // Of each family.
            #expect(counts.map(\.network) == ["ingress", "ingress"] && counts.allSatisfy { $0.used == 2 })
        }
    }
}
