import Addressing
import Model
import Orchestration
import StateStore
import TestKit
import Testing

@testable import Cluster

/// A swarm of made-up objects that changes at random, as no store would: addresses twice, ports twice, tasks of nothing.
private struct RandomSwarm {
    var objects = SwarmState()
    var serving: Set<String> = []
    var random: SeededGenerator
    var changed: [StoreEvent] = []

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        objects.revision = 1
    }

    private mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }
    private mutating func pick(_ name: String, _ count: Int) -> String {
        "\(name)\(Int.random(in: 0..<count, using: &random))"
    }
    private mutating func address(_ network: String) -> IPAddress {
        let last = UInt8.random(in: 1...12, using: &random)
        return chance(4)
            ? IPAddress(octets: [0xfd] + [UInt8](repeating: 0, count: 14) + [last]) ?? IPAddress(10, 0, 0, last)
            : IPAddress(10, 0, UInt8(network.utf8.reduce(0) { ($0 &+ Int($1)) % 200 }), last)
    }

    private mutating func node(_ id: String) -> Node {
        var node = Node(id: id)
        var membership = Node.Membership()
        membership.dataPathAddress = chance(4) ? nil : IPAddress(192, 0, 2, UInt8.random(in: 1...9, using: &random))
        membership.ingressAddresses = chance(3) ? nil : HostAddresses(address("ingress"))
        node.membership = membership
        node.status.state = chance(4) ? .down : .ready
        if chance(3) {
            var status = ManagerStatus()
            status.addr = TransportAddress(IPAddress(192, 0, 2, 1), port: chance(2) ? 2378 : 2377)
            node.managerStatus = status
        }
        return node
    }

    private mutating func network(_ id: String) -> SwarmNetwork {
        var network = SwarmNetwork(id: id)
        network.spec.name = id
        network.spec.ingress = chance(3)
        if !chance(4) {
            network.driverState = Driver(name: "overlay", options: [SwarmNetwork.identifierOption: "4097"])
        }
        var pools = AllocatedPools()
        pools.configs = [.init(subnet: IPNetwork("10.0.\(Int.random(in: 0..<3, using: &random)).0/24"))]
        network.ipamOptions = pools
        return network
    }

    private mutating func service(_ id: String) -> Service {
        var service = Service(id: id)
        service.spec.name = pick("name", 3)
        if chance(2) {
            var config = NetworkAttachmentConfig()
            config.target = pick("net", 4)
            config.aliases = [pick("alias", 3)]
            service.spec.taskTemplate.networks = [config]
        }
        if chance(2) {
            service.endpoint.virtualIPs = [VirtualIP(networkID: pick("net", 4), addr: IPNetwork(address("v")))]
        }
        service.endpoint.ports = (0..<Int.random(in: 0..<3, using: &random)).map { _ in
            var port = PortConfig()
            port.targetPort = 80
            port.publishedPort = Int.random(in: 8080...8083, using: &random)
            if chance(5) { port.publishMode = "host" }
            return port
        }
        return service
    }

    private mutating func task(_ id: String) -> SwarmTask {
        var task = objects.tasks[id] ?? SwarmTask(id: id)
        if task.serviceID.isEmpty || chance(6) { task.serviceID = pick("service", 5) }
        if task.nodeID == nil || chance(8) { task.nodeID = chance(8) ? nil : pick("node", 5) }
        let states: [TaskState] = [.pending, .assigned, .preparing, .running, .running, .running, .shutdown, .failed]
        task.status.state = states.randomElement(using: &random) ?? .running
        task.desiredState = chance(3) ? .shutdown : .running
        if task.status.state >= .preparing {
            var container = TaskStatus.ContainerStatus()
            container.containerID = "0123456789abcdef\(id)"
            task.status.containerStatus = container
        }
        if task.networksAttachments == nil || chance(3) {
            task.networksAttachments = (0..<Int.random(in: 0..<3, using: &random)).map { _ in
                let network = pick("net", 4)
                let addresses = (0..<Int.random(in: 0..<3, using: &random)).map { _ in IPNetwork(address(network)) }
                return NetworkAttachment(network: SwarmNetwork(id: network), addresses: addresses)
            }
        }
        return task
    }

    /// Puts or deletes one object.
    mutating func change() -> StoreKey {
        let isGone = chance(5)
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<3:
            let id = pick("node", 5)
            objects.nodes[id] = isGone ? nil : node(id)
            return StoreKey(.nodes, id: id)
        case 3..<5:
            let id = pick("net", 4)
            objects.networks[id] = isGone ? nil : network(id)
            return StoreKey(.networks, id: id)
        case 5..<9:
            let id = pick("service", 5)
            objects.services[id] = isGone ? nil : service(id)
            return StoreKey(.services, id: id)
        case 9:
            var cluster = ClusterObject(id: "cluster")
            cluster.dataPathPort = chance(2) ? 4790 : 0
            objects.cluster = isGone ? nil : cluster
            return StoreKey(.clusters, id: "cluster")
        default:
            let id = pick("task", 14)
            objects.tasks[id] = isGone ? nil : task(id)
            return StoreKey(.tasks, id: id)
        }
    }

    mutating func toggle() -> (String, Bool)? {
        guard chance(2), let id = objects.tasks.keys.sorted().randomElement(using: &random),
            objects.tasks[id].map(TaskShare.isPresent) == true
        else { return nil }
        let isServing = !serving.contains(id)
        if isServing { serving.insert(id) } else { serving.remove(id) }
        return (id, isServing)
    }

    /// The networks that a node takes part in.
    func networks(of node: String) -> Set<String> {
        let ingress = objects.networks.values.filter { $0.spec.ingress == true }.map(\.id).min()
        let present = objects.tasks.values.filter { $0.nodeID == node && TaskShare.isPresent($0) }
        let ids = Set(
            present.flatMap { ($0.networksAttachments ?? []).map(\.network.id) } + (ingress.map { [$0] } ?? []))
        return ids.filter { objects.networks[$0]?.vni != nil }
    }
}

