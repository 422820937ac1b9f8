import Foundation
import Model
import Orchestration
import StateStore
import Testing

/// A swarm to which everything happens that may happen to one, in an order that a seed says.
struct RandomSwarm {
    var swarm = SwarmSimulation()
    var random: SplitMix
    private var made = 0
    private let mostServices: Int

    /// - Parameter services: At most.
    init(seed: UInt64, nodes: Int, services: Int = 12) {
        mostServices = services
        random = SplitMix(state: seed)
        for number in 0..<nodes { addNode("node\(number)") }
        for name in ["one", "two"] { addNetwork(name) }
    }

    mutating func chance(_ part: Int, of whole: Int) -> Bool { Int.random(in: 0..<whole, using: &random) < part }

    private mutating func addNode(_ id: String) {
        swarm.addNode(id)
        swarm.state.nodes[id]?.spec.labels["zone"] = "z\(Int.random(in: 0..<3, using: &random))"
    }

    private mutating func addNetwork(_ id: String) {
        var request = NetworkRequest()
        request.name = id
        // Names and subnets may be used up: then there is no other network.
        if let network = try? NetworkAllocator(state: swarm.state).allocate(request, id: id, at: swarm.now) {
            swarm.state.networks[id] = network
        }
    }

    private mutating func port(_ published: Int, _ mode: String) -> PortConfig {
        var port = PortConfig()
        port.targetPort = 80
        port.publishedPort = published
        port.publishMode = mode
        return port
    }

    private mutating func addService() {
        made += 1
        let kind = Int.random(in: 0..<10, using: &random)
        let replicas = UInt64.random(in: 0...5, using: &random)
        var ports: [PortConfig] = []
        if chance(1, of: 3) { ports.append(port(chance(1, of: 2) ? 0 : 8000 + made, "ingress")) }
        if chance(1, of: 6) { ports.append(port(9000 + Int.random(in: 0..<3, using: &random), "host")) }
        let networks = swarm.state.networks.keys.filter { $0 != "ingress" }.sorted().filter { _ in chance(1, of: 3) }
        var placement: Placement?
        if chance(1, of: 3) {
            var own = Placement()
            if chance(1, of: 2) { own.constraints = ["node.labels.zone!=z\(Int.random(in: 0..<3, using: &random))"] }
            if chance(1, of: 3) { own.maxReplicas = 1 }
            if chance(1, of: 3) {
                own.preferences = [.init(spread: .init("node.labels.zone"))]
            }
            placement = own
        }
        let reserved = chance(1, of: 4) ? Int64.random(in: 1...3, using: &random) * 1_000_000_000 : 0
        let (isBad, delay, startsFirst) = (chance(1, of: 6), chance(1, of: 2), chance(1, of: 2))
        let attempts: UInt64? = chance(1, of: 3) ? 2 : nil
        swarm.addService("s\(String(format: "%04d", made))", replicas: kind < 2 ? nil : replicas) { spec in
            if kind == 2 {
                spec.mode.replicated = nil
                spec.mode.replicatedJob = .init(maxConcurrent: 2, totalCompletions: replicas)
            }
            if isBad { spec.taskTemplate.containerSpec?.image = "bad" }
            spec.taskTemplate.placement = placement
            if reserved > 0 {
                var resources = ResourceRequirements()
                resources.reservations = NodeResources()
                resources.reservations?.nanoCPUs = reserved
                spec.taskTemplate.resources = resources
            }
            var policy = TaskRestartPolicy()
            policy.delay = delay ? 0 : nil
            policy.maxAttempts = attempts
            spec.taskTemplate.restartPolicy = policy
            var update = UpdateConfiguration()
            update.parallelism = 1
            update.order = startsFirst ? "start-first" : nil
            update.failureAction = isBad ? "rollback" : nil
            spec.updateConfig = update
            if !ports.isEmpty {
                var endpoint = EndpointSpec()
                endpoint.ports = ports
                spec.endpointSpec = endpoint
            }
            spec.taskTemplate.networks = networks.map { network in
                var config = NetworkAttachmentConfig()
                config.target = network
                return config
            }
        }
        if kind == 2, let id = swarm.state.services.keys.max() {
            swarm.state.services[id]?.jobStatus = JobStatus(jobIteration: ObjectVersion(), lastExecution: swarm.now)
        }
    }

    private mutating func pick(_ ids: [String]) -> String? { ids.sorted().randomElement(using: &random) }

    /// One thing that happens.
    mutating func change() {
        let state = swarm.state
        switch Int.random(in: 0..<24, using: &random) {
        case 0 where state.services.count < mostServices, 1 where state.services.count < mostServices / 2: addService()
        case 2:
            if chance(1, of: 3), let id = pick(state.services.keys) { swarm.state.services[id] = nil }
        case 3:
            guard let id = pick(state.services.keys) else { return }
            let (image, replicas) = (Int.random(in: 0..<4, using: &random), UInt64.random(in: 0...5, using: &random))
            let isScaled = chance(1, of: 2)
            swarm.updateService(id) { spec in
                if isScaled {
                    if spec.mode.replicated != nil { spec.mode.replicated = .init(replicas: replicas) }
                } else {
                    spec.taskTemplate.containerSpec?.image = image == 0 ? "bad" : "nginx:\(image)"
                }
            }
        case 4, 5:
            guard let id = pick(state.nodes.keys), let node = state.nodes[id] else { return }
            swarm.state.nodes[id]?.status.state = node.status.state == .ready ? .down : .ready
            swarm.state.nodes[id]?.updatedAt = swarm.now
        case 6:
            guard let id = pick(state.nodes.keys), let node = state.nodes[id] else { return }
            swarm.state.nodes[id]?.spec.availability = node.spec.availability == .active ? .drain : .active
        case 7:
            guard let id = pick(state.nodes.keys) else { return }
            if chance(1, of: 2) {
                swarm.state.nodes[id]?.spec.labels["zone"] = "z\(Int.random(in: 0..<3, using: &random))"
            } else if chance(1, of: 4) {
                swarm.state.nodes[id] = nil
            }
        case 8:
            if state.nodes.count < 6 {
                made += 1
                addNode("node\(made + 100)")
            }
        case 9:
            let networks = state.networks.keys.filter { $0 != "ingress" }
            if networks.count < 3, chance(1, of: 2) {
                made += 1
                addNetwork("net\(made)")
            } else if let id = pick(networks), chance(1, of: 4) {
                swarm.state.networks[id] = nil
            }
        case 10:
            if chance(1, of: 8) {
                var orchestration = ClusterSpec.Orchestration()
                orchestration.taskHistoryRetentionLimit = Int64.random(in: 0...3, using: &random)
                swarm.state.cluster?.spec.orchestration = orchestration
            }
        case 11, 12:
            let steps: [Int64] = [1, 5, 30, 300, 24 * 3600]
            swarm.now = swarm.now.advanced(bySeconds: steps.randomElement(using: &random) ?? 1)
        case 13 where !state.nodes.isEmpty && state.tasks.count < 300:
            made += 1
            var task = SwarmTask(id: "guest\(made)")
            task.createdAt = swarm.now
            task.nodeID = pick(state.nodes.keys)
            task.spec.networkAttachmentSpec = NetworkAttachmentSpec(containerID: "c\(made)", containerName: "c\(made)")
            var place = NetworkAttachmentConfig()
            place.target = "one"
            task.spec.networks = [place]
            task.desiredState = .running
            task.status = TaskStatus(.new, "created", at: swarm.now)
            swarm.state.tasks[task.id] = task
        default: swarm.stagger(&random, chance: 4)
        }
    }
}