/// What nodes are told, computed by changes, is what follows from the objects.
@Suite struct NetworkIndexTests {
    /// `make simulate` asks for a million.
    private static let changes = SimulationSize.of("CHANGES", 10_000)
    private static let seeds = SimulationSeeds.of("SEEDS", 19)

    @Test func `after any changes the index has what is computed from nothing, and a follower has it, too`() throws {
        for seed in Self.seeds {
            var swarm = RandomSwarm(seed: seed)
            var index = NetworkIndex()
            var follower = NetworkFacts()
            var parts: [String: Set<String>] = [:]
            for step in 0..<(Self.changes / Self.seeds.count) {
                var changes = step == 0 ? SwarmChanges(all: swarm.objects) : SwarmChanges()
                for _ in 0..<Int.random(in: 1...3, using: &swarm.random) {
                    changes.note(swarm.change())
                }
                swarm.serving = swarm.serving.filter { swarm.objects.tasks[$0].map(TaskShare.isPresent) == true }
                index.take(swarm.objects, changes)
                if let (id, isServing) = swarm.toggle() { index.setServing(id, isServing) }
                let news = index.settle()
                for (scope, facts) in news.facts {
                    follower.apply(
                        NetworkChangeSet(scope, sequence: 1, upserts: facts.upserts, removals: facts.removals))
                }
                let whole = NetworkFacts(swarm.objects, serving: swarm.serving)
                try #require(index.facts == whole, "seed \(seed), step \(step): \(difference(index.facts, whole))")
                try #require(follower == whole, "seed \(seed), step \(step)")
                for number in 0..<5 {
                    let (node, now) = ("node\(number)", swarm.networks(of: "node\(number)"))
                    #expect(index.networkIDs(of: node) == now, "seed \(seed), step \(step)")
                    if parts[node] ?? [] != now {
                        #expect(news.areAllNodes || news.nodes.contains(node), "seed \(seed), step \(step): \(node)")
                    }
                    parts[node] = now
                }
            }
        }
    }

    private func difference(_ left: NetworkFacts, _ right: NetworkFacts) -> String {
        for scope in Set(left.scopes + right.scopes) {
            let (own, others) = (left.facts(of: scope), right.facts(of: scope))
            let more = own.filter { !others.contains($0) }.map { "has \($0)" }
            let less = others.filter { !own.contains($0) }.map { "lacks \($0)" }
            if let first = (more + less).first { return first }
        }
        return "nothing but its order"
    }

    @Test func `what comes and goes between two looks is told to nobody`() {
        var objects = SwarmState()
        var network = SwarmNetwork(id: "net")
        network.driverState = Driver(name: "overlay", options: [SwarmNetwork.identifierOption: "4097"])
        objects.networks["net"] = network
        var node = Node(id: "node")
        node.membership = Node.Membership()
        node.membership?.dataPathAddress = IPAddress(192, 0, 2, 1)
        objects.nodes["node"] = node
        var index = NetworkIndex()
        index.take(objects, SwarmChanges(all: objects))
        _ = index.settle()
        var task = SwarmTask(id: "task")
        task.nodeID = "node"
        task.status.state = .running
        task.networksAttachments = [NetworkAttachment(network: network, addresses: [IPNetwork(IPAddress(10, 0, 0, 2))])]
        func take() {
            var changes = SwarmChanges()
            changes.tasks = ["task"]
            index.take(objects, changes)
        }
        objects.tasks["task"] = task
        take()
        objects.tasks["task"] = nil
        take()
        #expect(index.settle().facts.isEmpty)
        objects.tasks["task"] = task
        take()
        #expect(index.settle().facts[.network("net")]?.upserts.count == 1)
        task.status.message = "of no interest to others"
        objects.tasks["task"] = task
        take()
        #expect(index.settle().facts.isEmpty)
    }

    /// Each set that is told costs a message to every node of the network; each that is acknowledged one more from every node.
    @Test func `of a task's life nodes are told when they must know, and acknowledge what somebody waits for`() throws {
        var objects = SwarmState()
        var network = SwarmNetwork(id: "net")
        network.spec.ingress = true
        network.driverState = Driver(name: "overlay", options: [SwarmNetwork.identifierOption: "4097"])
        objects.networks["net"] = network
        var node = Node(id: "node")
        node.membership = Node.Membership()
        node.membership?.dataPathAddress = IPAddress(192, 0, 2, 1)
        objects.nodes["node"] = node
        var service = Service(id: "web")
        var port = PortConfig()
        port.targetPort = 80
        port.publishedPort = 8080
        service.endpoint.ports = [port]
        var config = NetworkAttachmentConfig()
        config.target = "net"
        service.spec.taskTemplate.networks = [config]
        objects.services["web"] = service
        var index = NetworkIndex()
        index.take(objects, SwarmChanges(all: objects))
        #expect(index.settle().awaited == [.swarm, .network("net")])

        var task = SwarmTask(id: "task")
        task.nodeID = "node"
        task.serviceID = "web"
        task.networksAttachments = [NetworkAttachment(network: network, addresses: [IPNetwork(IPAddress(10, 0, 0, 2))])]
        /// The scopes that are told of, and those of them that nodes acknowledge.
        func become(
            _ state: TaskState?, container: String? = nil, isServing: Bool = false
        ) -> (told: Set<NetworkFact.Scope>, awaited: Set<NetworkFact.Scope>) {
            task.status.state = state ?? task.status.state
            if let container {
                task.status.containerStatus = .init()
                task.status.containerStatus?.containerID = container
            }
            objects.tasks["task"] = state == nil ? nil : task
            var changes = SwarmChanges()
            changes.tasks = ["task"]
            index.take(objects, changes)
            if state != nil { index.setServing("task", isServing) }
            let news = index.settle()
            return (Set(news.facts.keys), news.awaited)
        }
        let net = NetworkFact.Scope.network("net")
        let assigned = become(.assigned)
        #expect(assigned.told == [net] && assigned.awaited == [net], "the way to it")
        for (state, container) in [(TaskState.accepted, nil), (.preparing, nil), (.ready, "c1"), (.starting, "c1")] {
            #expect(become(state, container: container).told.isEmpty, "\(state)")
        }
        let running = become(.running, container: "c1", isServing: true)
        #expect(running.told == [net, .swarm] && running.awaited.isEmpty, "it runs, and gets connections")
        let place = NetworkFact.Key.endpoint(network: "net", IPAddress(10, 0, 0, 2))
        guard case .endpoint(_, let endpoint)? = index.facts.fact(place) else {
            Issue.record("no endpoint")
            return
        }
        #expect(endpoint.containerID == "c1" && endpoint.names.last == "c1")
        let leaving = become(.running, isServing: false)
        #expect(leaving.told == [net, .swarm] && leaving.awaited == [net, .swarm], "nodes let go of it")
        let gone = become(nil)
        #expect(gone.told == [net] && gone.awaited.isEmpty, "nobody waits for it any more")
    }

    @Test(arguments: [30, 3000]) func `one more task asks for a few facts, however many others there are`(_ count: Int)
    {
        var objects = SwarmState()
        var network = SwarmNetwork(id: "net")
        network.spec.ingress = true
        network.driverState = Driver(name: "overlay", options: [SwarmNetwork.identifierOption: "4097"])
        objects.networks["net"] = network
        var node = Node(id: "node")
        node.membership = Node.Membership()
        node.membership?.dataPathAddress = IPAddress(192, 0, 2, 1)
        objects.nodes["node"] = node
        var service = Service(id: "web")
        var port = PortConfig()
        port.targetPort = 80
        port.publishedPort = 8080
        service.endpoint.ports = [port]
        objects.services["web"] = service
        func task(_ number: Int) -> SwarmTask {
            var task = SwarmTask(id: "task\(number)")
            task.nodeID = "node"
            task.serviceID = "web"
            task.status.state = .running
            let address = IPAddress(10, 0, UInt8(number / 250), UInt8(number % 250 + 2))
            task.networksAttachments = [NetworkAttachment(network: network, addresses: [IPNetwork(address)])]
            return task
        }
        for number in 0..<count { objects.tasks["task\(number)"] = task(number) }
        var index = NetworkIndex()
        index.take(objects, SwarmChanges(all: objects))
        for id in objects.tasks.keys { index.setServing(id, true) }
        #expect(index.settle().facts[.network("net")]?.upserts.count == 2 * count + 2)
        objects.tasks["task\(count)"] = task(count)
        var changes = SwarmChanges()
        changes.tasks = ["task\(count)"]
        index.take(objects, changes)
        index.setServing("task\(count)", true)
        // The endpoint, the service, the backend in the network, and the one of the mesh.
        #expect(index.dirty.count == 4)
        let news = index.settle().facts
        #expect(news[.network("net")]?.upserts.count == 2 && news[.swarm]?.upserts.count == 1)
    }
}
